//! Tests of the file beside this one.

use apache_avro::Schema;
use muster_batch::Refusal;

use super::Skips;
use crate::decode::cursor::Cursor;
use crate::decode::named::Named;

/// What passing over a value of this schema comes to, the message's end included.
fn skip(schema: &str, message: &[u8]) -> Result<(), Refusal> {
    let schema = Schema::parse_str(schema).unwrap();
    let mut skips = Skips::default();
    let id = skips.add(&schema, &Named::of(&schema));
    skips.close();
    let mut cursor = Cursor::new(message, 1 << 20);
    skips.run(id, &mut cursor)?;
    cursor.end()
}

#[test]
fn work_is_bounded_by_the_message_and_not_by_its_numbers() {
    let nulls = r#"{"type": "array", "items": "null"}"#;
    let most = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(skip(nulls, &[&most[..], &most, &[0]].concat()), Ok(()));
    let empty = r#"{"type": "array", "items": {"type": "record", "name": "A", "fields": [{"name": "b", "type": {"type": "record", "name": "B", "fields": [{"name": "f", "type": {"type": "fixed", "name": "F", "size": 0}}]}}, {"name": "c", "type": "B"}]}}"#;
    assert_eq!(skip(empty, &[&most[..], &[0]].concat()), Ok(()));
    let bytes = r#"{"type": "array", "items": "bytes"}"#;
    assert_eq!(skip(bytes, &[&most[..], &[0]].concat()), Err(Refusal::Length));
}

#[test]
fn records_that_multiply_at_each_level_take_no_time_when_they_take_no_bytes() {
    let mut schema = r#"{"type": "record", "name": "R0", "fields": []}"#.to_owned();
    for level in 1..20 {
        let below = level - 1;
        let more = (0..9).map(|at| format!(r#", {{"name": "b{at}", "type": "R{below}"}}"#));
        let more: String = more.collect();
        schema =
            format!(r#"{{"type": "record", "name": "R{level}", "fields": [{{"name": "a", "type": {schema}}}{more}]}}"#);
    }
    assert_eq!(skip(&schema, &[]), Ok(()));
}

#[test]
fn a_record_that_holds_itself_without_an_end_is_refused() {
    let schema = r#"{"type": "record", "name": "R", "fields": [{"name": "r", "type": "R"}]}"#;
    assert_eq!(skip(schema, &[1; 100]), Err(Refusal::Depth));
}

#[test]
fn blocks_with_a_size_are_passed_by_their_size() {
    let texts = r#"{"type": "array", "items": "string"}"#;
    assert_eq!(skip(texts, &[3, 8, 2, b'a', 2, b'b', 0]), Ok(()));
    let map = r#"{"type": "map", "values": "int"}"#;
    assert_eq!(skip(map, &[2, 2, b'k', 5, 0]), Ok(()));
    assert_eq!(skip(map, &[2, 2, b'k', 5]), Err(Refusal::Truncated));
}
