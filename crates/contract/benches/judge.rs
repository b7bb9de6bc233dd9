//! Judging job-change rows, beside the same rules as DataFusion expressions: `cargo bench -p muster-contract --bench judge`.
//!
//! The shipped contract `hr.candidate`: 22 declared rules, one of them `unique` and two in SQL, beside the built-in
//! checks of nulls and of damaged text. One iteration judges half a million rows of one source, so that the unique
//! keys grow as they do in a run. The peer is the same contract with each typed rule written as an `expect:`, which is
//! one compiled DataFusion expression a rule; `unique` and the built-in checks stay as they are. Rows per second of the
//! thread's CPU time, so that what else the machine does is no part of it.

use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use muster_batch::{BytesColumn, DecodedBatch, Headers, Origin, RawBatch};
use muster_contract::decode::columns::Columns;
use muster_contract::decode::slot::Slot;
use muster_contract::judge::Judge;
use muster_expr::Rules;
use muster_spec::{Check, Contract, Offset, OffsetDelta, SourceId, read};

const ROWS: usize = 524_288;

/// The CPU time of this thread, by the kernel's account of it (steps of a few milliseconds; an iteration takes many).
struct CpuTime;

impl CpuTime {
    fn now() -> u64 {
        let account = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux keeps the account");
        let nanos = account.split(' ').next().and_then(|nanos| nanos.parse().ok());
        nanos.expect("the account begins with nanoseconds")
    }
}

impl Measurement for CpuTime {
    type Intermediate = u64;
    type Value = u64;

    fn start(&self) -> u64 {
        Self::now()
    }

    fn end(&self, started: u64) -> u64 {
        Self::now() - started
    }

    fn add(&self, one: &u64, other: &u64) -> u64 {
        one + other
    }

    fn zero(&self) -> u64 {
        0
    }

    fn to_f64(&self, nanos: &u64) -> f64 {
        *nanos as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

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
    let starts = (0..ROWS).step_by(rows);
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

fn judge(criterion: &mut Criterion<CpuTime>) {
    let contract = shipped();
    let sql = in_sql(&contract);
    let mut group = criterion.benchmark_group("judge");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(10);
    for rows in [8_192, 65_536] {
        for (name, bad_each) in [("all good", 0), ("a tenth bad", 10)] {
            let batches = batches(&contract, rows, bad_each);
            for (kind, contract) in [("typed rules", &contract), ("all in SQL", &sql)] {
                let mut judge = Judge::new(Arc::new(contract.clone())).expect("the rules compile");
                let fresh = judge.key_state();
                group.bench_function(format!("{kind}, {name}, {rows} rows a batch"), |bencher| {
                    bencher.iter_batched(
                        || (fresh.clone(), batches.clone()),
                        |(mut keys, batches)| {
                            batches
                                .into_iter()
                                .map(|batch| judge.judge(batch, &mut keys).good_records.len())
                                .sum::<usize>()
                        },
                        BatchSize::PerIteration,
                    );
                });
            }
        }
    }
    group.finish();
}

/// The rules alone: no order, no verdicts.
fn rules(criterion: &mut Criterion<CpuTime>) {
    let contract = shipped();
    let mut group = criterion.benchmark_group("rules");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(10);
    let batches = batches(&contract, 8_192, 0);
    for (kind, contract) in [("typed", contract.clone()), ("all in SQL", in_sql(&contract))] {
        let mut rules = Rules::compile(&contract).expect("the rules compile");
        group.bench_function(kind, |bencher| {
            bencher.iter(|| {
                for batch in &batches {
                    black_box(rules.judge(&batch.rows, &[]));
                }
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = judge, rules
}
criterion_main!(benches);
