//! Text files to Arrow columns, beside `arrow-csv` on the same bytes: `cargo bench -p muster-contract --bench lines`.
//!
//! Rows of the job-change data set's columns, 14 of them and about 99 bytes, every seventh nullable cell empty. Ours
//! is measured whole: cut, checked, typed by the contract, with findings; the peer reads the same file with the same
//! types. On one thread.

use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;

use arrow::csv::ReaderBuilder;
use arrow::datatypes::SchemaRef;
use muster_contract::decode::columns;
use muster_contract::lines::{Bounds, LineDecoder, LineReader, Shape};
use muster_spec::{Contract, TextFormat};

use figures::{Clock, Spent};

#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../tests/bench/figures.rs"]
mod figures;

const ROWS: usize = 100_000;
const TIMES: usize = 4;
const ROUNDS: usize = 7;

const SCHEMA: &str = r#"{"type": "record", "name": "Candidate", "namespace": "hr", "fields": [
    {"name": "enrollee_id", "type": "long"},
    {"name": "city", "type": "string"},
    {"name": "city_development_index", "type": "double"},
    {"name": "gender", "type": ["null", "string"], "default": null},
    {"name": "relevent_experience", "type": "string"},
    {"name": "enrolled_university", "type": ["null", "string"], "default": null},
    {"name": "education_level", "type": ["null", "string"], "default": null},
    {"name": "major_discipline", "type": ["null", "string"], "default": null},
    {"name": "experience", "type": ["null", "string"], "default": null},
    {"name": "company_size", "type": ["null", "string"], "default": null},
    {"name": "company_type", "type": ["null", "string"], "default": null},
    {"name": "last_new_job", "type": ["null", "string"], "default": null},
    {"name": "training_hours", "type": "int"},
    {"name": "target", "type": ["null", "int"], "default": null}
]}"#;

fn file(contract: &Contract, quoted: bool) -> String {
    let names: Vec<&str> = contract.fields.iter().map(|field| field.name.as_str()).collect();
    let mut file = names.join(",") + "\r\n";
    for row in 0..figures::rows(ROWS) {
        let pick = |of: &[&'static str], by: usize| {
            if (row + by).is_multiple_of(7) {
                ""
            } else {
                of[(row * 31 + by) % of.len()]
            }
        };
        let city = row % 180 + 1;
        let city = if quoted {
            format!("\"city_{city}\"")
        } else {
            format!("city_{city}")
        };
        write!(
            file,
            "{},{city},0.{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
            row + 10_000,
            100 + row % 900,
            pick(&["Male", "Female", "Other"], 1),
            ["Has relevent experience", "No relevent experience"][row % 2],
            pick(&["no_enrollment", "Full time course", "Part time course"], 3),
            pick(&["Graduate", "Masters", "High School", "Phd"], 4),
            pick(&["STEM", "Humanities", "Business Degree"], 5),
            pick(&["<1", "5", "13", ">20"], 6),
            pick(&["50-99", "100-500", "10000+", "1000-4999"], 7),
            pick(&["Pvt Ltd", "Public Sector", "NGO"], 8),
            pick(&["never", "1", ">4"], 9),
            row % 336 + 1,
            row % 2,
        )
        .expect("texts grow");
    }
    file
}

/// Reads and types the file's rows `TIMES` times.
fn ours(file: &str, contract: &Arc<Contract>) -> Spent {
    let format = TextFormat::default();
    Spent::of(Clock::Thread, || {
        let mut rows = 0;
        for _ in 0..TIMES {
            let opened = LineReader::open(file.as_bytes(), Shape::Csv, contract, &format, Bounds::default());
            let mut reader = opened.expect("the file is sound");
            let typing = LineDecoder::new(Arc::clone(contract), &format, Arc::clone(reader.fit()));
            let typing = typing.expect("the contract is sound");
            while let Some(lines) = reader.next_run().expect("the file is sound") {
                let decoded = typing.decode(lines);
                rows += decoded.rows.num_rows();
                assert!(decoded.findings.is_empty());
                black_box(&decoded.rows);
                if let muster_batch::Origin::Lines(lines) = decoded.origin {
                    reader.recycle(lines);
                }
            }
        }
        rows as u64
    })
}

fn theirs(file: &str, schema: &SchemaRef) -> Spent {
    Spent::of(Clock::Thread, || {
        let read = || {
            let builder = ReaderBuilder::new(Arc::clone(schema))
                .with_header(true)
                .with_batch_size(16_384);
            let reader = builder.build_buffered(file.as_bytes()).expect("the file is sound");
            reader
                .map(|batch| black_box(batch.expect("the file is sound")).num_rows() as u64)
                .sum::<u64>()
        };
        (0..TIMES).map(|_| read()).sum()
    })
}

fn main() {
    let yaml = "version: 1\ntopic: t\nformat: avro\nschema: t.avsc\nkey: enrollee_id\n";
    let contract = muster_spec::read::contract("t", "t.yaml", yaml, &|_| Some(SCHEMA.to_owned()));
    let contract = Arc::new(contract.expect("the contract is sound"));
    let typed = columns::schema(&contract);
    for quoted in [false, true] {
        let file = file(&contract, quoted);
        let kind = if quoted { ", a column quoted" } else { "" };
        let what = format!(
            "CSV to typed columns, 14 fields, {} bytes{kind}",
            file.len() / figures::rows(ROWS)
        );
        let (ours, theirs) = (|| ours(&file, &contract), || theirs(&file, &typed));
        figures::compare("read", &what, "arrow-csv", ROUNDS, ours, theirs);
    }
}
