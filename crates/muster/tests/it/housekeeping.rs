//! Files are merged and rows let go while everything else works on: nothing is lost, doubled, scored twice or read amiss.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::killed::{EVENTS, Facts, LIMIT, PARTITIONS, at_each, facts, producer, train};
use crate::oracle::{Log, Outcome, Producer, check, predictions};
use crate::program::Program;
use crate::world::{CONTRACT, World};

pub const COMPACT_POINTS: [&str; 10] = [
    "compact.take",
    "seal.write",
    "seal.sync",
    "seal.check",
    "seal.rename",
    "seal.sync_folders",
    "compact.commit",
    "compact.committed",
    "delete.files",
    "delete.note",
];
pub const RETAIN_POINTS: [&str; 4] = ["retain.commit", "retain.committed", "delete.files", "delete.note"];
pub const COMPACT: [&str; 3] = ["compact", "--older-than", "1s"];
const RETAIN: [&str; 3] = ["retain", "--older-than", "90d"];
const BURST: u64 = 300;

/// Sends events in bursts that become files of their own.
fn send_bursts(world: &World, producer: &mut Producer, events: u64) {
    let worker = world.ingest();
    for _ in 0..events / BURST {
        producer.send(BURST);
        world.wait_received(producer.log.records(), LIMIT);
    }
    stop(worker);
}

fn stop(worker: Program) {
    worker.signal("TERM");
    worker.wait(LIMIT).with_code(0);
}

/// Everything that was committed is older than `--older-than 1s`.
pub fn grow_older() {
    std::thread::sleep(Duration::from_millis(1_100));
}

/// Whoever was killed holds files no longer.
fn forget_the_dead(world: &World) {
    world.order("UPDATE muster.readers SET leased_until = now() - interval '1 second'");
}

/// The sealed files on disk, below the project folder.
fn on_disk(world: &World) -> BTreeSet<String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    for folder in ["good-data", "bad-data", "feature-data"] {
        walk(&world.path().join(folder), world.path(), &mut found);
    }
    found
}

fn listed(world: &World) -> BTreeSet<String> {
    let paths = world.ask("SELECT coalesce(jsonb_agg(DISTINCT path), '[]') FROM files WHERE version_removed IS NULL");
    serde_json::from_str(&paths).unwrap()
}

/// How many files there are of a kind, and in how many parts.
fn files(world: &World, kind: &str) -> (u64, u64) {
    let sql = format!(
        "SELECT jsonb_build_array(count(DISTINCT path), count(*)) FROM files
         WHERE kind = '{kind}' AND version_removed IS NULL"
    );
    serde_json::from_str(&world.ask(&sql)).unwrap()
}

pub fn json_of(world: &World, command: &[&str]) -> Value {
    world
        .run(&[command, &["--format", "json"]].concat())
        .with_code(0)
        .json()
}

fn compact_killed_at(point: &str) -> Option<Facts> {
    let world = World::new("compacted", PARTITIONS)?;
    let mut producer = producer(&world);
    send_bursts(&world, &mut producer, EVENTS);
    grow_older();
    let (before, _) = files(&world, "good");
    world
        .start_failing(&COMPACT, &format!("{point}=return(kill)"))
        .wait(LIMIT)
        .killed();
    check(&world, &producer.log, false);
    // Once more at a later file, where it gets so far.
    drop(
        world
            .start_failing(&COMPACT, &format!("{point}=2*off->return(kill)"))
            .wait(LIMIT),
    );
    check(&world, &producer.log, false);
    forget_the_dead(&world);
    world.run(&COMPACT).with_code(0);
    let (after, parts) = files(&world, "good");
    assert!(
        after == PARTITIONS as u64 && before > after && parts > after,
        "{before} files, {after} in {parts}"
    );
    assert_eq!(on_disk(&world), listed(&world), "nothing is left behind");
    // A model is trained on merged files and every batch scored from a part of one.
    let trained = train(&world);
    world.run(&["score", "--once"]).with_code(0);
    Some(facts(&world, &producer.log, &trained))
}

#[test]
fn a_compaction_killed_at_any_point_and_started_again_changes_nothing() {
    at_each(&COMPACT_POINTS, compact_killed_at);
}

