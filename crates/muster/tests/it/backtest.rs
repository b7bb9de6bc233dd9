//! `rules backtest` held against the truth: what it foretells of changed rules is what comes of the same topic where they
//! are ingested by those rules from the start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use muster_sandbox::postgres::fresh_database;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::oracle::Producer;
use crate::world::{CONTRACT, World};

type Positions = BTreeSet<String>;

/// Positions of good and of bad rows.
struct Verdicts {
    good: Positions,
    bad: Positions,
}

fn verdicts(world: &World) -> Verdicts {
    let listed = world.ask(
        "SELECT kind || ' ' || topic || '/' || partition || ' ' || path FROM files JOIN sources ON sources.id = source_id
         WHERE kind IN ('good', 'bad')",
    );
    let mut found = Verdicts {
        good: Positions::new(),
        bad: Positions::new(),
    };
    for line in listed.lines() {
        let [kind, place, path] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let file = File::open(world.path().join(path)).unwrap();
        for rows in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            let rows = rows.unwrap();
            let offsets = rows.column_by_name("_offset").unwrap().as_primitive::<Int64Type>();
            let positions = offsets.values().iter().map(|offset| format!("{place}/{offset}"));
            if kind == "good" {
                &mut found.good
            } else {
                &mut found.bad
            }
            .extend(positions);
        }
    }
    found
}

/// How many bad rows break each rule, by the ledger.
fn broken(world: &World) -> BTreeMap<String, u64> {
    let counted = world.ask(
        "SELECT rule_id || ' ' || sum(rows) FROM violations WHERE severity = 'error' GROUP BY rule_id ORDER BY rule_id",
    );
    let pair = |line: &str| {
        let (rule, rows) = line.split_once(' ').unwrap();
        (rule.to_owned(), rows.parse().unwrap())
    };
    counted.lines().map(pair).collect()
}

/// A folder with the contract changed, for the same topic; its contract's file.
pub fn changed(world: &World, schema: (&str, &str), rules: &[(&str, &str)]) -> (World, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for file in [
        "schemas/visit.avsc",
        "schemas/school.visit.contract.yaml",
        "kafka.properties",
    ] {
        let mut text = std::fs::read_to_string(world.path().join(file)).unwrap();
        let parts: &[(&str, &str)] = match file {
            "schemas/visit.avsc" => &[schema],
            "kafka.properties" => &[],
            _ => rules,
        };
        for (from, to) in parts {
            assert!(text.contains(from), "`{file}` has no `{from}`");
            text = text.replace(from, to);
        }
        let to = folder.path().join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, text).unwrap();
    }
    let file = folder.path().join("schemas/school.visit.contract.yaml");
    let other = World {
        folder,
        topic: world.topic.clone(),
        brokers: world.brokers.clone(),
        database_url: fresh_database("muster_it").unwrap(),
        contract: world.contract.clone(),
    };
    (other, file)
}

pub fn backtest(world: &World, contract: &str, more: &[&str], code: i32) -> Value {
    let arguments = ["rules", "backtest", "--format", "json", "--contract", contract];
    world.run(&[&arguments[..], more].concat()).with_code(code).json()
}

/// A changed contract, and the good rows that it makes bad.
struct Foretold {
    caught: Positions,
    file: PathBuf,
    /// Where the contract is.
    _folder: World,
}

