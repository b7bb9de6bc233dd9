//! What stood in a record's fields as text, whether or not it is a value of the field's type.
//!
//! Used by [`super::Patcher`] on records that are repaired: decoding keeps values alone, and what does not parse is the
//! very thing that a repair wants to see. Reads the all-text form by hand, JSON and other writers' Avro by their general
//! readers; a field that a writer sent as something else than text has none here. Never fails: what cannot be read has no text.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use arrow::array::{ArrayRef, StringBuilder, StructArray};
use muster_batch::{DecodedBatch, Origin};
use muster_expr::assign::texts_fields;
use muster_spec::contract::Format;
use muster_spec::{Contract, Field, SchemaId, all_text_schema, schema_id};

use crate::decode::frame;

/// Reads texts of records.
#[derive(Debug)]
pub(super) struct TextReader {
    contract: Arc<Contract>,
    /// The all-text schema by its text, whatever id it came under.
    derived: SchemaId,
    all_text: HashSet<SchemaId>,
    writers: HashMap<SchemaId, apache_avro::Schema>,
}

impl TextReader {
    pub(super) fn new(contract: Arc<Contract>) -> Self {
        let derived = schema_id(&all_text_schema(&contract));
        let mut reader = Self {
            derived,
            all_text: HashSet::from([derived]),
            writers: HashMap::new(),
            contract: Arc::clone(&contract),
        };
        let listed = contract.writers.iter().map(|(_, text)| text);
        for text in listed.chain([&contract.schema_text]) {
            reader.learn(schema_id(text), text);
        }
        reader
    }

    /// Learns a writer's schema; one that is none has no texts.
    pub(super) fn learn(&mut self, id: SchemaId, schema_text: &str) {
        if schema_id(schema_text) == self.derived {
            self.all_text.insert(id);
        } else if let Ok(schema) = apache_avro::Schema::parse_str(schema_text) {
            self.writers.insert(id, schema);
        }
    }

    /// A text for each row and field, null where there was none.
    pub(super) fn texts(&self, decoded: &DecodedBatch) -> StructArray {
        let fields = texts_fields(&self.contract);
        let mut columns: Vec<StringBuilder> = fields.iter().map(|_| StringBuilder::new()).collect();
        for &record in &decoded.record_of_row {
            let payload = match &decoded.origin {
                Origin::Records(records) => records.payloads.get(record as usize),
                Origin::Lines(_) => None,
            };
            if !payload.is_some_and(|payload| self.row(payload, &mut columns)) {
                columns.iter_mut().for_each(StringBuilder::append_null);
            }
        }
        let columns = columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
        StructArray::new(fields, columns.collect(), None)
    }

    /// Adds a record's texts, one a column; `false` where it has none and nothing was added.
    fn row(&self, payload: &[u8], columns: &mut [StringBuilder]) -> bool {
        // Published rows are framed Avro, whatever the topic's own records are.
        if let Ok((id, message)) = frame(payload) {
            if self.all_text.contains(&id) {
                return cells(message, columns.len()).is_some_and(|cells| {
                    let both = columns.iter_mut().zip(cells);
                    both.for_each(|(column, cell)| column.append_option(cell));
                    true
                });
            }
            let Some(schema) = self.writers.get(&id) else {
                return false;
            };
            let reader = GenericDatumReader::builder(schema).build();
            return reader
                .and_then(|reader| reader.read_value(&mut &*message))
                .is_ok_and(|value| {
                    let fields = self.contract.fields.iter().zip(columns);
                    fields.for_each(|(field, column)| column.append_option(avro_text(&value, &field.path)));
                    true
                });
        }
        if self.contract.format != Format::Json {
            return false;
        }
        serde_json::from_slice(payload).is_ok_and(|object: serde_json::Value| {
            let fields = self.contract.fields.iter().zip(columns);
            fields.for_each(|(field, column)| column.append_option(json_text(&object, field)));
            true
        })
    }
}

/// The cells of a record in the all-text form; `None` where it is not whole.
fn cells(mut message: &[u8], count: usize) -> Option<Vec<Option<&str>>> {
    let mut cells = Vec::with_capacity(count);
    for _ in 0..count {
        cells.push(match varint(&mut message)? {
            0 => None,
            2 => {
                let length = usize::try_from(varint(&mut message)? >> 1).ok()?;
                let (text, rest) = message.split_at_checked(length)?;
                message = rest;
                Some(std::str::from_utf8(text).ok()?)
            }
            _ => return None,
        });
    }
    message.is_empty().then_some(cells)
}

/// A number of seven bits a byte, as Avro writes it before its sign is folded in.
fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for place in 0..10 {
        let (first, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(first & 0x7f) << (7 * place);
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn avro_text<'v>(value: &'v Value, path: &[String]) -> Option<&'v str> {
    match (value, path) {
        (Value::Union(_, inner), path) => avro_text(inner, path),
        (Value::Record(members), [name, rest @ ..]) => {
            let (_, member) = members.iter().find(|(member, _)| member == name)?;
            avro_text(member, rest)
        }
        (Value::String(text) | Value::Enum(_, text), []) => Some(text),
        _ => None,
    }
}

/// A member's text, or what a number or truth value is written as.
fn json_text(object: &serde_json::Value, field: &Field) -> Option<String> {
    let by_path = field.path.iter().try_fold(object, |object, name| object.get(name));
    match by_path.or_else(|| object.get(&field.source))? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
