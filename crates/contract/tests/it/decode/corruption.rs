//! Broken messages, as one table: each is refused for its own reason and its neighbours are untouched.

use muster_batch::Refusal;
use muster_spec::SchemaId;
use serde_json::json;

use super::fixture::{WRITER, assert_accounted, batch, contract_of, decoder, encode, framed, long, outcome, record};

/// What the contract wants.
const WANTED: &[&str] = &[
    r#"{"name": "id", "type": "long"}"#,
    r#"{"name": "name", "type": ["null", "string"], "default": null}"#,
    r#"{"name": "score", "type": "double"}"#,
    r#"{"name": "ok", "type": "boolean"}"#,
    r#"{"name": "level", "type": {"type": "enum", "name": "L", "symbols": ["A", "B"]}}"#,
];

/// What the writer has beside it, to be skipped.
const SKIPPED: &[&str] = &[
    r#"{"name": "tags", "type": {"type": "array", "items": "string"}}"#,
    r#"{"name": "nothing", "type": {"type": "array", "items": "null"}}"#,
    r#"{"name": "tree", "type": ["null", {"type": "record", "name": "T", "fields": [{"name": "next", "type": ["null", "T"]}]}]}"#,
    r#"{"name": "number", "type": "int"}"#,
    r#"{"name": "hash", "type": {"type": "fixed", "name": "H", "size": 4}}"#,
];

fn parts() -> Vec<Vec<u8>> {
    vec![
        long(1),
        [long(1), long(2), b"ab".to_vec()].concat(),
        1.5_f64.to_le_bytes().to_vec(),
        vec![1],
        long(1),
        [long(1), long(1), b"t".to_vec(), long(0)].concat(),
        long(0),
        long(0),
        long(3),
        b"hash".to_vec(),
    ]
}

/// The good message with one part put in another's place.
fn with(part: usize, bytes: &[u8]) -> Vec<u8> {
    let mut parts = parts();
    parts[part] = bytes.to_vec();
    framed(WRITER, &parts.concat())
}

/// The good message cut after some parts, with these bytes behind.
fn cut(parts_kept: usize, bytes: &[u8]) -> Vec<u8> {
    framed(WRITER, &[&parts()[..parts_kept].concat(), bytes].concat())
}

fn broken() -> Vec<(&'static str, Vec<u8>, Refusal)> {
    let good = framed(WRITER, &parts().concat());
    let overlong_64 = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
    let endless = [0x80; 11];
    let text = |length: i64, bytes: &[u8]| [long(1), long(length), bytes.to_vec()].concat();
    let mut deep = vec![2; 400];
    deep.push(0);
    let mut cases = vec![
        ("no byte", vec![], Refusal::Empty),
        ("another magic", [&[1], &good[1..]].concat(), Refusal::Magic),
        ("text", b"hello, world".to_vec(), Refusal::Magic),
        ("a frame cut short", vec![0, 0, 0], Refusal::Truncated),
        (
            "an unknown id",
            framed(SchemaId(99), &parts().concat()),
            Refusal::SchemaUnknown,
        ),
        ("a frame alone", framed(WRITER, &[]), Refusal::Truncated),
        ("a byte behind", [&good[..], &[0]].concat(), Refusal::Trailing),
        (
            "two messages in one",
            [&good[..], &parts().concat()].concat(),
            Refusal::Trailing,
        ),
        ("a number of more than 64 bits", with(0, &overlong_64), Refusal::Varint),
        ("a number without an end", with(0, &endless), Refusal::Varint),
        ("an int of more than 32 bits", with(8, &long(1 << 40)), Refusal::Varint),
        ("a union's branch 2 of 2", with(1, &long(2)), Refusal::Union),
        ("a union's branch -1", with(1, &long(-1)), Refusal::Union),
        ("a union's branch beyond all", with(1, &long(i64::MAX)), Refusal::Union),
        ("a length below 0", with(1, &text(-1, b"")), Refusal::Length),
        ("the least length", with(1, &text(i64::MIN, b"")), Refusal::Length),
        ("the greatest length", with(1, &text(i64::MAX, b"")), Refusal::Length),
        (
            "a length of a gigabyte",
            with(1, &text(1 << 30, b"ab")),
            Refusal::Length,
        ),
        (
            "a length just beyond the end",
            cut(1, &text(20, b"ab")),
            Refusal::Truncated,
        ),
        ("half a double", cut(2, &[1, 2, 3]), Refusal::Truncated),
        (
            "bytes that are not UTF-8",
            with(1, &text(2, &[0xc3, 0x28])),
            Refusal::Utf8,
        ),
        (
            "a lone surrogate in UTF-8",
            with(1, &text(3, &[0xed, 0xa0, 0x80])),
            Refusal::Utf8,
        ),
        (
            "UTF-8 cut within a character",
            with(1, &text(1, &[0xc3])),
            Refusal::Utf8,
        ),
        ("a boolean of 2", with(3, &[2]), Refusal::Boolean),
        ("a symbol beyond the enum", with(4, &long(2)), Refusal::Symbol),
        ("a symbol below 0", with(4, &long(-1)), Refusal::Symbol),
        ("an array's count beyond all", with(5, &long(i64::MAX)), Refusal::Length),
        (
            "an array's count beyond the message",
            with(5, &long(1000)),
            Refusal::Truncated,
        ),
        (
            "an array's block size beyond all",
            with(5, &[long(-1), long(i64::MAX)].concat()),
            Refusal::Length,
        ),
        (
            "an array's block size below 0",
            with(5, &[long(-1), long(-7)].concat()),
            Refusal::Length,
        ),
        (
            "an array without an end",
            cut(5, &[long(1), long(1), b"t".to_vec()].concat()),
            Refusal::Truncated,
        ),
        ("a tree without an end", with(7, &deep), Refusal::Depth),
        ("zeros", framed(WRITER, &[0; 4]), Refusal::Truncated),
    ];
    for length in 1..good.len() - 5 {
        cases.push(("cut short", good[..5 + length].to_vec(), Refusal::Truncated));
    }
    cases
}

