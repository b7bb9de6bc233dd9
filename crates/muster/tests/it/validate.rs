//! `validate` held against the generator's truth: every fault is found by its rules, and nothing else is.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use apache_avro::types::Record;
use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Ended, muster, run};

const CONTRACT: &str = "hr.candidate";
const ROWS: u64 = 1_500;

/// A row of `bad.parquet`.
pub struct Bad {
    pub row: i64,
    pub line: i64,
    pub rules: Vec<String>,
}

/// Rows and the rules that they break.
pub type Broken = BTreeSet<(u64, String)>;

/// The rows of a `bad.parquet`, in order.
pub fn found(out: &Path) -> Vec<Bad> {
    let file = File::open(out.join("bad.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut bad = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let of = |name: &str| Arc::clone(batch.column_by_name(name).unwrap());
        let (rows, lines, rules) = (of("_row"), of("_line"), of("_violations"));
        for at in 0..batch.num_rows() {
            let rules = rules.as_list::<i32>().value(at);
            bad.push(Bad {
                row: rows.as_primitive::<Int64Type>().value(at),
                line: lines.as_primitive::<Int64Type>().value(at),
                rules: rules.as_string::<i32>().iter().flatten().map(str::to_owned).collect(),
            });
        }
    }
    bad
}

/// The rows of a `bad.parquet` with their rules.
pub fn broken(out: &Path) -> Broken {
    let rows = found(out).into_iter();
    rows.flat_map(|bad| bad.rules.into_iter().map(move |rule| (bad.row as u64, rule)))
        .collect()
}

/// The shipped project.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn generate(folder: &Path, faults: &str, seed: u64) {
    let mut command = muster();
    command.args(["generate", CONTRACT, "--faults", faults]);
    command.args(["--rows", &ROWS.to_string(), "--seed", &seed.to_string()]);
    command.arg("--out").arg(folder);
    run(command).with_code(0);
}

fn validate(file: &Path, out: &Path) -> Ended {
    let mut command = muster();
    command.arg("validate").arg(file).args(["--contract", CONTRACT]);
    command.arg("--project").arg(project());
    command.arg("--out").arg(out).args(["--format", "json"]);
    run(command)
}

/// What the truth file says of a file.
fn truth(folder: &Path, file: &str) -> Broken {
    let text = std::fs::read_to_string(folder.join("hr.candidate.truth.csv")).unwrap();
    let lines = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    lines
        .filter(|cells| cells[0] == file)
        .map(|cells| (cells[1].parse().unwrap(), cells[2].to_owned()))
        .collect()
}

/// A generated file's header and rows; the generator quotes nothing.
fn cells(folder: &Path) -> (Vec<String>, Vec<Vec<Vec<u8>>>) {
    let bytes = std::fs::read(folder.join("hr.candidate.csv")).unwrap();
    let mut lines = bytes.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n');
    let split = |line: &[u8]| line.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let header = split(lines.next().unwrap());
    let header = header
        .into_iter()
        .map(|name| String::from_utf8(name).unwrap())
        .collect();
    (header, lines.map(split).collect())
}

/// The rows that another kind of file can hold, and what the truth says of them: no ragged line and none of other bytes.
fn tabular(folder: &Path) -> (Vec<String>, Vec<Vec<Option<String>>>, Broken) {
    let (header, rows) = cells(folder);
    let of_all = truth(folder, "hr.candidate.csv");
    let cannot: BTreeSet<u64> = of_all
        .iter()
        .filter(|(_, rule)| rule == "row.ragged" || rule == "record.undecodable")
        .map(|(row, _)| *row)
        .collect();
    assert!(!cannot.is_empty() && cannot.len() < rows.len());
    let mut kept = Vec::new();
    let mut due = Broken::new();
    for (row, line) in (0_u64..).zip(rows).filter(|(row, _)| !cannot.contains(row)) {
        let rules = of_all.iter().filter(|(of, _)| *of == row);
        due.extend(rules.map(|(_, rule)| (kept.len() as u64, rule.clone())));
        let texts = line.into_iter().map(|cell| String::from_utf8(cell).unwrap());
        kept.push(texts.map(|text| (!text.is_empty()).then_some(text)).collect());
    }
    (header, kept, due)
}

fn generated() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), "0.3", 11);
    folder
}

#[test]
fn every_fault_is_found_by_its_rules_and_nothing_else_is() {
    for seed in [1, 7, 42, 2_026] {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path(), "0.3", seed);
        for file in ["hr.candidate.csv", "hr.candidate-columns.csv"] {
            let out = folder.path().join("out");
            let shown = validate(&folder.path().join(file), &out).with_code(1).json();
            let due = truth(folder.path(), file);
            assert!(!due.is_empty());
            assert_eq!(broken(&out), due, "{file} of seed {seed}");
            let kept: Value = serde_json::from_slice(&std::fs::read(out.join("violations.json")).unwrap()).unwrap();
            assert_eq!(shown, kept, "standard output says what the file says");
            assert_counts(&shown, &due);
        }
    }
}

