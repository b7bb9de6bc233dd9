//! `trace` both ways: from each kind of record to what became of it, and from predictions and entities back to the record.

use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::oracle::{Outcome, Producer};
use crate::program::run;
use crate::scoring::trained;
use crate::world::{PIPELINE, World};

fn command(world: &World, what: &str, more: &[&str]) -> Command {
    let mut command = world.command(&["trace", what, "--format", "json"]);
    command.args(more);
    command
}

fn traces(world: &World, what: &str) -> Vec<Value> {
    let told = run(command(world, what, &[])).with_code(0).json();
    told["traces"].as_array().unwrap().clone()
}

pub fn trace(world: &World, what: &str) -> Value {
    let mut traces = traces(world, what);
    assert_eq!(traces.len(), 1, "{what}");
    traces.remove(0)
}

fn value<'v>(row: &'v Value, name: &str) -> &'v Value {
    row["values"]
        .as_array()
        .unwrap()
        .iter()
        .find(|shown| shown["name"] == name)
        .unwrap()
}

#[test]
fn every_record_is_followed_to_where_it_ended_and_every_prediction_back() {
    let Some((world, producer)) = trained("trace") else {
        return;
    };
    world.run(&["score", "--once"]).with_code(0);
    let model = world.ask("SELECT model_version FROM model_versions");
    let mut seen = [0; 4];
    for (partition, records) in producer.log.incarnations[0].iter().enumerate() {
        // The first fifty of a partition have one of each kind.
        for (offset, sent) in records.iter().take(50).enumerate() {
            let record = format!("{}/{partition}/{offset}", world.topic);
            let told = trace(&world, &record);
            assert_eq!(told["record"], record);
            match &sent.outcome {
                Outcome::Good => {
                    assert_eq!(told["verdict"], "good");
                    let [prediction] = &told["predictions"].as_array().unwrap()[..] else {
                        panic!("{told}")
                    };
                    assert_eq!(prediction["model_version"], model);
                    let id = prediction["id"].as_str().unwrap();
                    let back = trace(&world, &format!("prediction/{id}"));
                    assert_eq!(back, told, "the same from the other end");
                    seen[0] += 1;
                }
                Outcome::Bad(rules) => {
                    assert_eq!(told["verdict"], "bad");
                    let broken = told["violations"].as_array().unwrap().iter();
                    let mut broken: Vec<&str> = broken.map(|rule| rule.as_str().unwrap()).collect();
                    broken.sort_unstable();
                    assert_eq!(broken, *rules);
                    assert_eq!(told["payload_sha256"], format!("{:x}", Sha256::digest(&sent.payload)));
                    assert_eq!(told["predictions"], serde_json::json!([]));
                    seen[1] += 1;
                }
                Outcome::Duplicate => {
                    assert_eq!(told["verdict"], "duplicate");
                    seen[2] += 1;
                }
                Outcome::Tombstone => {
                    assert_eq!(told["verdict"], "tombstone");
                    seen[3] += 1;
                }
                Outcome::Lost => panic!("nothing was lost"),
            }
        }
    }
    assert!(seen.iter().all(|seen| *seen > 0), "{seen:?}");

    // Of good records only Kafka has the bytes.
    let in_log = |offset: usize| {
        let record = format!("{}/0/{offset}", world.topic);
        run(command(&world, &record, &["--bytes"])).with_code(0).json()["traces"][0].clone()
    };
    let first = |wanted: fn(&Outcome) -> bool| {
        producer.log.incarnations[0][0]
            .iter()
            .position(|sent| wanted(&sent.outcome))
            .unwrap()
    };
    let bad = in_log(first(|outcome| matches!(outcome, Outcome::Bad(_))));
    assert_eq!(bad["kafka"]["payload_sha256"], bad["payload_sha256"]);
    let good = in_log(first(|outcome| *outcome == Outcome::Good));
    assert_eq!(
        good["kafka"]["payload_sha256"].as_str().map(str::len),
        Some(64),
        "{good}"
    );
    assert_eq!(
        in_log(first(|outcome| *outcome == Outcome::Tombstone))["kafka"]["state"],
        "tombstone"
    );
    assert_eq!(in_log(1_000_000)["kafka"]["state"], "gone");

    let after = trace(&world, &format!("{}/0/1000000", world.topic));
    assert_eq!(after["verdict"], "not received");
    let nothing = [&format!("{}/7/0", world.topic), "prediction/999999-0", "entity/nobody"];
    for what in nothing {
        run(command(&world, what, &[])).with_code(1);
    }
}

