//! Tests of masking: nothing of a personal field comes out, whatever its type.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Date32Array, Float64Array, Int64Array, StringArray};
use serde_json::json;

use super::*;

const SCHEMA: &str = r#"{"type": "record", "name": "Person", "fields": [
  {"name": "number", "type": "long"},
  {"name": "name", "type": ["null", "string"], "default": null},
  {"name": "photo", "type": ["null", "bytes"], "default": null},
  {"name": "city", "type": "string"},
  {"name": "index", "type": "double"},
  {"name": "since", "type": {"type": "int", "logicalType": "date"}}]}"#;

fn contract(public: &str) -> Contract {
    let yaml = format!("version: 1\ntopic: t\nformat: avro\nschema: person.avsc\nkey: number\n{public}\n");
    let open = |_: &str| Some(SCHEMA.to_owned());
    muster_spec::read::contract("person", "schemas/person.contract.yaml", &yaml, &open).unwrap()
}

fn rows() -> RecordBatch {
    let columns: [(&str, ArrayRef); 6] = [
        ("number", Arc::new(Int64Array::from(vec![7_318_001]))),
        ("name", Arc::new(StringArray::from(vec![None::<&str>]))),
        ("photo", Arc::new(BinaryArray::from(vec![&b"Canary"[..]]))),
        ("city", Arc::new(StringArray::from(vec!["Köln"]))),
        ("index", Arc::new(Float64Array::from(vec![f64::NAN]))),
        ("since", Arc::new(Date32Array::from(vec![20_000]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

#[test]
fn only_what_the_contract_calls_public_is_shown() {
    let public = contract("public: [city, index, since]");
    let shown = fields(&public, &rows(), 0);
    assert_eq!(
        shown,
        [
            ("number", Shown::Masked),
            ("name", Shown::Nothing),
            ("photo", Shown::Masked),
            ("city", Shown::Public("Köln".into())),
            // JSON has no number for it.
            ("index", Shown::Public("NaN".into())),
            ("since", Shown::Public(json!("2024-10-04"))),
        ]
    );
}

#[test]
fn without_a_word_every_field_is_personal() {
    let contract = contract("");
    let shown = fields(&contract, &rows(), 0);
    assert!(
        shown.iter().all(|(_, shown)| !matches!(shown, Shown::Public(_))),
        "{shown:?}"
    );
    assert_eq!(shown.len(), 6);
}
