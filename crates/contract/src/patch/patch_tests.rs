//! Tests of the files in this folder, on records as they come.

use std::sync::Arc;

use muster_batch::{BytesColumn, Headers, RawBatch};
use muster_expr::Assignment;
use muster_spec::{Offset, OffsetDelta, SourceId, all_text_schema, read, schema_id};

use super::*;
use crate::decode::{Decoder, TextWriter, framed};

const SCHEMA: &str = r#"{"type": "record", "name": "Visit", "fields": [
    {"name": "number", "type": "long"},
    {"name": "hours", "type": ["null", "double"], "default": null},
    {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}], "default": null},
    {"name": "place", "type": ["null", {"type": "record", "name": "Place", "fields": [
        {"name": "city", "type": ["null", "string"], "default": null}]}], "default": null}
]}"#;

/// A writer that sends hours as text.
const WRITER: &str = r#"{"type": "record", "name": "Visit", "fields": [
    {"name": "number", "type": "long"},
    {"name": "hours", "type": ["null", "string"], "default": null}
]}"#;

fn contract(format: &str) -> Arc<Contract> {
    let yaml = format!("version: 1\ntopic: visit.v1\nformat: {format}\nschema: visit.avsc\nkey: number\n");
    let open = |name: &str| (name == "visit.avsc").then(|| SCHEMA.to_owned());
    let contract = read::contract("visit", "schemas/visit.contract.yaml", &yaml, &open);
    Arc::new(contract.unwrap_or_else(|problems| panic!("{problems:?}")))
}

fn records(payloads: &[Vec<u8>]) -> RawBatch {
    let mut raw = RawBatch {
        source: SourceId(1),
        topic: "visit.v1".into(),
        partition: 0,
        delta: OffsetDelta::new(Offset(0), Offset(payloads.len() as i64)),
        offsets: (0..payloads.len() as i64).collect(),
        timestamps: vec![-1; payloads.len()],
        payloads: BytesColumn::default(),
        keys: BytesColumn::default(),
        headers: Headers::default(),
    };
    for payload in payloads {
        raw.payloads.push(Some(payload));
        raw.keys.push(None);
        raw.headers.push(std::iter::empty());
    }
    raw
}

/// Rows of a text file, as `publish` sends them.
fn published(contract: &Contract, rows: &[[Option<&str>; 4]]) -> RawBatch {
    let mut text = TextWriter::new(schema_id(&all_text_schema(contract)));
    let row = |cells: &[Option<&str>; 4]| text.write(cells.iter().map(|cell| cell.map(str::as_bytes))).to_vec();
    records(&rows.iter().map(row).collect::<Vec<_>>())
}

#[test]
fn typed_values_are_told_as_the_contract_reads_them() {
    let contract = contract("avro\ntext: { decimal: ',', thousands: '.', date: '%d.%m.%Y' }");
    let patcher = Patcher::new(Arc::clone(&contract)).unwrap();
    let mut decoded = Decoder::new(Arc::clone(&contract)).unwrap().decode(published(
        &contract,
        &[[Some("1"), Some("1.234,5"), Some("31.12.2025"), None]],
    ));
    let texts = patcher.texts(&decoded);
    let schema = texts.fields().clone();
    // As of a writer that sends them typed: no text came.
    let nothing = StructArray::new_null(schema, 1);
    decoded.findings.clear();
    for (field, told) in [(1, "1234,5"), (2, "31.12.2025")] {
        assert_eq!(patcher.told(&decoded, &nothing, field).value(0), told);
    }
}

fn set(contract: &Arc<Contract>, raw: RawBatch, text: &str) -> Patched {
    let patcher = Patcher::new(Arc::clone(contract)).unwrap();
    let decoded = Decoder::new(Arc::clone(contract)).unwrap().decode(raw);
    let assignment = Assignment::compile(contract, text).unwrap();
    let texts = patcher.texts(&decoded);
    let new = NewValues {
        field: assignment.field(),
        values: assignment.evaluate(&decoded.rows, &texts),
        kept: None,
    };
    patcher.apply(decoded, &texts, &[new])
}

fn told(texts: &StringArray) -> Vec<Option<&str>> {
    texts.iter().collect()
}

#[test]
fn a_text_that_is_no_number_is_mended_and_rows_that_do_not_change_are_left_out() {
    let contract = contract("avro");
    let rows = [
        [Some("1"), Some("7,5"), None, None],
        [Some("2"), Some("8"), None, None],
        [Some("3"), Some("many"), None, None],
        [Some("4"), None, None, None],
    ];
    let patched = set(
        &contract,
        published(&contract, &rows),
        "hours = replace(_text.hours, ',', '.')",
    );
    assert_eq!((patched.unchanged, patched.failed), (3, 0), "`many` stays what it was");
    assert_eq!(patched.decoded.record_of_row, [0]);
    assert!(patched.decoded.findings.is_empty(), "it is a number now");
    let change = &patched.changes[0];
    assert_eq!(
        (told(&change.before), told(&change.after)),
        (vec![Some("7,5")], vec![Some("7.5")])
    );
}

