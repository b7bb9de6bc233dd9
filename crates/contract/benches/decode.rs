//! Avro records to Arrow columns, beside `arrow-avro` on the same messages: `cargo bench -p muster-contract --bench decode`.
//!
//! Two kinds of records of 14 fields: typed ones (9 of them nullable, about 114 bytes), as source systems send them,
//! and the same in the all-text schema, as `publish` sends a file's rows, which are parsed beside being decoded. On one
//! thread.

use std::hint::black_box;
use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use muster_batch::{BytesColumn, Headers, RawBatch};
use muster_contract::decode::Decoder;
use muster_spec::{Contract, Offset, OffsetDelta, SchemaId, SourceId};

use figures::{Clock, Spent};

#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../tests/bench/figures.rs"]
mod figures;

const ROWS: usize = 8_192;
const BATCHES: usize = 64;
const ROUNDS: usize = 9;
/// What arrow-avro does with the two kinds of records.
const PEERS: [&str; 2] = ["arrow-avro", "arrow-avro (leaves numbers as text)"];

const SCHEMA: &str = r#"{"type": "record", "name": "Candidate", "namespace": "hr", "fields": [
    {"name": "enrollee_id", "type": "long"},
    {"name": "city", "type": "string"},
    {"name": "city_development_index", "type": "double"},
    {"name": "gender", "type": ["null", "string"], "default": null},
    {"name": "relevent_experience", "type": "string"},
    {"name": "enrolled_university", "type": ["null", "string"], "default": null},
    {"name": "education_level", "type": ["null", "string"], "default": null},
    {"name": "major_discipline", "type": ["null", "string"], "default": null},
    {"name": "experience", "type": ["null", "int"], "default": null},
    {"name": "company_size", "type": ["null", "string"], "default": null},
    {"name": "company_type", "type": ["null", "string"], "default": null},
    {"name": "last_new_job", "type": ["null", "int"], "default": null},
    {"name": "training_hours", "type": "int"},
    {"name": "target", "type": ["null", "float"], "default": null}
]}"#;

/// The cells of a row as text, every seventh nullable one empty.
fn cells(row: usize) -> Vec<Option<String>> {
    let pick = |of: &[&str], by: usize| of[(row * 31 + by) % of.len()].to_owned();
    let full = [
        (row + 10_000).to_string(),
        format!("city_{}", row % 180 + 1),
        format!("0.{}", 100 + row % 900),
        pick(&["Male", "Female", "Other"], 1),
        pick(&["Has relevent experience", "No relevent experience"], 2),
        pick(&["no_enrollment", "Full time course", "Part time course"], 3),
        pick(&["Graduate", "Masters", "High School", "Phd"], 4),
        pick(&["STEM", "Humanities", "Business Degree"], 5),
        (row % 21).to_string(),
        pick(&["50-99", "100-500", "10000+", "1000-4999"], 6),
        pick(&["Pvt Ltd", "Public Sector", "NGO"], 7),
        (row % 5).to_string(),
        (row % 336 + 1).to_string(),
        if row.is_multiple_of(4) { "1.0" } else { "0.0" }.to_owned(),
    ];
    let nullable = |at: usize| !matches!(at, 0..=2 | 4 | 12);
    let cells = full.into_iter().enumerate();
    cells
        .map(|(at, cell)| (!nullable(at) || !(row + at).is_multiple_of(7)).then_some(cell))
        .collect()
}

/// A cell as a value of its schema.
fn value(schema: &Schema, cell: Option<String>) -> Value {
    match (schema, cell) {
        (Schema::Union(_), None) => Value::Union(0, Box::new(Value::Null)),
        (Schema::Union(union), cell) => Value::Union(1, Box::new(value(&union.variants()[1], cell))),
        (Schema::Long, Some(cell)) => Value::Long(cell.parse().expect("a number")),
        (Schema::Int, Some(cell)) => Value::Int(cell.parse().expect("a number")),
        (Schema::Double, Some(cell)) => Value::Double(cell.parse().expect("a number")),
        (Schema::Float, Some(cell)) => Value::Float(cell.parse().expect("a number")),
        (_, cell) => Value::String(cell.expect("a cell that is not nullable")),
    }
}

