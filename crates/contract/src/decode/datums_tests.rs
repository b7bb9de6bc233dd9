//! Cutting records that stand one after another.

use std::sync::LazyLock;

use apache_avro::Schema;
use apache_avro::types::{Record, Value};
use apache_avro::writer::datum::GenericDatumWriter;
use muster_batch::Refusal;
use muster_spec::schema_id;
use proptest::prelude::*;

use super::Datums;

const SCHEMA: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "number", "type": "long"},
    {"name": "word", "type": ["null", "string"]},
    {"name": "words", "type": {"type": "array", "items": "string"}},
    {"name": "next", "type": ["null", "R"]}
]}"#;

static PARSED: LazyLock<Schema> = LazyLock::new(|| Schema::parse_str(SCHEMA).unwrap());

fn datums() -> Datums {
    Datums::new(schema_id(SCHEMA), SCHEMA).unwrap()
}

fn record(number: i64, word: Option<&str>, words: &[String]) -> Vec<u8> {
    let schema = &*PARSED;
    let mut record = Record::new(schema).unwrap();
    let union = |at, value| Value::Union(at, Box::new(value));
    let null = || union(0, Value::Null);
    record.put("number", number);
    record.put(
        "word",
        word.map_or_else(null, |word| union(1, Value::String(word.into()))),
    );
    record.put(
        "words",
        Value::Array(words.iter().cloned().map(Value::String).collect()),
    );
    record.put("next", null());
    let writer = GenericDatumWriter::builder(schema).build().unwrap();
    writer.write_value_to_vec(record).unwrap()
}

proptest! {
    #[test]
    fn what_was_put_together_comes_apart(
        rows in proptest::collection::vec((any::<i64>(), any::<Option<String>>(), any::<Vec<String>>()), 1..20)
    ) {
        let rows = rows.iter().map(|(number, word, words)| record(*number, word.as_deref(), words));
        let rows: Vec<Vec<u8>> = rows.collect();
        let block = rows.concat();
        let (datums, mut rest) = (datums(), &block[..]);
        for row in &rows {
            prop_assert_eq!(datums.cut(&mut rest), Ok(&row[..]));
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn a_block_of_any_bytes_is_cut_or_refused(block: Vec<u8>) {
        let mut rest = &block[..];
        let datums = datums();
        while let Ok(record) = datums.cut(&mut rest) {
            prop_assert!(!record.is_empty());
        }
    }
}

#[test]
fn a_block_that_ends_inside_a_record_is_refused() {
    let whole = record(7, Some("seven"), &["a".into()]);
    for end in 0..whole.len() {
        assert_eq!(
            datums().cut(&mut &whole[..end]),
            Err(Refusal::Truncated),
            "cut at {end}"
        );
    }
}

#[test]
fn a_record_that_holds_itself_without_end_is_refused() {
    // number 0, word null, no words, next: the same again.
    let endless = [0, 0, 0, 2].repeat(100_000);
    assert_eq!(datums().cut(&mut &endless[..]), Err(Refusal::Depth));
}
