//! Tests of the file beside this one: the judge against a model that forgets nothing, over cuts and restarts.

use std::sync::Arc;

use super::*;
use crate::judge::Judge;
use crate::judge::test_batch::{Record, contract, decoded};
use proptest::prelude::*;

const RULES: &str = "rules:
  - { id: amount.range, field: amount, between: [0, 1] }
  - { id: key.unique, field: key, unique: { within: 60s, keys_max: 1000 } }
  - { id: note.unique, field: note, unique: { within: 20s, keys_max: 1000 }, severity: warn }
event_time: { field: at, optional: true }
event_id: { header: ce_id, within: 30s, keys_max: 1000 }
";

const SECOND: i64 = 1_000_000;

/// The verdicts as the rules say them, by looking at everything that ever was.
#[derive(Default)]
struct Model {
    watermark: Option<i64>,
    keys: Vec<(i64, Option<i64>)>,
    notes: Vec<(String, Option<i64>)>,
    events: Vec<(u8, Vec<u8>, Option<i64>)>,
    files: Vec<(u8, u64)>,
}

impl Model {
    fn counts(&self, entry: Option<i64>, row: Option<i64>, within: i64) -> bool {
        let Some(entry) = entry else {
            return true;
        };
        let horizon = self.watermark.map_or(i64::MIN, |watermark| watermark - 2 * within);
        row.is_none_or(|row| (entry - row).abs() < within) && entry >= horizon
    }

    fn judge(&mut self, record: &Record) -> String {
        if record.tombstone {
            return "tombstone".into();
        }
        if let Some(place) = record.file_row {
            if self.files.contains(&place) {
                return "duplicate".into();
            }
            self.files.push(place);
        }
        let time = if record.refused {
            record.stamp
        } else {
            record.at.or(record.stamp)
        };
        let mut broken = Vec::new();
        if let Some(id) = record.event_id {
            let payload = record.payload();
            let known: Vec<&(u8, Vec<u8>, Option<i64>)> = self
                .events
                .iter()
                .filter(|(known, _, at)| *known == id && self.counts(*at, time, 30))
                .collect();
            if known.iter().any(|(_, known, _)| *known == payload) {
                return "duplicate".into();
            }
            if !known.is_empty() {
                broken.push("conflict");
            }
            self.events.push((id, payload, time));
        }
        if record.refused {
            return format!("refused {}", broken.join(" "));
        }
        broken.extend(record.unparsed.then_some("type"));
        let amount = record.amount.filter(|_| !record.unparsed);
        broken.extend(amount.filter(|amount| !(0.0..=1.0).contains(amount)).map(|_| "range"));
        let taken = |key| {
            self.keys
                .iter()
                .any(|(known, at)| *known == key && self.counts(*at, time, 60))
        };
        broken.extend(record.key.filter(|key| taken(*key)).map(|_| "unique"));
        if !broken.is_empty() {
            return format!("bad {}", broken.join(" "));
        }
        let noted = |note: &String| {
            self.notes
                .iter()
                .any(|(known, at)| known == note && self.counts(*at, time, 20))
        };
        let warned = if record.note.as_ref().is_some_and(noted) {
            "warned"
        } else {
            ""
        };
        self.keys.extend(record.key.map(|key| (key, time)));
        self.notes.extend(record.note.clone().map(|note| (note, time)));
        self.watermark = self.watermark.max(time);
        format!("good {warned}")
    }
}

/// One batch's verdicts in the model's words. Whether a good row was warned is only counted, so batches of one row
/// say it.
fn words(contract: &Contract, judged: &muster_batch::JudgedBatch) -> Vec<String> {
    let mut words = vec![String::new(); judged.origin.len()];
    let short = |rule: &RuleNumber| match contract.rule_id(*rule) {
        "event_id.conflict" => "conflict",
        "amount.range" => "range",
        "amount.type" => "type",
        "key.unique" => "unique",
        "record.undecodable" => "refused",
        other => panic!("{other} is not broken"),
    };
    for (at, record) in judged.bad_records.iter().enumerate() {
        let rules = judged.violations.get(at);
        let refused = judged.refusals[at].is_some();
        let names: Vec<&str> = rules.iter().map(short).filter(|name| *name != "refused").collect();
        words[*record as usize] = format!("{} {}", if refused { "refused" } else { "bad" }, names.join(" "));
    }
    judged
        .good_records
        .iter()
        .for_each(|record| words[*record as usize] = "good ".into());
    judged
        .duplicates
        .iter()
        .for_each(|record| words[*record as usize] = "duplicate".into());
    judged
        .tombstones
        .iter()
        .for_each(|record| words[*record as usize] = "tombstone".into());
    words
}

fn any_record() -> impl Strategy<Value = Record> {
    let value = (
        proptest::option::weighted(0.9, 0_i64..4),
        prop_oneof![8 => 0.0..1.0, 1 => 2.0..3.0].prop_map(|amount| f64::from((amount * 2.0) as i32)),
        proptest::option::of("[ab]"),
        proptest::option::weighted(0.95, 0_i64..400),
        proptest::option::weighted(0.7, 0_i64..400),
    );
    let delivery = (
        proptest::option::weighted(0.5, 0_u8..4),
        proptest::option::weighted(0.3, (0_u8..2, 0_u64..40)),
        proptest::bool::weighted(0.1),
        proptest::bool::weighted(0.05),
        proptest::bool::weighted(0.05),
    );
    (value, delivery).prop_map(
        |((key, amount, note, at, stamp), (event_id, file_row, refused, tombstone, unparsed))| Record {
            key,
            amount: Some(amount),
            note,
            at,
            unparsed,
            stamp,
            event_id,
            file_row,
            refused,
            tombstone,
        },
    )
}

