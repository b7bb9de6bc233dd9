//! Tests of judging again: what was accepted counts however long ago, and how a record was delivered does not.

use muster_batch::{JudgedBatch, KeyEntries, KeyKind};
use muster_expr::RowSet;

use super::Judge;
use super::test_batch::{Record, contract, decoded};

const RULES: &str = "rules:
  - { id: amount.range, field: amount, between: [0, 1] }
  - { id: key.unique, field: key, unique: { within: 60s, keys_max: 1000 } }
event_time: { field: at, optional: true }
event_id: { header: ce_id, within: 30s, keys_max: 1000 }
";

fn row(key: i64, at: i64) -> Record {
    Record {
        key: Some(key),
        at: Some(at),
        event_id: Some(key as u8),
        ..Record::default()
    }
}

/// The offsets of good rows, with what they leave behind.
fn again(records: &[Record], conflicting: &[usize], before: &[KeyEntries]) -> (Vec<u32>, JudgedBatch) {
    let contract = contract(RULES);
    let mut judge = Judge::new(contract.clone()).unwrap();
    let mut keys = judge.key_state().whole();
    for entries in before {
        keys.restore(entries);
    }
    let decoded = decoded(&contract, records, 0);
    let mut rows = RowSet::empty(decoded.rows.num_rows());
    for row in conflicting {
        rows.insert(*row);
    }
    let judged = judge.judge_again(decoded, &rows, &mut keys);
    (judged.good_records.clone(), judged)
}

/// What rows leave behind when they are judged for the first time.
fn accepted(records: &[Record]) -> KeyEntries {
    let contract = contract(RULES);
    let mut judge = Judge::new(contract.clone()).unwrap();
    let mut keys = judge.key_state();
    judge.judge(decoded(&contract, records, 100), &mut keys).keys
}

#[test]
fn a_key_counts_however_long_ago_it_was_accepted() {
    let long_after: Vec<Record> = (1..50).map(|key| row(key + 10, key * 10_000)).collect();
    let before = [accepted(&[row(1, 30)]), accepted(&long_after)];
    let (good, judged) = again(&[row(1, 0), row(1, 89), row(1, 90), row(2, 0)], &[], &before);
    assert_eq!(good, [2, 3], "60 seconds from the first the key is free again");
    let unique = contract(RULES).rule("key.unique").unwrap();
    assert_eq!(judged.violations.get(0), [unique]);
}

#[test]
fn the_first_of_equal_keys_is_accepted_and_remembered_with_its_time() {
    let late = row(5, 1_000_000);
    let (good, judged) = again(&[row(7, 10), row(7, 20), late.clone()], &[], &[]);
    assert_eq!(good, [0, 2]);
    let kinds: Vec<(KeyKind, i64)> = judged
        .keys
        .kinds
        .iter()
        .copied()
        .zip(judged.keys.offsets.clone())
        .collect();
    let unique = KeyKind::Unique(contract(RULES).rule("key.unique").unwrap().0);
    assert_eq!(kinds, [(unique, 0), (unique, 2), (KeyKind::WATERMARK, 2)]);
    assert_eq!(
        judged.keys.event_times[2],
        1_000_000 * 1_000_000,
        "later records are held against the newest"
    );
}

#[test]
fn a_record_is_no_duplicate_of_itself_and_a_conflicting_one_stays_bad() {
    let records = [row(1, 0), row(2, 0), row(3, 0)];
    // Their own first delivery is among what is known.
    let delivered = accepted(&[Record {
        amount: Some(2.0),
        ..row(1, 0)
    }]);
    let (good, judged) = again(&records, &[1], &[delivered]);
    assert_eq!((good, judged.duplicates.len()), (vec![0, 2], 0));
    let conflict = contract(RULES).rule("event_id.conflict").unwrap();
    assert_eq!(judged.violations.get(0), [conflict]);
    assert!(judged.keys.file_rows.is_empty());
}