#[test]
fn a_broken_message_is_refused_alone() {
    let contract = contract_of(&record(WANTED), "");
    let writer = record(&[WANTED, SKIPPED].concat());
    let decoder = decoder(&contract, &writer);
    let good = framed(WRITER, &parts().concat());
    let text = "id=1 name=ab score=1.5 ok=true level=B";
    for (case, payload, reason) in broken() {
        let decoded = decoder.decode(batch(&[Some(good.clone()), Some(payload.clone()), Some(good.clone())]));
        assert_accounted(&decoded);
        let expected = format!("record.undecodable {}", reason.code());
        assert_eq!(outcome(&decoded, &contract, 1), expected, "{case}: {payload:?}");
        assert_eq!(outcome(&decoded, &contract, 0), text, "before {case}");
        assert_eq!(outcome(&decoded, &contract, 2), text, "after {case}");
    }
}

#[test]
fn a_batch_of_nothing_but_broken_messages_has_no_row() {
    let contract = contract_of(&record(WANTED), "");
    let writer = record(&[WANTED, SKIPPED].concat());
    let cases = broken();
    let payloads: Vec<_> = cases.iter().map(|(_, payload, _)| Some(payload.clone())).collect();
    let decoded = decoder(&contract, &writer).decode(batch(&payloads));
    assert_accounted(&decoded);
    let reasons: Vec<_> = decoded.refused.iter().map(|refused| refused.reason).collect();
    assert_eq!(reasons, cases.iter().map(|(_, _, reason)| *reason).collect::<Vec<_>>());
    assert_eq!(decoded.rows.num_rows(), 0);
}

#[test]
fn findings_of_a_refused_record_are_not_the_next_rows() {
    let wanted = [r#"{"name": "a", "type": "int"}"#, r#"{"name": "b", "type": "int"}"#];
    let written = record(&[r#"{"name": "a", "type": "string"}"#, r#"{"name": "b", "type": "int"}"#]);
    let contract = contract_of(&record(&wanted), "");
    let row = |text: &str| framed(WRITER, &encode(&written, &json!({"a": text, "b": 5})));
    let mut cut = row("x");
    cut.pop();
    let decoded = decoder(&contract, &written).decode(batch(&[Some(cut), Some(row("7")), Some(row("y"))]));
    assert_eq!(outcome(&decoded, &contract, 0), "record.undecodable truncated");
    assert_eq!(outcome(&decoded, &contract, 1), "a=7 b=5");
    assert_eq!(outcome(&decoded, &contract, 2), "a=null b=5 !a.type");
}

#[test]
fn a_payload_above_the_limit_is_refused_unread() {
    let contract = contract_of(&record(&[r#"{"name": "a", "type": "string"}"#]), "");
    let decoder = decoder(&contract, &contract.schema_text).with_payload_bytes_max(16);
    let row = |text: &str| Some(framed(WRITER, &encode(&contract.schema_text, &json!({"a": text}))));
    let decoded = decoder.decode(batch(&[row("0123456789"), row("0123456789a"), row("x")]));
    assert_eq!(outcome(&decoded, &contract, 0), "a=0123456789");
    assert_eq!(outcome(&decoded, &contract, 1), "record.undecodable too_large");
    assert_eq!(outcome(&decoded, &contract, 2), "a=x");
}

#[test]
fn no_payload_is_a_tombstone() {
    let contract = contract_of(&record(&[r#"{"name": "a", "type": "string"}"#]), "");
    let decoded = decoder(&contract, &contract.schema_text).decode(batch(&[None, Some(vec![]), None]));
    assert_accounted(&decoded);
    assert_eq!(decoded.tombstones, [0, 2]);
    assert_eq!(outcome(&decoded, &contract, 1), "record.undecodable empty");
}
