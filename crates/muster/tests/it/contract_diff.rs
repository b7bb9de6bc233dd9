//! `contract diff` on files, on a project's contract with its pipelines, and on what the ledger keeps.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::oracle::Producer;
use crate::program::{Ended, muster, run};
use crate::world::World;

const CONTRACT: &str = "schemas/hr.candidate.contract.yaml";
const SCHEMA: &str = "schemas/hr.candidate.avsc";

fn shipped() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The shipped contract in a folder of its own, with parts replaced.
fn changed(parts: &[(&str, &str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("schemas")).unwrap();
    for file in [CONTRACT, SCHEMA] {
        let mut text = std::fs::read_to_string(shipped().join(file)).unwrap();
        for (_, from, to) in parts.iter().filter(|(of, ..)| *of == file) {
            assert!(text.contains(from), "`{file}` has no `{from}`");
            text = text.replace(from, to);
        }
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}

fn diff(old: &str, folder: &TempDir, format: &str) -> Ended {
    let new = folder.path().join(CONTRACT);
    let mut command = muster();
    command
        .args(["contract", "diff", old])
        .arg(new)
        .args(["--format", format, "--project"])
        .arg(shipped());
    run(command)
}

fn told(old: &str, folder: &TempDir, code: i32) -> Value {
    diff(old, folder, "json").with_code(code).json()
}

#[test]
fn the_same_contract_breaks_nothing() {
    let same = changed(&[]);
    let told = told("hr.candidate", &same, 0);
    assert_eq!(told["breaks"], json!([]));
    assert_eq!(
        told["avro"],
        json!({ "new_reads_old": { "reads": "all" }, "old_reads_new": { "reads": "all" } })
    );
    let words = diff("hr.candidate", &same, "text").with_code(0).output;
    assert!(
        words.contains("the same topic, fields and rules") && words.contains("Nothing breaks"),
        "{words}"
    );
}

#[test]
fn what_only_lets_more_through_breaks_nothing_and_says_who_reads_it() {
    let looser = changed(&[(CONTRACT, "between: [0, 1]", "between: [0, 2]")]);
    let told = told("hr.candidate", &looser, 0);
    let rule = &told["rules"][0];
    assert_eq!(
        (&rule["rule"], &rule["change"]),
        (&json!("city_development_index.range"), &json!("loosened"))
    );
    assert_eq!(
        told["pipelines"],
        json!([{ "pipeline": "job-change", "reads": ["city_development_index"], "problems": [] }])
    );
}

#[test]
fn a_tighter_rule_and_a_field_that_a_pipeline_reads_break() {
    let field = r#""name": "company_size""#;
    let folder = changed(&[
        (CONTRACT, "between: [0, 1]", "between: [0.2, 1]"),
        (SCHEMA, field, r#""name": "size_of_company""#),
        (CONTRACT, "company_size", "size_of_company"),
    ]);
    let told = told("hr.candidate", &folder, 1);
    let breaks: Vec<&str> = told["breaks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    let wanted = [
        "rows that were good may break `city_development_index.range`: asks 0.2 to 1, asked 0 to 1",
        "rows that were good may break `size_of_company.level`",
        "pipeline `job-change` reads `company_size`, which was text or null",
        "pipeline `job-change`: pipelines/job-change",
    ];
    for wanted in wanted {
        assert!(
            breaks.iter().any(|line| line.starts_with(wanted)),
            "{wanted}\n{breaks:#?}"
        );
    }
    let words = diff("hr.candidate", &folder, "text").with_code(1).output;
    assert!(wanted.iter().all(|line| words.contains(line)), "{words}");
}

#[test]
fn a_file_is_held_against_what_the_ledger_keeps() {
    let Some(world) = World::new("diff", 1) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 1);
    producer.send(40);
    world.run(&["ingest", "--once"]).with_code(0);
    let file = world.path().join("schemas/school.visit.contract.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("[0, 100]", "[0, 99]")).unwrap();
    let version = world.ask("SELECT left(contract_version, 8) FROM contract_versions");
    for old in ["school.visit@latest".to_owned(), format!("school.visit@{version}")] {
        let arguments = ["contract", "diff", &old, "school.visit", "--format", "json"];
        let told = world.run(&arguments).with_code(1).json();
        assert_eq!(told["rules"][0]["change"], "tightened", "{told}");
        assert!(told["old"]["version"].as_str().unwrap().starts_with(&version));
    }
    let unknown = world
        .run(&["contract", "diff", "school.visit@ffffffffffff", "school.visit"])
        .with_code(2);
    assert!(
        unknown.said.contains("no version `ffffffffffff` of `school.visit`"),
        "{}",
        unknown.said
    );
}
