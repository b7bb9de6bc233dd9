//! The numbers of a column, split by the label, in bounded memory.
//!
//! Used by [`crate::Profiler`] for numbers and times. Up to 4,096 different values are counted one by one; beyond, in buckets
//! whose borders grow by 1 %, as the judge's quantiles are. One structure answers for quantiles, the histogram, outliers and
//! how well the column alone tells the label.

use hashbrown::HashMap;
use muster_contract::judge::quantile;

/// So many different values are counted one by one.
const EXACT_MAX: usize = 4_096;
/// Beyond so many quartile distances from the quartiles a value is an outlier (Tukey's far out).
const FAR: f64 = 3.0;

/// Rows by what their label is: negative, positive, none.
pub type Split = [u64; 3];

/// A row's label, as the place in a [`Split`].
pub const UNLABELLED: usize = 2;

/// Numbers seen so far.
#[derive(Clone, Debug)]
pub struct Numbers {
    counts: HashMap<u64, Split>,
    exact: bool,
    least: f64,
    greatest: f64,
    count: u64,
    mean: f64,
    squares: f64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            counts: HashMap::new(),
            exact: true,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            count: 0,
            mean: 0.0,
            squares: 0.0,
        }
    }
}

impl Numbers {
    /// Adds a finite number of a row with this label.
    #[inline]
    pub fn add(&mut self, value: f64, label: usize) {
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
        self.count += 1;
        // Welford's: stable for numbers far from 0.
        let step = value - self.mean;
        self.mean += step / self.count as f64;
        self.squares += step * (value - self.mean);
        let place = if self.exact { value } else { quantile::near(value) };
        self.counts.entry((place + 0.0).to_bits()).or_default()[label] += 1;
        if self.exact && self.counts.len() > EXACT_MAX {
            self.exact = false;
            for (place, split) in std::mem::take(&mut self.counts) {
                let place = quantile::near(f64::from_bits(place));
                let sum = self.counts.entry((place + 0.0).to_bits()).or_default();
                sum.iter_mut().zip(split).for_each(|(sum, rows)| *sum += rows);
            }
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Least and greatest.
    pub fn range(&self) -> Option<(f64, f64)> {
        (self.count > 0).then_some((self.least, self.greatest))
    }

    /// The mean.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The standard deviation.
    pub fn deviation(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
    }

    /// Values with their rows, rising.
    pub fn sorted(&self) -> Sorted {
        let mut places: Vec<(f64, Split)> = self
            .counts
            .iter()
            .map(|(place, split)| (f64::from_bits(*place).clamp(self.least, self.greatest), *split))
            .collect();
        places.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
        Sorted {
            places,
            count: self.count,
        }
    }
}

/// Values in order.
#[derive(Clone, Debug)]
pub struct Sorted {
    places: Vec<(f64, Split)>,
    count: u64,
}

impl Sorted {
    /// The value at `at` (0 to 1) of the way: exact, or within 0.5 %.
    pub fn quantile(&self, at: f64) -> Option<f64> {
        let rank = ((at * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut below = 0;
        let reached = self.places.iter().find(|(_, split)| {
            below += split.iter().sum::<u64>();
            below >= rank
        });
        reached.map(|(value, _)| *value)
    }

    /// The rows of `bins` parts of equal width between these values, what lies outside in the first and last.
    pub fn histogram(&self, from: f64, to: f64, bins: usize) -> Vec<u64> {
        let mut rows = vec![0; bins];
        let width = (to - from) / bins as f64;
        for (value, split) in &self.places {
            let at = if width > 0.0 {
                ((value - from) / width) as usize
            } else {
                0
            };
            rows[at.min(bins - 1)] += split.iter().sum::<u64>();
        }
        rows
    }

    /// The borders beyond which a value is an outlier, and how many rows are there. Nothing where the middle half is one
    /// value: then every other would be one.
    pub fn outliers(&self) -> Option<(f64, f64, u64)> {
        let (first, third) = (self.quantile(0.25)?, self.quantile(0.75)?);
        let reach = FAR * (third - first);
        if reach <= 0.0 {
            return None;
        }
        let (low, high) = (first - reach, third + reach);
        let outside = self.places.iter().filter(|(value, _)| *value < low || *value > high);
        Some((low, high, outside.map(|(_, split)| split.iter().sum::<u64>()).sum()))
    }

    /// The chance that a positive row has the greater value of two, equal ones counted half: the area under the curve.
    pub fn auc(&self) -> Option<f64> {
        let (mut below, mut pairs) = (0.0, 0.0);
        let mut positives = 0.0;
        for (_, [negative, positive, _]) in &self.places {
            let (negative, positive) = (*negative as f64, *positive as f64);
            pairs += positive * (below + negative / 2.0);
            below += negative;
            positives += positive;
        }
        (below > 0.0 && positives > 0.0).then(|| pairs / (below * positives))
    }
}

#[cfg(test)]
#[path = "numbers_tests.rs"]
mod tests;
