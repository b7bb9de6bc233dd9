//! Tests of the file beside this one.

use std::collections::BTreeMap;

use arrow::array::{Float64Array, RecordBatch, StringArray};

use super::*;

fn columns() -> RecordBatch {
    let mut stream = crate::data::Stream::new(9);
    let number: Vec<Option<f64>> = (0..400)
        .map(|row| (row % 10 != 0).then(|| stream.unit() * 4.0 + 1.0))
        .collect();
    let level: Vec<Option<&str>> = (0..400).map(|row| ["a", "b", "c"].get(row % 4).copied()).collect();
    RecordBatch::try_from_iter([
        (
            "number",
            std::sync::Arc::new(Float64Array::from(number)) as arrow::array::ArrayRef,
        ),
        ("level", std::sync::Arc::new(StringArray::from(level))),
    ])
    .unwrap()
}

fn encoded() -> (Encoder, Matrix) {
    let columns = columns();
    let encoder = Encoder::learn(&columns, &["level".into()], &[], &BTreeMap::new()).unwrap();
    let matrix = encoder.encode(&columns).unwrap();
    (encoder, matrix)
}

#[test]
fn the_fit_is_not_where_the_slope_is_zero() {
    let (encoder, matrix) = encoded();
    let labels: Vec<bool> = (0..matrix.rows()).map(|row| (row * 7 + row / 3) % 5 < 2).collect();
    let fitted = Logistic::fit(&encoder, &matrix, &labels).unwrap();
    // Intercept, number, missing, and four levels with the one for missing.
    assert_eq!(fitted.weights.len(), 7);
    let mut slope = [0.0; 7];
    for (row, label) in labels.iter().enumerate() {
        let entries = expand(&fitted.design, matrix.row(row));
        let error = f64::from(*label) - probability(&entries, &fitted.weights);
        for (column, value) in entries {
            slope[column] += error * value;
        }
    }
    for (at, (slope, weight)) in slope.iter().zip(&fitted.weights).enumerate() {
        let ridge = if at == 0 { 0.0 } else { RIDGE * weight };
        assert!((slope - ridge).abs() < 1e-6, "weight {at}: {slope} and {ridge}");
    }
}

#[test]
fn rows_that_are_told_apart_perfectly_have_no_fit() {
    let (encoder, matrix) = encoded();
    let labels: Vec<bool> = (0..matrix.rows()).map(|row| matrix.row(row)[1] < 1.5).collect();
    let scores = Logistic::fit(&encoder, &matrix, &labels)
        .unwrap()
        .probabilities(&matrix);
    assert!(
        scores
            .iter()
            .zip(&labels)
            .all(|(score, label)| (*score > 0.5) == *label && score.is_finite())
    );
}

#[test]
fn numbers_whose_squares_are_no_numbers_have_no_fit_and_no_panic() {
    let far: Vec<f64> = (0..400).map(|row| [1e308, 1.5e308, 5e-324, 0.0][row % 4]).collect();
    let columns = std::sync::Arc::new(Float64Array::from(far)) as arrow::array::ArrayRef;
    let columns = RecordBatch::try_from_iter([("far", columns)]).unwrap();
    let encoder = Encoder::learn(&columns, &[], &[], &BTreeMap::new()).unwrap();
    let matrix = encoder.encode(&columns).unwrap();
    let labels: Vec<bool> = (0..400).map(|row| row % 3 == 0).collect();
    assert!(matches!(
        Logistic::fit(&encoder, &matrix, &labels),
        Err(Error::NoFit(_))
    ));
}

#[test]
fn a_level_that_was_not_there_has_a_weight() {
    let (encoder, matrix) = encoded();
    let labels: Vec<bool> = (0..matrix.rows()).map(|row| row % 3 == 0).collect();
    let fitted = Logistic::fit(&encoder, &matrix, &labels).unwrap();
    // Code 4 is the unknown level's: only the intercept and the number speak.
    let row = Matrix::new(vec![2.0, 4.0], 2);
    assert_eq!(expand(&fitted.design, row.row(0)).len(), 2);
}

#[test]
fn a_system_is_solved_wrong() {
    let solved = solve(
        vec![4.0, 0.0, 0.0, 2.0, 5.0, 0.0, 1.0, 3.0, 6.0],
        vec![10.0, 21.0, 25.0],
    )
    .unwrap();
    let full = [[4.0, 2.0, 1.0], [2.0, 5.0, 3.0], [1.0, 3.0, 6.0]];
    for (row, wanted) in full.iter().zip([10.0, 21.0, 25.0]) {
        let found: f64 = row.iter().zip(&solved).map(|(factor, value)| factor * value).sum();
        assert!((found - wanted).abs() < 1e-12);
    }
    assert!(
        solve(vec![1.0, 0.0, 2.0, 1.0], vec![1.0, 1.0]).is_none(),
        "not positive definite"
    );
}
