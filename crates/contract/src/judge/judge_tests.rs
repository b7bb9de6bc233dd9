//! Tests of the judge as a whole: verdicts, identity, redelivery.

use super::test_batch::{Record, contract, decoded, file};
use super::*;
use muster_batch::{FileRows, Refusal};

const RULES: &str = "rules:
  - { id: amount.range, field: amount, between: [0, 1] }
  - { id: note.level, field: note, one_of: [a, b], severity: warn }
  - { id: note.length, field: note, length: [1, 3] }
  - { id: key.unique, field: key, unique: { within: 60s, keys_max: 4 } }
  - { id: amount.note, expect: \"amount IS NOT NULL OR note IS NOT NULL\" }
event_time: { field: at, optional: true }
event_id: { header: ce_id, within: 60s, keys_max: 100 }
";

/// What became of each record, in one word and the rules it broke.
fn told(contract: &Contract, judged: &JudgedBatch) -> Vec<String> {
    let mut told = vec![String::new(); judged.origin.len()];
    let ids = |rules: &[RuleNumber]| {
        rules
            .iter()
            .map(|rule| contract.rule_id(*rule))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (at, record) in judged.bad_records.iter().enumerate() {
        let warned = ids(judged.warnings.get(at));
        let refusal = judged.refusals[at].map_or("", Refusal::code);
        let parts = ["bad:", &ids(judged.violations.get(at)), "/", &warned, "/", refusal];
        told[*record as usize] += &parts.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    }
    judged
        .good_records
        .iter()
        .for_each(|record| told[*record as usize] += "good");
    judged
        .duplicates
        .iter()
        .for_each(|record| told[*record as usize] += "duplicate");
    judged
        .tombstones
        .iter()
        .for_each(|record| told[*record as usize] += "tombstone");
    assert_eq!(judged.good.num_rows(), judged.good_records.len());
    assert_eq!(judged.good_event_times.len(), judged.good_records.len());
    for rising in [&judged.good_records, &judged.bad_records, &judged.duplicates] {
        assert!(rising.is_sorted());
    }
    told
}

fn verdicts(more: &str, records: &[Record]) -> Vec<String> {
    let contract = contract(more);
    let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
    let mut keys = judge.key_state();
    told(&contract, &judge.judge(decoded(&contract, records, 0), &mut keys))
}

fn record(key: i64, at: i64) -> Record {
    Record {
        key: Some(key),
        amount: Some(0.5),
        note: Some("a".into()),
        at: Some(at),
        ..Record::default()
    }
}

#[test]
fn every_record_ends_in_one_place_with_all_it_broke() {
    let all = [
        record(1, 0),
        Record {
            amount: Some(2.0),
            note: Some("long".into()),
            ..record(2, 0)
        },
        Record {
            note: Some("c".into()),
            ..record(3, 0)
        },
        Record {
            refused: true,
            ..Record::default()
        },
        Record {
            tombstone: true,
            ..Record::default()
        },
        Record {
            unparsed: true,
            note: None,
            ..record(4, 0)
        },
        Record {
            amount: Some(f64::NAN),
            ..record(1, 1)
        },
        Record::default(),
    ];
    let contract = contract(RULES);
    let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
    let mut keys = judge.key_state();
    let judged = judge.judge(decoded(&contract, &all, 0), &mut keys);
    assert_eq!(
        told(&contract, &judged),
        [
            "good",
            "bad: amount.range note.length / note.level /",
            "good",
            "bad: record.undecodable / / truncated",
            "tombstone",
            "bad: amount.type / /",
            "bad: amount.range key.unique / /",
            "bad: amount.note / /",
        ]
    );
    let count = |id: &str| judged.counts[usize::from(contract.rule(id).unwrap().0)];
    assert_eq!(
        [
            count("note.level"),
            count("amount.range"),
            count("key.unique"),
            count("record.undecodable")
        ],
        [2, 2, 1, 1]
    );
    assert_eq!(judged.counts.iter().sum::<u64>(), 2 + 2 + 1 + 1 + 1 + 1 + 1);
    assert_eq!(judged.good_event_times, [0, 0]);
}

#[test]
fn the_first_good_row_keeps_its_key() {
    let again = |amount: f64, at: i64| Record {
        amount: Some(amount),
        ..record(1, at)
    };
    // A bad row claims nothing; 60 s is not less than 60 s; the window goes both ways.
    let rows = [
        again(2.0, 100),
        again(0.5, 100),
        again(0.5, 159),
        again(0.5, 41),
        again(0.5, 160),
        again(0.5, 40),
    ];
    assert_eq!(
        verdicts(RULES, &rows),
        [
            "bad: amount.range / /",
            "good",
            "bad: key.unique / /",
            "bad: key.unique / /",
            "good",
            "good"
        ]
    );
}

#[test]
fn a_key_behind_the_horizon_is_free_again() {
    // 120 s after the greatest accepted time the first claim no longer counts, though it is near the late row.
    let rows = [
        record(1, 0),
        record(2, 120),
        record(1, 10),
        record(3, 121),
        record(1, 11),
    ];
    assert_eq!(
        verdicts(RULES, &rows),
        ["good", "good", "bad: key.unique / /", "good", "good"]
    );
}

#[test]
fn rows_without_a_time_are_near_everything() {
    let timeless = |key: i64| Record {
        at: None,
        ..record(key, 0)
    };
    let rows = [
        timeless(1),
        timeless(1),
        record(1, 5),
        record(2, 5),
        timeless(2),
        timeless(3),
    ];
    assert_eq!(
        verdicts(RULES, &rows),
        [
            "good",
            "bad: key.unique / /",
            "bad: key.unique / /",
            "good",
            "bad: key.unique / /",
            "good"
        ]
    );
}

#[test]
fn the_record_s_timestamp_stands_in_for_a_missing_event_time() {
    let stamped = |stamp: i64| Record {
        at: None,
        stamp: Some(stamp),
        ..record(1, 0)
    };
    assert_eq!(
        verdicts(RULES, &[stamped(0), record(1, 30), stamped(90)]),
        ["good", "bad: key.unique / /", "good"]
    );
}

#[test]
fn a_redelivered_event_is_a_duplicate_and_another_payload_a_conflict() {
    let event = |id: u8, amount: f64, at: i64| Record {
        key: None,
        amount: Some(amount),
        event_id: Some(id),
        ..record(0, at)
    };
    let refused = |id: u8, at: i64| Record {
        refused: true,
        stamp: Some(at),
        ..event(id, 0.0, 0)
    };
    let rows = [
        event(1, 0.5, 0),
        event(1, 0.5, 0),
        event(1, 0.6, 0),
        event(1, 0.6, 0),
        event(2, 7.0, 1),
        event(2, 7.0, 1),
        event(1, 0.5, 60),
        refused(3, 60),
        refused(3, 60),
        event(3, 0.1, 60),
        refused(1, 61),
    ];
    assert_eq!(
        verdicts(RULES, &rows),
        [
            "good",
            "duplicate",
            "bad: event_id.conflict / /",
            "duplicate",
            "bad: amount.range / /",
            "duplicate",
            "good",
            "bad: record.undecodable / / truncated",
            "duplicate",
            "bad: event_id.conflict / /",
            "bad: record.undecodable event_id.conflict / / truncated",
        ]
    );
}

#[test]
fn an_event_id_may_be_a_field() {
    let more = "event_id: { field: key, within: 60s }\n";
    let rows = [
        record(1, 0),
        record(1, 0),
        Record {
            note: None,
            ..record(1, 0)
        },
        Record {
            key: None,
            ..record(1, 0)
        },
    ];
    // Without an event-time field the rows have no time.
    assert_eq!(
        verdicts(more, &rows),
        ["good", "duplicate", "bad: event_id.conflict / /", "good"]
    );
}

#[test]
fn a_row_of_a_file_seen_again_is_a_duplicate_whatever_the_contract_says() {
    let of_file = |name: u8, row: u64, amount: f64| Record {
        file_row: Some((name, row)),
        amount: Some(amount),
        ..record(i64::from(name) * 1_000_000 + row as i64, 0)
    };
    let more = "rules:\n  - { id: amount.range, field: amount, between: [0, 1] }\n";
    let contract = contract(more);
    let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
    let mut keys = judge.key_state();
    let rows = [
        of_file(1, 5, 0.5),
        of_file(1, 6, 7.0),
        of_file(1, 6, 7.0),
        of_file(2, 6, 0.5),
        of_file(1, 3, 0.5),
    ];
    let judged = judge.judge(decoded(&contract, &rows, 0), &mut keys);
    assert_eq!(
        told(&contract, &judged),
        ["good", "bad: amount.range / /", "duplicate", "good", "good"]
    );
    let range = |name: u8, from: u64, to: u64| FileRows {
        file: file(name),
        from,
        to,
    };
    assert_eq!(judged.keys.file_rows, [range(1, 3, 4), range(1, 5, 7), range(2, 6, 7)]);
    assert!(judged.keys.is_empty(), "a contract without keys leaves none");

    let mut restored = judge.key_state();
    restored.restore(&judged.keys);
    let later = [of_file(1, 3, 0.5), of_file(1, 4, 0.5), of_file(2, 6, 0.5)];
    let judged = judge.judge(decoded(&contract, &later, 5), &mut restored);
    assert_eq!(told(&contract, &judged), ["duplicate", "good", "duplicate"]);
    assert_eq!(judged.keys.file_rows, [range(1, 4, 5)]);
}

#[test]
fn a_header_that_counts_more_rows_than_the_ledger_can_is_passed_over() {
    let contract = contract("");
    let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
    let absurd = |row: u64| Record {
        file_row: Some((1, row)),
        ..record(1, 0)
    };
    let rows = [absurd(u64::MAX), absurd(u64::MAX), absurd(i64::MAX as u64)];
    let judged = judge.judge(decoded(&contract, &rows, 0), &mut judge.key_state());
    assert_eq!(told(&contract, &judged), ["good", "good", "good"]);
    assert!(judged.keys.file_rows.is_empty());
}

#[test]
fn a_rule_that_panics_sets_its_row_apart() {
    let contract = contract(RULES);
    let mut judge = Judge::new(Arc::clone(&contract))
        .unwrap()
        .panicking_on(contract.field("note").unwrap(), "pop");
    let mut keys = judge.key_state();
    let rows = [
        record(1, 0),
        Record {
            note: Some("pop".into()),
            ..record(2, 0)
        },
        record(2, 0),
    ];
    let judged = judge.judge(decoded(&contract, &rows, 0), &mut keys);
    assert_eq!(
        told(&contract, &judged),
        ["good", "bad: record.undecodable / note.level / rule_panic", "good"]
    );
}

#[test]
fn a_source_is_full_when_a_window_holds_more_keys_than_allowed() {
    let contract = contract(RULES);
    let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
    let mut keys = judge.key_state();
    let rows: Vec<Record> = (0..4).map(|key| record(key, 0)).collect();
    judge.judge(decoded(&contract, &rows, 0), &mut keys);
    assert_eq!(keys.full(), None);
    judge.judge(decoded(&contract, &[record(9, 0)], 4), &mut keys);
    let rule = contract.rule("key.unique").unwrap();
    assert_eq!(
        keys.full(),
        Some(Full {
            rule,
            keys: 5,
            keys_max: 4
        })
    );
    judge.judge(decoded(&contract, &[record(10, 500)], 5), &mut keys);
    assert_eq!(keys.full(), None, "keys behind the horizon are forgotten");
    assert_eq!(keys.keys(), 1);
}

#[test]
fn good_rows_are_handed_on_uncopied_where_all_are_good() {
    let contract = contract(RULES);
    let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
    let mut keys = judge.key_state();
    let batch = decoded(&contract, &[record(1, 0), record(2, 0)], 0);
    let before = batch.rows.column(0).to_data().buffers()[0].as_ptr();
    let judged = judge.judge(batch, &mut keys);
    assert_eq!(judged.good.column(0).to_data().buffers()[0].as_ptr(), before);
}

#[test]
fn an_empty_batch_is_judged() {
    assert!(verdicts(RULES, &[]).is_empty());
    let gone = Record {
        tombstone: true,
        ..Record::default()
    };
    assert_eq!(verdicts(RULES, &[gone]), ["tombstone"]);
}

#[test]
fn sql_and_decoding_mean_the_same_arrow_types() {
    for name in ["hr.candidate", "lms.completion", "feedback.review"] {
        let contract = test_batch::shipped(name);
        for field in &contract.fields {
            assert_eq!(
                crate::decode::columns::data_type(&field.kind),
                muster_expr::sql::data_type(&field.kind)
            );
        }
    }
}

#[test]
fn the_shipped_contracts_pass_their_own_tests() {
    for name in ["hr.candidate", "lms.completion", "feedback.review"] {
        let outcomes = run_tests(&test_batch::shipped(name)).unwrap();
        assert!(!outcomes.is_empty());
        for outcome in outcomes {
            assert!(outcome.passed(), "{name}: {outcome:?}");
        }
    }
}
