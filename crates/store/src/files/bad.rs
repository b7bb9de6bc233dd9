//! The columns of a bad file: the record as it came, with every reason.
//!
//! Used by the batch writer and by `validate`. Raw bytes are kept as they were; headers as `batch::Headers` writes
//! one record.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
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