/// Times that mostly rise, as a source's do, and sometimes fall back.
fn any_records() -> impl Strategy<Value = Vec<Record>> {
    proptest::collection::vec((any_record(), 0_i64..12), 1..120).prop_map(|mut records| {
        let mut now = 0;
        for (record, step) in &mut records {
            now += *step;
            record.at = record.at.map(|back| now - back.saturating_sub(250).max(0));
            record.stamp = record.stamp.map(|back| now - back.saturating_sub(350).max(0));
        }
        // Some records are delivered again, a little later.
        let mut all: Vec<Record> = Vec::new();
        for (at, (record, step)) in records.iter().enumerate() {
            all.push(record.clone());
            if *step == 0 && at > 2 {
                all.push(records[at - 2].0.clone());
            }
        }
        all
    })
}

/// A state rebuilt from what the batches so far left, as a worker that takes over would: the greatest good event time
/// is known, entries before the horizon are not read, and they come in any order.
fn rebuilt(judge: &Judge, batches: &[KeyEntries], backwards: bool) -> KeyState {
    let mut state = judge.key_state();
    let mark = |entries: &KeyEntries| {
        let marks = entries.kinds.iter().zip(&entries.event_times);
        marks
            .filter(|(kind, _)| **kind == KeyKind::WATERMARK)
            .map(|(_, time)| *time)
            .max()
    };
    let watermark = batches.iter().filter_map(mark).max();
    let from = watermark
        .and_then(|watermark| state.needed_from(watermark))
        .unwrap_or(i64::MIN);
    let mut needed: Vec<KeyEntries> = batches.iter().map(|entries| after(entries, from)).collect();
    if backwards {
        needed.reverse();
    }
    for entries in &needed {
        state.restore(entries);
    }
    assert_eq!(state.watermark(), watermark);
    state
}

fn after(entries: &KeyEntries, from: i64) -> KeyEntries {
    let mut kept = KeyEntries {
        file_rows: entries.file_rows.clone(),
        ..KeyEntries::default()
    };
    for at in 0..entries.len() {
        let time = entries.event_times[at];
        if time == NO_TIME || time >= from {
            kept.push(
                entries.kinds[at],
                entries.fingerprints[at],
                time,
                entries.offsets[at],
                entries.payload_hashes[at],
            );
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn row_by_row_the_judge_says_what_the_rules_say(records in any_records()) {
        let contract = contract(RULES);
        let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
        let mut keys = judge.key_state();
        let mut model = Model::default();
        let warning = usize::from(contract.rule("note.unique").unwrap().0);
        for (offset, record) in records.iter().enumerate() {
            let expected = model.judge(record);
            let judged = judge.judge(decoded(&contract, std::slice::from_ref(record), offset), &mut keys);
            let mut said = words(&contract, &judged).remove(0);
            if said == "good " && judged.counts[warning] > 0 {
                said += "warned";
            }
            prop_assert_eq!(said, expected, "record {}: {:?}", offset, record);
        }
        prop_assert_eq!(keys.watermark(), model.watermark.map(|secs| secs * SECOND));
    }

    #[test]
    fn however_a_source_is_cut_and_restarted_the_verdicts_are_the_same(
        records in any_records(),
        cuts in proptest::collection::vec((1_usize..40, any::<bool>(), any::<bool>()), 1..40),
    ) {
        let contract = contract(RULES);
        let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
        let mut keys = judge.key_state();
        let whole = judge.judge(decoded(&contract, &records, 0), &mut keys);

        let mut keys = judge.key_state();
        let (mut said, mut counts, mut left) = (Vec::new(), vec![0; contract.rules.len()], Vec::new());
        let mut from = 0;
        for (length, restart, backwards) in cuts.iter().cycle() {
            let to = (from + length).min(records.len());
            if *restart {
                keys = rebuilt(&judge, &left, *backwards);
            }
            let judged = judge.judge(decoded(&contract, &records[from..to], from), &mut keys);
            said.extend(words(&contract, &judged));
            counts.iter_mut().zip(&judged.counts).for_each(|(sum, count)| *sum += count);
            left.push(judged.keys);
            from = to;
            if from == records.len() {
                break;
            }
        }
        prop_assert_eq!(said, words(&contract, &whole));
        prop_assert_eq!(counts, whole.counts);
    }
}

#[test]
fn entries_of_another_version_find_their_rule_by_its_id() {
    let old = contract("rules:\n  - { id: key.unique, field: key, unique: { within: 60s } }\n");
    let new = contract(
        "rules:\n  - { id: amount.range, field: amount, between: [0, 1] }\n  - { id: key.unique, field: key, unique: { within: 60s } }\n",
    );
    let record = Record {
        key: Some(7),
        amount: Some(0.5),
        ..Record::default()
    };
    let mut judge = Judge::new(Arc::clone(&old)).unwrap();
    let mut keys = judge.key_state();
    let left = judge
        .judge(decoded(&old, std::slice::from_ref(&record), 0), &mut keys)
        .keys;

    let mut judge = Judge::new(Arc::clone(&new)).unwrap();
    let mut keys = judge.key_state();
    keys.restore_renumbered(&left, |rule| new.rule(old.rule_id(rule)));
    let judged = judge.judge(decoded(&new, &[record], 1), &mut keys);
    assert_eq!(judged.violations.get(0), [new.rule("key.unique").unwrap()]);
}
