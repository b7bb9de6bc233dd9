//! Records' bytes to rows of the contract's fields.
//!
//! Used by `muster ingest`, `test` and `replay`; its slots and columns also by the readers of text files. A record
//! becomes a row only when all of it parsed; otherwise it is refused with its own reason and its neighbours are
//! untouched. Decoding never fails and never panics on data.
//!
//! Bound: for a batch of `r` records and `b` payload bytes, decoding allocates at most `b` bytes for text and bytes
//! columns plus, for each record, the fields' fixed widths, their defaults and at most one finding a field and one
//! refusal (vectors may hold twice what they need). Nothing is sized by a number read from a message.

mod avro;
pub mod columns;
pub(crate) mod constant;
mod conversion;
mod cursor;
mod datums;
mod decimal;
pub(crate) mod json;
mod json_scan;
mod json_writer;
mod named;
pub(crate) mod plan;
mod published;
mod resolve;
mod skip;
pub mod slot;
pub mod stored;
mod text_writer;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use muster_batch::{DecodedBatch, Finding, Origin, RawBatch, Refusal, Refused};
use muster_spec::contract::Format;
use muster_spec::{Check, Contract, RuleNumber, SchemaId};

use crate::Error;
pub(crate) use avro::frame;
use columns::Columns;
use constant::Constant;
pub use datums::{Datums, framed};
pub use json_writer::JsonWriter;
use plan::{FieldRules, Plan};
pub use published::{COLUMNS_HEADER, LINE_HEADER};
use slot::Slot;
pub use text_writer::TextWriter;

/// The largest payload that is decoded unless told otherwise: 1 MiB, Kafka's own default.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// How many ids without a schema are remembered; beyond, all are asked for again.
const UNKNOWN_MAX: usize = 4_096;

/// Turns a contract's records into rows.
#[derive(Debug)]
pub struct Decoder {
    contract: Arc<Contract>,
    /// Writers by id; `None` where the schema does not resolve.
    writers: HashMap<SchemaId, Option<Plan>>,
    unknown: HashSet<SchemaId>,
    rules: FieldRules,
    undecodable: RuleNumber,
    ragged: RuleNumber,
    columns: RuleNumber,
    /// The default of each field.
    defaults: Vec<Option<Constant>>,
    json: json::Shape,
    payload_bytes_max: usize,
}

impl Decoder {
    /// A decoder that knows the contract's own schema, its all-text form and the writers that the contract lists.
    pub fn new(contract: Arc<Contract>) -> Result<Self, Error> {
        let built_in = |check: &Check| {
            let missing = || Error::Contract(format!("the built-in rule {check:?} is missing"));
            contract.built_in(check, None).ok_or_else(missing)
        };
        let mut decoder = Self {
            writers: HashMap::new(),
            unknown: HashSet::new(),
            rules: field_rules(&contract)?,
            undecodable: built_in(&Check::Decodable)?,
            ragged: built_in(&Check::Ragged)?,
            columns: built_in(&Check::Columns)?,
            defaults: contract.fields.iter().map(default_of).collect::<Result<_, _>>()?,
            json: json::Shape::new(&contract),
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            contract: Arc::clone(&contract),
        };
        let all_text = muster_spec::all_text_schema(&contract);
        let listed = contract.writers.iter().map(|(_, text)| text);
        for text in [&contract.schema_text, &all_text].into_iter().chain(listed) {
            decoder.learn(muster_spec::schema_id(text), text)?;
        }
        Ok(decoder)
    }

    /// The same decoder with another limit: larger payloads are refused as [`Refusal::TooLarge`].
    #[must_use]
    pub fn with_payload_bytes_max(mut self, payload_bytes_max: usize) -> Self {
        self.payload_bytes_max = payload_bytes_max;
        self
    }

    /// The ids in the batch's frames that are neither learned nor confirmed to be unknown, each once.
    pub fn missing(&self, batch: &RawBatch) -> Vec<SchemaId> {
        let mut missing = Vec::new();
        if self.contract.format == Format::Json {
            return missing;
        }
        let mut last = None;
        for (record, payload) in batch.payloads.iter().enumerate() {
            let Some(Ok((id, _))) = payload.map(frame) else {
                continue;
            };
            if last.replace(id) == Some(id) || self.writers.contains_key(&id) || self.unknown.contains(&id) {
                continue;
            }
            let is_line = matches!(published::note(&batch.headers, record), published::Note::Line(_));
            if !is_line && !missing.contains(&id) {
                missing.push(id);
            }
        }
        missing
    }

