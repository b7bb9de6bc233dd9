//! The columns of a bad file: the record as it came, with every reason.
//!
//! Written by the batch writer and by `validate`, read back by whoever shows or repairs bad records. Raw bytes are kept as they were; headers as `batch::Headers` writes
//! one record.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, ListArray, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;
use muster_batch::headers::encoded_headers;
use muster_batch::{JudgedBatch, RawBatch, Refusal, RuleLists};
use muster_spec::Contract;

use super::good;
use super::parquet_file::Layout;

pub(super) const LAYOUT: Layout<'static> = Layout {
    rising: &["_source", "_partition", "_offset"],
    distinct: &["_payload", "_key", "_headers", "_timestamp"],
    ..Layout::PLAIN
};

pub(super) fn schema() -> SchemaRef {
    let mut fields: Vec<_> = good::position_fields().into();
    let timestamp = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    fields.extend([
        Arc::new(Field::new("_timestamp", timestamp, true)),
        Arc::new(Field::new("_key", DataType::Binary, true)),
        Arc::new(Field::new("_headers", DataType::Binary, true)),
        Arc::new(Field::new("_payload", DataType::Binary, true)),
        Arc::new(rule_list_field("_violations")),
        Arc::new(rule_list_field("_warnings")),
        Arc::new(Field::new("_reason", DataType::Utf8, true)),
    ]);
    Arc::new(Schema::new(fields))
}

pub(super) fn rule_list_field(name: &str) -> Field {
    Field::new_list(name, Field::new_list_field(DataType::Utf8, true), false)
}

/// The bad records of a batch.
pub(super) fn rows(
    judged: &JudgedBatch,
    records: &RawBatch,
    contract: &Contract,
    schema: SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let chosen = &judged.bad_records;
    let timestamps = chosen.iter().map(|&record| {
        let timestamp = records.timestamps[record as usize];
        (timestamp >= 0).then_some(timestamp)
    });
    let mut columns: Vec<ArrayRef> = good::position_columns(records, chosen).into();
    columns.push(Arc::new(
        timestamps.collect::<TimestampMillisecondArray>().with_timezone("UTC"),
    ));
    columns.push(bytes(chosen, |record| records.keys.get(record)));
    columns.push(bytes(chosen, |record| {
        Some(records.headers.encoded(record)).filter(|headers| !headers.is_empty())
    }));
    columns.push(bytes(chosen, |record| records.payloads.get(record)));
    columns.push(rule_lists(&judged.violations, contract));
    columns.push(rule_lists(&judged.warnings, contract));
    columns.push(reasons(judged));
    RecordBatch::try_new(schema, columns)
}

fn bytes<'a>(chosen: &[u32], value: impl Fn(usize) -> Option<&'a [u8]>) -> ArrayRef {
    let mut builder = BinaryBuilder::with_capacity(chosen.len(), 0);
    for &record in chosen {
        builder.append_option(value(record as usize));
    }
    Arc::new(builder.finish())
}

/// The ids of each bad record's rules.
pub(super) fn rule_lists(lists: &RuleLists, contract: &Contract) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in 0..lists.len() {
        for &rule in lists.get(row) {
            builder.values().append_value(contract.rule_id(rule));
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

fn reasons(judged: &JudgedBatch) -> ArrayRef {
    let codes = judged.refusals.iter().map(|refusal| refusal.map(Refusal::code));
    Arc::new(codes.collect::<StringArray>())
}

/// Records of a bad file, as they are read.
pub struct BadRecords<'r> {
    offsets: &'r [i64],
    timestamps: &'r TimestampMillisecondArray,
    keys: &'r BinaryArray,
    headers: &'r BinaryArray,
    payloads: &'r BinaryArray,
    violations: &'r ListArray,
    warnings: &'r ListArray,
    reasons: &'r StringArray,
}

impl<'r> BadRecords<'r> {
    /// The records of a batch of rows; `None` where its columns are not a bad file's.
    pub fn read(rows: &'r RecordBatch) -> Option<Self> {
        let bytes = |name: &str| rows.column_by_name(name)?.as_binary_opt::<i32>();
        let list = |name: &str| {
            let list = rows.column_by_name(name)?.as_list_opt::<i32>()?;
            list.values().as_string_opt::<i32>().map(|_| list)
        };
        Some(Self {
            offsets: rows
                .column_by_name("_offset")?
                .as_primitive_opt::<Int64Type>()?
                .values(),
            timestamps: rows
                .column_by_name("_timestamp")?
                .as_primitive_opt::<TimestampMillisecondType>()?,
            keys: bytes("_key")?,
            headers: bytes("_headers")?,
            payloads: bytes("_payload")?,
            violations: list("_violations")?,
            warnings: list("_warnings")?,
            reasons: rows.column_by_name("_reason")?.as_string_opt::<i32>()?,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// A record's offset.
    pub fn offset(&self, record: usize) -> i64 {
        self.offsets[record]
    }

    /// The ids of the rules of severity error that it broke.
    pub fn violations(&self, record: usize) -> impl Iterator<Item = &'r str> {
        listed(self.violations, record)
    }

    /// The ids of the rules of severity warn that it broke.
    pub fn warnings(&self, record: usize) -> impl Iterator<Item = &'r str> {
        listed(self.warnings, record)
    }

    /// Why it would not decode, if it would not.
    pub fn reason(&self, record: usize) -> Option<&'r str> {
        self.reasons.is_valid(record).then(|| self.reasons.value(record))
    }

    /// Its bytes; `None` for a record without a value.
    pub fn payload(&self, record: usize) -> Option<&'r [u8]> {
        self.payloads.is_valid(record).then(|| self.payloads.value(record))
    }

    /// Adds a record to a batch of the same source, as it came.
    pub fn copy(&self, record: usize, into: &mut RawBatch) {
        let bytes = |column: &'r BinaryArray| column.is_valid(record).then(|| column.value(record));
        into.offsets.push(self.offsets[record]);
        into.timestamps.push(if self.timestamps.is_valid(record) {
            self.timestamps.value(record)
        } else {
            -1
        });
        into.payloads.push(bytes(self.payloads));
        into.keys.push(bytes(self.keys));
        into.headers
            .push(encoded_headers(bytes(self.headers).unwrap_or_default()));
    }
}

fn listed(list: &ListArray, record: usize) -> impl Iterator<Item = &str> {
    let ends = list.value_offsets();
    let ids = list.values().as_string::<i32>();
    (ends[record] as usize..ends[record + 1] as usize).map(move |at| ids.value(at))
}
