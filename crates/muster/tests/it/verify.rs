//! `verify` finds what was altered: a byte of a file, a bit of a score, a prediction too few or too many.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::run;
use crate::scoring::trained;
use crate::world::World;

fn verify(world: &World, arguments: &[&str], code: i32) -> Value {
    let mut command = world.command(&["verify", "--format", "json"]);
    command.args(arguments);
    run(command).with_code(code).json()
}

fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

fn faults(world: &World, code: i32) -> Vec<Value> {
    verify(world, &["--files"], code)["files"]["faults"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn an_altered_byte_and_a_missing_file_are_found_and_what_to_ingest_again_is_told() {
    let Some((world, _)) = trained("verify-files") else {
        return;
    };
    world.run(&["score", "--once"]).with_code(0);
    let files: Value = verify(&world, &["--files"], 0)["files"].clone();
    assert_eq!(files["files"].to_string(), world.ask("SELECT count(*) FROM files"));
    assert_eq!((&files["models"], &files["faults"]), (&json!(1), &json!([])));

    let of_kind = |kind: &str| {
        world.ask(&format!(
            "SELECT path FROM files WHERE kind = '{kind}' ORDER BY id LIMIT 1"
        ))
    };
    let (good, bad, features) = (of_kind("good"), of_kind("bad"), of_kind("features"));
    let path = |file: &str| world.path().join(file);
    flip(&path(&good));
    std::fs::remove_file(path(&bad)).unwrap();
    flip(&path(&features));
    flip(&path(&world.ask("SELECT path FROM model_versions")).join("model.txt"));
    let found = faults(&world, 1);
    let fault = |path: &str| {
        let fault = found.iter().find(|fault| fault["path"] == path);
        fault.unwrap_or_else(|| panic!("`{path}` is not among {found:?}"))
    };
    assert_eq!(found.len(), 4);
    assert_eq!(fault(&good)["fault"], "its sha-256 is not the listed one");
    assert_eq!(fault(&bad)["fault"], "it is gone");
    assert!(
        fault(&features)["hint"]
            .as_str()
            .unwrap()
            .contains("cannot be computed again")
    );
    for file in [&good, &bad] {
        let range = world.ask(&format!(
            "SELECT json_build_object('topic', topic, 'partition', partition, 'from', from_offset, 'to', to_offset)
             FROM files JOIN batches ON batches.id = batch_id JOIN sources ON sources.id = batches.source_id
             WHERE path = '{file}'"
        ));
        let range: Value = serde_json::from_str(&range).unwrap();
        assert_eq!(fault(file)["ranges"], json!([range]));
    }
    let words = world
        .run(&["verify", "--files", "--contract", "school.visit"])
        .with_code(1)
        .output;
    assert!(words.contains("ingest again: ") && words.contains(&bad), "{words}");
}

#[test]
fn a_runs_predictions_come_to_the_same_bits_and_whatever_differs_is_told() {
    let Some((world, _)) = trained("verify-run") else {
        return;
    };
    world.run(&["score", "--once"]).with_code(0);
    let run = world.ask("SELECT id FROM runs");
    let compared = |code| verify(&world, &["--run", &run], code)["run"]["compared"].clone();
    let same = compared(0);
    let count = world.ask("SELECT count(*) FROM predictions");
    assert_eq!(same["predictions"].to_string(), count);
    assert_eq!(same["reasons"].to_string(), count, "reasons were stored with all");
    assert_eq!((&same["bands_unknown"], &same["claims"]), (&json!(0), &json!(6)));

    // The next number above, the other band, one contribution, a feature's name: each in one prediction of its own.
    let alter = |place: u32, set: &str| {
        world.order(&format!(
            "UPDATE predictions SET {set} WHERE ctid = (SELECT ctid FROM predictions ORDER BY claim_id, record_offset
             OFFSET {place} LIMIT 1)"
        ));
    };
    alter(3, "score = score + 1.2e-16 * (1 + score)");
    alter(5, "band = CASE band WHEN 'leaves' THEN 'returns' ELSE 'leaves' END");
    alter(
        7,
        "reasons = jsonb_set(reasons, '{1,contribution}', to_jsonb((reasons #>> '{1,contribution}')::float8 + 1e-9))",
    );
    alter(9, "reasons = jsonb_set(reasons, '{0,feature}', '\"another\"')");
    alter(11, "record_offset = record_offset + 1000000");
    let findings = compared(1)["findings"].as_array().unwrap().clone();
    let told = |what: &str| -> u64 {
        let of_kind = findings.iter().filter(|finding| finding["what"] == what);
        of_kind.map(|finding| finding["predictions"].as_u64().unwrap()).sum()
    };
    let all: Vec<_> = ["its score is another", "its band is another", "its reasons are others"]
        .map(told)
        .into();
    assert_eq!(all, [1, 1, 2], "{findings:?}");
    assert_eq!(
        (told("there are no features for it"), told("it is missing")),
        (1, 1),
        "{findings:?}"
    );
    let example = findings[0]["examples"][0].as_str().unwrap();
    world.run(&["trace", example]).with_code(0);

    world.order("INSERT INTO predictions SELECT * FROM predictions ORDER BY claim_id DESC LIMIT 1");
    let doubled = compared(1).to_string();
    assert!(
        doubled.contains("it is there twice") && doubled.contains("it ended with"),
        "{doubled}"
    );
    let features = world.ask("SELECT path FROM files WHERE kind = 'features' ORDER BY id DESC LIMIT 1");
    flip(&world.path().join(features));
    assert!(compared(1).to_string().contains("its sha-256 is not the listed one"));
    let unknown = world.run(&["verify", "--run", "4711"]).with_code(2);
    assert!(unknown.said.contains("there is no run 4711"), "{}", unknown.said);
    let words = world.run(&["verify", "--run", &run]).with_code(1).output;
    assert!(words.contains("not as they were"), "{words}");
}
