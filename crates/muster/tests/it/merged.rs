//! Records whose files were merged, and whose rows then went: what is told of them stays what it was, or says what is gone.

use serde_json::Value;

use crate::backtest::{backtest, changed};
use crate::housekeeping::{COMPACT, grow_older, json_of};
use crate::oracle::{Outcome, Producer};
use crate::repairs::repair;
use crate::scoring::trained;
use crate::traces::trace;
use crate::world::{CONTRACT, World};

/// A world with two repairs in the same partitions: rows of the later one lie among those of the earlier.
fn repaired_twice(name: &str) -> Option<(World, Producer)> {
    let (world, producer) = trained(name)?;
    for (set, rule) in [("level = 'middle'", "level.level"), ("hours = 12.5", "hours.range")] {
        world.run(&repair(set, &["--rule", rule])).with_code(0);
    }
    world.run(&["score", "--once"]).with_code(0);
    grow_older();
    Some((world, producer))
}

/// The first records of each partition, of every kind.
fn records<'p>(world: &'p World, producer: &'p Producer) -> impl Iterator<Item = (String, &'p Outcome)> {
    let partitions = producer.log.incarnations[0].iter().enumerate();
    partitions.flat_map(move |(partition, records)| {
        let record = move |(offset, sent)| (format!("{}/{partition}/{offset}", world.topic), sent);
        let told = records.iter().map(|sent| &sent.outcome).enumerate().map(record);
        told.take(40)
    })
}

/// Without the places of rows in files, which is all that may change.
fn without_places(mut told: Value) -> Value {
    match &mut told {
        Value::Object(members) => {
            for place in ["file", "file_sha256", "row_group"] {
                members.remove(place);
            }
            members.retain(|name, value| name != "row" || !value.is_number());
            members
                .values_mut()
                .for_each(|value| *value = without_places(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_places(item.take())),
        _ => {}
    }
    told
}

/// What is told of records, rows and runs.
fn told(world: &World, producer: &Producer) -> Vec<Value> {
    let traces = records(world, producer).map(|(record, _)| without_places(trace(world, &record)));
    let rules = [
        ("between: [0, 100]", "between: [5, 101]"),
        ("[low, middle, high]", "[low, middle]"),
    ];
    let (_folder, contract) = changed(world, ("", ""), &rules);
    let mut all: Vec<Value> = traces.collect();
    all.push(backtest(world, contract.to_str().unwrap(), &[], 0));
    all.push(json_of(
        world,
        &["bad", "list", "--contract", CONTRACT, "--repaired", "--count", "1000"],
    ));
    all.push(json_of(
        world,
        &[
            "bad",
            "repair",
            "--contract",
            CONTRACT,
            "--set",
            "level = 'low'",
            "--reason",
            "x",
            "--author",
            "ann",
            "--dry-run",
        ],
    ));
    all.push(json_of(world, &["verify", "--run", "1"]));
    all.push(json_of(world, &["reconcile"]));
    all
}

#[test]
fn what_is_told_of_records_stays_what_it_was_when_their_files_are_merged() {
    let Some((world, producer)) = repaired_twice("merged") else {
        return;
    };
    let before = told(&world, &producer);
    let merged = json_of(&world, &COMPACT);
    let of_kind = |kind: &str| {
        let merged = merged["compact"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|of| of["kind"] == kind);
        merged.map(|of| of["files"].as_u64().unwrap()).sum::<u64>()
    };
    assert!(of_kind("good") > 6 && of_kind("bad") > 3, "{merged}");
    let after = told(&world, &producer);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!(before.len(), after.len());
    assert_eq!(
        json_of(&world, &["verify", "--files"])["files"]["faults"],
        serde_json::json!([])
    );
}

#[test]
fn records_whose_rows_are_past_their_age_are_told_as_gone_and_their_predictions_stay() {
    let Some((world, producer)) = repaired_twice("aged") else {
        return;
    };
    let before: Vec<Value> = records(&world, &producer)
        .map(|(record, _)| trace(&world, &record))
        .collect();
    json_of(&world, &["retain", "--older-than", "1s", "--awaited"]);
    let mut seen = std::collections::BTreeSet::new();
    for ((record, outcome), before) in records(&world, &producer).zip(before) {
        let after = trace(&world, &record);
        let verdict = match outcome {
            Outcome::Good | Outcome::Tombstone => "retained",
            Outcome::Bad(_) if before["verdict"] == "repaired" => "repaired",
            Outcome::Bad(_) => "retained",
            _ => before["verdict"].as_str().unwrap(),
        };
        assert_eq!(after["verdict"], verdict, "{record}: {after}");
        let ids = |told: &Value| {
            let predictions = told["predictions"].as_array().unwrap().iter();
            predictions
                .map(|of| (of["id"].clone(), of["score"].clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&after), ids(&before), "{record}");
        seen.insert(after["verdict"].to_string());
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_eq!(
        json_of(&world, &["verify", "--files"])["files"]["faults"],
        serde_json::json!([])
    );
}
