//! Judging job-change rows, beside the same rules as DataFusion expressions: `cargo bench -p muster-contract --bench judge`.
//!
//! The shipped contract `hr.candidate`: 22 declared rules, one of them `unique` and two in SQL, beside the built-in
//! checks of nulls and of damaged text. A round judges half a million rows of one source, so that the unique keys grow as
//! they do in a run. The peer is the same contract with each typed rule written as an `expect:`, which is
//! one compiled DataFusion expression a rule; `unique` and the built-in checks stay as they are. On one thread.

use std::hint::black_box;
use std::sync::Arc;

use muster_batch::{BytesColumn, DecodedBatch, Headers, Origin, RawBatch};
use muster_contract::decode::columns::Columns;
use muster_contract::decode::slot::Slot;
use muster_contract::judge::Judge;
use muster_spec::{Check, Contract, Offset, OffsetDelta, SourceId, read};

use figures::{Clock, Spent};

#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../tests/bench/figures.rs"]
mod figures;

const ROWS: usize = 524_288;
const BATCH_ROWS: usize = 8_192;
const ROUNDS: usize = 7;

/// The contract that ships with the repository.
fn shipped() -> Contract {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/");
    let open = |file: &str| std::fs::read_to_string(format!("{folder}{file}")).ok();
    let yaml = open("hr.candidate.contract.yaml").expect("the contract ships with the repository");
    read::contract("hr.candidate", "hr.candidate.contract.yaml", &yaml, &open).expect("the shipped contract is one")
}

/// The contract with each typed rule as SQL.
fn in_sql(contract: &Contract) -> Contract {
    let mut sql = contract.clone();
    for rule in sql.rules.iter_mut().filter(|rule| rule.place.is_some()) {
        let Some(field) = rule.field else { continue };
        let name = &contract.fields[field].name;
        let text = match &rule.check {
            Check::Required => format!("{name} IS NOT NULL"),
            Check::OneOf(values) if name == "target" => format!("{name} IN ({})", values.join(", ")),
            Check::OneOf(values) => format!("{name} IN ('{}')", values.join("', '")),
            Check::Matches(pattern) => format!("{name} ~ '{pattern}'"),
            Check::Between(Some(low), Some(high)) => format!("{name} BETWEEN {low} AND {high}"),
            _ => continue,
        };
        rule.check = Check::Expect(text);
    }
    sql
}

/// Rows of the public file's levels. Every `bad_each`th row breaks a rule; 0 means that none does.
fn batches(contract: &Contract, rows: usize, bad_each: usize) -> Vec<DecodedBatch> {
    let starts = (0..figures::rows(ROWS)).step_by(rows);
    starts.map(|from| batch(contract, from, rows, bad_each)).collect()
}

fn batch(contract: &Contract, from: usize, rows: usize, bad_each: usize) -> DecodedBatch {
    let mut columns = Columns::new(contract, rows);
    let (mut payloads, mut keys, mut headers) = (BytesColumn::default(), BytesColumn::default(), Headers::default());
    for row in from..from + rows {
        push(&mut columns, row, bad_each > 0 && row % bad_each == 0);
        payloads.push(Some(&[0]));
        keys.push(None);
        headers.push(std::iter::empty());
    }
    let offsets: Vec<i64> = (from..from + rows).map(|offset| offset as i64).collect();
    DecodedBatch {
        origin: Origin::Records(RawBatch {
            source: SourceId(1),
            topic: contract.topic.as_str().into(),
            partition: 0,
            delta: OffsetDelta::new(Offset(from as i64), Offset((from + rows) as i64)),
            timestamps: offsets.iter().map(|offset| 1_700_000_000_000 + offset).collect(),
            offsets,
            payloads,
            keys,
            headers,
        }),
        rows: columns.finish(),
        record_of_row: (0..rows as u32).collect(),
        refused: Vec::new(),
        findings: Vec::new(),
        tombstones: Vec::new(),
    }
}

fn push(columns: &mut Columns, row: usize, bad: bool) {
    // A multiplicative hash: levels are drawn without a pattern a branch predictor could learn.
    let drawn = |by: usize| (row.wrapping_mul(31).wrapping_add(by)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let pick = |by: usize, of: &[&'static str]| Slot::Bytes(of[drawn(by) % of.len()].as_bytes());
    let some = |by: usize, of: &[&'static str]| {
        if drawn(by + 100) % 6 == 0 {
            Slot::Null
        } else {
            pick(by, of)
        }
    };
    let city = format!("{}_{}", if bad { "City" } else { "city" }, drawn(0) % 180 + 1);
    let years = [
        "<1", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "15", "18", ">20",
    ];
    columns.push(&[
        Slot::Long((row as i64 * 7) % 9_000_000 + 1),
        Slot::Bytes(city.as_bytes()),
        Slot::Double((drawn(1) % 1000) as f64 / 1000.0),
        some(2, &["Male", "Female", "Other"]),
        pick(3, &["Has relevent experience", "No relevent experience"]),
        some(4, &["no_enrollment", "Full time course", "Part time course"]),
        pick(5, &["Graduate", "Masters", "Phd"]),
        some(
            6,
            &["STEM", "Humanities", "Business Degree", "Arts", "Other", "No Major"],
        ),
        pick(7, &years),
        some(
            8,
            &[
                "<10",
                "10/49",
                "50-99",
                "100-500",
                "500-999",
                "1000-4999",
                "5000-9999",
                "10000+",
            ],
        ),
        some(
            9,
            &[
                "Pvt Ltd",
                "Public Sector",
                "NGO",
                "Funded Startup",
                "Early Stage Startup",
                "Other",
            ],
        ),
        some(10, &["never", "1", "2", "3", "4", ">4"]),
        Slot::Int((drawn(11) % 336 + 1) as i32),
        Slot::Null,
        Slot::Int((drawn(12) % 2) as i32),
    ]);
}

/// Judges everything once more, from no keys on.
fn judge_all(judge: &mut Judge, batches: &[DecodedBatch]) -> Spent {
    let (given, mut keys) = (batches.to_vec(), judge.key_state());
    let mut made = Vec::with_capacity(given.len());
    Spent::of(Clock::Thread, || {
        let rows = given.iter().map(|batch| batch.rows.num_rows() as u64).sum();
        made.extend(given.into_iter().map(|batch| judge.judge(batch, &mut keys)));
        black_box(&made);
        rows
    })
}

fn main() {
    let contract = shipped();
    let sql = in_sql(&contract);
    let judge = |contract: &Contract| Judge::new(Arc::new(contract.clone())).expect("the rules compile");
    for (name, bad_each) in [("all good", 0), ("a tenth bad", 10)] {
        let batches = batches(&contract, BATCH_ROWS, bad_each);
        let (mut ours, mut theirs) = (judge(&contract), judge(&sql));
        figures::compare(
            "judge",
            &format!("22 rules and the built-in ones, {name}"),
            "the same rules as DataFusion expressions",
            ROUNDS,
            || judge_all(&mut ours, &batches),
            || judge_all(&mut theirs, &batches),
        );
    }
}
