//! Rows to train and score on, shaped to be awkward: missing ones, zeros, categories, a constant, and values at and
//! around every threshold of a model. Used by unit tests, integration tests and the bench alike.

use muster_model::Matrix;
use muster_model::ffi::{Booster, Dataset};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of numbers.
pub struct Stream(ChaCha8Rng);

impl Stream {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in 0 .. bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.unit() * bound as f64) as usize
    }
}

/// How many columns [`table`] has.
pub const COLUMNS: usize = 8;

/// Rows of eight features with labels that can be learned from them.
pub fn table(rows: usize, seed: u64) -> (Matrix, Vec<f32>) {
    let mut stream = Stream::new(seed);
    let mut values = Vec::with_capacity(rows * COLUMNS);
    let mut labels = Vec::with_capacity(rows);
    for _ in 0..rows {
        let index = stream.unit();
        let count = if stream.unit() < 0.4 {
            0.0
        } else {
            stream.below(20) as f64 - 5.0
        };
        let city = (stream.unit() * stream.unit() * 70.0).floor();
        let gender = stream.below(5) as f64;
        let hours = stream.unit().powi(3) * 336.0;
        let flag = f64::from(u8::from(stream.unit() < 0.3));
        let balance = (stream.unit() - 0.5) * 1e-3;
        let missing = stream.unit() < 0.15;
        let tilt = index * 2.0 + f64::from(u8::from(city as i64 % 3 == 0)) * 1.5 - count * 0.1 - flag
            + gender * 0.2
            + if missing { 0.8 } else { hours / 300.0 }
            - 2.0;
        let chance = 1.0 / (1.0 + (-tilt * 1.7).exp());
        labels.push(f32::from(u8::from(stream.unit() < chance)));
        let hours = if missing { f64::NAN } else { hours };
        values.extend([index, count, city, gender, hours, flag, balance, 3.0]);
    }
    (Matrix::new(values, COLUMNS), labels)
}

/// The names of the columns of [`table`].
pub fn names() -> Vec<String> {
    (0..COLUMNS).map(|column| format!("feature_{column}")).collect()
}

/// Trains on [`table`]; the categories are told to LightGBM.
pub fn train(rows: usize, seed: u64, parameters: &str, iterations: u32) -> Booster {
    let (matrix, labels) = table(rows, seed);
    let parameters = format!(
        "objective=binary deterministic=true force_col_wise=true num_threads=1 verbosity=-1 seed={seed} \
         categorical_feature=2,3 {parameters}"
    );
    let dataset = Dataset::new(&matrix, &labels, &names(), &parameters).expect("LightGBM takes the rows");
    Booster::train(dataset, COLUMNS, &parameters, iterations).expect("LightGBM trains")
}

/// Rows that ask what models get wrong: each value is one of the table's, one near a threshold of the model, or strange.
pub fn awkward(text: &str, rows: usize, seed: u64) -> Matrix {
    let thresholds: Vec<f64> = text
        .lines()
        .filter_map(|line| line.strip_prefix("threshold="))
        .flat_map(|line| line.split(' ').filter_map(|number| number.parse().ok()))
        .collect();
    let strange = [
        f64::NAN,
        0.0,
        -0.0,
        1e-36,
        -1e-36,
        f64::from(1e-35_f32),
        -f64::from(1e-35_f32),
        2e-35,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e300,
        -1.0,
        -0.5,
        70.5,
        71.0,
        1_000.0,
        2_147_483_648.0,
    ];
    let mut stream = Stream::new(seed);
    let mut values = table(rows, seed).0.values().to_vec();
    for value in &mut values {
        match stream.below(4) {
            0 => *value = strange[stream.below(strange.len())],
            1 if !thresholds.is_empty() => {
                let threshold = thresholds[stream.below(thresholds.len())];
                *value = [threshold, threshold.next_up(), threshold.next_down()][stream.below(3)];
            }
            _ => {}
        }
    }
    Matrix::new(values, COLUMNS)
}
