//! Runs a feature view over sealed files: the one way in which features come to be, in training and scoring alike.
//!
//! Called by `muster train` with all labelled files and by `muster score` with one batch's. Rows come out ordered by
//! topic, partition, source and offset however the batches were cut: the incarnations of a topic are sources of the same
//! topic and partition, numbered in the order in which they came to be.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, cast, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{Field, Int64Type, Schema, TimestampMicrosecondType};
use arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::DataFrame;
use muster_batch::{Ask, FeatureFrame};
use muster_spec::{Offset, SourceId};

use crate::parts::Part;
use crate::row_local::{Carried, carry};
use crate::session::{POSITION, empty_table, plan, session, table_of_files, table_of_parts};
use crate::{Error, Feature, GoodFile, View};

/// The features of every row of these files, each once.
///
/// `asks` is `None` for a view of `mode: rows`, the only mode there is. With `label` the frame holds the label's column
/// as the contract types it, null where a row has none.
///
/// # Errors
/// A file that is missing, truncated or altered, by name (see [`Error::corrupt`]); a query that fails on the rows.
pub async fn compute(
    view: &View,
    files: &[GoodFile],
    asks: Option<&[Ask]>,
    label: bool,
) -> Result<FeatureFrame, Error> {
    if asks.is_some() {
        return Err(Error::Entities);
    }
    let listed = files.iter().map(|file| file.rows).sum();
    let computed = rows(view, files, label).await?;
    let given = computed.num_rows() as u64;
    if given != listed {
        return Err(Error::Rows { given, listed });
    }
    let computed = in_order(view, &computed).map_err(|error| Error::Query(of_arrow(&error)))?;
    frame(view, &computed, label)
}

/// The view's columns, then position, entity and label, in the order of the files.
async fn rows(view: &View, files: &[GoodFile], label: bool) -> Result<RecordBatch, Error> {
    let checked = files.to_vec();
    for file in &checked {
        if file.contract != view.source {
            return Err(Error::Foreign {
                path: file.path.clone(),
                contract: file.contract.to_string(),
            });
        }
    }
    let verified = tokio::task::spawn_blocking(move || located(&checked));
    let parts = verified.await.expect("hashing a file does not panic")?;
    let state = session();
    let query = |error: DataFusionError| Error::Query(error.to_string());
    let rows = Arc::clone(&view.rows);
    let table = match whole(&parts, files) {
        Some(paths) if paths.is_empty() => empty_table(rows),
        Some(paths) => table_of_files(rows, &paths).map_err(query)?,
        None => table_of_parts(rows, parts).map_err(query)?,
    };
    let tables = [(view.source.as_str(), table)];
    let planned = plan(&state, &tables, &view.sql).map_err(query)?;
    let carried = Carried {
        entity: &view.entity,
        label: label.then_some(view.label.as_str()),
    };
    let planned: LogicalPlan = carry(&planned, &carried).map_err(query)?;
    let schema = Arc::new(planned.schema().as_arrow().clone());
    let collected = DataFrame::new(state, planned).collect().await;
    let batches = collected.map_err(|error| unreadable(&error, files))?;
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    concat_batches(&schema, &batches).map_err(|error| query(error.into()))
}

/// Where the rows of these files are; each file is verified once.
fn located(files: &[GoodFile]) -> Result<Vec<Part>, Error> {
    let mut known: HashMap<&Path, PathBuf> = HashMap::new();
    let mut parts = Vec::with_capacity(files.len());
    for file in files {
        let path = match known.get(&*file.path) {
            Some(path) => path.clone(),
            None => known.entry(&file.path).or_insert(file.verify()?).clone(),
        };
        parts.push(Part {
            path,
            first_row: file.first_row,
            rows: file.rows,
        });
    }
    Ok(parts)
}

/// The files, each once, where all of their rows are asked for.
fn whole(parts: &[Part], files: &[GoodFile]) -> Option<Vec<PathBuf>> {
    let mut rows: HashMap<&Path, u64> = HashMap::new();
    for part in parts {
        *rows.entry(&part.path).or_default() += part.rows;
    }
    let mut paths = Vec::with_capacity(rows.len());
    for (part, file) in parts.iter().zip(files) {
        match rows.remove(&*part.path) {
            Some(listed) if listed == file.file_rows => paths.push(part.path.clone()),
            Some(_) => return None,
            // Seen with another of its parts.
            None => {}
        }
    }
    Some(paths)
}

