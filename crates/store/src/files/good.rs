//! The columns of a good file: the contract's fields, then position and event time.
//!
//! Used by the batch writer, and by ingest for feature views that read positions. The fields' columns are taken as judge made them; only five are built here.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use muster_batch::{JudgedBatch, Origin, RawBatch};
use muster_spec::{Check, Contract, FieldKind};

use super::parquet_file::Layout;

/// What rises in every good file.
const RISING: [&str; 4] = ["_source", "_partition", "_offset", "_event_time"];

/// How the good rows of a contract are laid out: a field with a `unique` rule hardly repeats in a batch.
pub(super) struct GoodLayout<'c> {
    rising: Vec<&'c str>,
    distinct: Vec<&'c str>,
}

impl<'c> GoodLayout<'c> {
    pub(super) fn new(contract: &'c Contract) -> Self {
        let unique = contract
            .rules
            .iter()
            .filter(|rule| matches!(rule.check, Check::Unique { .. }));
        let unique = unique.filter_map(|rule| contract.fields.get(rule.field?));
        let (numbers, others): (Vec<_>, Vec<_>) =
            unique.partition(|field| matches!(field.kind, FieldKind::Int | FieldKind::Long));
        let name = |field: &'c muster_spec::Field| field.name.as_str();
        Self {
            rising: numbers.into_iter().map(name).chain(RISING).collect(),
            distinct: others.into_iter().map(name).collect(),
        }
    }

    pub(super) fn layout(&self) -> Layout<'_> {
        Layout {
            rising: &self.rising,
            distinct: &self.distinct,
            ..Layout::PLAIN
        }
    }
}

/// The schema of a good file whose contract's fields are `fields`.
pub(super) fn schema(fields: &Schema) -> SchemaRef {
    let mut all: Vec<_> = fields.fields().iter().cloned().collect();
    all.extend(position_fields());
    all.push(Arc::new(Field::new(
        "_event_time",
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        true,
    )));
    Arc::new(Schema::new(all))
}

/// `_source`, `_topic`, `_partition`, `_offset`.
pub(super) fn position_fields() -> [Arc<Field>; 4] {
    [
        Arc::new(Field::new("_source", DataType::Int64, false)),
        Arc::new(Field::new("_topic", DataType::Utf8, false)),
        Arc::new(Field::new("_partition", DataType::Int32, false)),
        Arc::new(Field::new("_offset", DataType::Int64, false)),
    ]
}

/// The position columns of some records of a batch.
pub(super) fn position_columns(records: &RawBatch, chosen: &[u32]) -> [ArrayRef; 4] {
    let rows = chosen.len();
    let offsets = chosen.iter().map(|&record| records.offsets[record as usize]);
    [
        Arc::new(Int64Array::from_value(records.source.0, rows)),
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
            &*records.topic,
            rows,
        ))),
        Arc::new(Int32Array::from_value(records.partition, rows)),
        Arc::new(Int64Array::from_iter_values(offsets)),
    ]
}

/// The good rows of judged records as they stand in a good file. `None` for lines of a file, which have no position.
pub fn with_positions(judged: &JudgedBatch) -> Option<RecordBatch> {
    let Origin::Records(records) = &judged.origin else {
        return None;
    };
    let schema = schema(judged.good.schema_ref());
    Some(rows(judged, records, schema).expect("columns of one judged batch are equally long"))
}

/// The good rows with their positions.
pub(super) fn rows(judged: &JudgedBatch, records: &RawBatch, schema: SchemaRef) -> Result<RecordBatch, ArrowError> {
    let mut columns = judged.good.columns().to_vec();
    columns.extend(position_columns(records, &judged.good_records));
    columns.push(Arc::new(event_times(&judged.good_event_times)));
    RecordBatch::try_new(schema, columns)
}

fn event_times(event_times: &[i64]) -> TimestampMicrosecondArray {
    let values = ScalarBuffer::from(event_times.to_vec());
    let missing = event_times.contains(&i64::MIN);
    let nulls = missing.then(|| event_times.iter().map(|&time| time != i64::MIN).collect::<NullBuffer>());
    TimestampMicrosecondArray::new(values, nulls).with_timezone("UTC")
}
