//! Killed with -9 at each named point and started again: everything is as if nothing had happened.
//!
//! For each point the process dies when it first reaches it, is started again, dies when it reaches it a third time, and
//! is started again. Counts, the model's version and the predictions are those of one undisturbed run.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::housekeeping::{COMPACT_POINTS, RETAIN_POINTS};
use crate::init::INIT_POINTS;
use crate::oracle::{Log, Producer, check, predictions};
use crate::program::Program;
use crate::world::{INGEST, PIPELINE, World};

pub const EVENTS: u64 = 2_400;
const BURST: u64 = 150;
pub const PARTITIONS: i32 = 3;
/// How many points are tried at once: mostly they wait for Kafka to give a dead member up.
const WORKERS: usize = 5;
pub const LIMIT: Duration = Duration::from_mins(1);

const INGEST_POINTS: [&str; 14] = [
    "receive",
    "decode",
    "judge",
    "seal.write",
    "seal.sync",
    "seal.check",
    "seal.rename",
    "seal.sync_folders",
    "commit",
    "committed",
    "hint",
    "dead_letters.publish",
    "dead_letters.published",
    "dead_letters.advanced",
];
const SCORE_POINTS: [&str; 10] = [
    "claim",
    "compute",
    "score",
    "seal.write",
    "seal.sync",
    "seal.check",
    "seal.rename",
    "seal.sync_folders",
    "predict",
    "predicted",
];
pub const REPAIR_POINTS: [&str; 8] = [
    "repair.judge",
    "seal.write",
    "seal.sync",
    "seal.check",
    "seal.rename",
    "seal.sync_folders",
    "repair.commit",
    "repair.committed",
];
/// A scorer whose claims are free soon after its death.
const SCORE: [&str; 4] = ["score", "--once", "--lease-secs", "1"];
/// The first time, and the third.
pub const HITS: [&str; 2] = ["return(kill)", "2*off->return(kill)"];

/// What must not depend on who died when.
#[derive(Debug, PartialEq)]
pub struct Facts {
    pub sums: Vec<[u64; 5]>,
    pub rules: String,
    pub model: String,
    pub predictions: Vec<(String, f64, String)>,
}

pub fn facts(world: &World, log: &Log, trained: &Value) -> Facts {
    check(world, log, true);
    let reconciled = world.run(&["reconcile", "--format", "json"]).with_code(0).json();
    let columns = ["received", "good", "bad", "duplicate", "tombstone"];
    let rows = reconciled["reconcile"].as_array().unwrap();
    Facts {
        sums: rows
            .iter()
            .map(|row| columns.map(|column| row[column].as_u64().unwrap()))
            .collect(),
        rules: world.ask(
            "SELECT jsonb_object_agg(rule_id, rows)
             FROM (SELECT rule_id, sum(rows) AS rows FROM violations GROUP BY 1 ORDER BY 1) AS totals",
        ),
        model: trained["version"].as_str().unwrap().to_owned(),
        predictions: predictions(world),
    }
}

pub fn train(world: &World) -> Value {
    world
        .run(&["train", PIPELINE, "--fold-seeds", "1", "--format", "json"])
        .with_code(0)
        .json()
}

pub fn producer(world: &World) -> Producer {
    Producer::new(&world.brokers, &world.topic, &world.contract, PARTITIONS as usize)
}

/// The run that nothing disturbs.
fn undisturbed() -> Option<&'static Facts> {
    static FACTS: OnceLock<Option<Facts>> = OnceLock::new();
    let run = || {
        let world = World::new("undisturbed", PARTITIONS)?;
        let mut producer = producer(&world);
        producer.send(EVENTS);
        world.run(&["ingest", "--once"]).with_code(0);
        let trained = train(&world);
        world.run(&["score", "--once"]).with_code(0);
        Some(facts(&world, &producer.log, &trained))
    };
    FACTS.get_or_init(run).as_ref()
}

/// Sends bursts until the process is dead.
fn send_until_dead(producer: &mut Producer, sent: &mut u64, mut process: Program) {
    while process.runs() && *sent + BURST <= EVENTS {
        producer.send(BURST);
        *sent += BURST;
        std::thread::sleep(Duration::from_millis(250));
    }
    process.wait(LIMIT).killed();
}