/// An error of the Parquet reader is the file's, where it can be told which; all others are the query's.
fn unreadable(error: &DataFusionError, files: &[GoodFile]) -> Error {
    let why = error.to_string();
    let of_the_reader = matches!(error.find_root(), DataFusionError::ParquetError(_));
    let named = files.iter().find(|file| {
        let name = file.path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| why.contains(name))
    });
    match named.or(files.first().filter(|_| files.len() == 1)) {
        Some(file) if of_the_reader => Error::Unreadable {
            path: file.path.clone(),
            why,
        },
        _ => Error::Query(without_values(error)),
    }
}

/// What failed on the rows, in words that quote none of them: the engine's own name the value that would not fit.
pub(crate) fn without_values(error: &DataFusionError) -> String {
    let what = match error.find_root() {
        DataFusionError::ArrowError(error, _) => return of_arrow(error),
        DataFusionError::ResourcesExhausted(_) => "it needs more memory than there is",
        DataFusionError::NotImplemented(_) => "it asks for what the engine cannot do",
        DataFusionError::IoError(_) => "a file could not be read to its end",
        _ => "a function failed on a row",
    };
    what.to_owned()
}

/// The same for what Arrow says.
fn of_arrow(error: &ArrowError) -> String {
    let what = match error {
        ArrowError::CastError(_) => "a value cannot be cast",
        ArrowError::ParseError(_) => "a text cannot be parsed",
        ArrowError::DivideByZero => "a division by zero",
        ArrowError::ArithmeticOverflow(_) => "a number overflows",
        _ => "a function failed on a row",
    };
    what.to_owned()
}

fn in_order(view: &View, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let position = |name: &str| {
        let at = POSITION
            .iter()
            .position(|column| *column == name)
            .expect("one of the position's columns");
        SortColumn {
            values: Arc::clone(rows.column(view.features.len() + at)),
            options: None,
        }
    };
    let by = ["_topic", "_partition", "_source", "_offset"].map(position);
    let order: UInt32Array = lexsort_to_indices(&by, None)?;
    // One batch's rows lie in order already, and so do most: no need to copy them.
    if order.values().iter().enumerate().all(|(at, row)| at == *row as usize) {
        return Ok(rows.clone());
    }
    take_record_batch(rows, &order)
}

fn frame(view: &View, rows: &RecordBatch, label: bool) -> Result<FeatureFrame, Error> {
    let features = typed(&view.features, rows.columns()).map_err(|error| Error::Query(of_arrow(&error)))?;
    let carried = &rows.columns()[view.features.len()..];
    let sources = carried[0].as_primitive::<Int64Type>();
    let offsets = carried[3].as_primitive::<Int64Type>();
    let event_times = carried[4].as_primitive::<TimestampMicrosecondType>();
    let positions = sources.values().iter().zip(offsets.values());
    let entities = carried[5].as_string::<i32>().iter();
    Ok(FeatureFrame {
        entities: entities.map(|entity| entity.map(str::to_owned)).collect(),
        as_of: event_times.iter().map(|time| time.unwrap_or(i64::MIN)).collect(),
        positions: positions
            .map(|(source, offset)| (SourceId(*source), Offset(*offset)))
            .collect(),
        features,
        label: label.then(|| Arc::clone(&carried[6])),
        view_version: view.version.clone(),
    })
}

/// The view's columns, which come first, under their names and as the types that models take.
pub(crate) fn typed(features: &[Feature], columns: &[ArrayRef]) -> Result<RecordBatch, ArrowError> {
    let own = features.iter().zip(columns);
    let columns = own.map(|(feature, column)| cast(column, &feature.kind.data_type()));
    let columns = columns.collect::<Result<Vec<ArrayRef>, _>>()?;
    let fields = features.iter();
    let fields = fields.map(|feature| Field::new(&feature.name, feature.kind.data_type(), true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns)
}