/// `violations.json` has these members, and its numbers are recounts.
fn assert_counts(shown: &Value, due: &Broken) {
    let members: BTreeSet<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from(["bad", "good", "rows", "rules", "warnings"]));
    let bad: BTreeSet<u64> = due.iter().map(|(row, _)| *row).collect();
    assert_eq!(shown["bad"], bad.len());
    let sum = shown["good"].as_u64().unwrap() + shown["bad"].as_u64().unwrap();
    assert_eq!(shown["rows"], sum);
    let mut rules = json!({});
    for (_, rule) in due {
        rules[rule] = json!(rules[rule].as_u64().unwrap_or(0) + 1);
    }
    assert_eq!(shown["rules"], rules);
    assert!(shown["warnings"].is_object());
}

#[test]
fn a_file_without_faults_has_exit_code_zero() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), "0", 5);
    let out = folder.path().join("out");
    let shown = validate(&folder.path().join("hr.candidate.csv"), &out)
        .with_code(0)
        .json();
    assert_eq!(
        (&shown["rows"], &shown["good"], &shown["bad"]),
        (&json!(ROWS), &json!(ROWS), &json!(0))
    );
    assert_eq!(shown["rules"], json!({}));
    assert!(found(&out).is_empty());
    let good = File::open(out.join("good.parquet")).unwrap();
    let good = ParquetRecordBatchReaderBuilder::try_new(good).unwrap();
    assert_eq!(good.metadata().file_metadata().num_rows(), ROWS as i64);
}

#[test]
fn standard_input_is_judged_as_the_file_is() {
    let folder = generated();
    let out = folder.path().join("out");
    let mut command = muster();
    command
        .args(["validate", "-", "--contract", CONTRACT])
        .arg("--project")
        .arg(project());
    command.arg("--out").arg(&out);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let bytes = std::fs::read(folder.path().join("hr.candidate.csv")).unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(broken(&out), truth(folder.path(), "hr.candidate.csv"));
}

#[test]
fn json_lines_are_judged_as_the_same_rows_of_text_are() {
    let folder = generated();
    let (header, rows, due) = tabular(folder.path());
    let path = folder.path().join("rows.jsonl");
    let mut file = File::create(&path).unwrap();
    for row in rows {
        let members = header.iter().cloned().zip(row.into_iter().map(|cell| json!(cell)));
        writeln!(file, "{}", Value::Object(members.collect())).unwrap();
    }
    let out = folder.path().join("out");
    validate(&path, &out).with_code(1);
    assert_eq!(broken(&out), due);
}

#[test]
fn parquet_is_judged_as_the_same_rows_of_text_are() {
    let folder = generated();
    let (header, rows, due) = tabular(folder.path());
    let columns = header.iter().enumerate().map(|(at, name)| {
        let texts: StringArray = rows.iter().map(|row| row[at].as_deref()).collect();
        (name.as_str(), Arc::new(texts) as ArrayRef, true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let path = folder.path().join("rows.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let out = folder.path().join("out");
    validate(&path, &out).with_code(1);
    assert_eq!(broken(&out), due);
}

#[test]
fn an_avro_container_is_judged_as_the_same_rows_of_text_are() {
    let folder = generated();
    let (header, rows, due) = tabular(folder.path());
    let fields = header.iter();
    let fields: Vec<Value> = fields
        .map(|name| json!({"name": name, "type": ["null", "string"], "default": null}))
        .collect();
    let schema = json!({"type": "record", "name": "Candidate", "fields": fields});
    let schema = apache_avro::Schema::parse(&schema).unwrap();
    let mut writer = apache_avro::Writer::new(&schema, Vec::new()).unwrap();
    for row in rows {
        let mut record = Record::new(&schema).unwrap();
        for (name, cell) in header.iter().zip(row) {
            record.put(name, cell);
        }
        writer.append_value(record).unwrap();
    }
    let path = folder.path().join("rows.avro");
    std::fs::write(&path, writer.into_inner().unwrap()).unwrap();
    let out = folder.path().join("out");
    validate(&path, &out).with_code(1);
    assert_eq!(broken(&out), due);
}

#[test]
fn good_rows_validated_again_are_good() {
    let folder = generated();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let shown = validate(&folder.path().join("hr.candidate.csv"), &first)
        .with_code(1)
        .json();
    let again = validate(&first.join("good.parquet"), &second).with_code(0).json();
    assert_eq!(
        again["rows"], shown["good"],
        "typed values are judged as their texts were"
    );
}
