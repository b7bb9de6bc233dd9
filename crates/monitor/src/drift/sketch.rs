//! The features of rows, counted in the cells of a reference: what a batch, a window or training itself is held by.
//!
//! Filled by ingest on the sealing thread, a chunk of good rows at a time. Bounded by the reference, not by rows or
//! values: of new levels their number is kept and into which of 64 buckets they fall, never a level itself. Sketches of
//! one reference add up, in any order and however the rows were cut.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use muster_batch::DriftCounts;
use muster_spec::{ModelVersion, PipelineName};
use xxhash_rust::xxh3::xxh3_64;

use super::level_cells::LevelCells;
use super::reference::{Cells, Reference};
use crate::Error;

/// Buckets that new levels are counted by.
const BUCKETS: u32 = u64::BITS;

/// Rows counted by feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// How many rows.
    pub rows: u64,
    /// Each feature's, in the reference's order.
    pub features: Vec<Counted>,
}

/// One feature's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Without a value: null, or no number.
    pub missing: u64,
    /// Of a level that the reference does not know.
    pub new: u64,
    /// The buckets of those levels: a bit each.
    pub new_levels: u64,
    /// In each cell.
    pub cells: Vec<u64>,
}

impl Counted {
    /// Rows in cells.
    pub fn known(&self) -> u64 {
        self.cells.iter().sum()
    }

    /// About how many new levels there were (linear counting: Whang, Vander-Zanden, Taylor 1990): exact to a tenth for a
    /// few, and never above what 64 full buckets stand for.
    pub fn new_levels_distinct(&self) -> u64 {
        let buckets = f64::from(BUCKETS);
        // Where none is free, half of one is taken to be.
        let free = f64::from(self.new_levels.count_zeros()).max(0.5);
        (buckets * (buckets / free).ln()).round() as u64
    }
}

impl Sketch {
    /// One without rows.
    pub fn empty(reference: &Reference) -> Self {
        let empty = |cells: usize| Counted {
            cells: vec![0; cells],
            ..Counted::default()
        };
        let features = reference.features().iter();
        Self {
            rows: 0,
            features: features.map(|feature| empty(feature.cells.count())).collect(),
        }
    }

    /// Adds the rows of another sketch of the same reference.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        for (into, from) in self.features.iter_mut().zip(&other.features) {
            into.missing += from.missing;
            into.new += from.new;
            into.new_levels |= from.new_levels;
            into.cells
                .iter_mut()
                .zip(&from.cells)
                .for_each(|(into, from)| *into += from);
        }
    }

    /// As a batch's commit takes it.
    pub fn counts(&self, pipeline: &PipelineName, model: &ModelVersion, window_secs: u64) -> DriftCounts {
        let of_feature = |counted: &Counted| {
            let beside = [counted.missing, counted.new];
            beside.into_iter().chain(counted.cells.clone()).map(|rows| rows as i64)
        };
        DriftCounts {
            pipeline: pipeline.clone(),
            model: model.clone(),
            window_secs,
            rows: self.rows,
            counts: self.features.iter().flat_map(of_feature).collect(),
            new_levels: self.features.iter().map(|counted| counted.new_levels as i64).collect(),
        }
    }

    /// A window of such counts, added up by the ledger. `None` where they are not of this reference.
    pub fn of_window(reference: &Reference, rows: u64, counts: &[i64], new_levels: &[i64]) -> Option<Self> {
        let mut sketch = Self::empty(reference);
        let width: usize = sketch.features.iter().map(|counted| counted.cells.len() + 2).sum();
        if counts.len() != width || new_levels.len() != sketch.features.len() {
            return None;
        }
        sketch.rows = rows;
        let mut counts = counts.iter().map(|rows| *rows as u64);
        for (counted, new_levels) in sketch.features.iter_mut().zip(new_levels) {
            counted.missing = counts.next()?;
            counted.new = counts.next()?;
            counted.new_levels = *new_levels as u64;
            for cell in &mut counted.cells {
                *cell = counts.next()?;
            }
        }
        Some(sketch)
    }
}

