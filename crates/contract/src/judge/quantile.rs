//! A quantile over any number of values in bounded memory.
//!
//! Used by [`super::expectations`] and [`super::profile`]. Up to 65,536 values it is exact (nearest rank); beyond, values are counted in
//! buckets whose borders grow by 1 % (`DDSketch`, Masson, Rim and Lee 2019), so that the answer is within 0.5 % of a value
//! of that rank. Both are the same however the values were cut into batches.

use std::collections::BTreeMap;

/// Above this many values buckets are counted: half a megabyte.
const EXACT_MAX: usize = 65_536;

/// The relative error of a bucket's middle.
const ERROR: f64 = 0.005;

/// The smallest size that has a bucket of its own; smaller values count as 0. Bounds the buckets at 140,000 of either
/// sign for numbers of every size, and at 2,000 for numbers from a hundredth to a million.
const LEAST: f64 = 1e-300;

/// Finite values, or their counts.
#[derive(Clone, Debug)]
pub(super) enum Quantile {
    Exact(Vec<f64>),
    Buckets {
        count: u64,
        /// Buckets of negative values have negative signs: ordered by value. 0 is the bucket of 0.
        buckets: BTreeMap<(i8, i32), u64>,
    },
}

impl Quantile {
    pub(super) fn new() -> Self {
        Self::Exact(Vec::new())
    }

    /// Adds a finite value.
    pub(super) fn add(&mut self, value: f64) {
        match self {
            Self::Exact(values) if values.len() < EXACT_MAX => values.push(value),
            Self::Exact(values) => {
                let values = std::mem::take(values);
                *self = Self::Buckets {
                    count: 0,
                    buckets: BTreeMap::new(),
                };
                for value in values {
                    self.add(value);
                }
                self.add(value);
            }
            Self::Buckets { count, buckets } => {
                *count += 1;
                *buckets.entry(bucket_of(value)).or_default() += 1;
            }
        }
    }

    /// The value at `at` (0 to 1) of the way; `None` where there is no value.
    pub(super) fn value(&self, at: f64) -> Option<f64> {
        match self {
            Self::Exact(values) => {
                let mut sorted = values.clone();
                sorted.sort_unstable_by(f64::total_cmp);
                sorted.get(rank(at, sorted.len() as u64)? as usize).copied()
            }
            Self::Buckets { count, buckets } => {
                let rank = rank(at, *count)?;
                let mut below = 0;
                let reached = buckets.iter().find(|(_, count)| {
                    below += **count;
                    below > rank
                });
                reached.map(|(bucket, _)| middle(*bucket))
            }
        }
    }
}

/// The nearest rank, from 0.
fn rank(at: f64, count: u64) -> Option<u64> {
    let last = count.checked_sub(1)?;
    let rank = (at * count as f64).ceil() as u64;
    Some(rank.saturating_sub(1).min(last))
}

/// A value of its own size, within 0.5 % of `value` and the same for all of a bucket.
pub fn near(value: f64) -> f64 {
    middle(bucket_of(value))
}

fn growth() -> f64 {
    (1.0 + ERROR) / (1.0 - ERROR)
}

fn bucket_of(value: f64) -> (i8, i32) {
    if value.abs() < LEAST {
        return (0, 0);
    }
    let size = (value.abs().ln() / growth().ln()).ceil() as i32;
    if value < 0.0 { (-1, -size) } else { (1, size) }
}

fn middle((sign, size): (i8, i32)) -> f64 {
    let of_size = |size: i32| (growth().powi(size) * (2.0 / (growth() + 1.0))).min(f64::MAX);
    match sign {
        0 => 0.0,
        1 => of_size(size),
        _ => -of_size(-size),
    }
}
