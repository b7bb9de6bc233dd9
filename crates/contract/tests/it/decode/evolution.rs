//! Schema evolution, as one table: what a writer wrote, what the contract wants, what comes out.

use muster_contract::Error;
use muster_contract::decode::Decoder;
use serde_json::Value as Json;

use super::fixture::{WRITER, assert_accounted, batch, contract_of, decoder, encode, framed, outcome, record};

/// One value of a writer's type read as a contract's: the outcome of the field `f`, the finding behind it.
#[rustfmt::skip]
const VALUES: &[(&str, &str, &str, &str)] = &[
    // Promotion.
    (r#""int""#, r#""int""#, "-5", "-5"),
    (r#""int""#, r#""long""#, "2147483647", "2147483647"),
    (r#""int""#, r#""float""#, "3", "3.0"),
    (r#""int""#, r#""double""#, "-3", "-3.0"),
    (r#""long""#, r#""long""#, "-9223372036854775808", "-9223372036854775808"),
    (r#""long""#, r#""float""#, "16777216", "16777216.0"),
    (r#""long""#, r#""double""#, "9007199254740993", "9007199254740992.0"),
    (r#""float""#, r#""double""#, "0.5", "0.5"),
    (r#""string""#, r#""bytes""#, r#""ab""#, "6162"),
    (r#""bytes""#, r#""string""#, r#""ab""#, "ab"),
    (r#""bytes""#, r#""string""#, r#""a\u00ff""#, "refused utf8"),
    (r#""long""#, r#""int""#, "5", "the writer's long does not become a whole number"),
    (r#""double""#, r#""float""#, "5", "the writer's double does not become a number"),
    (r#""boolean""#, r#""int""#, "true", "the writer's boolean does not become a whole number"),
    (r#""int""#, r#""boolean""#, "1", "the writer's int does not become a boolean"),
    (r#""int""#, r#""string""#, "1", "the writer's int does not become text"),
    // Null on either side.
    (r#"["null", "int"]"#, r#"["null", "long"]"#, "[1, 5]", "5"),
    (r#"["int", "null"]"#, r#"["null", "long"]"#, "[0, 5]", "5"),
    (r#"["int", "null"]"#, r#"["null", "long"]"#, "[1, null]", "null"),
    (r#"["null", "int"]"#, r#""long""#, "[1, 5]", "5"),
    (r#"["null", "int"]"#, r#""long""#, "[0, null]", "null !f.type"),
    (r#""int""#, r#"["null", "int"]"#, "5", "5"),
    (r#""null""#, r#"["null", "int"]"#, "null", "null"),
    (r#""null""#, r#""int""#, "null", "null !f.type"),
    (r#"["null"]"#, r#"["null", "int"]"#, "[0, null]", "null"),
    // Unions of several types, each branch by itself.
    (r#"["null", "int", "long"]"#, r#"["null", "long"]"#, "[2, 9]", "9"),
    (r#"["null", "int", "long"]"#, r#"["null", "long"]"#, "[1, 9]", "9"),
    (r#"["int", "string"]"#, r#""int""#, r#"[1, "12"]"#, "12"),
    (r#"["int", "string"]"#, r#""int""#, r#"[1, "12.5"]"#, "null !f.type"),
    (r#"["int", "boolean"]"#, r#""int""#, "[0, 4]", "4"),
    (r#"["int", "boolean"]"#, r#""int""#, "[1, true]", "refused branch"),
    (r#"["null", "boolean"]"#, r#"["null", "int"]"#, "[0, null]", "null"),
    (r#"["null", "boolean"]"#, r#"["null", "int"]"#, "[1, true]", "refused branch"),
    (r#"["int", {"type": "array", "items": "int"}]"#, r#""int""#, "[1, [1, 2]]", "refused branch"),
    (r#"["int", {"type": "record", "name": "Q", "fields": [{"name": "x", "type": "int"}]}]"#, r#""int""#, r#"[1, {"x": 1}]"#, "refused branch"),
    // Enums, by symbol.
    (r#"{"type": "enum", "name": "W", "symbols": ["B", "A"]}"#, r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#, r#""B""#, "B"),
    (r#"{"type": "enum", "name": "W", "symbols": ["A", "C"]}"#, r#"{"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "B"}"#, r#""C""#, "B"),
    (r#"{"type": "enum", "name": "W", "symbols": ["A", "C"]}"#, r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#, r#""C""#, "refused symbol"),
    (r#"{"type": "enum", "name": "W", "symbols": ["A", "C"]}"#, r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#, r#""A""#, "A"),
    (r#"{"type": "enum", "name": "W", "symbols": ["A", "C"]}"#, r#""string""#, r#""C""#, "C"),
    (r#""string""#, r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#, r#""B""#, "B"),
    (r#""string""#, r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#, r#""b""#, "null !f.type"),
    // Fixed.
    (r#"{"type": "fixed", "name": "W", "size": 2}"#, r#"{"type": "fixed", "name": "F", "size": 2}"#, r#""ab""#, "6162"),
    (r#"{"type": "fixed", "name": "W", "size": 2}"#, r#"{"type": "fixed", "name": "F", "size": 3}"#, r#""ab""#, "the writer's fixed does not become bytes"),
    (r#""bytes""#, r#"{"type": "fixed", "name": "F", "size": 2}"#, r#""ab""#, "the writer's bytes does not become bytes"),
    // Dates and timestamps.
    (r#"{"type": "int", "logicalType": "date"}"#, r#"{"type": "int", "logicalType": "date"}"#, "18695", "2021-03-09"),
    (r#""int""#, r#"{"type": "int", "logicalType": "date"}"#, "-1", "1969-12-31"),
    (r#"{"type": "int", "logicalType": "date"}"#, r#""int""#, "18695", "18695"),
    (r#"{"type": "int", "logicalType": "date"}"#, r#"{"type": "long", "logicalType": "timestamp-millis"}"#, "18695", "2021-03-09T00:00:00Z"),
    (r#"{"type": "long", "logicalType": "timestamp-millis"}"#, r#"{"type": "long", "logicalType": "timestamp-millis"}"#, "1500", "1970-01-01T00:00:01.500Z"),
    (r#"{"type": "long", "logicalType": "timestamp-millis"}"#, r#"{"type": "long", "logicalType": "timestamp-micros"}"#, "1500", "1970-01-01T00:00:01.500Z"),
    (r#"{"type": "long", "logicalType": "timestamp-millis"}"#, r#"{"type": "long", "logicalType": "timestamp-micros"}"#, "9223372036854775807", "null !f.type"),
    (r#"{"type": "long", "logicalType": "timestamp-micros"}"#, r#"{"type": "long", "logicalType": "timestamp-millis"}"#, "-1", "1969-12-31T23:59:59.999Z"),
    (r#"{"type": "long", "logicalType": "timestamp-nanos"}"#, r#"{"type": "long", "logicalType": "timestamp-micros"}"#, "1999", "1970-01-01T00:00:00.000001Z"),
    (r#""long""#, r#"{"type": "long", "logicalType": "timestamp-millis"}"#, "1000", "1970-01-01T00:00:01Z"),
    (r#""int""#, r#"{"type": "long", "logicalType": "timestamp-millis"}"#, "1000", "1970-01-01T00:00:01Z"),
    (r#"{"type": "long", "logicalType": "timestamp-micros"}"#, r#""long""#, "7", "7"),
    (r#"{"type": "long", "logicalType": "timestamp-millis"}"#, r#"{"type": "int", "logicalType": "date"}"#, "7", "the writer's timestamp in milliseconds does not become a date"),
    (r#"{"type": "long", "logicalType": "local-timestamp-millis"}"#, r#"{"type": "long", "logicalType": "timestamp-millis"}"#, "7", "the writer's local timestamp does not become a timestamp"),
    // Decimals, exactly or not at all.
    (r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#""\u0004\u00d2""#, "12.34"),
    (r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#""\u00ff""#, "-0.01"),
    (r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#"{"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 2}"#, r#""\u0004\u00d2""#, "null !f.type"),
    (r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#"{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 4}"#, r#""\u0004\u00d2""#, "12.3400"),
    (r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#"{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 1}"#, r#""\u0004\u00d2""#, "null !f.type"),
    (r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#"{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 1}"#, r#""\u0004\u00ce""#, "12.3"),
    (r#"{"type": "fixed", "name": "W", "size": 3, "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#""\u00ff\u00fb\u002e""#, "-12.34"),
    (r#""bytes""#, r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#""\u0004\u00d2""#, "12.34"),
    (r#""int""#, r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, "12", "the writer's int does not become a decimal"),
    // Text, parsed strictly.
    (r#""string""#, r#""int""#, r#""-12""#, "-12"),
    (r#""string""#, r#""int""#, r#""47.5""#, "null !f.type"),
    (r#""string""#, r#""int""#, r#""0x1F""#, "null !f.type"),
    (r#""string""#, r#""long""#, r#""1_000""#, "null !f.type"),
    (r#""string""#, r#""double""#, r#""0.92""#, "0.92"),
    (r#""string""#, r#""boolean""#, r#""true""#, "true"),
    (r#""string""#, r#""boolean""#, r#""yes""#, "null !f.type"),
    (r#""string""#, r#"{"type": "int", "logicalType": "date"}"#, r#""2021-03-09""#, "2021-03-09"),
    (r#""string""#, r#"{"type": "long", "logicalType": "timestamp-millis"}"#, r#""2021-03-09T12:30:00Z""#, "2021-03-09T12:30:00Z"),
    (r#""string""#, r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#""12.34""#, "12.34"),
    (r#"["null", "string"]"#, r#"["null", "int"]"#, "[0, null]", "null"),
    (r#"["null", "string"]"#, r#"["null", "int"]"#, r#"[1, "x"]"#, "null !f.type"),
];

#[test]
fn a_value_becomes_what_the_contract_wants() {
    for (written, wanted, value, expected) in VALUES {
        // A boolean before and a text behind catch a value that is read too short or too long.
        let around = |kind: &str| {
            record(&[
                r#"{"name": "first", "type": "boolean"}"#,
                &format!(r#"{{"name": "f", "type": {kind}}}"#),
                r#"{"name": "last", "type": "string"}"#,
            ])
        };
        let contract = contract_of(&around(wanted), "");
        let mut decoder = Decoder::new(contract.clone()).unwrap();
        let case = format!("{written} as {wanted}: {value}");
        if let Err(error) = decoder.learn(WRITER, &around(written)) {
            assert_eq!(
                error.to_string(),
                format!("schema `7` does not fit the contract: field `f`: {expected}"),
                "{case}"
            );
            continue;
        }
        let value: Json = serde_json::from_str(&format!(r#"{{"first": true, "f": {value}, "last": "x"}}"#)).unwrap();
        let message = encode(&around(written), &value);
        let decoded = decoder.decode(batch(&[Some(framed(WRITER, &message))]));
        assert_accounted(&decoded);
        let expected = match expected.strip_prefix("refused ") {
            Some(code) => format!("record.undecodable {code}"),
            None => match expected.split_once(" !") {
                Some((value, rule)) => format!("first=true f={value} last=x !{rule}"),
                None => format!("first=true f={expected} last=x"),
            },
        };
        assert_eq!(outcome(&decoded, &contract, 0), expected, "{case}");
    }
}

/// Whole records: the writer's fields, the contract's fields, a value, the outcome.
#[rustfmt::skip]
const RECORDS: &[(&[&str], &[&str], &str, &str)] = &[
    // Reordered, dropped, added with a default.
    (&[r#"{"name": "b", "type": "string"}"#, r#"{"name": "a", "type": "int"}"#], &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "b", "type": "string"}"#],
     r#"{"a": 1, "b": "x"}"#, "a=1 b=x"),
    (&[r#"{"name": "a", "type": "int"}"#], &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "b", "type": ["null", "string"], "default": null}"#, r#"{"name": "c", "type": "string", "default": "none"}"#],
     r#"{"a": 1}"#, "a=1 b=null c=none"),
    (&[r#"{"name": "a", "type": "int"}"#], &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "b", "type": "int"}"#],
     "{}", "field `b`: the writer lacks it and it has no default"),
    // Defaults of every kind.
    (&[r#"{"name": "a", "type": "int"}"#],
     &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "b", "type": "boolean", "default": true}"#, r#"{"name": "l", "type": "long", "default": -2}"#,
       r#"{"name": "g", "type": "float", "default": 0.5}"#, r#"{"name": "d", "type": "double", "default": 1.25}"#, r#"{"name": "y", "type": "bytes", "default": "\u00ff\u0001"}"#,
       r#"{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}, "default": "B"}"#, r#"{"name": "t", "type": {"type": "int", "logicalType": "date"}, "default": 1}"#,
       r#"{"name": "u", "type": ["int", "null"], "default": 9}"#],
     r#"{"a": 1}"#, "a=1 b=true l=-2 g=0.5 d=1.25 y=ff01 e=B t=1970-01-02 u=9"),
    // Aliases, unless the alias is another field's name.
    (&[r#"{"name": "old", "type": "int"}"#], &[r#"{"name": "new", "type": "long", "aliases": ["older", "old"]}"#],
     r#"{"old": 1}"#, "new=1"),
    (&[r#"{"name": "a", "type": "int"}"#, r#"{"name": "b", "type": "int"}"#], &[r#"{"name": "b", "type": "int", "aliases": ["a"]}"#],
     r#"{"a": 1, "b": 2}"#, "b=2"),
    // Projection of everything that can be skipped.
    (&[r#"{"name": "s", "type": {"type": "array", "items": "string"}}"#, r#"{"name": "m", "type": {"type": "map", "values": ["null", "double"]}}"#,
       r#"{"name": "n", "type": {"type": "record", "name": "N", "fields": [{"name": "x", "type": "float"}, {"name": "next", "type": ["null", "N"]}]}}"#,
       r#"{"name": "f", "type": {"type": "fixed", "name": "F", "size": 3}}"#, r#"{"name": "u", "type": ["boolean", "bytes", {"type": "array", "items": "long"}]}"#,
       r#"{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A"]}}"#, r#"{"name": "z", "type": {"type": "array", "items": "null"}}"#, r#"{"name": "a", "type": "int"}"#],
     &[r#"{"name": "a", "type": "int"}"#],
     r#"{"s": ["x", "yz"], "m": {"k": [1, 2.5], "l": [0, null]}, "n": {"x": 1, "next": [1, {"x": 2, "next": [0, null]}]}, "f": "abc", "u": [2, [1, -1]], "e": "A", "z": [null, null, null], "a": 42}"#, "a=42"),
    // Nested records, flattened.
    (&[r#"{"name": "a", "type": "int"}"#, r#"{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "y", "type": "int"}, {"name": "x", "type": "string"}]}}"#],
     &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "x", "type": "string"}, {"name": "y", "type": "long"}, {"name": "z", "type": "int", "default": 3}]}}"#],
     r#"{"a": 1, "p": {"x": "q", "y": 2}}"#, "a=1 p_x=q p_y=2 p_z=3"),
    // A nested record beside null: all of it, or nulls; what a branch lacks has its default in that branch only.
    (&[r#"{"name": "p", "type": ["null", {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}]}]}"#, r#"{"name": "a", "type": "int"}"#],
     &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "p", "type": ["null", {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}, {"name": "z", "type": "int", "default": 3}]}], "default": null}"#],
     r#"{"a": 1, "p": [1, {"x": 5}]}"#, "a=1 p_x=5 p_z=3"),
    (&[r#"{"name": "p", "type": ["null", {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}]}]}"#, r#"{"name": "a", "type": "int"}"#],
     &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "p", "type": ["null", {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}, {"name": "z", "type": "int", "default": 3}]}], "default": null}"#],
     r#"{"a": 1, "p": [0, null]}"#, "a=1 p_x=null p_z=null"),
    (&[r#"{"name": "p", "type": ["null", {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}]}]}"#, r#"{"name": "a", "type": "int"}"#],
     &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}]}}"#],
     r#"{"a": 1, "p": [0, null]}"#, "a=1 p_x=null !p_x.type"),
    // A writer's union of records.
    (&[r#"{"name": "p", "type": [{"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}]}, {"type": "record", "name": "Q", "fields": [{"name": "y", "type": "int"}]}, "string"]}"#, r#"{"name": "a", "type": "int"}"#],
     &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int", "default": -1}, {"name": "y", "type": "int", "default": -2}]}}"#],
     r#"{"a": 1, "p": [1, {"y": 5}]}"#, "a=1 p_x=-1 p_y=5"),
    (&[r#"{"name": "p", "type": [{"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}]}, "string"]}"#, r#"{"name": "a", "type": "int"}"#],
     &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int", "default": -1}]}}"#],
     r#"{"a": 1, "p": [1, "s"]}"#, "record.undecodable branch"),
    (&[r#"{"name": "p", "type": "string"}"#, r#"{"name": "a", "type": "int"}"#],
     &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int", "default": -1}]}}"#],
     "{}", "field `p`: the contract has a record, the writer has none"),
    // A nested record that the writer lacks: its own default, or its fields'.
    (&[r#"{"name": "a", "type": "int"}"#],
     &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}, {"name": "y", "type": "string"}]}, "default": {"x": 4, "y": "d"}}"#],
     r#"{"a": 1}"#, "a=1 p_x=4 p_y=d"),
    (&[r#"{"name": "a", "type": "int"}"#],
     &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int", "default": 6}]}}"#],
     r#"{"a": 1}"#, "a=1 p_x=6"),
    // The writer has the record and lacks a field: the field's own default, not the record's.
    (&[r#"{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "y", "type": "string"}]}}"#, r#"{"name": "a", "type": "int"}"#],
     &[r#"{"name": "a", "type": "int"}"#, r#"{"name": "p", "type": {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int", "default": 8}, {"name": "y", "type": "string"}]}, "default": {"x": 4, "y": "d"}}"#],
     r#"{"a": 1, "p": {"y": "w"}}"#, "a=1 p_x=8 p_y=w"),
    // A type named once and referred to.
    (&[r#"{"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}}"#, r#"{"name": "b", "type": ["null", "E"]}"#],
     &[r#"{"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["B", "A"]}}"#, r#"{"name": "b", "type": ["null", "E"]}"#],
     r#"{"a": "A", "b": [1, "B"]}"#, "a=A b=B"),
];

#[test]
fn a_record_becomes_what_the_contract_wants() {
    for (written, wanted, value, expected) in RECORDS {
        let (written, contract) = (record(written), contract_of(&record(wanted), ""));
        let mut decoder = Decoder::new(contract.clone()).unwrap();
        match decoder.learn(WRITER, &written) {
            Err(Error::Incompatible { field, reason, .. }) => {
                assert_eq!(format!("field `{field}`: {reason}"), *expected, "{written}");
                // It is remembered, and its records say so.
                let decoded = decoder.decode(batch(&[Some(framed(WRITER, &[2]))]));
                assert_eq!(
                    outcome(&decoded, &contract, 0),
                    "record.undecodable schema_incompatible"
                );
            }
            Err(error) => panic!("{error}"),
            Ok(()) => {
                let message = encode(&written, &serde_json::from_str(value).unwrap());
                let decoded = decoder.decode(batch(&[Some(framed(WRITER, &message))]));
                assert_accounted(&decoded);
                assert_eq!(outcome(&decoded, &contract, 0), *expected, "{written} {value}");
            }
        }
    }
}

#[test]
fn writers_in_one_batch_do_not_mix() {
    let contract = contract_of(
        &record(&[
            r#"{"name": "a", "type": "int"}"#,
            r#"{"name": "b", "type": "string", "default": "none"}"#,
        ]),
        "",
    );
    let old = record(&[r#"{"name": "a", "type": "int"}"#]);
    let decoder = decoder(&contract, &old);
    let own = muster_spec::schema_id(&contract.schema_text);
    let new_row = |number: i64| {
        Some(framed(
            own,
            &encode(&contract.schema_text, &serde_json::json!({"a": number, "b": "x"})),
        ))
    };
    let old_row = |number: i64| Some(framed(WRITER, &encode(&old, &serde_json::json!({"a": number}))));
    let decoded = decoder.decode(batch(&[new_row(1), old_row(2), new_row(3), old_row(4), old_row(5)]));
    let outcomes: Vec<_> = (0..5).map(|at| outcome(&decoded, &contract, at)).collect();
    assert_eq!(
        outcomes,
        ["a=1 b=x", "a=2 b=none", "a=3 b=x", "a=4 b=none", "a=5 b=none"]
    );
}

#[test]
fn a_required_rule_takes_the_null_from_the_type() {
    let schema = record(&[r#"{"name": "a", "type": "int"}"#, r#"{"name": "f", "type": "int"}"#]);
    let written = record(&[
        r#"{"name": "a", "type": "int"}"#,
        r#"{"name": "f", "type": ["null", "int"]}"#,
    ]);
    let contract = contract_of(&schema, "rules:\n  - { id: f.required, field: f, required: true }\n");
    let message = encode(&written, &serde_json::json!({"a": 1, "f": [0, null]}));
    let decoded = decoder(&contract, &written).decode(batch(&[Some(framed(WRITER, &message))]));
    assert_eq!(outcome(&decoded, &contract, 0), "a=1 f=null");
}