fn batch(schema_text: &str) -> RawBatch {
    let schema = Schema::parse_str(schema_text).expect("the schema is sound");
    let Schema::Record(record) = &schema else {
        unreachable!("the schema is a record")
    };
    let writer = GenericDatumWriter::builder(&schema)
        .build()
        .expect("the schema is whole");
    let (mut payloads, mut keys, mut headers) = (BytesColumn::default(), BytesColumn::default(), Headers::default());
    for row in 0..ROWS {
        let fields = record.fields.iter().zip(cells(row));
        let fields = fields.map(|(field, cell)| (field.name.clone(), value(&field.schema, cell)));
        let message = writer
            .write_value_to_vec(Value::Record(fields.collect()))
            .expect("the row fits");
        let id = muster_spec::schema_id(schema_text);
        payloads.push(Some(&[&[0], &id.0.to_be_bytes()[..], &message].concat()));
        keys.push(None);
        headers.push(std::iter::empty());
    }
    RawBatch {
        source: SourceId(1),
        topic: "hr.candidate.v1".into(),
        partition: 0,
        delta: OffsetDelta::new(Offset(0), Offset(ROWS as i64)),
        offsets: (0..ROWS as i64).collect(),
        timestamps: vec![0; ROWS],
        payloads,
        keys,
        headers,
    }
}

fn peer(schema_text: &str, id: SchemaId) -> arrow_avro::reader::Decoder {
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    store
        .set(Fingerprint::Id(id.0), AvroSchema::new(schema_text.to_owned()))
        .expect("the schema is sound");
    ReaderBuilder::new()
        .with_batch_size(ROWS)
        .with_writer_schema_store(store)
        .with_active_fingerprint(Fingerprint::Id(id.0))
        .build_decoder()
        .expect("the schema is whole")
}

fn contract() -> Arc<Contract> {
    let yaml = "version: 1\ntopic: hr.candidate.v1\nformat: avro\nschema: c.avsc\nkey: enrollee_id\n";
    let open = |_: &str| Some(SCHEMA.to_owned());
    Arc::new(
        muster_spec::read::contract("hr.candidate", "c.contract.yaml", yaml, &open).expect("the contract is sound"),
    )
}

fn main() {
    let contract = contract();
    let decoder = Decoder::new(Arc::clone(&contract)).expect("the contract is sound");
    let all_text = muster_spec::all_text_schema(&contract);
    for (kind, schema) in [("typed", SCHEMA), ("all-text", &all_text)] {
        let records = batch(schema);
        let batches = figures::rows(BATCHES * ROWS) / ROWS;
        // Every round gets records that were just copied, as they come from the consumer, and drops nothing while timed.
        let fresh = || vec![records.clone(); batches.max(1)];
        let ours = || {
            let (given, mut made) = (fresh(), Vec::with_capacity(BATCHES));
            Spent::of(Clock::Thread, || {
                made.extend(given.into_iter().map(|records| decoder.decode(records)));
                made.iter().map(|decoded| decoded.rows.num_rows() as u64).sum()
            })
        };
        let mut other = peer(schema, muster_spec::schema_id(schema));
        let theirs = || {
            let (given, mut made) = (fresh(), Vec::with_capacity(BATCHES));
            Spent::of(Clock::Thread, || {
                for records in &given {
                    for payload in records.payloads.iter().flatten() {
                        other.decode(black_box(payload)).expect("the message is sound");
                    }
                    made.extend(other.flush().expect("the messages are sound"));
                }
                made.iter().map(|rows| rows.num_rows() as u64).sum()
            })
        };
        let what = format!("{kind} Avro, 14 fields, {} bytes", records.payloads.byte_len() / ROWS);
        figures::compare(
            "decode",
            &what,
            PEERS[usize::from(kind != "typed")],
            ROUNDS,
            ours,
            theirs,
        );
    }
}
