//! How good probabilities are, held against labels.
//!
//! Used by training; written into `metrics.json`.

use serde::{Deserialize, Serialize};

/// A probability that counts as positive.
pub const THRESHOLD: f64 = 0.5;

/// How close to 0 and 1 a probability may be in the log loss, as scikit-learn's default for doubles.
const CLIP: f64 = f64::EPSILON;

/// Measures of a model on rows it was not trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Rows measured.
    pub rows: u64,
    /// The area under the receiver operating characteristic: the chance that a positive row is scored above a negative
    /// one, ties counting half.
    pub auc: f64,
    /// Rows on the right side of 0.5, over all.
    pub accuracy: f64,
    /// True positives over rows called positive; 0 where none is.
    pub precision: f64,
    /// True positives over positive rows.
    pub recall: f64,
    /// The harmonic mean of precision and recall; 0 where both are.
    pub f1: f64,
    /// The mean negative natural logarithm of the probability given to the truth.
    pub log_loss: f64,
    /// What was called what, at 0.5.
    pub confusion: Confusion,
}

/// Counts of rows by truth and call at 0.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Positive, called positive.
    pub true_positive: u64,
    /// Negative, called positive.
    pub false_positive: u64,
    /// Negative, called negative.
    pub true_negative: u64,
    /// Positive, called negative.
    pub false_negative: u64,
}

impl Measures {
    /// Measures `scores` against `labels`, both one a row and labels of both kinds.
    pub fn of(scores: &[f64], labels: &[bool]) -> Self {
        assert_eq!(scores.len(), labels.len(), "every score has a label");
        let mut confusion = Confusion::default();
        let mut loss = 0.0;
        for (score, label) in scores.iter().zip(labels) {
            let cell = match (label, *score >= THRESHOLD) {
                (true, true) => &mut confusion.true_positive,
                (false, true) => &mut confusion.false_positive,
                (false, false) => &mut confusion.true_negative,
                (true, false) => &mut confusion.false_negative,
            };
            *cell += 1;
            let given = if *label { *score } else { 1.0 - score };
            loss -= given.clamp(CLIP, 1.0 - CLIP).ln();
        }
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let called = confusion.true_positive + confusion.false_positive;
        let positives = confusion.true_positive + confusion.false_negative;
        let rows = labels.len() as u64;
        Self {
            rows,
            auc: auc(scores, labels),
            accuracy: share(confusion.true_positive + confusion.true_negative, rows),
            precision: share(confusion.true_positive, called),
            recall: share(confusion.true_positive, positives),
            f1: share(2 * confusion.true_positive, called + positives),
            log_loss: if rows == 0 { 0.0 } else { loss / rows as f64 },
            confusion,
        }
    }
}

/// The area under the receiver operating characteristic by the rank sum of Mann and Whitney, ties at their mean rank;
/// 0.5 where only one kind of label is there.
pub fn auc(scores: &[f64], labels: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|left, right| scores[*left].total_cmp(&scores[*right]));
    let positives = labels.iter().filter(|label| **label).count() as f64;
    let negatives = labels.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return 0.5;
    }
    let mut rank_sum = 0.0;
    let mut below = 0.0;
    for tied in order.chunk_by(|left, right| scores[*left].total_cmp(&scores[*right]).is_eq()) {
        let rank = below + f64::midpoint(tied.len() as f64, 1.0);
        rank_sum += rank * tied.iter().filter(|row| labels[**row]).count() as f64;
        below += tied.len() as f64;
    }
    (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

#[cfg(test)]
#[path = "measures_tests.rs"]
mod tests;
