//! Contracts and rows for this crate's tests.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use muster_spec::{Contract, Problem, read};

const SCHEMA: &str = r#"{"type": "record", "name": "Row", "fields": [
    {"name": "id", "type": "long"},
    {"name": "age", "type": ["null", "int"], "default": null},
    {"name": "share", "type": ["null", "double"], "default": null},
    {"name": "grade", "type": ["null", "float"], "default": null},
    {"name": "pay", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}], "default": null},
    {"name": "name", "type": ["null", "string"], "default": null},
    {"name": "level", "type": ["null", {"type": "enum", "name": "Level", "symbols": ["low", "mid", "high"]}], "default": null},
    {"name": "active", "type": ["null", "boolean"], "default": null},
    {"name": "born", "type": ["null", {"type": "int", "logicalType": "date"}], "default": null},
    {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}], "default": null},
    {"name": "photo", "type": ["null", "bytes"], "default": null}
]}"#;

/// A contract over a row of every kind of field with these rules, one a line.
pub(crate) fn contract(rules: &[&str]) -> Contract {
    let mut contract = read_contract("{ id: none, field: id, between: [0, 9] }").expect("the frame is a contract");
    contract.rules.retain(|rule| rule.place.is_none());
    for rule in rules {
        let read = read_contract(rule).unwrap_or_else(|problems| panic!("{rule}: {problems:?}"));
        contract.rules.push(
            read.rules
                .into_iter()
                .rfind(|rule| rule.place.is_some())
                .expect("one rule was declared"),
        );
    }
    contract
}

pub(crate) fn read_contract(rule: &str) -> Result<Contract, Vec<Problem>> {
    let yaml = format!("version: 1\ntopic: test.row.v1\nformat: avro\nschema: row.avsc\nkey: id\nrules:\n  - {rule}\n");
    read::contract("test.row", "schemas/test.row.contract.yaml", &yaml, &|name| {
        (name == "row.avsc").then(|| SCHEMA.to_owned())
    })
}

/// One row of [`contract`]'s fields; every value is there.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: Option<i64>,
    pub(crate) age: Option<i32>,
    pub(crate) share: Option<f64>,
    pub(crate) grade: Option<f32>,
    pub(crate) pay: Option<i128>,
    pub(crate) name: Option<String>,
    pub(crate) level: Option<&'static str>,
    pub(crate) active: Option<bool>,
    pub(crate) born: Option<i32>,
    pub(crate) seen: Option<i64>,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            id: Some(1),
            age: Some(40),
            share: Some(0.5),
            grade: Some(0.1),
            pay: Some(12_345),
            name: Some("Ann".into()),
            level: Some("mid"),
            active: Some(true),
            born: Some(7000),
            seen: Some(1_600_000_000_000_000),
        }
    }
}

pub(crate) fn batch(rows: &[Row]) -> RecordBatch {
    let pay: Decimal128Array = rows.iter().map(|row| row.pay).collect();
    let seen: TimestampMicrosecondArray = rows.iter().map(|row| row.seen).collect();
    let columns: [(&str, ArrayRef); 11] = [
        ("id", Arc::new(rows.iter().map(|row| row.id).collect::<Int64Array>())),
        ("age", Arc::new(rows.iter().map(|row| row.age).collect::<Int32Array>())),
        (
            "share",
            Arc::new(rows.iter().map(|row| row.share).collect::<Float64Array>()),
        ),
        (
            "grade",
            Arc::new(rows.iter().map(|row| row.grade).collect::<Float32Array>()),
        ),
        (
            "pay",
            Arc::new(pay.with_precision_and_scale(9, 2).expect("the field's precision")),
        ),
        (
            "name",
            Arc::new(rows.iter().map(|row| row.name.as_deref()).collect::<StringArray>()),
        ),
        (
            "level",
            Arc::new(rows.iter().map(|row| row.level).collect::<StringArray>()),
        ),
        (
            "active",
            Arc::new(rows.iter().map(|row| row.active).collect::<BooleanArray>()),
        ),
        (
            "born",
            Arc::new(rows.iter().map(|row| row.born).collect::<Date32Array>()),
        ),
        ("seen", Arc::new(seen.with_timezone("UTC"))),
        (
            "photo",
            Arc::new(rows.iter().map(|_| None::<&[u8]>).collect::<BinaryArray>()),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .expect("the columns are equally long")
}