#[test]
fn a_prediction_is_shown_with_what_it_was_made_of_and_values_are_masked() {
    let Some((world, producer)) = trained("trace-masks") else {
        return;
    };
    world.run(&["score", "--once"]).with_code(0);
    let number = producer.log.incarnations[0][1]
        .iter()
        .find(|sent| sent.outcome == Outcome::Good)
        .unwrap()
        .number;
    let entity = format!("entity/{number}");
    let told = trace(&world, &entity);
    let (row, prediction) = (&told["row"], &told["predictions"][0]);
    for name in ["number", "level", "hours", "target"] {
        assert_eq!(
            (&value(row, name)["value"], &value(row, name)["masked"]),
            (&Value::Null, &true.into()),
            "{name}"
        );
    }
    assert_eq!(prediction["entity"], Value::Null);
    assert_eq!(value(&prediction["features"], "hours")["masked"], true);
    let words = world.run(&["trace", &entity]).with_code(0).output;
    assert!(
        words.contains("number=•••") && !words.contains(&format!("number={number}")),
        "{words}"
    );

    let shown = run(command(&world, &entity, &["--reveal"])).with_code(0).json()["traces"][0].clone();
    assert_eq!(value(&shown["row"], "number")["value"], number.to_string());
    assert_eq!(shown["predictions"][0]["entity"], number.to_string());
    assert_eq!(
        shown["row"]["values_sha256"], row["values_sha256"],
        "hashes are of values, masked or not"
    );
    let hours = &value(&shown["row"], "hours")["value"];
    assert_eq!(value(&shown["predictions"][0]["features"], "hours")["value"], *hours);

    let id = prediction["id"].as_str().unwrap();
    let (claim, offset) = id.split_once('-').unwrap();
    let of_ledger = |column: &str| {
        world.ask(&format!(
            "SELECT {column} FROM prediction_details WHERE prediction = '{claim}-{offset}'"
        ))
    };
    assert_eq!(prediction["score"].as_f64().unwrap().to_string(), of_ledger("score"));
    assert_eq!(prediction["band"], of_ledger("band"));
    assert_eq!(prediction["run"].to_string(), of_ledger("run_id"));
    let reasons: Value = serde_json::from_str(&of_ledger("reasons")).unwrap();
    assert_eq!(prediction["reasons"], reasons);
    let features = prediction["features"]["file"].as_str().unwrap();
    assert!(
        features.starts_with(&format!("feature-data/{PIPELINE}/c{claim}-")),
        "{features}"
    );
    let listed = world.ask(&format!(
        "SELECT encode(sha256, 'hex') FROM files WHERE path = '{features}'"
    ));
    assert_eq!(prediction["features"]["file_sha256"], listed);
}

#[test]
fn alerts_pauses_and_lost_files_are_part_of_a_trace() {
    let Some(world) = World::altered("trace-alerts", 1, &[("bad_ratio, max: 0.9", "bad_ratio, max: 0.01")]) else {
        return;
    };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 1);
    producer.send(200);
    world.run(&["ingest", "--once"]).with_code(0);
    let record = format!("{}/0/0", world.topic);
    let told = trace(&world, &record);
    let alert = &told["alerts"][0];
    assert_eq!(
        (&alert["condition"], &alert["threshold"]),
        (&"bad_ratio".into(), &0.01.into()),
        "{told}"
    );
    assert_eq!(told["predictions"], serde_json::json!([]), "it was not scored yet");

    let file = told["row"]["file"].as_str().unwrap();
    std::fs::remove_file(world.path().join(file)).unwrap();
    let told = trace(&world, &record);
    assert_eq!(told["verdict"], "lost");
    assert!(told["why"].as_str().unwrap().contains(file), "{told}");
}

#[test]
fn the_chain_of_a_repaired_row_is_shown_to_its_prediction() {
    let Some((world, producer)) = trained("trace-repair") else {
        return;
    };
    let repair = [
        "bad",
        "repair",
        "--contract",
        "school.visit",
        "--rule",
        "level.level",
        "--set",
        "level = 'middle'",
    ];
    world
        .run(&[&repair[..], &["--reason", "medium is middle", "--author", "ann"]].concat())
        .with_code(0);
    world.run(&["score", "--once"]).with_code(0);
    let place = |rules: &[&str]| {
        let records = producer.log.incarnations[0].iter().enumerate();
        let mut places = records.flat_map(|(partition, records)| {
            records
                .iter()
                .enumerate()
                .map(move |(offset, sent)| (partition, offset, sent))
        });
        let wanted = Outcome::Bad(rules.iter().map(ToString::to_string).collect());
        let (partition, offset, sent) = places.find(|(_, _, sent)| sent.outcome == wanted).unwrap();
        (format!("{}/{partition}/{offset}", world.topic), sent.payload.clone())
    };
    let (record, payload) = place(&["level.level"]);
    let told = trace(&world, &record);
    assert_eq!(
        (&told["verdict"], &told["violations"]),
        (&"repaired".into(), &serde_json::json!(["level.level"]))
    );
    assert_eq!(
        told["payload_sha256"],
        format!("{:x}", Sha256::digest(&payload)),
        "what came stays"
    );
    let [step] = &told["repairs"].as_array().unwrap()[..] else {
        panic!("{told}")
    };
    assert_eq!((&step["kind"], &step["good"]), (&"repair".into(), &true.into()));
    assert_eq!(step["reason"], "medium is middle");
    assert_eq!(step["changes"][0]["field"], "level");
    assert_ne!(step["changes"][0]["after"], "middle", "it is personal");
    assert_eq!(value(&step["row"], "level")["masked"], true);
    let [prediction] = &told["predictions"].as_array().unwrap()[..] else {
        panic!("{told}")
    };
    let id = format!("prediction/{}", prediction["id"].as_str().unwrap());
    assert_eq!(trace(&world, &id), told, "back from its prediction");
    let shown = run(command(&world, &id, &["--reveal"])).with_code(0).json()["traces"][0].clone();
    let step = &shown["repairs"][0];
    assert_eq!(
        (&step["changes"][0]["before"], &step["changes"][0]["after"]),
        (&"medium".into(), &"middle".into())
    );
    assert_eq!(value(&step["row"], "level")["value"], "middle");
    assert_eq!(value(&shown["predictions"][0]["features"], "level")["value"], "middle");
    let words = world.run(&["trace", &record]).with_code(0).output;
    assert!(
        words.contains("(medium is middle)") && words.contains("prediction/"),
        "{words}"
    );

    let (record, _) = place(&["hours.range", "level.level"]);
    let told = trace(&world, &record);
    let step = &told["repairs"][0];
    assert_eq!((&told["verdict"], &step["good"]), (&"bad".into(), &false.into()));
    assert_eq!(
        (&step["rules_left"], &told["predictions"]),
        (&serde_json::json!(["hours.range"]), &serde_json::json!([]))
    );
}
