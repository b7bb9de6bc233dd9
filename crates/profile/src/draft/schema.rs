//! The Avro schema: a field for each column, under a name that Avro takes, with the file's own name as its source.
//!
//! JSON has no comments, so each field's `doc` says what the column is.

use muster_spec::TextFormat;
use serde_json::{Value, json};

use super::plainly;
use crate::guess::{Guess, Kind};
use crate::reading::{ColumnReading, Reading};
use crate::roles::Role;

/// The schema of a table whose values nobody looked at yet: all fields may be missing.
pub(super) fn of_guess(guess: &Guess, name: &str) -> String {
    let fields = guess
        .columns
        .iter()
        .map(|column| field(&column.name, &column.header, column.kind, true, None));
    let fields: Vec<Value> = fields.collect();
    json!({"type": "record", "name": name, "fields": fields}).to_string()
}

/// The schema of a table, a field a line.
pub(super) fn of_reading(reading: &Reading, name: &str, record: &str) -> String {
    let fields = reading.columns.iter().map(|column| {
        let may_miss = !is_required(column);
        let doc = doc(column, reading.rows);
        format!(
            "    {}",
            field(&column.name, &column.header, column.kind, may_miss, Some(doc))
        )
    });
    let fields: Vec<String> = fields.collect();
    format!(
        "{{\n  \"type\": \"record\",\n  \"name\": \"{record}\",\n  \"doc\": \"A row of {name}.\",\n  \"fields\": [\n{}\n  ]\n}}\n",
        fields.join(",\n")
    )
}

/// Whether a row without a value is bad: where none is missing. Rows to be scored have no label yet.
pub(super) fn is_required(column: &ColumnReading) -> bool {
    column.missing == 0 && column.misread == 0 && column.role != Role::Label
}

fn field(name: &str, header: &str, kind: Kind, may_miss: bool, doc: Option<String>) -> Value {
    let kind_of = match kind {
        Kind::Boolean => json!("boolean"),
        Kind::Whole => json!("long"),
        Kind::Number | Kind::Percent | Kind::Amount(_) => json!("double"),
        Kind::Bytes => json!("bytes"),
        Kind::Date => json!({"type": "int", "logicalType": "date"}),
        Kind::Moment => json!({"type": "long", "logicalType": "timestamp-micros"}),
        Kind::Text => json!("string"),
    };
    let mut field = json!({"name": name, "type": kind_of});
    if may_miss {
        field["type"] = json!(["null", kind_of]);
        field["default"] = Value::Null;
    }
    if header != name {
        field["source"] = json!(header);
    }
    if let Some(unit) = kind.unit() {
        field["unit"] = json!(unit);
    }
    if let Some(doc) = doc {
        field["doc"] = json!(doc);
    }
    field
}

fn doc(column: &ColumnReading, rows: u64) -> String {
    let missing = match column.missing {
        0 => "never missing".to_owned(),
        missing => format!(
            "missing in {} % of the rows",
            (100.0 * missing as f64 / rows as f64).ceil()
        ),
    };
    let about = if column.exact { "" } else { "about " };
    plainly(&format!(
        "{}, {about}{} different, {missing}.",
        capital(column.kind.words()),
        column.distinct
    ))
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The marks of text that differ from the usual.
pub(super) fn differs(format: &TextFormat) -> bool {
    *format != TextFormat::default()
}
