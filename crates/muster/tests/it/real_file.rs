//! The public job-change file, as it is published: 19,158 rows, 3,490 of them with company sizes that a spreadsheet
//! mangled. `MUSTER_JOB_CHANGE_CSV` names it; without it these tests say so and end.

use std::path::{Path, PathBuf};
use std::process::Command;

use muster_sandbox::kafka::operator::read_topic;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{muster, run};
use crate::world::without;

const ROWS: u64 = 19_158;
const GOOD: u64 = 15_668;
const BAD: u64 = 3_490;

fn file() -> Option<PathBuf> {
    let named = std::env::var_os("MUSTER_JOB_CHANGE_CSV")
        .filter(|named| !named.is_empty())
        .map(PathBuf::from);
    if named.is_none() {
        without("the job-change file: MUSTER_JOB_CHANGE_CSV does not name it");
    }
    named
}

/// The shipped project with nothing but the file in its drop folder.
pub fn fresh_project(file: &Path, topic: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for part in ["schemas", "pipelines", "alerts"] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
        for entry in std::fs::read_dir(shipped.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let to = folder.path().join(part).join(path.file_name().unwrap());
            std::fs::copy(&path, to).unwrap();
        }
    }
    let contract = folder.path().join("schemas/hr.candidate.contract.yaml");
    let text = std::fs::read_to_string(&contract).unwrap();
    // The broker may be shared with other tests and with earlier runs.
    std::fs::write(&contract, text.replace("hr.candidate.v1", topic)).unwrap();
    let drop_folder = folder.path().join("raw-data/hr.candidate");
    std::fs::create_dir_all(&drop_folder).unwrap();
    std::fs::copy(file, drop_folder.join("aug_train.csv")).unwrap();
    folder
}

fn command(project: &Path, arguments: &[&str]) -> Command {
    let mut command = muster();
    command
        .args(arguments)
        .arg("--project")
        .arg(project)
        .args(["--format", "json"]);
    command
}

fn demo(project: &Path, brokers: Option<&str>) -> Value {
    let mut command = command(project, &["demo", "--once"]);
    command.args(brokers.into_iter().flat_map(|brokers| ["--brokers", brokers]));
    run(command).with_code(0).json()
}

/// [received, good, bad, duplicate, tombstone] over all partitions of all topics.
fn sums(shown: &Value) -> [u64; 5] {
    let rows = shown["reconcile"].as_array().unwrap();
    ["received", "good", "bad", "duplicate", "tombstone"]
        .map(|column| rows.iter().map(|row| row[column].as_u64().unwrap()).sum())
}

fn assert_sums(shown: &Value) {
    assert_eq!(sums(shown), [ROWS, GOOD, BAD, 0, 0], "{}", shown["reconcile"]);
    assert_eq!(shown["faults"], serde_json::json!([]));
    assert_eq!(shown["rules"]["company_size.level"], BAD, "{}", shown["rules"]);
    assert_eq!(shown["predictions"]["count"], GOOD);
    let bands = shown["predictions"]["bands"].as_object().unwrap();
    assert_eq!(bands.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), GOOD);
}

#[test]
fn the_public_file_gives_the_known_sums_on_the_mock_and_on_kafka_and_nothing_new_the_second_time() {
    let Some(file) = file() else { return };
    let on_mock = fresh_project(&file, "hr.candidate.v1");
    let first = demo(on_mock.path(), None);
    assert_sums(&first);
    assert_eq!(first["published"]["sent"], ROWS);

    let again = demo(on_mock.path(), None);
    assert_sums(&again);
    assert_eq!(again["published"]["sent"], 0, "the ledger holds every row already");
    assert_eq!(again["runs"][0]["state"], "skipped");
    assert_eq!(again["model"]["version"], first["model"]["version"]);

    let trained = run(command(on_mock.path(), &["train", "job-change"]))
        .with_code(0)
        .json();
    let auc = trained["metrics"]["out_of_fold"]["auc_mean"].as_f64().unwrap();
    assert!(
        (0.80..0.90).contains(&auc),
        "mean out-of-fold AUC over five fold seeds: {auc}"
    );
    assert_eq!(trained["metrics"]["out_of_fold"]["seeds"].as_array().unwrap().len(), 5);

    let Some(brokers) = muster_sandbox::kafka::broker_for_tests() else {
        return;
    };
    let topic = format!("hr.candidate.real{}", std::process::id());
    let on_kafka = fresh_project(&file, &topic);
    let shown = demo(on_kafka.path(), Some(&brokers));
    assert_sums(&shown);
    assert_eq!(shown["rules"], first["rules"], "the mock and Kafka judge the same");
    let again = demo(on_kafka.path(), Some(&brokers));
    assert_sums(&again);
    assert_eq!(again["published"]["sent"], 0);
    assert_eq!(again["runs"][0]["state"], "skipped");
    let dead_letters = read_topic(&brokers, &format!("{topic}.dead")).unwrap();
    assert_eq!(dead_letters.len() as u64, BAD, "each bad row is a dead letter, once");
    assert_eq!(
        shown["predictions"]["bands"], first["predictions"]["bands"],
        "the same rows, the same model"
    );
}

const MEND: &str = "company_size = CASE company_size WHEN 'Oct-49' THEN '10/49' WHEN '10000' THEN '10000+' \
    ELSE company_size END";

#[test]
fn the_spreadsheets_rows_come_back_by_one_expression_and_are_scored_once() {
    let Some(file) = file() else { return };
    let project = fresh_project(&file, "hr.candidate.v1");
    assert_sums(&demo(project.path(), None));
    let repair = |more: &[&str]| {
        let mut command = command(project.path(), &["bad", "repair", "--contract", "hr.candidate"]);
        command.args(["--rule", "company_size.level", "--set", MEND]);
        command
            .args(["--reason", "a spreadsheet made dates of levels", "--author", "test"])
            .args(more);
        run(command).with_code(0).json()
    };
    let dry = repair(&["--dry-run"]);
    assert_eq!([&dry["good"], &dry["still_bad"], &dry["unchanged"]], [BAD, 0, 0]);
    assert_eq!(dry["repair"], Value::Null);
    let change = &dry["sample"][0]["changes"][0];
    assert_eq!(change["field"], "company_size", "a public field is shown: {change}");
    assert!(
        ["10/49", "10000+"].contains(&change["after"].as_str().unwrap()),
        "{change}"
    );

    let mended = repair(&[]);
    assert_eq!([&mended["good"], &mended["still_bad"]], [BAD, 0]);
    let again = repair(&[]);
    assert_eq!(
        [&again["good"], &again["still_bad"], &again["unchanged"]],
        [0, 0, 0],
        "nothing is left to repair"
    );

    let scored = run(command(project.path(), &["score", "--once"])).with_code(0).json();
    assert_eq!(scored[0]["predictions"], BAD, "exactly the repaired rows: {scored}");
    let scored = run(command(project.path(), &["score", "--once"])).with_code(0).json();
    assert_eq!(scored[0]["state"], "skipped", "{scored}");

    let reconciled = run(command(project.path(), &["reconcile"])).with_code(0).json();
    assert_eq!(
        sums(&reconciled),
        [ROWS, GOOD, BAD, 0, 0],
        "first verdicts stay what they were"
    );
    let rows = reconciled["reconcile"].as_array().unwrap();
    assert_eq!(
        rows.iter().map(|row| row["repaired"].as_u64().unwrap()).sum::<u64>(),
        BAD
    );
    assert_eq!(reconciled["faults"], serde_json::json!([]));
}
