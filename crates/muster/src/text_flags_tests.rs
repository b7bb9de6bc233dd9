//! Tests of the flags for text files.

use super::*;

fn contract() -> Contract {
    let schemas = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let text = std::fs::read_to_string(schemas.join("hr.candidate.contract.yaml")).unwrap();
    let open = |name: &str| std::fs::read_to_string(schemas.join(name)).ok();
    muster_spec::read::contract("hr.candidate", "hr.candidate.contract.yaml", &text, &open).unwrap()
}

#[test]
fn flags_change_the_contracts_format_and_nothing_else() {
    let args = TextArgs {
        delimiter: Some("\\t".into()),
        encoding: Some("latin1".into()),
        decimal: Some(','),
    };
    let format = text_format(&args, &contract()).unwrap();
    assert_eq!(
        (format.delimiter, format.encoding.as_str(), format.decimal),
        (b'\t', "latin1", b',')
    );
    assert_eq!(
        text_format(&TextArgs::default(), &contract()).unwrap(),
        contract().text_format
    );
}

#[test]
fn what_is_not_one_character_is_refused() {
    for delimiter in ["", "ab", "\u{e9}"] {
        let args = TextArgs {
            delimiter: Some(delimiter.into()),
            ..TextArgs::default()
        };
        assert!(text_format(&args, &contract()).is_err(), "{delimiter:?}");
    }
    let args = TextArgs {
        decimal: Some('x'),
        ..TextArgs::default()
    };
    assert!(text_format(&args, &contract()).is_err());
}
