//! Tests of the file beside this one: a key the reader knows is in the JSON Schema, and the other way round.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::read::shapes::{OF_CONTRACT, OF_PIPELINE, OF_TARGET, Shape};

fn part<'s>(schema: &'s Value, shape: &Shape) -> &'s Value {
    if shape.def.is_empty() {
        return schema;
    }
    let part = &schema["$defs"][shape.def];
    assert!(part.is_object(), "the JSON Schema has no part `{}`", shape.def);
    part
}

fn names(value: &Value) -> BTreeSet<&str> {
    match value {
        Value::Object(members) => members.keys().map(String::as_str).collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

fn compare(schema: &str, shapes: &[&Shape]) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    for shape in shapes {
        let part = part(&schema, shape);
        assert_eq!(
            names(&part["properties"]),
            shape.names().collect(),
            "keys of {}",
            shape.what
        );
        assert_eq!(
            names(&part["required"]),
            shape.required.iter().copied().collect(),
            "required in {}",
            shape.what
        );
        assert_eq!(part["additionalProperties"], false, "{} takes unknown keys", shape.what);
    }
    let objects = schema["$defs"].as_object().unwrap().iter();
    let described: BTreeSet<_> = objects
        .filter(|(_, part)| part.get("properties").is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    let read = shapes
        .iter()
        .map(|shape| shape.def)
        .filter(|def| !def.is_empty())
        .collect();
    assert_eq!(described, read, "parts that only one side knows");
}

#[test]
fn the_contract_schema_and_the_reader_know_the_same_keys() {
    compare(super::contract(), OF_CONTRACT);
}

#[test]
fn the_pipeline_schema_and_the_reader_know_the_same_keys() {
    compare(super::pipeline(), OF_PIPELINE);
}

#[test]
fn the_alert_target_schema_and_the_reader_know_the_same_keys() {
    compare(super::target(), OF_TARGET);
}

#[test]
fn every_reference_in_the_schemas_leads_somewhere() {
    for text in [super::contract(), super::pipeline(), super::target()] {
        let schema: Value = serde_json::from_str(text).unwrap();
        for reference in text.split("\"#/$defs/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schema["$defs"][name].is_object(), "nothing is called `{name}`");
        }
    }
}