#[test]
fn a_new_text_that_is_no_value_breaks_the_fields_type_again() {
    let contract = contract("avro");
    let rows = [[Some("1"), Some("x"), None, None], [Some("two"), Some("1"), None, None]];
    let patched = set(&contract, published(&contract, &rows), "hours = 'y'");
    assert_eq!(patched.decoded.record_of_row, [0, 1]);
    let rules = |row: u32| {
        let of_row = patched.decoded.findings.iter().filter(move |found| found.row == row);
        of_row.map(|found| contract.rule_id(found.rule)).collect::<Vec<_>>()
    };
    assert_eq!(rules(0), ["hours.type"]);
    assert_eq!(
        rules(1),
        ["number.type", "hours.type"],
        "what else is wrong with a row stays so"
    );
}

#[test]
fn the_same_value_in_other_words_is_no_change() {
    let contract = contract("avro");
    let rows = [[Some("1"), Some("8"), Some("2026-11-21"), None]];
    for text in [
        "hours = hours",
        "hours = '8.0'",
        "day = day",
        "day = '2026-11-21'",
        "place_city = NULL",
    ] {
        let patched = set(&contract, published(&contract, &rows), text);
        assert_eq!(patched.unchanged, 1, "{text}");
    }
    let patched = set(&contract, published(&contract, &rows), "day = day + INTERVAL '1' DAY");
    assert_eq!(told(&patched.changes[0].after), [Some("2026-11-22")]);
}

#[test]
fn a_row_that_an_expression_fails_on_stays_as_it_is() {
    let contract = contract("avro");
    let rows = [
        [Some("1"), Some("a"), None, Some("12")],
        [Some("2"), Some("b"), None, Some("Rome")],
    ];
    let patched = set(
        &contract,
        published(&contract, &rows),
        "hours = CAST(place_city AS DOUBLE)",
    );
    assert_eq!(
        (patched.decoded.record_of_row.as_slice(), patched.failed),
        (&[0][..], 1)
    );
}

#[test]
fn texts_are_told_whatever_form_they_came_in() {
    let mut number = vec![2, 2, 8];
    number.extend(b"many");
    let mut payload = Vec::new();
    framed(schema_id(WRITER), &number, &mut payload);
    let avro = contract("avro");
    let mut decoder = Decoder::new(Arc::clone(&avro)).unwrap();
    decoder.learn(schema_id(WRITER), WRITER).unwrap();
    let mut patcher = Patcher::new(avro).unwrap();
    patcher.learn(schema_id(WRITER), WRITER);
    let decoded = decoder.decode(records(&[payload]));
    let hours = patcher.told(&decoded, &patcher.texts(&decoded), 1);
    assert_eq!(told(&hours), [Some("many")], "of another writer");

    let json = contract("json");
    let object = br#"{"number": 1, "hours": "many", "day": null, "place": {"city": "Rome"}}"#;
    let decoded = Decoder::new(Arc::clone(&json))
        .unwrap()
        .decode(records(&[object.to_vec()]));
    let patcher = Patcher::new(json).unwrap();
    let texts = patcher.texts(&decoded);
    let of_field = |field| patcher.told(&decoded, &texts, field);
    assert_eq!(
        [told(&of_field(1)), told(&of_field(3))],
        [[Some("many")], [Some("Rome")]]
    );
}

#[test]
fn a_record_that_does_not_decode_can_be_given_all_its_fields() {
    let contract = contract("avro");
    let mut raw = published(&contract, &[[Some("1"), Some("x"), None, None]; 3]);
    let mut payloads = BytesColumn::default();
    for record in 0..3 {
        payloads.push(if record == 1 {
            Some(b"?")
        } else {
            raw.payloads.get(record)
        });
    }
    raw.payloads = payloads;
    let decoded = Decoder::new(Arc::clone(&contract)).unwrap().decode(raw);
    assert_eq!(decoded.refused.len(), 1);
    let patcher = Patcher::new(Arc::clone(&contract)).unwrap();
    let decoded = patcher.with_refused(decoded);
    assert_eq!(decoded.record_of_row, [0, 1, 2]);
    assert_eq!(
        decoded.findings.iter().map(|found| found.row).collect::<Vec<_>>(),
        [0, 2]
    );
    let texts = patcher.texts(&decoded);
    let mut kept = RowSet::empty(3);
    kept.insert(0);
    kept.insert(2);
    let new = |field: usize, text: &str| NewValues {
        field,
        values: Assigned {
            values: Arc::new(StringArray::from(vec![None, Some(text), None])),
            failed: None,
        },
        kept: Some(kept.clone()),
    };
    let patched = patcher.apply(decoded, &texts, &[new(0, "9"), new(1, "2.5")]);
    assert_eq!(
        (patched.decoded.record_of_row.as_slice(), patched.unchanged),
        (&[1][..], 2)
    );
    assert!(patched.decoded.findings.is_empty() && patched.decoded.refused.is_empty());
    assert_eq!(told(&patched.changes[1].before), [None]);
}
