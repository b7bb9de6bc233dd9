//! Rows of published files: the all-text schema, and what the headers say.

use arrow::array::AsArray;
use muster_contract::decode::{COLUMNS_HEADER, Decoder, LINE_HEADER, TextWriter};
use muster_spec::SchemaId;
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{WRITER, assert_accounted, batch, batch_with, contract_of, decoder, outcome, record};

const FIELDS: &[&str] = &[
    r#"{"name": "a", "type": "int"}"#,
    r#"{"name": "b", "type": ["null", "double"], "default": null, "source": "KPIs_met >80%"}"#,
    r#"{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "x", "type": "string"}]}}"#,
    r#"{"name": "d", "type": {"type": "int", "logicalType": "date"}, "default": 1}"#,
];

const FORMAT: &str = "text: { delimiter: \";\", decimal: \",\", date: \"%d.%m.%Y\" }\n";

fn all_text_id(contract: &muster_spec::Contract) -> SchemaId {
    muster_spec::schema_id(&muster_spec::all_text_schema(contract))
}

#[test]
fn untyped_text_is_parsed_in_the_contracts_format() {
    let contract = contract_of(&record(FIELDS), FORMAT);
    let mut writer = TextWriter::new(all_text_id(&contract));
    let rows: [[Option<&[u8]>; 4]; 4] = [
        [Some(b"1"), Some(b"0,5"), Some(b"x"), Some(b"09.03.2021")],
        [Some(b"1"), Some(b"0.5"), Some("żółć".as_bytes()), Some(b"2021-03-09")],
        [None, None, Some(b""), None],
        [Some(b""), Some(b""), None, Some(b"")],
    ];
    let payloads: Vec<_> = rows.into_iter().map(|row| Some(writer.write(row).to_vec())).collect();
    let decoded = Decoder::new(contract.clone()).unwrap().decode(batch(&payloads));
    assert_accounted(&decoded);
    let outcomes: Vec<_> = (0..4).map(|at| outcome(&decoded, &contract, at)).collect();
    let expected = [
        "a=1 b=0.5 p_x=x d=2021-03-09",
        "a=1 b=null p_x=żółć d=null !b.type !d.type",
        "a=null b=null p_x= d=null !a.type !d.type",
        "a=null b=null p_x=null d=null !a.type !b.type !p_x.type !d.type",
    ];
    assert_eq!(outcomes, expected);
}

#[test]
fn the_all_text_schema_is_known_under_a_registrys_id_too() {
    let contract = contract_of(&record(FIELDS), FORMAT);
    let decoder = decoder(&contract, &muster_spec::all_text_schema(&contract));
    let mut writer = TextWriter::new(WRITER);
    let row = writer
        .write([Some(&b"1"[..]), Some(b"0,5"), Some(b"x"), Some(b"09.03.2021")])
        .to_vec();
    assert_eq!(
        outcome(&decoder.decode(batch(&[Some(row)])), &contract, 0),
        "a=1 b=0.5 p_x=x d=2021-03-09"
    );
}

#[test]
fn an_older_all_text_schema_lacks_columns_and_says_so() {
    let old = contract_of(&record(&FIELDS[..2]), FORMAT);
    let contract = contract_of(&record(FIELDS), FORMAT);
    let decoder = decoder(&contract, &muster_spec::all_text_schema(&old));
    let mut writer = TextWriter::new(WRITER);
    let row = writer.write([Some(&b"1"[..]), Some(b"0,5")]).to_vec();
    // `d` has a default, `p_x` has none.
    assert_eq!(
        outcome(&decoder.decode(batch(&[Some(row)])), &contract, 0),
        "a=1 b=0.5 p_x=null d=1970-01-02 !columns"
    );
}

#[test]
fn a_line_that_could_not_be_cut_is_refused_as_itself() {
    let contract = contract_of(&record(FIELDS), FORMAT);
    let lines = [Some(b"1;2;3".to_vec()), Some(vec![0xff, 0xfe]), Some(Vec::new()), None];
    let headers: [&[u8]; 4] = [b"ragged", b"encoding", b"ragged", b"ragged"];
    let records = batch_with(&lines, |at| {
        vec![("muster-row", vec![0; 8]), (LINE_HEADER, headers[at].to_vec())]
    });
    let decoded = Decoder::new(contract.clone()).unwrap().decode(records);
    assert_accounted(&decoded);
    let outcomes: Vec<_> = (0..4).map(|at| outcome(&decoded, &contract, at)).collect();
    let expected = [
        "row.ragged ragged",
        "record.undecodable line_encoding",
        "row.ragged ragged",
        "tombstone",
    ];
    assert_eq!(outcomes, expected);
}