impl Reference {
    /// Counts rows of features. The columns must be the reference's, by name; nothing is counted where one is not.
    ///
    /// # Errors
    /// A column that is missing, or whose values cannot be told apart by its cells.
    pub fn count(&self, rows: &RecordBatch, into: &mut Sketch) -> Result<(), Error> {
        let columns = self.features().iter().map(|feature| {
            let named = rows.column_by_name(&feature.name);
            let column = named.ok_or_else(|| Error::Reference(format!("feature `{}` is missing", feature.name)))?;
            match feature.cells {
                Cells::Numbers(_) => as_numbers(column),
                Cells::Truth => as_type(column, &DataType::Boolean),
                Cells::Ordered(_) | Cells::Levels { .. } => texts(column),
            }
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>, Error>>()?;
        into.rows += rows.num_rows() as u64;
        for (at, column) in columns.iter().enumerate() {
            let counted = &mut into.features[at];
            counted.missing += column.null_count() as u64;
            match &self.features()[at].cells {
                Cells::Numbers(edges) => count_numbers(edges, column, counted),
                Cells::Truth => count_truth(column.as_boolean(), counted),
                Cells::Ordered(_) | Cells::Levels { .. } => {
                    count_levels(&self.lookups()[at], column.as_string(), counted);
                }
            }
        }
        Ok(())
    }
}

fn count_numbers(edges: &[f64], column: &ArrayRef, counted: &mut Counted) {
    match column.data_type() {
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>();
            each(values, |value| count_number(edges, value as f64, counted));
        }
        _ => each(column.as_primitive::<Float64Type>(), |value| {
            count_number(edges, value, counted);
        }),
    }
}

/// Hands over each value that is there.
fn each<T: arrow::datatypes::ArrowPrimitiveType>(
    column: &arrow::array::PrimitiveArray<T>,
    mut take: impl FnMut(T::Native),
) {
    if column.null_count() == 0 {
        column.values().iter().copied().for_each(take);
    } else {
        column.iter().flatten().for_each(&mut take);
    }
}

#[inline]
fn count_number(edges: &[f64], value: f64, counted: &mut Counted) {
    if value.is_nan() {
        counted.missing += 1;
        return;
    }
    // Few edges: comparing with all of them costs less than guessing wrongly where to look.
    let cell: usize = edges.iter().map(|edge| usize::from(*edge < value)).sum();
    counted.cells[cell] += 1;
}

fn count_truth(column: &BooleanArray, counted: &mut Counted) {
    counted.cells[0] += column.false_count() as u64;
    counted.cells[1] += column.true_count() as u64;
}

fn count_levels(cells: &LevelCells, column: &StringArray, counted: &mut Counted) {
    let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
    for row in 0..column.len() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            continue;
        }
        if let Some(cell) = cells.find(column, row) {
            counted.cells[cell] += 1;
        } else {
            counted.new += 1;
            counted.new_levels |= 1 << (xxh3_64(column.value(row).as_bytes()) % u64::from(BUCKETS));
        }
    }
}

/// The values of a column that are there and are numbers.
pub(super) fn numbers(column: &ArrayRef) -> Result<Vec<f64>, Error> {
    let numbers = as_type(column, &DataType::Float64)?;
    let values = numbers.as_primitive::<Float64Type>().iter().flatten();
    Ok(values.filter(|value| !value.is_nan()).collect())
}

fn as_numbers(column: &ArrayRef) -> Result<ArrayRef, Error> {
    match column.data_type() {
        DataType::Int64 => Ok(Arc::clone(column)),
        _ => as_type(column, &DataType::Float64),
    }
}

/// A column as text.
pub(super) fn texts(column: &ArrayRef) -> Result<ArrayRef, Error> {
    as_type(column, &DataType::Utf8)
}

fn as_type(column: &ArrayRef, kind: &DataType) -> Result<ArrayRef, Error> {
    if column.data_type() == kind {
        return Ok(Arc::clone(column));
    }
    // What Arrow says may quote a value.
    cast(column, kind).map_err(|_| Error::Reference(format!("{} cannot be taken as {kind}", column.data_type())))
}

#[cfg(test)]
#[path = "sketch_tests.rs"]
mod tests;
