//! A contract's expectations, measured over the judged rows of one batch.
//!
//! Used by `muster ingest` while a batch is gathered from chunks, and by `validate` for a whole file: [`Expectations::add`]
//! takes each judged chunk, [`Expectations::measure`] tells what came of them when the batch is sealed. Memory does
//! not grow with rows. NaN and infinite numbers are values but no part of a mean or quantile, so that a measure is
//! never NaN itself.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use muster_batch::JudgedBatch;
use muster_spec::rule::Measure;
use muster_spec::{Contract, Expectation};

use super::distinct::Distinct;
use super::fingerprint::{self, NO_KEY};
use super::quantile::Quantile;
use super::window::NO_TIME;

/// What a contract expects of a batch, and what was seen of it so far.
#[derive(Clone, Debug)]
pub struct Expectations {
    expectations: Vec<(Expectation, Seen)>,
    judged: u64,
    bad: u64,
    newest: i64,
}

/// An expectation's measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The expectation's id.
    pub id: String,
    /// What was measured; `None` where there was nothing to measure (no row, no number, no event time).
    pub value: Option<f64>,
    /// Whether it lies between the expectation's ends. Nothing measured is met.
    pub met: bool,
    /// The end it is beyond.
    pub threshold: Option<f64>,
    /// The alert target to be told when it is not met.
    pub alert: Option<String>,
}

#[derive(Clone, Debug)]
enum Seen {
    /// What the batch's counts say.
    Counts,
    Nulls {
        nulls: u64,
        rows: u64,
    },
    Distinct(Distinct),
    Mean {
        sum: Sum,
        count: u64,
    },
    Quantile(Quantile),
}

/// A sum whose rounding does not grow with its terms (Neumaier 1974).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    total: f64,
    lost: f64,
}

impl Expectations {
    /// A contract's expectations, nothing seen yet.
    pub fn new(contract: &Contract) -> Self {
        let seen = |expectation: &Expectation| match expectation.measure {
            Measure::BadRatio | Measure::Rows | Measure::Freshness => Seen::Counts,
            Measure::NullRatio(_) => Seen::Nulls { nulls: 0, rows: 0 },
            Measure::Distinct(_) => Seen::Distinct(Distinct::new()),
            Measure::Mean(_) => Seen::Mean {
                sum: Sum::default(),
                count: 0,
            },
            Measure::Quantile(..) => Seen::Quantile(Quantile::new()),
        };
        let expectations = contract.expectations.iter();
        Self {
            expectations: expectations
                .map(|expectation| (expectation.clone(), seen(expectation)))
                .collect(),
            judged: 0,
            bad: 0,
            newest: NO_TIME,
        }
    }

    /// Adds a chunk of judged rows; duplicates and tombstones are no part of any measure.
    pub fn add(&mut self, judged: &JudgedBatch) {
        self.judged += (judged.good_records.len() + judged.bad_records.len()) as u64;
        self.bad += judged.bad_records.len() as u64;
        self.newest = judged.good_event_times.iter().copied().fold(self.newest, i64::max);
        for (expectation, seen) in &mut self.expectations {
            match expectation.measure {
                Measure::BadRatio | Measure::Rows | Measure::Freshness => {}
                Measure::NullRatio(field)
                | Measure::Distinct(field)
                | Measure::Mean(field)
                | Measure::Quantile(field, _) => seen.add(judged.good.column(field)),
            }
        }
    }

    /// What each expectation measured. `sealed_at` is the time of sealing, microseconds since 1970-01-01 UTC, for
    /// `freshness`.
    pub fn measure(&self, sealed_at: i64) -> Vec<Measured> {
        let measured = self.expectations.iter().map(|(expectation, seen)| {
            let value = match &expectation.measure {
                Measure::BadRatio => ratio(self.bad, self.judged),
                Measure::Rows => Some(self.judged as f64),
                Measure::Freshness => {
                    (self.newest != NO_TIME).then(|| (i128::from(sealed_at) - i128::from(self.newest)) as f64 / 1e6)
                }
                Measure::Quantile(_, at) => seen.value(*at),
                Measure::NullRatio(_) | Measure::Distinct(_) | Measure::Mean(_) => seen.value(0.0),
            };
            measured(expectation, value)
        });
        measured.collect()
    }
}

fn measured(expectation: &Expectation, value: Option<f64>) -> Measured {
    let below = expectation.min.filter(|min| value.is_some_and(|value| value < *min));
    let above = expectation.max.filter(|max| value.is_some_and(|value| value > *max));
    Measured {
        id: expectation.id.clone(),
        value,
        met: below.or(above).is_none(),
        threshold: below.or(above),
        alert: expectation.alert.clone(),
    }
}

impl Seen {
    fn add(&mut self, column: &ArrayRef) {
        match self {
            Self::Counts => {}
            Self::Nulls { nulls, rows } => {
                *nulls += column.null_count() as u64;
                *rows += column.len() as u64;
            }
            Self::Distinct(distinct) => {
                let mut fingerprints = Vec::new();
                fingerprint::of_column(column, 0, &mut fingerprints);
                let keys = fingerprints.iter().filter(|fingerprint| **fingerprint != NO_KEY);
                keys.for_each(|key| distinct.add(*key as u64));
            }
            Self::Mean { sum, count } => each_number(column, |value| {
                sum.add(value);
                *count += 1;
            }),
            Self::Quantile(quantile) => each_number(column, |value| quantile.add(value)),
        }
    }

    fn value(&self, at: f64) -> Option<f64> {
        match self {
            Self::Counts => None,
            Self::Nulls { nulls, rows } => ratio(*nulls, *rows),
            Self::Distinct(distinct) => Some(distinct.count()),
            Self::Mean { sum, count } => (*count > 0).then(|| sum.value() / *count as f64),
            Self::Quantile(quantile) => quantile.value(at),
        }
    }
}

impl Sum {
    pub(super) fn add(&mut self, value: f64) {
        let total = self.total + value;
        self.lost += if self.total.abs() >= value.abs() {
            (self.total - total) + value
        } else {
            (value - total) + self.total
        };
        self.total = total;
    }

    pub(super) fn value(self) -> f64 {
        self.total + self.lost
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The finite numbers of a column; none of a column that holds no numbers.
pub(super) fn each_number(column: &ArrayRef, mut take: impl FnMut(f64)) {
    let numbers = match column.data_type() {
        DataType::Int32 | DataType::Int64 | DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => {
            cast(column, &DataType::Float64).ok()
        }
        // Days and times as the numbers they are stored as.
        DataType::Date32 => cast(column, &DataType::Int32)
            .and_then(|days| cast(&days, &DataType::Float64))
            .ok(),
        DataType::Timestamp(..) => cast(column, &DataType::Int64)
            .and_then(|times| cast(&times, &DataType::Float64))
            .ok(),
        _ => None,
    };
    if let Some(numbers) = &numbers {
        let numbers = numbers.as_primitive::<Float64Type>().iter().flatten();
        numbers.filter(|value| value.is_finite()).for_each(&mut take);
    }
}

#[cfg(test)]
#[path = "expectations_tests.rs"]
mod tests;