/// Holds what the backtest foretells against what comes of the same records by the changed contract.
fn check(world: &World, schema: (&str, &str), rules: &[(&str, &str)]) -> (Value, Foretold) {
    let (other, file) = changed(world, schema, rules);
    let told = backtest(world, file.to_str().unwrap(), &[], 0);
    other.run(&["migrate"]).with_code(0);
    // A ledger remembers the schemas of all writers it met.
    let kept = world.ask("SELECT schema_id || ' ' || encode(schema_text::bytea, 'hex') FROM schemas");
    for line in kept.lines() {
        let (id, text) = line.split_once(' ').unwrap();
        other.order(&format!(
            "INSERT INTO schemas (registry, schema_id, schema_text) VALUES ('', {id}, convert_from('\\x{text}', 'UTF8'))"
        ));
    }
    other.run(&["ingest", "--once", "--group", "another"]).with_code(0);
    let (before, now) = (verdicts(world), verdicts(&other));
    let caught: Positions = before.good.intersection(&now.bad).cloned().collect();
    let released: Positions = before.bad.intersection(&now.good).cloned().collect();
    let counts = serde_json::json!({
        "rows": before.good.len() + before.bad.len(), "bad_before": before.bad.len(), "bad_now": now.bad.len(),
        "caught": caught.len(), "released": released.len(),
    });
    assert_eq!(told["counts"], counts, "{rules:?}");
    let mut now = BTreeMap::new();
    for rule in told["rules"].as_array().unwrap() {
        let count = rule["now"].as_u64().unwrap();
        if count > 0 && !rule["before"].is_null() {
            now.insert(rule["rule"].as_str().unwrap().to_owned(), count);
        }
        for (key, among) in [("caught_at", &caught), ("released_at", &released)] {
            let positions = rule[key].as_array().unwrap();
            assert!(
                positions.iter().all(|at| among.contains(at.as_str().unwrap())),
                "{rule}"
            );
            assert_eq!(positions.is_empty(), rule[&key[..key.len() - 3]] == 0, "{rule}");
        }
    }
    assert_eq!(now, broken(&other), "{rules:?}");
    let foretold = Foretold {
        caught,
        file,
        _folder: other,
    };
    (told, foretold)
}

