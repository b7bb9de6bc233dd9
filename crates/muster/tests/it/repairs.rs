//! Bad rows changed and judged again: by two people at once, beside a worker, killed at each point, after a rule was
//! loosened. Each row ends good once at most, and is scored once.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use muster_store::FolderStore;
use muster_store::files::{ListedFile, open};
use serde_json::Value;

use crate::killed::{HITS, REPAIR_POINTS};
use crate::oracle::{Outcome, Producer, check};
use crate::program::{Ended, Program};
use crate::world::{CONTRACT, PIPELINE, World};

const LIMIT: Duration = Duration::from_mins(1);
const EVENTS: u64 = 2_400;

fn producer(world: &World, partitions: usize) -> Producer {
    Producer::new(&world.brokers, &world.topic, &world.contract, partitions)
}

/// A world whose topic was ingested.
fn ingested(name: &str, partitions: i32, events: u64) -> Option<(World, Producer)> {
    let world = World::new(name, partitions)?;
    let mut producer = producer(&world, partitions as usize);
    producer.send(events);
    world.run(&["ingest", "--once"]).with_code(0);
    Some((world, producer))
}

pub fn repair<'a>(set: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["bad", "repair", "--contract", CONTRACT, "--set", set];
    arguments.extend(["--reason", "the tests say so", "--author", "ann", "--format", "json"]);
    arguments.extend(more);
    arguments
}

fn numbers(mended: &Value) -> [u64; 4] {
    ["judged", "good", "still_bad", "unchanged"].map(|name| mended[name].as_u64().unwrap())
}

fn scored(world: &World) -> u64 {
    let passes = world.run(&["score", "--once", "--format", "json"]).with_code(0).json();
    passes[0]["predictions"].as_u64().unwrap()
}

fn repaired(world: &World) -> u64 {
    world.ask("SELECT sum(repaired) FROM batches").parse().unwrap()
}

#[test]
fn a_repaired_row_joins_the_good_side_is_scored_once_and_keeps_its_bytes_and_its_story() {
    let Some((world, mut producer)) = ingested("repaired", 3, EVENTS) else {
        return;
    };
    world.run(&["train", PIPELINE, "--fold-seeds", "1"]).with_code(0);
    scored(&world);

    let set = "level = 'middle'";
    let by_rule = repair(set, &["--rule", "level.level"]);
    let dry = world.run(&[&by_rule[..], &["--dry-run"]].concat()).with_code(0).json();
    assert_eq!(repaired(&world), 0, "a dry run writes nothing");
    assert_eq!(
        dry["sample"][0]["changes"][0]["after"], "•••",
        "a personal value is masked: {dry}"
    );
    let mended = world.run(&by_rule).with_code(0).json();
    let good = producer.log.repair(&["level.level"]);
    let still_bad = producer
        .log
        .count(&Outcome::Bad(vec!["hours.range".into(), "level.level".into()]));
    assert_eq!(numbers(&mended), [good + still_bad, good, still_bad, 0]);
    assert_eq!(numbers(&dry), numbers(&mended));
    assert_eq!(mended["rules_left"], serde_json::json!({ "hours.range": still_bad }));
    assert_eq!(scored(&world), good, "exactly the repaired rows");

    // What is no number is mended by its text.
    let texts = repair(
        "hours = CASE _text.hours WHEN 'many' THEN '12.5' ELSE _text.hours END",
        &["--rule", "hours.type"],
    );
    let mended = world.run(&texts).with_code(0).json();
    let typed = producer.log.repair(&["hours.type"]);
    assert_eq!(numbers(&mended), [typed, typed, 0, 0]);
    assert_eq!(scored(&world), typed);
    check(&world, &producer.log, true);

    let again = world.run(&by_rule).with_code(0).json();
    assert_eq!(numbers(&again), [still_bad, 0, still_bad, 0], "good rows are left out");
    check(&world, &producer.log, true);
    story(&world);
}