fn retain_killed_at(point: &str) -> Option<Facts> {
    let world = World::new("retained", PARTITIONS)?;
    let mut producer = producer(&world);
    send_bursts(&world, &mut producer, EVENTS);
    let trained = train(&world);
    world.run(&["score", "--once"]).with_code(0);
    let complete = facts(&world, &producer.log, &trained);
    let account = json_of(&world, &["reconcile"]);
    world.order("UPDATE muster.batches SET committed_at = committed_at - interval '91 days'");
    world.order("UPDATE muster.files SET sealed_at = sealed_at - interval '91 days'");
    world
        .start_failing(&RETAIN, &format!("{point}=return(kill)"))
        .wait(LIMIT)
        .killed();
    assert_eq!(json_of(&world, &["reconcile"]), account);
    drop(
        world
            .start_failing(&RETAIN, &format!("{point}=2*off->return(kill)"))
            .wait(LIMIT),
    );
    world.run(&RETAIN).with_code(0);

    assert_eq!(json_of(&world, &["reconcile"]), account);
    let left = on_disk(&world);
    assert_eq!(left, listed(&world));
    let keys = world.ask("SELECT count(DISTINCT path) FROM files WHERE kind = 'keys'");
    assert_eq!(left.len().to_string(), keys, "what decides duplicates stays");
    // New events are judged against what came before, and scored; what is gone is not scored again.
    producer.send(BURST);
    world.run(&["ingest", "--once"]).with_code(0);
    world.run(&["score", "--once"]).with_code(0);
    let now = predictions(&world);
    assert_eq!(now.len() as u64, producer.log.count(&Outcome::Good));
    let account = json_of(&world, &["reconcile"]);
    let of_all = |column: &str| -> u64 {
        let rows = account["reconcile"].as_array().unwrap().iter();
        rows.map(|row| row[column].as_u64().unwrap()).sum()
    };
    assert_eq!(of_all("good"), producer.log.count(&Outcome::Good));
    assert_eq!(of_all("duplicate"), producer.log.count(&Outcome::Duplicate));
    assert_eq!(complete.predictions, now[..complete.predictions.len()]);
    Some(complete)
}

#[test]
fn a_retention_killed_at_any_point_and_started_again_keeps_what_was_counted() {
    at_each(&RETAIN_POINTS, retain_killed_at);
}

/// What came of it.
struct Lived {
    world: World,
    log: Log,
    predictions: Vec<(String, f64, String)>,
}

/// Ingests and scores the same events with a model of the first of them, while `beside` runs or not.
fn live(name: &str, beside: Option<&(dyn Fn(&World) + Sync)>) -> Option<Lived> {
    let world = World::new(name, PARTITIONS)?;
    let mut producer = producer(&world);
    send_bursts(&world, &mut producer, 900);
    let stop_it = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let running = beside.map(|beside| {
            let (world, stop_it) = (&world, &stop_it);
            scope.spawn(move || {
                while !stop_it.load(Ordering::SeqCst) {
                    beside(world);
                }
            })
        });
        train(&world);
        for _ in 0..3 {
            // Each worker rebuilds its keys from the files that there are by then.
            let worker = world.ingest();
            for _ in 0..2 {
                producer.send(BURST);
                world.run(&["score", "--once"]).with_code(0);
                world.wait_received(producer.log.records(), LIMIT);
            }
            stop(worker);
            grow_older();
        }
        world.run(&["score", "--once"]).with_code(0);
        stop_it.store(true, Ordering::SeqCst);
        if let Some(running) = running {
            running.join().unwrap();
        }
    });
    let predictions = predictions(&world);
    Some(Lived {
        world,
        log: producer.log,
        predictions,
    })
}

#[test]
fn compaction_beside_ingest_and_scoring_changes_no_row_and_no_prediction() {
    let Some(alone) = live("alone", None) else {
        return;
    };
    let compact = |world: &World| {
        let ended = world.run(&[&COMPACT[..], &["--format", "json"]].concat());
        assert!(matches!(ended.status.code(), Some(0 | 1)), "{}", ended.said);
    };
    let Lived {
        world,
        log,
        predictions,
    } = live("compacting", Some(&compact)).unwrap();
    check(&world, &log, true);
    assert_eq!(predictions, alone.predictions);
    let done = json_of(&world, &COMPACT);
    assert!(
        done["dry_run"] == json!(false) && done["held_files"] == json!(0),
        "{done}"
    );
    let (whole, parts) = files(&world, "good");
    assert!(whole < parts, "{whole} files in {parts}");
    assert_eq!(on_disk(&world), listed(&world));
    check(&world, &log, true);
}

