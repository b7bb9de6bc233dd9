//! Tests of the file beside this one and of what it measures with.

use std::sync::Arc;

use super::*;
use crate::judge::Judge;
use crate::judge::test_batch::{Record, contract, decoded};

const EXPECTATIONS: &str = "rules:
  - { id: key.range, field: key, between: [0, 1000000] }
event_time: { field: at, optional: true }
expectations:
  - { id: bad_ratio, max: 0.10, alert: data-quality }
  - { id: rows, min: 1 }
  - { id: amount.null_ratio, measure: null_ratio, field: amount, max: 0.5 }
  - { id: note.distinct, measure: distinct, field: note, min: 3 }
  - { id: amount.mean, measure: mean, field: amount, min: 0.4, max: 0.6 }
  - { id: amount.median, measure: quantile, at: 0.5, field: amount, max: 0.4 }
  - { id: freshness, max: 60s }
";

fn record(key: i64, amount: f64) -> Record {
    Record {
        key: Some(key),
        amount: Some(amount),
        note: Some(if key % 2 == 0 { "a" } else { "b" }.into()),
        at: Some(key),
        ..Record::default()
    }
}

fn measure(records: &[Record], chunk: usize, sealed_at: i64) -> Vec<Measured> {
    let contract = contract(EXPECTATIONS);
    let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
    let mut keys = judge.key_state();
    let mut expectations = Expectations::new(&contract);
    for (at, part) in records.chunks(chunk).enumerate() {
        expectations.add(&judge.judge(decoded(&contract, part, at * chunk), &mut keys));
    }
    expectations.measure(sealed_at)
}

#[test]
fn a_batch_is_measured_over_its_good_rows() {
    let mut records: Vec<Record> = (0..8).map(|key| record(key, 0.5)).collect();
    records[0].amount = None;
    records[1].amount = Some(f64::NAN);
    records.push(record(-1, 100.0));
    let told: Vec<(String, Option<f64>, bool, Option<f64>)> = measure(&records, 3, 70_000_000)
        .into_iter()
        .map(|measured| (measured.id, measured.value, measured.met, measured.threshold))
        .collect();
    let expected = [
        ("bad_ratio", Some(1.0 / 9.0), false, Some(0.1)),
        ("rows", Some(9.0), true, None),
        ("amount.null_ratio", Some(0.125), true, None),
        ("note.distinct", Some(2.0), false, Some(3.0)),
        ("amount.mean", Some(0.5), true, None),
        ("amount.median", Some(0.5), false, Some(0.4)),
        ("freshness", Some(63.0), false, Some(60.0)),
    ];
    let expected = expected.map(|(id, value, met, threshold)| (id.to_owned(), value, met, threshold));
    assert_eq!(told, expected);
}

#[test]
fn nothing_measured_is_no_failure_but_of_rows() {
    let told = measure(&[], 1, 0);
    let unmet: Vec<&str> = told
        .iter()
        .filter(|measured| !measured.met)
        .map(|measured| measured.id.as_str())
        .collect();
    assert_eq!(unmet, ["rows", "note.distinct"]);
    assert!(told.iter().all(|measured| measured.value.is_none_or(f64::is_finite)));
}

#[test]
fn a_batch_measures_the_same_however_it_was_cut() {
    let records: Vec<Record> = (0..500)
        .map(|key| record(key * 7 % 500, (key * 31 % 97) as f64 / 97.0))
        .collect();
    assert_eq!(measure(&records, 500, 0), measure(&records, 7, 0));
}

#[test]
fn many_values_are_estimated_within_a_percent() {
    let (mut quantile, mut distinct) = (Quantile::new(), Distinct::new());
    for value in 0..300_000_u64 {
        quantile.add((value * 7919 % 300_000) as f64 - 100_000.0);
        distinct.add(xxhash_rust::xxh3::xxh3_64(&value.to_le_bytes()));
        distinct.add(xxhash_rust::xxh3::xxh3_64(&(value / 2).to_le_bytes()));
    }
    for (at, expected) in [
        (0.0, -100_000.0),
        (0.1, -70_001.0),
        (0.5, 49_999.0),
        (0.99, 196_999.0),
        (1.0, 199_999.0),
    ] {
        let value: f64 = quantile.value(at).unwrap();
        assert!((value - expected).abs() <= expected.abs() * 0.006, "{at}: {value}");
    }
    assert!(
        (distinct.count() - 300_000.0).abs() < 300_000.0 * 0.03,
        "{}",
        distinct.count()
    );
}

#[test]
fn extreme_values_have_their_buckets() {
    let mut quantile = Quantile::new();
    let extremes = [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 0.0, -0.0, 1.0];
    (0..70_000).for_each(|at| quantile.add(extremes[at % extremes.len()]));
    for at in [0.0, 0.2, 0.5, 0.9, 1.0] {
        assert!(quantile.value(at).unwrap().is_finite(), "{at}");
    }
    assert_eq!(Quantile::new().value(0.5), None);
}
