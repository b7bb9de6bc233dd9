//! Which schemas a decoder knows, asks for and gives up on.

use std::sync::Arc;

use muster_contract::Error;
use muster_contract::decode::{Decoder, LINE_HEADER, TextWriter};
use muster_spec::SchemaId;
use serde_json::json;

use super::fixture::{batch, batch_with, contract_of, encode, framed, outcome, record};

const FIELDS: &[&str] = &[
    r#"{"name": "a", "type": "int"}"#,
    r#"{"name": "b", "type": ["null", "string"], "default": null}"#,
];

#[test]
fn own_schema_all_text_and_listed_writers_are_known_from_the_start() {
    let avsc = record(FIELDS);
    let old = record(&FIELDS[..1]);
    let yaml = "version: 1\ntopic: t\nformat: avro\nschema: t.avsc\nkey: a\nwriters: [t.v0.avsc]\n";
    let open = |name: &str| match name {
        "t.avsc" => Some(avsc.clone()),
        "t.v0.avsc" => Some(old.clone()),
        _ => None,
    };
    let contract = Arc::new(muster_spec::read::contract("t", "t.contract.yaml", yaml, &open).unwrap());
    let all_text = muster_spec::all_text_schema(&contract);
    let mut writer = TextWriter::new(muster_spec::schema_id(&all_text));
    let payloads = [
        Some(framed(
            muster_spec::schema_id(&avsc),
            &encode(&avsc, &json!({"a": 1, "b": [1, "x"]})),
        )),
        Some(writer.write([Some(&b"2"[..]), None]).to_vec()),
        Some(framed(muster_spec::schema_id(&old), &encode(&old, &json!({"a": 3})))),
    ];
    let decoder = Decoder::new(contract.clone()).unwrap();
    assert_eq!(decoder.missing(&batch(&payloads)), []);
    let decoded = decoder.decode(batch(&payloads));
    let outcomes: Vec<_> = (0..3).map(|at| outcome(&decoded, &contract, at)).collect();
    assert_eq!(outcomes, ["a=1 b=x", "a=2 b=null", "a=3 b=null"]);
}

#[test]
fn a_listed_writer_that_does_not_fit_is_an_error_at_once() {
    let (avsc, old) = (record(FIELDS), record(&[r#"{"name": "c", "type": "int"}"#]));
    let yaml = "version: 1\ntopic: t\nformat: avro\nschema: t.avsc\nkey: a\nwriters: [t.v0.avsc]\n";
    let open = |name: &str| Some(if name == "t.avsc" { avsc.clone() } else { old.clone() });
    let contract = Arc::new(muster_spec::read::contract("t", "t.contract.yaml", yaml, &open).unwrap());
    match Decoder::new(contract) {
        Err(Error::Incompatible { field, .. }) => assert_eq!(field, "a"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn missing_names_each_id_once_until_it_is_told() {
    let contract = contract_of(&record(FIELDS), "");
    let mut decoder = Decoder::new(contract.clone()).unwrap();
    let of = |id: u32| {
        Some(framed(
            SchemaId(id),
            &encode(&record(FIELDS), &json!({"a": 1, "b": [0, null]})),
        ))
    };
    let payloads = [of(5), None, of(6), of(5), Some(vec![1, 2]), Some(vec![]), of(8)];
    assert_eq!(
        decoder.missing(&batch(&payloads)),
        [SchemaId(5), SchemaId(6), SchemaId(8)]
    );
    decoder.learn(SchemaId(5), &record(FIELDS)).unwrap();
    decoder.unknown(SchemaId(6));
    assert!(matches!(decoder.learn(SchemaId(8), "{"), Err(Error::Schema { .. })));
    assert_eq!(decoder.missing(&batch(&payloads)), []);
    let decoded = decoder.decode(batch(&payloads));
    let outcomes: Vec<_> = (0..7).map(|at| outcome(&decoded, &contract, at)).collect();
    let expected = [
        "a=1 b=null",
        "tombstone",
        "record.undecodable schema_unknown",
        "a=1 b=null",
        "record.undecodable magic",
        "record.undecodable empty",
        "record.undecodable schema_incompatible",
    ];
    assert_eq!(outcomes, expected);
    // A schema that turns up after all is used.
    decoder.learn(SchemaId(6), &record(FIELDS)).unwrap();
    assert_eq!(outcome(&decoder.decode(batch(&payloads)), &contract, 2), "a=1 b=null");
}

#[test]
fn a_line_is_not_asked_about() {
    let contract = contract_of(&record(FIELDS), "");
    let line = [0, 0, 0, 0, 77, b',', b'x'];
    let records = batch_with(&[Some(line.to_vec())], |_| vec![(LINE_HEADER, b"encoding".to_vec())]);
    assert_eq!(Decoder::new(contract).unwrap().missing(&records), []);
}

#[test]
fn unknown_ids_are_forgotten_before_they_fill_the_memory() {
    let contract = contract_of(&record(FIELDS), "");
    let mut decoder = Decoder::new(contract).unwrap();
    for id in 0..100_000 {
        decoder.unknown(SchemaId(id));
    }
    let asked = decoder.missing(&batch(&[
        Some(framed(SchemaId(1), &[])),
        Some(framed(SchemaId(99_999), &[])),
    ]));
    assert_eq!(asked, [SchemaId(1)]);
}

#[test]
fn unions_that_multiply_are_refused_and_not_compiled_forever() {
    // Each of eight nested records is a union of eight named alike, so a tree of 8^8 branches.
    let mut wanted = r#""int""#.to_owned();
    let mut written = r#""int""#.to_owned();
    for level in 0..8 {
        wanted = format!(r#"{{"type": "record", "name": "W{level}", "fields": [{{"name": "x", "type": {wanted}}}]}}"#);
        let first =
            format!(r#"{{"type": "record", "name": "A{level}", "fields": [{{"name": "x", "type": {written}}}]}}"#);
        let inner = if level == 0 {
            "\"int\"".to_owned()
        } else {
            union_of(level - 1)
        };
        let others = (1..8).map(|at| {
            format!(r#"{{"type": "record", "name": "A{level}x{at}", "fields": [{{"name": "x", "type": {inner}}}]}}"#)
        });
        written = format!("[{}, {}]", first, others.collect::<Vec<_>>().join(", "));
    }
    let avsc = record(&[
        r#"{"name": "a", "type": "int"}"#,
        &format!(r#"{{"name": "p", "type": {wanted}}}"#),
    ]);
    let writer = record(&[
        r#"{"name": "a", "type": "int"}"#,
        &format!(r#"{{"name": "p", "type": {written}}}"#),
    ]);
    let mut decoder = Decoder::new(contract_of(&avsc, "")).unwrap();
    let error = decoder.learn(SchemaId(5), &writer).unwrap_err();
    assert!(error.to_string().contains("multiply beyond the limit"), "{error}");
}

fn union_of(level: usize) -> String {
    let others = (1..8).map(|at| format!("\"A{level}x{at}\""));
    format!("[\"A{level}\", {}]", others.collect::<Vec<_>>().join(", "))
}
