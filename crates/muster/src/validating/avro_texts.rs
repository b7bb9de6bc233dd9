//! The records of an Avro container as text, for the bad side.
//!
//! Used by [`super::validate`] on bad rows alone. What is judged is what the decoder made of a record; what is shown is
//! what its writer wrote, by the writer's names.

use std::collections::HashMap;

use anyhow::Context;
use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{Name, RecordSchema};
use apache_avro::types::Value;
use chrono::{DateTime, NaiveTime};
use muster_batch::raw_lines::Cell;
use muster_batch::{JudgedBatch, Origin, RawBatch, RawLines};

/// Bytes of the frame before a record.
const FRAME_BYTES: usize = 5;
/// How many columns are shown apart; a record that has more is shown whole.
const COLUMNS_MAX: usize = 1_000;

/// Gives records their text.
pub struct AvroTexts {
    /// The names of the columns: of the writer's fields, nested ones joined as a contract's columns are.
    pub header: Vec<String>,
    schema: Schema,
    shape: Shape,
}

/// Which columns a value takes.
enum Shape {
    /// One; for a decimal, its scale.
    Value(Option<usize>),
    /// Those of its fields.
    Record(Vec<Shape>),
}

impl AvroTexts {
    /// For records of this schema.
    pub fn new(schema: Schema) -> Self {
        let mut walk = Walk::default();
        let shape = walk.shape(&schema, String::new());
        Self {
            header: walk.header,
            schema,
            shape,
        }
    }

    /// Gives judged records the form of lines, with the text of those that are bad.
    pub fn show(&self, judged: &mut JudgedBatch) -> anyhow::Result<()> {
        let Origin::Records(records) = &judged.origin else {
            return Ok(());
        };
        let width = self.header.len();
        let mut lines = RawLines {
            first_row: records.delta.from.0 as u64,
            width,
            lines: records.offsets.iter().map(|row| *row as u64 + 1).collect(),
            cells: vec![Cell::NULL; width * records.len()],
            ..RawLines::default()
        };
        let reader = GenericDatumReader::builder(&self.schema).build()?;
        for &bad in &judged.bad_records {
            let value = reader.read_value(&mut record(records, bad));
            let value = value.with_context(|| format!("could not show record {}", records.offsets[bad as usize]))?;
            let mut at = bad as usize * width;
            put(&self.shape, Some(&value), &mut lines, &mut at);
        }
        judged.origin = Origin::Lines(lines);
        Ok(())
    }
}

/// A record's bytes, its frame taken off.
fn record(records: &RawBatch, at: u32) -> &[u8] {
    let payload = records.payloads.get(at as usize).unwrap_or_default();
    payload.get(FRAME_BYTES..).unwrap_or_default()
}

/// Puts a value's text into its cells, from `at` on.
fn put(shape: &Shape, value: Option<&Value>, lines: &mut RawLines, at: &mut usize) {
    match (shape, value) {
        (shape, Some(Value::Union(_, inner))) => put(shape, Some(inner), lines, at),
        (Shape::Record(shapes), Some(Value::Record(fields))) => {
            let values = fields.iter().map(|(_, value)| Some(value));
            let pairs = shapes.iter().zip(values);
            pairs.for_each(|(shape, value)| put(shape, value, lines, at));
        }
        (Shape::Record(shapes), _) => shapes.iter().for_each(|shape| put(shape, None, lines, at)),
        (Shape::Value(scale), value) => {
            if let Some(text) = value.and_then(|value| text_of(value, *scale)) {
                let start = lines.text.len() as u32;
                lines.text.extend_from_slice(text.as_bytes());
                let end = lines.text.len() as u32;
                lines.cells[*at] = if start == end { Cell::EMPTY } else { Cell { start, end } };
            }
            *at += 1;
        }
    }
}

/// Goes through a schema once.
#[derive(Default)]
struct Walk<'s> {
    header: Vec<String>,
    named: HashMap<&'s Name, &'s RecordSchema>,
    open: Vec<&'s Name>,
}