fn ingest_killed_at(point: &str) -> Option<Facts> {
    let world = World::new("killed", PARTITIONS)?;
    let mut producer = producer(&world);
    let mut sent = 0;
    for hit in HITS {
        let mut process = world.start_failing(&INGEST, &format!("{point}={hit}"));
        // A dead member keeps its partitions for a while: its successor works when it has taken them, and may die of
        // its predecessor's dead letters before that.
        let begun = Instant::now();
        while process.runs() && !process.said().contains("took a source") {
            assert!(begun.elapsed() < LIMIT, "no source was taken:\n{}", process.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        send_until_dead(&mut producer, &mut sent, process);
    }
    producer.send(EVENTS - sent);
    world.run(&["ingest", "--once"]).with_code(0);
    let trained = train(&world);
    world.run(&["score", "--once"]).with_code(0);
    Some(facts(&world, &producer.log, &trained))
}

fn score_killed_at(point: &str) -> Option<Facts> {
    let world = World::new("scoring", PARTITIONS)?;
    let mut producer = producer(&world);
    for _ in 0..2 {
        producer.send(EVENTS / 2);
        world.run(&["ingest", "--once"]).with_code(0);
    }
    let trained = train(&world);
    for hit in HITS {
        world
            .start_failing(&SCORE, &format!("{point}={hit}"))
            .wait(LIMIT)
            .killed();
    }
    // What the dead held is taken over when its lease runs out.
    world.run(&SCORE).with_code(0);
    Some(facts(&world, &producer.log, &trained))
}

/// Tries every point, several at once, and tells of all that differ.
pub fn at_each(points: &[&'static str], killed_at: fn(&str) -> Option<Facts>) {
    let Some(undisturbed) = undisturbed() else { return };
    let waiting: Mutex<VecDeque<&str>> = Mutex::new(points.iter().copied().collect());
    let wrong: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some(point) = waiting.lock().unwrap().pop_front() else {
                        return;
                    };
                    let tried = std::panic::catch_unwind(|| killed_at(point).unwrap());
                    match tried {
                        Ok(facts) if facts == *undisturbed => {}
                        Ok(facts) => wrong
                            .lock()
                            .unwrap()
                            .push(format!("{point}: {}", differ(&facts, undisturbed))),
                        Err(_) => wrong.lock().unwrap().push(format!("{point}: panicked, see above")),
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn differ(facts: &Facts, undisturbed: &Facts) -> String {
    let pairs = facts
        .predictions
        .iter()
        .zip(&undisturbed.predictions)
        .filter(|(left, right)| left != right);
    format!(
        "sums {:?}, expected {:?}; rules {}, expected {}; model {}, expected {}; predictions {} and {}, {} differ",
        facts.sums,
        undisturbed.sums,
        facts.rules,
        undisturbed.rules,
        facts.model,
        undisturbed.model,
        facts.predictions.len(),
        undisturbed.predictions.len(),
        pairs.count()
    )
}

#[test]
fn every_failpoint_is_tried() {
    let source = include_str!("../../src/failpoint.rs");
    let listed = source.split("NAMES").nth(1).unwrap().split("];").next().unwrap();
    let names: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
        .collect();
    assert!(names.len() >= 16, "{names:?}");
    let tried = [
        &INGEST_POINTS[..],
        &SCORE_POINTS,
        &REPAIR_POINTS,
        &COMPACT_POINTS,
        &RETAIN_POINTS,
        &INIT_POINTS,
    ]
    .concat();
    for name in names {
        assert!(tried.contains(&name), "`{name}` is tried by no test");
    }
}

#[test]
fn an_ingest_killed_at_any_point_and_started_again_changes_nothing() {
    at_each(&INGEST_POINTS, ingest_killed_at);
}

#[test]
fn a_scorer_killed_at_any_point_and_started_again_changes_nothing() {
    at_each(&SCORE_POINTS, score_killed_at);
}

/// Seconds long by itself, as long as `MUSTER_SOAK_SECS` says in `make soak`.
#[test]
fn soak_workers_killed_at_random_moments_lose_and_double_nothing() {
    let Some(world) = World::new("soak", PARTITIONS) else {
        return;
    };
    let secs = std::env::var("MUSTER_SOAK_SECS")
        .ok()
        .and_then(|secs| secs.parse().ok())
        .unwrap_or(12);
    let end = Instant::now() + Duration::from_secs(secs);
    let producer = producer(&world);
    let stop = AtomicBool::new(false);
    let log = std::thread::scope(|scope| {
        let load = scope.spawn(|| producer.send_until(&stop).log);
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        while Instant::now() < end {
            let worker = world.ingest();
            worker.wait_said("took a source", LIMIT);
            std::thread::sleep(Duration::from_millis(random.random_range(100..1500)));
            drop(worker);
        }
        stop.store(true, Ordering::SeqCst);
        load.join().unwrap()
    });
    world.run(&["ingest", "--once"]).with_code(0);
    check(&world, &log, false);
}
