//! The columns of a key file: fingerprints that later batches are held against.
//!
//! Written beside the good file, read back when a source is assigned. Rules are named by id, not number: a number
//! belongs to one version of a contract, a key file outlives it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray, UInt16Array,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt16Type, UInt64Type};
use arrow::error::ArrowError;
use muster_batch::{KeyEntries, KeyKind};
use muster_spec::Contract;

use super::parquet_file::Layout;

pub(super) const LAYOUT: Layout<'static> = Layout {
    rising: &["offset", "event_time"],
    distinct: &["fingerprint", "payload_hash"],
    ..Layout::PLAIN
};

/// In place of a rule's id, which is never empty.
const WATERMARK: &str = "";

pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        // The id of the `unique` rule; null for an event's id, empty for the watermark.
        Field::new(
            "rule",
            DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8)),
            true,
        ),
        Field::new("fingerprint", DataType::FixedSizeBinary(16), false),
        Field::new("event_time", DataType::Int64, false),
        Field::new("offset", DataType::Int64, false),
        Field::new("payload_hash", DataType::UInt64, false),
    ]))
}

pub(super) fn rows(entries: &KeyEntries, contract: &Contract, schema: SchemaRef) -> Result<RecordBatch, ArrowError> {
    let numbers: UInt16Array = entries
        .kinds
        .iter()
        .map(|kind| match kind {
            &KeyKind::WATERMARK => Some(contract.rules.len() as u16),
            KeyKind::Unique(rule) => Some(*rule),
            KeyKind::Event => None,
        })
        .collect();
    let ids = contract.rules.iter().map(|rule| rule.id.as_str()).chain([WATERMARK]);
    let ids = StringArray::from_iter_values(ids);
    let fingerprints: Vec<u8> = entries
        .fingerprints
        .iter()
        .flat_map(|fingerprint| fingerprint.to_be_bytes())
        .collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(DictionaryArray::<UInt16Type>::try_new(numbers, Arc::new(ids))?),
        Arc::new(FixedSizeBinaryArray::try_new(16, fingerprints.into(), None)?),
        Arc::new(Int64Array::from(entries.event_times.clone())),
        Arc::new(Int64Array::from(entries.offsets.clone())),
        Arc::new(UInt64Array::from(entries.payload_hashes.clone())),
    ];
    RecordBatch::try_new(schema, columns)
}

/// Adds a key file's rows to `entries`. Keys of a rule the contract no longer has are left out. `None` where the
/// columns are not a key file's.
pub(super) fn append(batch: &RecordBatch, contract: &Contract, entries: &mut KeyEntries) -> Option<()> {
    let rules = batch.column_by_name("rule")?.as_dictionary_opt::<UInt16Type>()?;
    let ids = rules.values().as_string_opt::<i32>()?;
    let kinds: Vec<Option<KeyKind>> = (0..ids.len())
        .map(|at| match ids.value(at) {
            WATERMARK => Some(KeyKind::WATERMARK),
            id => contract.rule(id).map(|number| KeyKind::Unique(number.0)),
        })
        .collect();
    let fingerprints = batch.column_by_name("fingerprint")?.as_fixed_size_binary_opt()?;
    let event_times = batch.column_by_name("event_time")?.as_primitive_opt::<Int64Type>()?;
    let offsets = batch.column_by_name("offset")?.as_primitive_opt::<Int64Type>()?;
    let payload_hashes = batch.column_by_name("payload_hash")?.as_primitive_opt::<UInt64Type>()?;
    for row in 0..batch.num_rows() {
        let kind = match rules.key(row) {
            None => KeyKind::Event,
            Some(id) => match kinds.get(id).copied().flatten() {
                Some(kind) => kind,
                None => continue,
            },
        };
        let fingerprint = u128::from_be_bytes(fingerprints.value(row).try_into().ok()?);
        entries.push(
            kind,
            fingerprint,
            event_times.value(row),
            offsets.value(row),
            payload_hashes.value(row),
        );
    }
    Some(())
}
