//! A small project for tests: a contract, pipelines over it, and sealed files of its good rows.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use muster_features::GoodFile;
use muster_spec::{Contract, Pipeline, read};
use parquet::arrow::ArrowWriter;
use sha2::{Digest, Sha256};

const AVSC: &str = r#"{"type": "record", "name": "Person", "namespace": "hr", "fields": [
    {"name": "id", "type": "long"},
    {"name": "City", "type": ["null", "string"], "default": null},
    {"name": "share", "type": ["null", "double"], "default": null},
    {"name": "hours", "type": ["null", "int"], "default": null},
    {"name": "flag", "type": ["null", "boolean"], "default": null},
    {"name": "cost", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}], "default": null},
    {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}], "default": null},
    {"name": "target", "type": ["null", "int"], "default": null}
]}"#;

pub fn contract(name: &str) -> Contract {
    let yaml = "version: 1\ntopic: t\nformat: avro\nschema: s.avsc\nkey: id\n";
    read::contract(name, "schemas/x.contract.yaml", yaml, &|_| Some(AVSC.to_owned())).unwrap()
}

/// A pipeline over `hr.person` with this view; `model` are further lines of the model.
pub fn pipeline(sql: &str, mode: &str, model: &str) -> Pipeline {
    let yaml = format!(
        "version: 1\nsources: [hr.person]\nfeatures: {{ view: v.sql, mode: {mode}, entity: id }}\n\
         model:\n  label: target\n{model}schedule: {{ score: '* * * * *' }}\n"
    );
    read::pipeline(
        "p",
        "pipelines/p.yaml",
        &yaml,
        &|_| Some(sql.to_owned()),
        &[contract("hr.person")],
    )
    .unwrap()
}

/// A good row: its position, and values made from its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub source: i64,
    pub topic: &'static str,
    pub partition: i32,
    pub offset: i64,
    pub id: i64,
}

impl Row {
    pub fn new(source: i64, topic: &'static str, partition: i32, offset: i64) -> Self {
        let id = source * 1_000 + offset;
        Self {
            source,
            topic,
            partition,
            offset,
            id,
        }
    }

    fn missing(&self) -> bool {
        self.id % 7 == 3
    }

    pub fn city(&self) -> Option<String> {
        (!self.missing()).then(|| format!("city_{}", self.id % 5))
    }

    pub fn share(&self) -> Option<f64> {
        (!self.missing()).then(|| self.id as f64 / 8.0)
    }

    pub fn target(&self) -> Option<i32> {
        (self.id % 4 != 0).then_some((self.id % 2) as i32)
    }

    pub fn event_time(&self) -> Option<i64> {
        (self.id % 3 != 0).then_some(1_000_000 * self.id)
    }
}

pub fn batch(rows: &[Row]) -> RecordBatch {
    let each = || rows.iter();
    let cost = each()
        .map(|row| Some(i128::from(row.id) * 25))
        .collect::<Decimal128Array>();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(each().map(|row| Some(row.id)).collect::<Int64Array>())),
        ("City", Arc::new(each().map(Row::city).collect::<StringArray>())),
        ("share", Arc::new(each().map(Row::share).collect::<Float64Array>())),
        (
            "hours",
            Arc::new(each().map(|row| Some(row.id as i32 * 2)).collect::<Int32Array>()),
        ),
        (
            "flag",
            Arc::new(each().map(|row| Some(row.id % 2 == 0)).collect::<BooleanArray>()),
        ),
        ("cost", Arc::new(cost.with_precision_and_scale(9, 2).unwrap())),
        (
            "day",
            Arc::new(each().map(|row| Some(row.id as i32)).collect::<Date32Array>()),
        ),
        ("target", Arc::new(each().map(Row::target).collect::<Int32Array>())),
        (
            "_source",
            Arc::new(each().map(|row| Some(row.source)).collect::<Int64Array>()),
        ),
        (
            "_topic",
            Arc::new(each().map(|row| Some(row.topic)).collect::<StringArray>()),
        ),
        (
            "_partition",
            Arc::new(each().map(|row| Some(row.partition)).collect::<Int32Array>()),
        ),
        (
            "_offset",
            Arc::new(each().map(|row| Some(row.offset)).collect::<Int64Array>()),
        ),
        (
            "_event_time",
            Arc::new(
                each()
                    .map(Row::event_time)
                    .collect::<TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            ),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

/// Seals rows as a file of `hr.person`.
pub fn seal(folder: &Path, name: &str, rows: &RecordBatch) -> GoodFile {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    GoodFile {
        contract: "hr.person".into(),
        path,
        rows: rows.num_rows() as u64,
        first_row: 0,
        file_rows: rows.num_rows() as u64,
        bytes: bytes.len() as u64,
        sha256: Sha256::digest(&bytes).into(),
    }
}
