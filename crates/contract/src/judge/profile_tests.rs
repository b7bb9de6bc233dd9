//! Tests of the file beside this one: what is told of public fields, and that nothing is kept of personal ones.

use std::sync::Arc;

use super::Profile;
use crate::judge::Judge;
use crate::judge::test_batch::{Record, contract, decoded};

const PUBLIC: &str = "public: [amount, note, at]\n";

fn profile(text: &str, records: &[Record], chunk: usize) -> Profile {
    let contract = contract(text);
    let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
    let mut keys = judge.key_state();
    let mut profile = Profile::new(&contract);
    for (at, part) in records.chunks(chunk).enumerate() {
        profile.add(&judge.judge(decoded(&contract, part, at * chunk), &mut keys).good);
    }
    profile
}

fn records() -> Vec<Record> {
    let mut records: Vec<Record> = (0..10)
        .map(|key| Record {
            key: Some(key),
            amount: Some(key as f64 / 2.0),
            note: Some(if key < 7 { "often" } else { "seldom" }.into()),
            at: Some(1_000 + key),
            ..Record::default()
        })
        .collect();
    records[3].amount = None;
    records[4].amount = Some(f64::INFINITY);
    records[5].note = None;
    records
}

#[test]
fn a_public_field_is_told_whole_however_the_rows_were_cut() {
    for chunk in [1, 3, 10] {
        let profile = profile(PUBLIC, &records(), chunk);
        assert_eq!(profile.rows(), 10);
        let fields: Vec<_> = profile.fields().collect();
        let amount = fields[1].values.as_ref().unwrap();
        assert_eq!((fields[1].rows, fields[1].missing), (10, 1));
        assert_eq!((amount.distinct, amount.distinct_exact), (9, true));
        assert_eq!(amount.range, Some((0.0, 4.5)), "an infinite number is no end");
        assert_eq!(amount.mean, Some((45.0 - 3.0 - 4.0) / 2.0 / 8.0));
        assert_eq!(amount.median, Some(2.5));
        let note = fields[2].values.as_ref().unwrap();
        assert_eq!(note.texts.unwrap().top(9), [("often", 6), ("seldom", 3)]);
        assert_eq!(note.range, None);
        let at = fields[3].values.as_ref().unwrap();
        assert_eq!(at.range, Some((1_000e6, 1_009e6)));
        assert_eq!(at.mean, None, "a mean of moments says nothing");
    }
}

#[test]
fn nothing_but_rows_and_missing_values_is_kept_of_a_personal_field() {
    let profile = profile("", &records(), 4);
    for (field, missing) in profile.fields().zip([0, 1, 1, 0]) {
        assert_eq!((field.rows, field.missing), (10, missing));
        assert!(field.values.is_none());
    }
    assert!(!format!("{profile:?}").contains("often"));
}

#[test]
fn rows_without_a_field_leave_it_as_it_is() {
    let contract = contract(PUBLIC);
    let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
    let mut keys = judge.key_state();
    let good = judge.judge(decoded(&contract, &records(), 0), &mut keys).good;
    let mut profile = Profile::new(&contract);
    profile.add(&good.project(&[0, 2]).unwrap());
    let rows: Vec<u64> = profile.fields().map(|field| field.rows).collect();
    assert_eq!(rows, [10, 0, 10, 0]);
}