#[test]
fn retention_beside_ingest_and_scoring_takes_nothing_that_is_still_to_be_scored() {
    let Some(alone) = live("kept", None) else {
        return;
    };
    // The model is trained on rows that would be gone.
    let retain = |world: &World| {
        if world.ask("SELECT count(*) FROM model_versions") != "0" {
            json_of(world, &["retain", "--older-than", "1s"]);
        }
    };
    let Lived {
        world,
        log,
        predictions,
    } = live("retaining", Some(&retain)).unwrap();
    assert_eq!(predictions, alone.predictions);
    let account = json_of(&world, &["reconcile"]);
    assert_eq!(account["faults"], json!([]));
    let rows = account["reconcile"].as_array().unwrap().iter();
    let received: u64 = rows.map(|row| row["received"].as_u64().unwrap()).sum();
    assert_eq!(received, log.records());
    grow_older();
    json_of(&world, &["retain", "--older-than", "1s"]);
    assert_eq!(files(&world, "good"), (0, 0));
    assert_eq!(on_disk(&world), listed(&world));
}

#[test]
fn a_scorer_in_the_middle_of_a_file_reads_on_though_its_rows_are_taken_off_the_list() {
    let Some(world) = World::new("reading", 1) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 1);
    producer.send(BURST);
    world.run(&["ingest", "--once"]).with_code(0);
    train(&world);
    let scorer = world.start_failing(&["score", "--once"], "claim=sleep(6000)");
    let begun = std::time::Instant::now();
    while world.ask("SELECT count(*) FROM claims WHERE leased_until > now()") == "0" {
        assert!(begun.elapsed() < LIMIT, "no claim was taken");
        std::thread::sleep(Duration::from_millis(50));
    }
    grow_older();
    let planned = json_of(&world, &["retain", "--older-than", "1s", "--dry-run"]);
    let awaited = planned["retain"][1]["awaited_rows"].as_u64().unwrap();
    assert_eq!(awaited, producer.log.count(&Outcome::Good), "{planned}");
    let taken = json_of(&world, &["retain", "--older-than", "1s", "--awaited"]);
    assert!(
        taken["held_files"].as_u64().unwrap() > 0,
        "its scorer reads it: {taken}"
    );
    scorer.wait(LIMIT).with_code(0);
    assert_eq!(predictions(&world).len() as u64, awaited);
    // Now nobody does.
    let deleted = json_of(&world, &RETAIN);
    assert!(
        deleted["held_files"] == json!(0) && deleted["deleted"]["files"].as_u64() > Some(0),
        "{deleted}"
    );
    assert_eq!(on_disk(&world), listed(&world));
}

/// A report without what tells files and moments apart.
fn report(world: &World) -> Value {
    let mut report = json_of(world, &["report", "--contract", CONTRACT]);
    let names = ["made_at", "files", "links"];
    report
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !names.contains(&name.as_str()));
    report
}

#[test]
fn a_report_says_of_merged_files_what_it_said_before_and_of_rows_past_their_age_that_they_are_gone() {
    let Some(world) = World::new("reported", PARTITIONS) else {
        return;
    };
    let mut producer = producer(&world);
    send_bursts(&world, &mut producer, 900);
    grow_older();
    let before = report(&world);
    let planned = json_of(&world, &[&COMPACT[..], &["--dry-run"]].concat());
    assert_eq!(planned["dry_run"], json!(true));
    let rows = |kind: &str| -> u64 {
        let of_kind = planned["compact"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|merged| merged["kind"] == kind);
        of_kind.map(|merged| merged["rows"].as_u64().unwrap()).sum()
    };
    assert_eq!(rows("good"), producer.log.count(&Outcome::Good));
    let small = files(&world, "good");
    assert_eq!(small.0, small.1, "nothing was done");
    world.run(&COMPACT).with_code(0);
    assert_eq!(files(&world, "good"), (PARTITIONS as u64, small.1));
    assert_eq!(report(&world), before);
    let said = world.run(&COMPACT).with_code(0).output;
    assert!(said.contains("No small files to merge."), "{said}");

    let retained = json_of(&world, &["retain", "--older-than", "1s"]);
    assert_eq!(
        retained["held_files"],
        json!(0),
        "reports give their files back: {retained}"
    );
    let after = report(&world);
    assert_eq!(
        (&after["totals"], &after["rules"][0]["rows"]),
        (&before["totals"], &before["rules"][0]["rows"])
    );
    assert!(
        after["notes"].to_string().contains("rows are past their age and gone"),
        "{}",
        after["notes"]
    );
}