impl<'s> Walk<'s> {
    fn shape(&mut self, schema: &'s Schema, name: String) -> Shape {
        let record = match schema {
            Schema::Record(record) => Some(record),
            Schema::Ref { name } => self.named.get(name).copied(),
            Schema::Union(union) => {
                let mut values = union.variants().iter().filter(|value| !matches!(value, Schema::Null));
                if let (Some(value), None) = (values.next(), values.next()) {
                    return self.shape(value, name);
                }
                None
            }
            _ => None,
        };
        match record {
            // One that holds itself, or is one of too many, is shown whole.
            Some(record) if !self.open.contains(&&record.name) && self.header.len() < COLUMNS_MAX => {
                self.named.insert(&record.name, record);
                self.open.push(&record.name);
                let shapes = record.fields.iter().map(|field| {
                    let name = match &*name {
                        "" => field.name.clone(),
                        outer => format!("{outer}_{}", field.name),
                    };
                    self.shape(&field.schema, name)
                });
                let shapes = shapes.collect();
                self.open.pop();
                Shape::Record(shapes)
            }
            _ => {
                self.header.push(name);
                Shape::Value(match schema {
                    Schema::Decimal(decimal) => Some(decimal.scale),
                    _ => None,
                })
            }
        }
    }
}

/// A value as people read it; `None` for null.
fn text_of(value: &Value, scale: Option<usize>) -> Option<String> {
    let instant = |per_second: i64, value: i64, pattern: &str| {
        let nanos = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
        let instant = DateTime::from_timestamp(value.div_euclid(per_second), nanos as u32);
        instant.map_or_else(|| value.to_string(), |instant| instant.format(pattern).to_string())
    };
    let time_of_day = |per_second: i64, value: i64| {
        let seconds = u32::try_from(value.div_euclid(per_second)).ok();
        let nanos = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
        let time = seconds.and_then(|seconds| NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos as u32));
        time.map_or_else(|| value.to_string(), |time| time.to_string())
    };
    Some(match value {
        Value::Null => return None,
        Value::Union(_, inner) => return text_of(inner, scale),
        Value::Boolean(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Long(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::String(value) | Value::Enum(_, value) => value.clone(),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => readable(bytes),
        Value::Date(days) => {
            let date = DateTime::from_timestamp(i64::from(*days) * 86_400, 0);
            date.map_or_else(|| days.to_string(), |date| date.format("%Y-%m-%d").to_string())
        }
        Value::TimeMillis(millis) => time_of_day(1_000, (*millis).into()),
        Value::TimeMicros(micros) => time_of_day(1_000_000, *micros),
        Value::TimestampMillis(millis) => instant(1_000, *millis, "%Y-%m-%dT%H:%M:%S%.3fZ"),
        Value::TimestampMicros(micros) => instant(1_000_000, *micros, "%Y-%m-%dT%H:%M:%S%.6fZ"),
        Value::TimestampNanos(nanos) => instant(1_000_000_000, *nanos, "%Y-%m-%dT%H:%M:%S%.9fZ"),
        Value::LocalTimestampMillis(millis) => instant(1_000, *millis, "%Y-%m-%dT%H:%M:%S%.3f"),
        Value::LocalTimestampMicros(micros) => instant(1_000_000, *micros, "%Y-%m-%dT%H:%M:%S%.6f"),
        Value::LocalTimestampNanos(nanos) => instant(1_000_000_000, *nanos, "%Y-%m-%dT%H:%M:%S%.9f"),
        Value::Decimal(decimal) => {
            let bytes = Vec::try_from(decimal).unwrap_or_default();
            decimal_text(&bytes, scale.unwrap_or_default()).unwrap_or_else(|| readable(&bytes))
        }
        Value::BigDecimal(decimal) => decimal.to_string(),
        Value::Uuid(value) => value.to_string(),
        Value::Duration(_) | Value::Array(_) | Value::Map(_) | Value::Record(_) => {
            let json = serde_json::Value::try_from(value.clone());
            json.map_or_else(|_| format!("{value:?}"), |json| json.to_string())
        }
    })
}

/// Text as it is, other bytes in hexadecimal digits.
fn readable(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(
        |_| {
            let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
            digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
        },
        str::to_owned,
    )
}

/// A decimal's digits from its unscaled value, big-endian; `None` where that has more than 128 bits.
fn decimal_text(bytes: &[u8], scale: usize) -> Option<String> {
    let (first, rest) = bytes.split_first()?;
    if bytes.len() > 16 {
        return None;
    }
    let extended = i128::from((*first).cast_signed());
    let unscaled = rest.iter().fold(extended, |value, byte| value << 8 | i128::from(*byte));
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let sign = if unscaled < 0 { "-" } else { "" };
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    Some(if scale == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    })
}

#[cfg(test)]
#[path = "avro_texts_tests.rs"]
mod tests;
