//! Tests of the file beside this one: rows that were stored under another version of their contract.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use muster_spec::{Contract, read};

use super::StoredRows;

const YAML: &str = "version: 1\ntopic: test.row.v1\nformat: avro\nschema: row.avsc\nkey: id\n";

fn contract(fields: &str) -> Contract {
    let schema = format!(r#"{{"type": "record", "name": "Row", "fields": [{fields}]}}"#);
    let open = |_: &str| Some(schema.clone());
    read::contract("test.row", "row.contract.yaml", YAML, &open).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The rows of a column `id` and a column `age`, as text, and what they break.
fn rows(fields: &str, age: ArrayRef) -> (Vec<String>, Vec<String>) {
    let contract = contract(fields);
    let id: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let stored = RecordBatch::try_from_iter([("id", id), ("age", age)]).unwrap();
    let (rows, findings) = StoredRows::new(&contract).unwrap().rows(&stored);
    let value = |row: usize| {
        let cells = rows.columns().iter().skip(1);
        let texts = cells.map(|column| arrow::util::display::array_value_to_string(column, row).unwrap());
        texts.collect::<Vec<_>>().join(" ")
    };
    let broken = findings
        .iter()
        .map(|finding| format!("{} {}", finding.row, contract.rule_id(finding.rule)));
    ((0..3).map(value).collect(), broken.collect())
}

#[test]
fn a_field_that_was_not_stored_is_its_default_or_breaks_columns() {
    let ages: ArrayRef = Arc::new(Int32Array::from(vec![Some(40), None, Some(41)]));
    let id = r#"{"name": "id", "type": "long"}"#;
    let cases = [
        (
            r#"{"name": "age", "type": ["null", "int"]}"#,
            vec!["40", "", "41"],
            vec![],
        ),
        (
            r#"{"name": "age", "type": ["null", "int"]}, {"name": "city", "type": "string", "default": "x"}"#,
            vec!["40 x", " x", "41 x"],
            vec![],
        ),
        (
            r#"{"name": "city", "type": "string"}"#,
            vec!["", "", ""],
            vec!["0 columns", "1 columns", "2 columns"],
        ),
        (
            r#"{"name": "age", "type": "int"}"#,
            vec!["40", "", "41"],
            vec!["1 age.type"],
        ),
        (
            r#"{"name": "age", "type": ["null", "string"]}"#,
            vec!["40", "", "41"],
            vec![],
        ),
    ];
    for (fields, values, broken) in cases {
        let told = rows(&format!("{id}, {fields}"), Arc::clone(&ages));
        assert_eq!(
            (told.0, told.1),
            (
                values.iter().map(ToString::to_string).collect(),
                broken.iter().map(ToString::to_string).collect()
            ),
            "{fields}"
        );
    }
}

#[test]
fn a_value_that_does_not_convert_breaks_the_fields_type() {
    let ages: ArrayRef = Arc::new(StringArray::from(vec![Some("40"), None, Some("old")]));
    let fields = r#"{"name": "id", "type": "long"}, {"name": "age", "type": ["null", "int"]}"#;
    let (values, broken) = rows(fields, ages);
    assert_eq!(values, ["40", "", ""]);
    assert_eq!(broken, ["2 age.type"]);
}
