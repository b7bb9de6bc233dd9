//! Readers given anything at all say what is wrong; they never panic and never loop.

use muster_spec::{canonical_form, read, schema_id};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::folder::{folder, text};

/// A file of the folder of broken ones, or a good one, as something to damage.
fn seeds() -> Vec<String> {
    let files = [
        "version1/candidate.contract.yaml",
        "version1/job-change.yaml",
        "broken/rules.contract.yaml",
    ];
    files.iter().map(|file| text(&folder("tests"), file).unwrap()).collect()
}

fn avsc() -> String {
    text(&folder("tests/version1"), "candidate.avsc").unwrap()
}

fn read_both(yaml: &str, schema: &str) {
    let open = |_: &str| Some(schema.to_owned());
    let contract = read::contract("x", "x.contract.yaml", yaml, &open);
    if let Err(problems) = &contract {
        assert!(!problems.is_empty());
    }
    let known: Vec<_> = contract.into_iter().collect();
    if let Err(problems) = read::pipeline("x", "x.yaml", yaml, &open, &known) {
        assert!(!problems.is_empty());
    }
}

/// One cut of a text: this many characters at this place become that.
fn damaged(text: &str, cuts: &[(usize, usize, String)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (at, length, instead) in cuts {
        let at = at % (characters.len() + 1);
        let end = (at + length).min(characters.len());
        characters.splice(at..end, instead.chars());
    }
    characters.into_iter().collect()
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..400), schema in vec(any::<u8>(), 0..200)) {
        read_both(&String::from_utf8_lossy(&bytes), &String::from_utf8_lossy(&schema));
        schema_id(&String::from_utf8_lossy(&schema));
    }

    #[test]
    fn random_yaml_signs_never_panic(yaml in "[-a:{}\\[\\],\"'#&*!|>%@~?0-9 \n\t]{0,200}") {
        read_both(&yaml, &avsc());
    }

    #[test]
    fn a_damaged_file_never_panics(
        seed in select(seeds()),
        cuts in vec((any::<usize>(), 0usize..40, "[-a-z:{}\\[\\],\"'~0-9.\n ]{0,6}"), 1..6),
        schema_cuts in vec((any::<usize>(), 0usize..20, "[a-z:{}\\[\\],\"]{0,4}"), 0..2),
    ) {
        let schema = damaged(&avsc(), &schema_cuts);
        read_both(&damaged(&seed, &cuts), &schema);
        schema_id(&schema);
        if apache_avro::Schema::parse_str(&schema).is_ok() {
            let form = canonical_form(&schema).unwrap();
            prop_assert_eq!(canonical_form(&form), Some(form), "a form is its own form");
        }
    }
}

#[test]
fn records_that_hold_each_other_again_and_again_end() {
    // Fifteen levels, each twice in the one above: 2^15 paths from a small file.
    let mut inner =
        r#"{"type":"record","name":"R15","fields":[{"name":"x","type":{"type":"array","items":"int"}}]}"#.to_owned();
    for level in (0..15).rev() {
        let below = level + 1;
        inner = format!(
            r#"{{"type":"record","name":"R{level}","fields":[{{"name":"a","type":{inner}}},{{"name":"b","type":"R{below}"}}]}}"#
        );
    }
    let yaml = "version: 1\ntopic: t\nformat: avro\nschema: s.avsc\nkey: a\n";
    let problems = read::contract("x", "x.yaml", yaml, &|_| Some(inner.clone())).expect_err("arrays are no columns");
    assert!(problems.len() < 2_000, "{}", problems.len());
}