#[test]
fn columns_that_do_not_fit_are_told_by_the_header() {
    let contract = contract_of(&record(FIELDS), FORMAT);
    let full: [Option<&[u8]>; 4] = [Some(b"1"), Some(b"0,5"), Some(b"x"), Some(b"09.03.2021")];
    let lacking = |column: usize| {
        let mut row = full;
        row[column] = None;
        row
    };
    let cases = [
        (
            full,
            json!({"missing": [], "unknown": []}).to_string(),
            "a=1 b=0.5 p_x=x d=2021-03-09",
        ),
        (
            full,
            json!({"missing": [], "unknown": ["extra"]}).to_string(),
            "a=1 b=0.5 p_x=x d=2021-03-09 !columns",
        ),
        (
            lacking(3),
            json!({"missing": ["d"], "unknown": []}).to_string(),
            "a=1 b=0.5 p_x=x d=1970-01-02",
        ),
        (
            lacking(1),
            json!({"missing": ["KPIs_met >80%"], "unknown": []}).to_string(),
            "a=1 b=null p_x=x d=2021-03-09",
        ),
        (
            lacking(0),
            json!({"missing": ["a"], "unknown": []}).to_string(),
            "a=null b=0.5 p_x=x d=2021-03-09 !columns",
        ),
        (
            lacking(3),
            json!({"missing": ["d"], "unknown": ["D"]}).to_string(),
            "a=1 b=0.5 p_x=x d=1970-01-02 !columns",
        ),
        (
            full,
            json!({"missing": ["nowhere"], "unknown": []}).to_string(),
            "a=1 b=0.5 p_x=x d=2021-03-09 !columns",
        ),
        (full, "not JSON".to_owned(), "a=1 b=0.5 p_x=x d=2021-03-09 !columns"),
        (full, "{}".to_owned(), "a=1 b=0.5 p_x=x d=2021-03-09 !columns"),
    ];
    let mut writer = TextWriter::new(all_text_id(&contract));
    // Each row stands twice, and one without the header between the cases: nothing is left of the one before.
    let mut payloads = Vec::new();
    for (row, ..) in &cases {
        payloads.extend([row, row, &full].map(|row| Some(writer.write(*row).to_vec())));
    }
    let records = batch_with(&payloads, |at| match at % 3 {
        2 => vec![("muster-row", vec![1])],
        _ => vec![(COLUMNS_HEADER, cases[at / 3].1.clone().into_bytes())],
    });
    let decoded = Decoder::new(contract.clone()).unwrap().decode(records);
    assert_accounted(&decoded);
    for (at, (_, note, expected)) in cases.iter().enumerate() {
        let at = at as u32 * 3;
        assert_eq!(outcome(&decoded, &contract, at), *expected, "{note}");
        assert_eq!(outcome(&decoded, &contract, at + 1), *expected, "{note}");
        assert_eq!(
            outcome(&decoded, &contract, at + 2),
            "a=1 b=0.5 p_x=x d=2021-03-09",
            "behind {note}"
        );
    }
}

proptest! {
    #[test]
    fn text_rows_survive_writing_and_decoding(rows in prop::collection::vec(prop::array::uniform3(prop::option::of(".{0,200}")), 1..40)) {
        let contract = contract_of(&record(&[
            r#"{"name": "a", "type": ["null", "string"], "default": null}"#,
            r#"{"name": "b", "type": ["null", "bytes"], "default": null}"#,
            r#"{"name": "c", "type": ["null", "string"], "default": null}"#,
        ]), "");
        let mut writer = TextWriter::new(all_text_id(&contract));
        let payloads: Vec<_> = rows
            .iter()
            .map(|row| Some(writer.write(row.iter().map(|cell| cell.as_deref().map(str::as_bytes))).to_vec()))
            .collect();
        let decoded = Decoder::new(contract.clone()).unwrap().decode(batch(&payloads));
        assert_accounted(&decoded);
        prop_assert!(decoded.refused.is_empty() && decoded.findings.is_empty());
        for (at, row) in rows.iter().enumerate() {
            let columns = decoded.rows.columns();
            let texts = [columns[0].as_string::<i32>(), columns[2].as_string::<i32>()];
            for (text, cell) in texts.into_iter().zip([&row[0], &row[2]]) {
                prop_assert_eq!(text.iter().nth(at).flatten(), cell.as_deref());
            }
            let bytes = columns[1].as_binary::<i32>().iter().nth(at).flatten();
            prop_assert_eq!(bytes, row[1].as_deref().map(str::as_bytes));
        }
    }
}