#[test]
fn what_a_change_would_do_is_what_it_does() {
    let Some(world) = World::new("backtest", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    for _ in 0..2 {
        producer.send(900);
        world.run(&["ingest", "--once"]).with_code(0);
    }
    let same = ("", "");
    let (told, _) = check(&world, same, &[]);
    assert_eq!(told["flips"], 0, "the same rules on the same rows");

    let rules = [
        ("one_of: [low, middle, high]", "one_of: [low, middle, medium]"),
        ("between: [0, 100]", "between: [5, 101]"),
        ("between: [0, 40], severity: warn", "between: [0, 40]"),
    ];
    let (told, _) = check(&world, same, &rules);
    assert!(
        told["counts"]["caught"].as_u64() > Some(100) && told["counts"]["released"].as_u64() > Some(30),
        "{told}"
    );

    // A rule that depends on the rows before, a column that no row has, one that has another type.
    let unique = [(
        "expectations:",
        "  - { id: hours.unique, field: hours, unique: { within: 2m, keys_max: 1000 } }
  - { id: city.level, field: city, one_of: [x] }
  - { id: row.sense, expect: \"level <> 'low' OR target IS NOT NULL\" }
expectations:",
    )];
    let city =
        r#"{"name": "city", "type": ["string", "null"], "default": "x"}, {"name": "target", "type": ["null", "long"]"#;
    let (told, foretold) = check(&world, (r#"{"name": "target", "type": ["null", "int"]"#, city), &unique);
    let unique = told["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["rule"] == "hours.unique");
    assert!(unique.unwrap()["caught"].as_u64() > Some(10), "{told}");

    // Keys that were accepted shortly before the time asked for are held against the rows in it.
    let second = world.ask(
        "SELECT partition || ' ' || min(from_offset) FROM batches JOIN sources ON sources.id = source_id
        WHERE from_offset > 0 GROUP BY partition",
    );
    let mut caught = 0;
    for line in second.lines() {
        let (partition, from) = line.split_once(' ').unwrap();
        let (place, from) = (format!("{}/{partition}/", world.topic), from.parse::<i64>().unwrap());
        let offsets = foretold
            .caught
            .iter()
            .filter_map(|at| at.strip_prefix(&place)?.parse::<i64>().ok());
        caught += offsets.filter(|offset| *offset >= from).count();
    }
    world.order("UPDATE batches SET committed_at = now() - interval '1 day 1 minute' WHERE from_offset = 0");
    let file = foretold.file.to_str().unwrap();
    let told = backtest(&world, file, &["--since", "1d"], 0);
    assert_eq!(told["counts"]["caught"], caught, "{told}");
    assert!(caught < foretold.caught.len());

    // A repaired row is judged as what it became.
    let before = backtest(&world, CONTRACT, &[], 0)["counts"].clone();
    let repair = [
        "bad",
        "repair",
        "--contract",
        CONTRACT,
        "--set",
        "level = 'middle'",
        "--reason",
        "why not",
        "--author",
        "ann",
    ];
    world.run(&repair).with_code(0);
    let repaired: u64 = world.ask("SELECT sum(repaired) FROM batches").parse().unwrap();
    let after = backtest(&world, CONTRACT, &[], 0)["counts"].clone();
    let bad = before["bad_before"].as_u64().unwrap() - repaired;
    assert!(repaired > 30);
    assert_eq!(
        (&after["rows"], &after["bad_before"], &after["bad_now"]),
        (&before["rows"], &bad.into(), &bad.into())
    );
    assert_eq!((&after["caught"], &after["released"]), (&0.into(), &0.into()));
}

#[test]
fn a_change_is_counted_by_the_values_of_a_column_and_held_to_a_limit() {
    let Some(world) = World::altered("backtest-by", 2, &[("key: number", "key: number\npublic: [level]")]) else {
        return;
    };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 2);
    producer.send(600);
    world.run(&["ingest", "--once"]).with_code(0);
    let rules = [("one_of: [low, middle, high]", "one_of: [middle, medium]")];
    let (_other, file) = changed(&world, ("", ""), &rules);
    let file = file.to_str().unwrap();

    let told = backtest(&world, file, &["--by", "level"], 0);
    let values = told["by"]["values"].as_array().unwrap();
    let count = |value: &str, key: &str| {
        let found = values.iter().find(|found| found["value"] == value).unwrap();
        found["counts"][key].as_u64().unwrap()
    };
    let sum = |key: &str| {
        values
            .iter()
            .map(|found| found["counts"][key].as_u64().unwrap())
            .sum::<u64>()
    };
    for key in ["rows", "bad_before", "bad_now", "caught", "released"] {
        assert_eq!(told["counts"][key], sum(key), "{key}");
    }
    assert_eq!(
        (count("medium", "rows"), count("medium", "bad_now")),
        (count("medium", "released"), 0)
    );
    assert_eq!((count("middle", "caught"), count("middle", "released")), (0, 0));
    assert_eq!(count("low", "rows"), count("low", "bad_now"));
    assert_eq!(count("(undecodable)", "bad_now"), count("(undecodable)", "rows"));

    let flips = told["flips"].as_u64().unwrap();
    assert!(flips > 0);
    backtest(&world, file, &["--max-flips", &flips.to_string()], 0);
    backtest(&world, file, &["--max-flips", &(flips - 1).to_string()], 1);
    let words = world
        .run(&["rules", "backtest", "--contract", file, "--max-flips", "3"])
        .with_code(1)
        .output;
    assert!(
        words.contains("more than the 3 allowed") && words.contains("level.level"),
        "{words}"
    );

    let refused = world
        .run(&["rules", "backtest", "--contract", CONTRACT, "--by", "number"])
        .with_code(2);
    assert!(refused.said.contains("`number` is personal"), "{}", refused.said);
    backtest(&world, CONTRACT, &["--by", "number", "--show-personal"], 0);
    world.order("UPDATE batches SET committed_at = committed_at - interval '1 hour'");
    let nothing = world
        .run(&["rules", "backtest", "--contract", file, "--since", "1h"])
        .with_code(2);
    assert!(nothing.said.contains("nothing of `school.visit`"), "{}", nothing.said);
}
