//! Logistic regression, the plain model that a pipeline's is held against.
//!
//! Used by training only. Categories become indicator columns, numbers are standardised with an indicator for missing;
//! the fit is by iteratively reweighted least squares (Hastie, Tibshirani and Friedman, "The Elements of Statistical
//! Learning", 4.4.1) with a ridge of [`RIDGE`] on everything but the intercept, which keeps separable data finite.

use crate::encoder::{Code, Encoder};
use crate::error::{Error, Result};
use crate::matrix::Matrix;

/// The ridge: half of it times the squared weights is added to the negative log likelihood.
const RIDGE: f64 = 1.0;

/// Indicator columns a categorical feature may have; its rarer levels have none.
const LEVELS_MAX: usize = 256;

const STEPS_MAX: usize = 50;
const STEP_MIN: f64 = 1e-9;

/// A fitted regression.
#[derive(Debug)]
pub(super) struct Logistic {
    design: Vec<Columns>,
    /// The intercept first.
    weights: Vec<f64>,
}

/// The columns one feature becomes.
#[derive(Debug)]
enum Columns {
    /// `columns[code]`, the column of a level, if it has one.
    Levels(Vec<Option<usize>>),
    /// A standardised number; `missing` is the column that is 1 where there is none.
    Number {
        column: usize,
        missing: usize,
        mean: f64,
        scale: f64,
    },
}

impl Logistic {
    pub(super) fn fit(encoder: &Encoder, matrix: &Matrix, labels: &[bool]) -> Result<Self> {
        let (design, width) = design(encoder, matrix);
        let rows: Vec<Vec<(usize, f64)>> = (0..matrix.rows()).map(|row| expand(&design, matrix.row(row))).collect();
        let mut weights = vec![0.0; width];
        for _ in 0..STEPS_MAX {
            let step = newton_step(&rows, labels, &weights)?;
            weights.iter_mut().zip(&step).for_each(|(weight, step)| *weight += step);
            if step.iter().all(|step| step.abs() < STEP_MIN) {
                break;
            }
        }
        Ok(Self { design, weights })
    }

    pub(super) fn probabilities(&self, matrix: &Matrix) -> Vec<f64> {
        let rows = (0..matrix.rows()).map(|row| expand(&self.design, matrix.row(row)));
        rows.map(|row| probability(&row, &self.weights)).collect()
    }
}

fn design(encoder: &Encoder, matrix: &Matrix) -> (Vec<Columns>, usize) {
    let mut width = 1;
    let mut take = || {
        width += 1;
        width - 1
    };
    let values = |at: usize| (0..matrix.rows()).map(move |row| matrix.row(row)[at]);
    let mut design = Vec::new();
    for (at, feature) in encoder.features().iter().enumerate() {
        design.push(if let Code::Categorical(levels) = &feature.code {
            let mut counts = vec![(0_usize, 0_usize); levels.len() + 1];
            counts.iter_mut().enumerate().for_each(|(code, count)| count.1 = code);
            values(at).for_each(|value| {
                if let Some(count) = counts.get_mut(value as usize) {
                    count.0 += 1;
                }
            });
            counts.sort_unstable_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
            let mut columns = vec![None; levels.len() + 1];
            for (_, code) in counts.into_iter().filter(|(count, _)| *count > 0).take(LEVELS_MAX) {
                columns[code] = Some(take());
            }
            Columns::Levels(columns)
        } else {
            let present: Vec<f64> = values(at).filter(|value| value.is_finite()).collect();
            let count = present.len().max(1) as f64;
            let mean = present.iter().sum::<f64>() / count;
            let variance = present.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            let scale = if variance > 0.0 { variance.sqrt() } else { 1.0 };
            Columns::Number {
                column: take(),
                missing: take(),
                mean,
                scale,
            }
        });
    }
    (design, width)
}

/// A row's columns that are not zero, the intercept first, columns rising.
fn expand(design: &[Columns], row: &[f64]) -> Vec<(usize, f64)> {
    let mut entries = vec![(0, 1.0)];
    for (columns, value) in design.iter().zip(row) {
        match columns {
            Columns::Levels(columns) => {
                if let Some(Some(column)) = columns.get(*value as usize) {
                    entries.push((*column, 1.0));
                }
            }
            Columns::Number {
                column, mean, scale, ..
            } if value.is_finite() => {
                entries.push((*column, (value - mean) / scale));
            }
            Columns::Number { missing, .. } => entries.push((*missing, 1.0)),
        }
    }
    entries
}

fn probability(row: &[(usize, f64)], weights: &[f64]) -> f64 {
    let score: f64 = row.iter().map(|(column, value)| weights[*column] * value).sum();
    1.0 / (1.0 + (-score).exp())
}

/// Solves (X'WX + R) step = X'(y - p) - R weights.
fn newton_step(rows: &[Vec<(usize, f64)>], labels: &[bool], weights: &[f64]) -> Result<Vec<f64>> {
    let width = weights.len();
    let mut hessian = vec![0.0; width * width];
    let mut gradient: Vec<f64> = weights.iter().map(|weight| -RIDGE * weight).collect();
    gradient[0] = 0.0;
    (1..width).for_each(|at| hessian[at * width + at] = RIDGE);
    hessian[0] = 1e-9;
    for (row, label) in rows.iter().zip(labels) {
        let given = probability(row, weights);
        let curve = given * (1.0 - given);
        let error = f64::from(*label) - given;
        for (at, (column, value)) in row.iter().enumerate() {
            gradient[*column] += error * value;
            for (other, other_value) in &row[..=at] {
                let (high, low) = (column.max(other), column.min(other));
                hessian[high * width + low] += curve * value * other_value;
            }
        }
    }
    solve(hessian, gradient).ok_or(Error::NoFit(
        "logistic regression does not converge: numbers lie too far apart for it",
    ))
}

/// Solves a symmetric positive definite system, given by its lower half, by Cholesky's decomposition.
fn solve(mut lower: Vec<f64>, mut side: Vec<f64>) -> Option<Vec<f64>> {
    let width = side.len();
    for row in 0..width {
        for column in 0..=row {
            let (before, own) = lower.split_at(row * width);
            let left = if column == row {
                &own[..column]
            } else {
                &before[column * width..column * width + column]
            };
            let inner: f64 = left.iter().zip(&own[..column]).map(|(left, right)| left * right).sum();
            let value = own[column] - inner;
            lower[row * width + column] = if column < row {
                value / lower[column * width + column]
            } else if value > 0.0 {
                value.sqrt()
            } else {
                return None;
            };
        }
    }
    for row in 0..width {
        let inner: f64 = (0..row).map(|column| lower[row * width + column] * side[column]).sum();
        side[row] = (side[row] - inner) / lower[row * width + row];
    }
    for row in (0..width).rev() {
        let inner: f64 = (row + 1..width)
            .map(|below| lower[below * width + row] * side[below])
            .sum();
        side[row] = (side[row] - inner) / lower[row * width + row];
    }
    Some(side)
}

#[cfg(test)]
#[path = "logistic_tests.rs"]
mod tests;