/// What `bad show` tells of a row that was made good, and of one that was tried twice in vain.
fn story(world: &World) {
    let list = [
        "bad",
        "list",
        "--contract",
        CONTRACT,
        "--rule",
        "level.level",
        "--repaired",
        "--count",
        "100000",
    ];
    let rows = world
        .run(&[&list[..], &["--format", "json"]].concat())
        .with_code(0)
        .json();
    let rows = rows.as_array().unwrap();
    let position = |repaired: bool| {
        let row = rows.iter().find(|row| row["repaired"] == repaired).unwrap();
        row["position"].as_str().unwrap()
    };
    let show = |position: &str| world.run(&["bad", "show", position, "--contract", CONTRACT, "--format", "json"]);
    let good = show(position(true)).with_code(0).json();
    let steps = good["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 1, "{good}");
    assert_eq!(
        [&steps[0]["kind"], &steps[0]["author"], &steps[0]["reason"]],
        ["repair", "ann", "the tests say so"]
    );
    assert_eq!(
        (&steps[0]["good"], &steps[0]["changes"][0]["field"]),
        (&Value::Bool(true), &Value::from("level"))
    );
    let bad = show(position(false)).with_code(0).json();
    let steps = bad["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2, "{bad}");
    assert!(
        steps
            .iter()
            .all(|step| step["good"] == false && step["rules_left"][0] == "hours.range"),
        "{bad}"
    );
    let said = world
        .run(&["bad", "show", position(true), "--contract", CONTRACT])
        .with_code(0)
        .output;
    assert!(said.contains("level: ••• -> •••") && said.contains("by ann"), "{said}");
}

#[test]
fn two_people_on_the_same_rows_at_once_make_each_good_once() {
    let Some((world, mut producer)) = ingested("together", 3, EVENTS) else {
        return;
    };
    let run = |set: &str| -> Program { world.start(&repair(set, &["--rule", "level.level"])) };
    let both = [run("level = 'middle'"), run("level = 'low'"), run("level = 'low'")];
    let ended: Vec<Ended> = both
        .into_iter()
        .map(|program| program.wait(LIMIT).with_code(0))
        .collect();
    let good: u64 = ended.iter().map(|ended| numbers(&ended.json())[1]).sum();
    assert_eq!(good, producer.log.repair(&["level.level"]));
    world.run(&["train", PIPELINE, "--fold-seeds", "1"]).with_code(0);
    scored(&world);
    check(&world, &producer.log, true);
}

/// Kills the command at a point, twice, and runs it to its end, after which nothing is left to do.
fn killed_and_run_again(world: &World, arguments: &[&str], point: &str) {
    for hit in HITS {
        world
            .start_failing(arguments, &format!("{point}={hit}"))
            .wait(LIMIT)
            .killed();
    }
    world.run(arguments).with_code(0);
    let again = world.run(arguments).with_code(0).json();
    assert_eq!(again["good"], 0, "{point}: {again}");
}

#[test]
fn a_repair_killed_at_any_point_and_run_again_leaves_one_final_row() {
    const PARTITIONS: i32 = 5;
    let Some((world, mut producer)) = ingested("mending", PARTITIONS, EVENTS) else {
        return;
    };
    for (place, point) in REPAIR_POINTS.iter().enumerate() {
        // Rows of their own for each point, in every partition.
        let points = REPAIR_POINTS.len();
        let set = format!("level = CASE WHEN number % {points} = {place} THEN 'low' ELSE level END");
        let arguments = repair(&set, &["--rule", "level.level"]);
        killed_and_run_again(&world, &arguments, point);
    }
    let repaired_rows = producer.log.repair(&["level.level"]);
    assert_eq!(repaired(&world), repaired_rows);
    world.run(&["train", PIPELINE, "--fold-seeds", "1"]).with_code(0);
    scored(&world);
    check(&world, &producer.log, true);
}

#[test]
fn of_a_key_that_a_worker_takes_while_it_is_repaired_one_row_is_good() {
    const PARTITIONS: i32 = 3;
    const KEYS: u64 = 1_800;
    const PARTS: u64 = 12;
    let unique = "  - { id: number.unique, field: number, unique: { within: 1h, keys_max: 1000000 } }\nexpectations:";
    let Some(world) = World::altered("contested", PARTITIONS, &[("expectations:", unique)]) else {
        return;
    };
    let mut producer = producer(&world, PARTITIONS as usize);
    for number in 0..KEYS {
        producer.send_misnamed(number as usize % PARTITIONS as usize, number);
    }
    producer.flush();
    let worker = world.ingest();
    world.wait_received(KEYS, LIMIT);
    std::thread::scope(|scope| {
        // The same keys as good rows of other events, while the bad ones are repaired.
        let load = scope.spawn(|| {
            for number in 0..KEYS {
                producer.send_as(
                    number as usize % PARTITIONS as usize,
                    KEYS + number,
                    number,
                    Outcome::Good,
                );
                if number % 50 == 0 {
                    producer.flush();
                    std::thread::sleep(Duration::from_millis(120));
                }
            }
            producer.flush();
        });
        for part in 0..PARTS {
            // Spread over the load, so that either side is first at times.
            std::thread::sleep(Duration::from_millis(300));
            let set = format!("level = CASE WHEN number % {PARTS} = {part} THEN 'low' ELSE level END");
            world.run(&repair(&set, &["--rule", "level.level"])).with_code(0);
        }
        load.join().unwrap();
    });
    world.wait_received(2 * KEYS, LIMIT);
    worker.signal("TERM");
    worker.wait(LIMIT).with_code(0);
    let mut good: BTreeMap<i64, u64> = BTreeMap::new();
    for file in good_files(&world) {
        for rows in open(&FolderStore::new(world.path()), &file, None).unwrap() {
            for number in rows.unwrap()["number"].as_primitive::<Int64Type>().values() {
                *good.entry(*number).or_default() += 1;
            }
        }
    }
    let twice: Vec<_> = good.iter().filter(|(_, rows)| **rows > 1).take(5).collect();
    assert!(twice.is_empty(), "keys that two good rows have: {twice:?}");
    assert_eq!(good.len() as u64, KEYS, "each key has a good row");
    let repaired = repaired(&world);
    assert!(0 < repaired && repaired < KEYS, "both sides won some keys: {repaired}");
    let reconciled = world.run(&["reconcile", "--format", "json"]).with_code(0).json();
    assert_eq!(reconciled["faults"], serde_json::json!([]));
}

/// The contract asks for unique numbers; one bad row each of two numbers, ingested. The repair of both stands before its
/// commit when a good row of the first number is taken.
#[test]
fn a_key_that_was_taken_between_judging_and_commit_is_seen() {
    let unique = "  - { id: number.unique, field: number, unique: { within: 1h, keys_max: 1000000 } }\nexpectations:";
    for (taken, rows_good) in [(1, 1), (7, 2)] {
        let Some(world) = World::altered("between", 1, &[("expectations:", unique)]) else {
            return;
        };
        let mut producer = producer(&world, 1);
        producer.send_misnamed(0, 1);
        producer.send_misnamed(0, 2);
        producer.flush();
        world.run(&["ingest", "--once"]).with_code(0);
        let repairing = world.start_failing(&repair("level = 'low'", &[]), "repair.commit=1*sleep(6000)");
        let sealed = world.path().join("good-data").join(CONTRACT);
        let begun = std::time::Instant::now();
        while !std::fs::read_dir(&sealed).is_ok_and(|mut files| files.next().is_some()) {
            assert!(begun.elapsed() < LIMIT, "nothing was sealed:\n{}", repairing.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        producer.send_as(0, 100, taken, Outcome::Good);
        producer.flush();
        world.run(&["ingest", "--once"]).with_code(0);
        let mended = repairing.wait(LIMIT).with_code(0).json();
        assert_eq!(numbers(&mended), [2, rows_good, 2 - rows_good, 0], "{mended}");
        let left = if rows_good == 1 {
            serde_json::json!({ "number.unique": 1 })
        } else {
            serde_json::json!({})
        };
        assert_eq!(mended["rules_left"], left);
        let reconciled = world.run(&["reconcile", "--format", "json"]).with_code(0).json();
        assert_eq!(reconciled["faults"], serde_json::json!([]));
    }
}

fn good_files(world: &World) -> Vec<ListedFile> {
    let listed = "SELECT jsonb_agg(jsonb_build_array(path, rows, encode(sha256, 'hex'))) FROM files
        WHERE kind = 'good' AND version_removed IS NULL";
    let listed: Vec<(String, u64, String)> = serde_json::from_str(&world.ask(listed)).unwrap();
    let file = |(path, rows, digits): (String, u64, String)| {
        let byte = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
        ListedFile::whole(path, rows, std::array::from_fn(byte))
    };
    listed.into_iter().map(file).collect()
}

#[test]
fn rows_come_over_when_a_rule_is_loosened_and_a_second_replay_finds_nothing() {
    let Some((world, mut producer)) = ingested("replayed", 3, EVENTS) else {
        return;
    };
    world.run(&["train", PIPELINE, "--fold-seeds", "1"]).with_code(0);
    scored(&world);
    let replay = ["replay", "--contract", CONTRACT, "--author", "ann", "--format", "json"];
    let idle = world.run(&replay).with_code(0).json();
    assert_eq!(
        (idle["good"].as_u64(), &idle["repair"]),
        (Some(0), &Value::Null),
        "nothing has changed: {idle}"
    );

    let file = world.path().join("schemas/school.visit.contract.yaml");
    let contract = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        contract.replace("[low, middle, high]", "[low, middle, medium, high]"),
    )
    .unwrap();
    let programs = [world.start(&replay), world.start(&replay)];
    let good = programs.map(|program| program.wait(LIMIT).with_code(0).json()["good"].as_u64().unwrap());
    let expected = producer.log.repair(&["level.level"]);
    assert_eq!(good.iter().sum::<u64>(), expected, "two replays at once double nothing");
    let again = world.run(&replay).with_code(0).json();
    assert_eq!(again["good"], 0, "{again}");
    assert_eq!(scored(&world), expected);
    check(&world, &producer.log, true);
    let future = world
        .run(&[&replay[..], &["--from", "2999-01-01"]].concat())
        .with_code(0)
        .json();
    assert_eq!(future["judged"], 0, "{future}");
}

#[test]
fn a_replay_killed_at_any_point_and_run_again_doubles_nothing() {
    const PARTITIONS: i32 = 5;
    let Some((world, mut producer)) = ingested("replaying", PARTITIONS, 0) else {
        return;
    };
    let file = world.path().join("schemas/school.visit.contract.yaml");
    let strict = std::fs::read_to_string(&file).unwrap();
    let loose = strict.replace("[low, middle, high]", "[low, middle, medium, high]");
    let replay = ["replay", "--contract", CONTRACT, "--author", "ann", "--format", "json"];
    for point in REPAIR_POINTS {
        // Bad rows of their own for each point, in every partition.
        producer.send(500);
        world.run(&["ingest", "--once"]).with_code(0);
        std::fs::write(&file, &loose).unwrap();
        killed_and_run_again(&world, &replay, point);
        std::fs::write(&file, &strict).unwrap();
    }
    let expected = producer.log.repair(&["level.level"]);
    assert_eq!(repaired(&world), expected);
    world.run(&["train", PIPELINE, "--fold-seeds", "1"]).with_code(0);
    scored(&world);
    check(&world, &producer.log, true);
}

#[test]
fn a_file_of_patches_mends_what_no_expression_could() {
    let Some((world, mut producer)) = ingested("patches", 2, 600) else {
        return;
    };
    let exported = world.path().join("bad.csv");
    let export = ["bad", "export", "--contract", CONTRACT, "--out"];
    let export = |more: &[&str]| {
        let arguments = [&export[..], &[exported.to_str().unwrap()], more].concat();
        world.run(&arguments).with_code(0);
        std::fs::read_to_string(&exported).unwrap()
    };
    let masked = export(&["--rule", "level.level"]);
    assert!(
        masked.contains("•••") && !masked.contains("medium"),
        "personal values are masked"
    );
    let all = producer.log.count(&Outcome::Bad(vec!["level.level".into()]));
    let also = producer
        .log
        .count(&Outcome::Bad(vec!["hours.range".into(), "level.level".into()]));
    assert_eq!(masked.lines().count() as u64, 1 + all + also);

    // Masked cells change nothing, so only the level is set.
    let header = masked.lines().next().unwrap();
    let level = header.split(',').position(|name| name == "level").unwrap();
    let mend = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells[level] = "high";
        cells.join(",")
    };
    let lines: Vec<String> = masked.lines().skip(1).map(mend).collect();
    std::fs::write(&exported, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
    let patch = |file: &std::path::Path| {
        let arguments = [
            "bad",
            "repair",
            "--contract",
            CONTRACT,
            "--patch",
            file.to_str().unwrap(),
        ];
        let arguments = [
            &arguments[..],
            &["--reason", "asked the source", "--author", "bob", "--format", "json"],
        ]
        .concat();
        world.run(&arguments).with_code(0).json()
    };
    let mended = patch(&exported);
    assert_eq!(producer.log.repair(&["level.level"]), all);
    assert_eq!(numbers(&mended), [all + also, all, also, 0]);
    assert_eq!(
        numbers(&patch(&exported)),
        [also, 0, also, 0],
        "what is good is left out"
    );

    // A record that does not decode gets all its fields.
    let clear = export(&["--rule", "record.undecodable", "--personal"]);
    let row: Vec<&str> = clear.lines().nth(1).unwrap().split(',').collect();
    let source = world.ask(&format!("SELECT partition FROM sources WHERE id = {}", row[0]));
    let sent = &mut producer.log.incarnations[0][source.parse::<usize>().unwrap()][row[1].parse::<usize>().unwrap()];
    sent.repaired = true;
    let whole = world.path().join("whole.jsonl");
    let object = serde_json::json!({
        "_source": row[0], "_offset": row[1], "number": sent.number, "level": "low", "hours": 3.5,
        "occurred_at": "2026-03-01T00:00:00Z", "target": null,
    });
    let nobody = serde_json::json!({ "_source": row[0], "_offset": "999999", "hours": 3.5 });
    std::fs::write(&whole, format!("{object}\n{nobody}\n")).unwrap();
    let mended = patch(&whole);
    assert_eq!(numbers(&mended), [1, 1, 0, 0]);
    assert_eq!(mended["unmet"], 1, "a line that names no bad row is told");
    check(&world, &producer.log, false);

    // What comes after is judged against the verdicts as they are now, and dead letters say so.
    producer.send(200);
    world.run(&["ingest", "--once"]).with_code(0);
    check(&world, &producer.log, false);
    let letters = muster_sandbox::kafka::operator::read_topic(&world.brokers, &world.dead_topic()).unwrap();
    let revisions: std::collections::BTreeSet<String> = letters
        .iter()
        .flat_map(|letter| &letter.headers)
        .filter(|(name, _)| name == "muster-revision")
        .map(|(_, value)| String::from_utf8(value.clone()).unwrap())
        .collect();
    assert!(revisions.contains("0") && revisions.len() > 1, "{revisions:?}");
}