    /// Learns the schema of an id. One that is no Avro schema or does not resolve to the contract's is remembered too:
    /// its records are refused as [`Refusal::SchemaIncompatible`]; the error says why.
    pub fn learn(&mut self, id: SchemaId, schema_text: &str) -> Result<(), Error> {
        self.unknown.remove(&id);
        self.writers.insert(id, None);
        let schema = apache_avro::Schema::parse_str(schema_text).map_err(|source| Error::Schema {
            id,
            source: Box::new(source),
        })?;
        let plan = resolve::resolve(&schema, &self.contract, &self.rules).map_err(|unfit| Error::Incompatible {
            id,
            field: unfit.field,
            reason: unfit.reason,
        })?;
        self.writers.insert(id, Some(plan));
        Ok(())
    }

    /// Confirms that nobody knows a schema of this id: its records are refused as [`Refusal::SchemaUnknown`].
    pub fn unknown(&mut self, id: SchemaId) {
        if self.unknown.len() == UNKNOWN_MAX {
            self.unknown.clear();
        }
        self.unknown.insert(id);
    }

    /// Turns records into rows. Records of schemas that are [`Decoder::missing`] are refused as
    /// [`Refusal::SchemaUnknown`], so ask for those first.
    pub fn decode(&self, batch: RawBatch) -> DecodedBatch {
        let rows = match self.contract.format {
            Format::Avro => self.decode_avro(&batch),
            Format::Json => self.decode_json(&batch),
        };
        rows.of(batch)
    }

    /// Turns framed Avro into rows whatever the topic's records are: so are rows of files, which have no format of a
    /// topic.
    pub fn decode_framed(&self, batch: RawBatch) -> DecodedBatch {
        self.decode_avro(&batch).of(batch)
    }

    /// What can be told of a record before its payload is read: nothing to read, a tombstone, a line.
    #[inline]
    fn admit<'b>(&self, batch: &'b RawBatch, record: usize) -> Admitted<'b> {
        let Some(payload) = batch.payloads.get(record) else {
            return Admitted::Tombstone;
        };
        if payload.len() > self.payload_bytes_max {
            return Admitted::Refused(Refusal::TooLarge);
        }
        match published::note(&batch.headers, record) {
            published::Note::Line(reason) => Admitted::Refused(reason),
            _ if payload.is_empty() => Admitted::Refused(Refusal::Empty),
            published::Note::Columns(note) => Admitted::Payload(payload, Some(note)),
            published::Note::Plain => Admitted::Payload(payload, None),
        }
    }

    fn refuse(&self, record: usize, reason: Refusal) -> Refused {
        let rule = match reason {
            Refusal::Ragged => self.ragged,
            _ => self.undecodable,
        };
        Refused {
            record: record as u32,
            rule,
            reason,
        }
    }
}

/// A record before its payload is read.
enum Admitted<'b> {
    Tombstone,
    Refused(Refusal),
    /// The payload, and what `muster-columns` says.
    Payload(&'b [u8], Option<&'b [u8]>),
}

/// What becomes of a batch's records.
struct Rows {
    columns: Columns,
    record_of_row: Vec<u32>,
    refused: Vec<Refused>,
    findings: Vec<Finding>,
    tombstones: Vec<u32>,
}

impl Rows {
    fn new(contract: &Contract, records: usize) -> Self {
        Self {
            columns: Columns::new(contract, records),
            record_of_row: Vec::with_capacity(records),
            refused: Vec::new(),
            findings: Vec::new(),
            tombstones: Vec::new(),
        }
    }

    /// The rows of their batch.
    fn of(self, batch: RawBatch) -> DecodedBatch {
        DecodedBatch {
            origin: Origin::Records(batch),
            rows: self.columns.finish(),
            record_of_row: self.record_of_row,
            refused: self.refused,
            findings: self.findings,
            tombstones: self.tombstones,
        }
    }

    /// The number of the row that comes next.
    fn next(&self) -> u32 {
        self.record_of_row.len() as u32
    }

    fn push(&mut self, record: usize, row: &[Slot<'_>]) {
        self.columns.push(row);
        self.record_of_row.push(record as u32);
    }
}

/// What a field's default means for a row.
fn default_of(field: &muster_spec::Field) -> Result<Option<Constant>, Error> {
    let Some(default) = &field.default else { return Ok(None) };
    let wrong = || Error::Contract(format!("the default of `{}` is not of its type", field.name));
    Constant::of(default, field).map(Some).ok_or_else(wrong)
}

pub(crate) fn field_rules(contract: &Contract) -> Result<FieldRules, Error> {
    let mut rules = FieldRules {
        types: Vec::new(),
        nulls: Vec::new(),
    };
    for (slot, field) in contract.fields.iter().enumerate() {
        let missing = || Error::Contract(format!("the built-in rule `{}.type` is missing", field.name));
        let of_type = contract.built_in(&Check::Type, Some(slot)).ok_or_else(missing)?;
        let required = contract
            .rules
            .iter()
            .any(|rule| rule.field == Some(slot) && rule.check == Check::Required);
        rules.types.push(of_type);
        rules.nulls.push((!field.nullable && !required).then_some(of_type));
    }
    Ok(rules)
}
