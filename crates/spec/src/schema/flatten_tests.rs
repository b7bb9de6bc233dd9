//! Tests of the file beside this one.

use serde_json::{Value, json};

use crate::{Field, FieldKind, read};

fn fields(avsc: &str) -> Vec<Field> {
    let yaml = "version: 1\ntopic: t\nformat: avro\nschema: s.avsc\nkey: id\n";
    read::contract("t", "t.contract.yaml", yaml, &|_| Some(avsc.to_owned()))
        .unwrap_or_else(|problems| panic!("{problems:?}"))
        .fields
}

#[test]
fn every_kind_becomes_its_column() {
    let fields = fields(
        r#"{"type":"record","name":"R","fields":[
            {"name":"id","type":"int"}, {"name":"l","type":["long","null"]}, {"name":"f","type":"float"},
            {"name":"d","type":["double"]}, {"name":"b","type":"boolean"}, {"name":"y","type":"bytes"},
            {"name":"x","type":{"type":"fixed","name":"X","size":4}},
            {"name":"u","type":{"type":"string","logicalType":"uuid"}},
            {"name":"e","type":{"type":"enum","name":"E","symbols":["P","Q"]}}, {"name":"e2","type":["null","E"]},
            {"name":"day","type":{"type":"int","logicalType":"date"}},
            {"name":"ms","type":{"type":"long","logicalType":"timestamp-millis"}},
            {"name":"us","type":{"type":"long","logicalType":"timestamp-micros"}},
            {"name":"n","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
            {"name":"nf","type":{"type":"fixed","name":"N","size":8,"logicalType":"decimal","precision":18}}]}"#,
    );
    let symbols = || FieldKind::Enum(vec!["P".into(), "Q".into()]);
    let expected = [
        ("id", FieldKind::Int, false),
        ("l", FieldKind::Long, true),
        ("f", FieldKind::Float, false),
        ("d", FieldKind::Double, false),
        ("b", FieldKind::Boolean, false),
        ("y", FieldKind::Bytes, false),
        ("x", FieldKind::Bytes, false),
        ("u", FieldKind::Text, false),
        ("e", symbols(), false),
        ("e2", symbols(), true),
        ("day", FieldKind::Date, false),
        ("ms", FieldKind::TimestampMillis, false),
        ("us", FieldKind::TimestampMicros, false),
        ("n", FieldKind::Decimal { precision: 9, scale: 2 }, false),
        (
            "nf",
            FieldKind::Decimal {
                precision: 18,
                scale: 0,
            },
            false,
        ),
    ];
    let read = fields
        .iter()
        .map(|field| (field.name.as_str(), field.kind.clone(), field.nullable));
    assert_eq!(read.collect::<Vec<_>>(), expected);
}

#[test]
fn a_nested_field_takes_null_and_default_from_the_records_around_it() {
    let fields = fields(
        r#"{"type":"record","name":"R","fields":[
            {"name":"id","type":"int"},
            {"name":"plain","type":{"type":"record","name":"P","fields":[
                {"name":"a","type":"int","default":3}, {"name":"b","type":"int"}]}},
            {"name":"given","type":"P","default":{"a":1,"b":2}},
            {"name":"maybe","type":["null","P"],"default":null},
            {"name":"deep","type":{"type":"record","name":"D","fields":[{"name":"p","type":["null","P"]}]}}]}"#,
    );
    let read = fields.iter().skip(1);
    let read = read.map(|field| {
        (
            field.name.as_str(),
            field.path.join("."),
            field.nullable,
            field.default.clone(),
        )
    });
    let row = |name, path: &str, nullable, default: Option<Value>| (name, path.to_owned(), nullable, default);
    let expected = [
        row("plain_a", "plain.a", false, Some(json!(3))),
        row("plain_b", "plain.b", false, None),
        row("given_a", "given.a", false, Some(json!(1))),
        row("given_b", "given.b", false, Some(json!(2))),
        row("maybe_a", "maybe.a", true, Some(Value::Null)),
        row("maybe_b", "maybe.b", true, Some(Value::Null)),
        row("deep_p_a", "deep.p.a", true, Some(json!(3))),
        row("deep_p_b", "deep.p.b", true, None),
    ];
    assert_eq!(read.collect::<Vec<_>>(), expected);
}

#[test]
fn a_field_without_a_source_is_called_by_its_name() {
    let fields = fields(
        r#"{"type":"record","name":"R","fields":[
            {"name":"id","type":"int"}, {"name":"kpis","type":"int","source":"KPIs_met >80%"}]}"#,
    );
    assert_eq!(
        fields.iter().map(|field| field.source.as_str()).collect::<Vec<_>>(),
        ["id", "KPIs_met >80%"]
    );
}
