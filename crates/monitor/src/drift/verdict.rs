//! A window of counts held against training: what drifts, and whether it is more than chance.
//!
//! Called by `muster` for a window each time its rows have doubled, and when it is over. A measure warns or alerts where
//! it has reached the pipeline's limit and where chance alone would reach it less often than the measure's part of the
//! pipeline's `false_alarms`: that is divided by the number of measures of all features (Bonferroni), and halved anew
//! with each look at the same window, so that all looks together keep to it.

use muster_batch::{DriftMeasure, DriftState, FeatureDrift, Measurement};
use muster_spec::pipeline::{Drift, DriftLimits};

use super::chance::{kolmogorov, of_entropy};
use super::measures::{effective_rows, entropy, ks, psi, psi_expected, total};
use super::reference::{Cells, Feature, Reference};
use super::sketch::{Counted, Sketch};

/// Neighbours share a bin of the population stability index while they hold no more than this part of training's rows.
const BIN_PART: u64 = 8;

/// Whether a window is to be looked at: at first with as many rows as are needed to say something, then each time they
/// have doubled, and when it is over.
pub fn is_due(rows: u64, looked_rows: u64, is_over: bool, min_rows: u64) -> bool {
    rows > looked_rows && (is_over || rows >= min_rows.max(looked_rows.saturating_mul(2)))
}

/// What a window says of each feature, at its `look`-th look, from 0.
pub fn judge(reference: &Reference, window: &Sketch, drift: &Drift, look: u32) -> Vec<FeatureDrift> {
    let measures: usize = reference.features().iter().map(measures_of).sum();
    let judge = Judge {
        drift,
        chance_max: drift.false_alarms / measures.max(1) as f64 / 2_f64.powi(look as i32 + 1),
        training: reference.rows(),
        rows: window.rows,
    };
    let features = reference.features().iter().zip(&window.features);
    features
        .map(|(feature, counted)| judge.feature(feature, counted))
        .collect()
}

/// How many measures a feature has.
fn measures_of(feature: &Feature) -> usize {
    2 + usize::from(feature.cells.are_ordered()) + usize::from(feature.cells.have_levels())
}

struct Judge<'a> {
    drift: &'a Drift,
    /// A measure of which chance is likelier than this says nothing.
    chance_max: f64,
    /// Rows of training.
    training: u64,
    /// Rows of the window.
    rows: u64,
}

impl Judge<'_> {
    fn feature(&self, feature: &Feature, counted: &Counted) -> FeatureDrift {
        let (training, window) = binned(feature, counted);
        let known = total(&window);
        let worth = effective_rows(total(&training), known);
        let psi = psi(&training, &window).map(|value| {
            let chance = of_entropy(entropy(&training, &window), worth, training.len());
            self.measured(value, chance, self.drift.psi, known)
        });
        let ks = ks(&feature.counts, &counted.cells)
            .filter(|_| feature.cells.are_ordered())
            .map(|value| self.measured(value, kolmogorov(value, worth), self.drift.ks, known));
        let missing_ratio = ratio(counted.missing, self.rows);
        let missing = self.rate(
            (missing_ratio - ratio(feature.missing, self.training)).abs(),
            [feature.missing, counted.missing],
            self.drift.missing,
        );
        let new_levels = feature.cells.have_levels().then(|| {
            let share = ratio(counted.new, self.rows);
            if share <= ratio(feature.unseen, self.training) {
                // No more than training lets expect.
                return self.measured(share, 1.0, self.drift.new_levels, self.rows);
            }
            self.rate(share, [feature.unseen, counted.new], self.drift.new_levels)
        });
        let mut drift = FeatureDrift {
            feature: feature.name.clone(),
            state: DriftState::Few,
            worst: None,
            rows: self.rows,
            psi,
            psi_expected: psi_expected(&training, &window),
            ks,
            missing,
            missing_ratio,
            new_levels,
            new_levels_distinct: counted.new_levels_distinct(),
        };
        drift.worst = worst(&drift).filter(|(_, measured)| measured.state >= DriftState::Warn);
        drift.state = match &drift.worst {
            Some((_, measured)) => measured.state,
            None if self.rows < self.drift.min_rows => DriftState::Few,
            None => DriftState::Fine,
        };
        drift
    }

    /// A share of rows, whose numbers in training and window are given, as a distribution of two cells.
    fn rate(&self, value: f64, [training, window]: [u64; 2], limits: DriftLimits) -> Measurement {
        let both = |part: u64, all: u64| [part, all.saturating_sub(part)];
        let far = entropy(&both(training, self.training), &both(window, self.rows));
        let chance = of_entropy(far, effective_rows(self.training, self.rows), 2);
        self.measured(value, chance, limits, self.rows)
    }

    fn measured(&self, value: f64, chance: f64, limits: DriftLimits, rows: u64) -> Measurement {
        let (threshold, state) = if rows < self.drift.min_rows {
            (limits.warn, DriftState::Few)
        } else if value < limits.warn || chance > self.chance_max {
            (limits.warn, DriftState::Fine)
        } else if value < limits.alert {
            (limits.warn, DriftState::Warn)
        } else {
            (limits.alert, DriftState::Alert)
        };
        Measurement {
            value,
            threshold,
            chance,
            state,
        }
    }
}

/// The worst measure; of equally bad ones the first.
fn worst(drift: &FeatureDrift) -> Option<(DriftMeasure, Measurement)> {
    let all = [
        (DriftMeasure::Psi, drift.psi),
        (DriftMeasure::Ks, drift.ks),
        (DriftMeasure::Missing, Some(drift.missing)),
        (DriftMeasure::NewLevels, drift.new_levels),
    ];
    let measured = all
        .into_iter()
        .filter_map(|(measure, measured)| Some((measure, measured?)));
    measured.reduce(|worst, other| if other.1.state > worst.1.state { other } else { worst })
}

/// Training's and the window's rows in the bins of the population stability index: a feature with an order has at most
/// 16 or so, so that a few hundred rows can say something; without an order each cell is one.
fn binned(feature: &Feature, counted: &Counted) -> (Vec<u64>, Vec<u64>) {
    if let Cells::Levels { pooled, .. } = &feature.cells {
        // A level that training did not see is as a rare one: where levels are many, some are new in any window, and the
        // rare ones that training did see would seem to have become rarer.
        let (mut training, mut window) = (feature.counts.clone(), counted.cells.clone());
        match window.last_mut() {
            Some(last) if !pooled.is_empty() => *last += counted.new,
            _ => {
                training.push(0);
                window.push(counted.new);
            }
        }
        return (training, window);
    }
    let all = total(&feature.counts);
    let mut bins: (Vec<u64>, Vec<u64>) = Default::default();
    for (rows, rows_window) in feature.counts.iter().zip(&counted.cells) {
        match (bins.0.last_mut(), bins.1.last_mut()) {
            // A cell that no row of training fell into belongs to its neighbour.
            (Some(bin), Some(bin_window)) if *bin == 0 || *rows == 0 || (*bin + rows) * BIN_PART <= all => {
                *bin += rows;
                *bin_window += rows_window;
            }
            _ => {
                bins.0.push(*rows);
                bins.1.push(*rows_window);
            }
        }
    }
    bins
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
