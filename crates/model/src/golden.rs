//! Golden rows: what a model must answer before it may score.
//!
//! Made by training, stored with the version, checked on every load. They are made from the forest's own splits and a
//! fixed stream, not from anyone's data: around the values where splits turn, with missing ones. Raw scores must be equal
//! to the bit. Probabilities may differ by [`PROBABILITY_TOLERANCE`]: they go through the system's `exp`, whose last bit is the
//! system's own.

use serde::{Deserialize, Serialize};

use crate::forest::Forest;
use crate::matrix::Matrix;

#[cfg(feature = "train")]
const ROWS: usize = 64;
const PROBABILITY_TOLERANCE: f64 = 1e-14;

/// Rows with the scores they must get; all numbers are the hexadecimal digits of their 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Golden {
    rows: Vec<Vec<String>>,
    raw: Vec<String>,
    probabilities: Vec<String>,
}

impl Golden {
    /// Draws rows and keeps the forest's answers.
    #[cfg(feature = "train")]
    pub(crate) fn of(forest: &Forest) -> Self {
        let matrix = rows(forest);
        let raw = forest.raw(&matrix).expect("the rows were made as wide as the forest");
        Self {
            rows: (0..matrix.rows())
                .map(|row| matrix.row(row).iter().map(|value| digits(*value)).collect())
                .collect(),
            probabilities: raw.iter().map(|raw| digits(forest.probability(*raw))).collect(),
            raw: raw.into_iter().map(digits).collect(),
        }
    }

    /// The rows alone.
    pub(crate) fn matrix(&self, columns: usize) -> Option<Matrix> {
        let whole = self.rows.iter().all(|row| row.len() == columns) && !self.rows.is_empty();
        let values: Option<Vec<f64>> = self.rows.iter().flatten().map(|text| number(text)).collect();
        values.filter(|_| whole).map(|values| Matrix::new(values, columns))
    }

    /// Whether the forest still answers as it did; what differs otherwise.
    pub(crate) fn check(&self, forest: &Forest) -> Result<(), String> {
        let matrix = self
            .matrix(forest.columns())
            .ok_or("the golden rows do not fit the model")?;
        let raw = forest.raw(&matrix).map_err(|error| error.to_string())?;
        if self.raw.len() != raw.len() || self.probabilities.len() != raw.len() {
            return Err("the golden rows have no answers".into());
        }
        for (row, raw) in raw.into_iter().enumerate() {
            let expected = number(&self.probabilities[row]).ok_or("a golden answer is no number")?;
            let near = (forest.probability(raw) - expected).abs() <= PROBABILITY_TOLERANCE;
            if digits(raw) != self.raw[row] || !near {
                return Err(format!("golden row {row} is not scored as when the model was trained"));
            }
        }
        Ok(())
    }
}

#[cfg(feature = "train")]
fn rows(forest: &Forest) -> Matrix {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    let turning = forest.turning_values();
    let mut stream = ChaCha8Rng::from_seed([7; 32]);
    let mut draw = |bound: usize| (stream.next_u64() % bound as u64) as usize;
    let mut values = Vec::with_capacity(ROWS * turning.len());
    for _ in 0..ROWS {
        for turning in &turning {
            let value = match (draw(8), turning.len()) {
                (0, _) => f64::NAN,
                (1, _) | (_, 0) => 0.0,
                (2, count) => turning[draw(count)].next_up(),
                (3, count) => turning[draw(count)] + 1.0,
                (_, count) => turning[draw(count)],
            };
            values.push(value);
        }
    }
    Matrix::new(values, turning.len())
}

fn digits(value: f64) -> String {
    format!("{:016x}", value.to_bits())
}

fn number(digits: &str) -> Option<f64> {
    u64::from_str_radix(digits, 16).ok().map(f64::from_bits)
}
