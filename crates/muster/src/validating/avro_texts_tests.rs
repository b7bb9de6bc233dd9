//! What people see of a record's values.

use apache_avro::types::Value;
use apache_avro::{Decimal, Schema};

use super::{AvroTexts, decimal_text, text_of};

#[test]
fn records_become_columns_and_what_holds_itself_is_shown_whole() {
    let schema = r#"{"type": "record", "name": "R", "fields": [
        {"name": "number", "type": "long"},
        {"name": "home", "type": ["null", {"type": "record", "name": "H", "fields": [
            {"name": "town", "type": "string"},
            {"name": "rent", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}
        ]}]},
        {"name": "work", "type": "H"},
        {"name": "next", "type": ["null", "R"]},
        {"name": "mixed", "type": ["null", "string", "H"]},
        {"name": "tags", "type": {"type": "array", "items": "string"}}
    ]}"#;
    let texts = AvroTexts::new(Schema::parse_str(schema).unwrap());
    let names = [
        "number",
        "home_town",
        "home_rent",
        "work_town",
        "work_rent",
        "next",
        "mixed",
        "tags",
    ];
    assert_eq!(texts.header, names);
}

#[test]
fn decimals_have_their_point_and_their_sign() {
    let cases: [(&[u8], usize, Option<&str>); 8] = [
        (&[0x7b], 2, Some("1.23")),
        (&[0xff], 2, Some("-0.01")),
        (&[0x00], 2, Some("0.00")),
        (&[0x04, 0xd2], 0, Some("1234")),
        (&[0xfb, 0x2e], 3, Some("-1.234")),
        (
            &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            0,
            Some("-170141183460469231731687303715884105728"),
        ),
        (&[1; 17], 0, None),
        (&[], 0, None),
    ];
    for (bytes, scale, text) in cases {
        assert_eq!(decimal_text(bytes, scale).as_deref(), text, "{bytes:?} at {scale}");
    }
}

#[test]
fn values_are_shown_as_people_write_them() {
    let cases = [
        (Value::Null, None),
        (Value::Union(1, Box::new(Value::Long(7))), Some("7")),
        (Value::Double(0.5), Some("0.5")),
        (Value::Bytes(b"plain".to_vec()), Some("plain")),
        (Value::Fixed(2, vec![0xff, 0x01]), Some("ff01")),
        (Value::Date(20_000), Some("2024-10-04")),
        (Value::Date(-1), Some("1969-12-31")),
        (Value::TimeMillis(45_296_007), Some("12:34:56.007")),
        (Value::TimeMicros(-1), Some("-1")),
        (Value::TimestampMillis(-1), Some("1969-12-31T23:59:59.999Z")),
        (Value::TimestampMicros(1), Some("1970-01-01T00:00:00.000001Z")),
        (Value::TimestampNanos(1), Some("1970-01-01T00:00:00.000000001Z")),
        (Value::LocalTimestampMillis(0), Some("1970-01-01T00:00:00.000")),
        (Value::Decimal(Decimal::from([0x7b])), Some("12.3")),
        (Value::Array(vec![Value::Int(1), Value::Null]), Some("[1,null]")),
        (Value::TimestampMillis(i64::MAX), Some("9223372036854775807")),
    ];
    for (value, text) in cases {
        assert_eq!(text_of(&value, Some(1)).as_deref(), text, "{value:?}");
    }
}
