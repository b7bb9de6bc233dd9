//! One row of a sealed file, found by its position without reading the file.
//!
//! Used by whoever traces a row. The footer says which row groups can hold the position; in those the position's columns are
//! read, and of all others the pages with the row. So a row costs the same in a small file and in a large one, and the
//! file's sha-256, which only the whole file could show, is not checked.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use muster_spec::{Offset, SourceId};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowFilter,
};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::parquet_file::unwound;
use super::{FileStore, ListedFile};
use crate::error::Error;

/// A row with its place in the file.
#[derive(Clone, Debug)]
pub struct SealedRow {
    /// The row, alone in its batch.
    pub rows: RecordBatch,
    /// The row group that holds it.
    pub row_group: usize,
    /// Its number in the file, from 0.
    pub row: u64,
}

/// What is read to find a position.
const POSITION: [&str; 2] = ["_source", "_offset"];

/// The row of a position among those that are listed of a file of good or bad rows, of features or of a patch, which is of
/// one source alone; `None` where there is none. A merged file may hold the position for another batch too: as a row
/// that was made good.
pub fn row_at(
    store: &dyn FileStore,
    listed: &ListedFile,
    source: SourceId,
    offset: Offset,
) -> Result<Option<SealedRow>, Error> {
    let file = store.open(&listed.path)?;
    let among = listed.first_row..listed.first_row + listed.rows;
    unwound(&listed.path, || find(file, &among, source.0, offset.0))?
        .map_err(|reason| Error::damaged(&listed.path, reason))
}

fn find(file: File, among: &Range<u64>, source: i64, offset: i64) -> Result<Option<SealedRow>, String> {
    let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
    let metadata = ArrowReaderMetadata::load(&file, options).map_err(|error| error.to_string())?;
    let mut before = 0;
    for (at, group) in metadata.metadata().row_groups().iter().enumerate() {
        let after = before + group.num_rows() as u64;
        let is_listed = before < among.end && among.start < after;
        if is_listed && may_hold(group, "_source", source) && may_hold(group, "_offset", offset) {
            let file = file.try_clone().map_err(|error| error.to_string())?;
            let among = among.start.saturating_sub(before)..among.end - before;
            if let Some((rows, place)) = find_in(file, metadata.clone(), (at, among), source, offset)? {
                return Ok(Some(SealedRow {
                    rows,
                    row_group: at,
                    row: before + place,
                }));
            }
        }
        before = after;
    }
    Ok(None)
}

/// Whether a column of a row group can have a value, as far as its statistics say.
fn may_hold(group: &RowGroupMetaData, column: &str, value: i64) -> bool {
    let column = group
        .columns()
        .iter()
        .find(|known| known.column_path().string() == column);
    match column.and_then(|column| column.statistics()) {
        Some(Statistics::Int64(known)) => {
            known.min_opt().is_none_or(|min| *min <= value) && known.max_opt().is_none_or(|max| *max >= value)
        }
        _ => true,
    }
}

/// The row with its number in the row group, which is among some.
fn find_in(
    file: File,
    metadata: ArrowReaderMetadata,
    (group, among): (usize, Range<u64>),
    source: i64,
    offset: i64,
) -> Result<Option<(RecordBatch, u64)>, String> {
    const NOWHERE: u64 = u64::MAX;
    let place = Arc::new(AtomicU64::new(NOWHERE));
    let found = Arc::clone(&place);
    let mut seen = 0;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let mask = ProjectionMask::columns(builder.parquet_schema(), POSITION);
    let is_it = move |rows: RecordBatch| -> Result<BooleanArray, ArrowError> {
        let column = |name: &str| rows.column_by_name(name)?.as_primitive_opt::<Int64Type>();
        let offsets = column("_offset").ok_or_else(|| ArrowError::SchemaError("it has no column `_offset`".into()))?;
        let is_source = |row: usize| column("_source").is_none_or(|sources| sources.value(row) == source);
        let mut rows_at = offsets.values().iter().enumerate().filter(|(_, at)| **at == offset);
        let is_wanted = |row: usize| is_source(row) && among.contains(&(seen + row as u64));
        let row = rows_at.find(|(row, _)| is_wanted(*row)).map(|(row, _)| row);
        if let Some(row) = row {
            found.store(seen + row as u64, Ordering::Relaxed);
        }
        seen += rows.num_rows() as u64;
        Ok((0..rows.num_rows()).map(|at| Some(Some(at) == row)).collect())
    };
    let filter = RowFilter::new(vec![Box::new(ArrowPredicateFn::new(mask, is_it))]);
    let mut reader = builder
        .with_row_groups(vec![group])
        .with_row_filter(filter)
        .with_limit(1)
        .build()
        .map_err(|error| error.to_string())?;
    let rows = reader.next().transpose().map_err(|error| error.to_string())?;
    let place = place.load(Ordering::Relaxed);
    Ok(rows
        .filter(|rows| rows.num_rows() == 1 && place != NOWHERE)
        .map(|rows| (rows, place)))
}
