//! Files whose values are typed: the same rows as text, as Parquet and as Avro break the same rules, and a file that is
//! damaged or does not fit is said so.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use apache_avro::types::Value;
use apache_avro::{Codec, Decimal, DeflateSettings, Schema, Writer, ZstandardSettings};
use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int64Array, ListArray,
    RecordBatch, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int8Type, Int64Type};
use chrono::{DateTime, NaiveDate};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::program::{Ended, muster, run};
use crate::validate::{Broken, broken, project};

const CONTRACT: &str = "lms.completion";
const HEADER: &str = "completion_id,employee_id,course_id,level,delivery,started_on,completed_on,score,passed,hours,\
                      cost_amount,cost_currency,provider,occurred_at";

/// Rows as text; the first is good, each of the others has what `due` says.
const ROWS: &str = "\
6f1c4d7e-3b0a-4c58-9d2e-0a4f5b6c7d00,17,LMS-1204,BASIC,VIRTUAL,2026-03-02,2026-03-09,87.50,true,6.5,12.30,EUR,Skills AG,2026-03-09T16:20:00Z
6f1c4d7e-3b0a-4c58-9d2e-0a4f5b6c7d01,0,lms 1204,EXPERT,CLASSROOM,,2026-03-09,100.00,,6,,,,2026-03-09T16:20:00.25Z
6f1c4d7e-3b0a-4c58-9d2e-0a4f5b6c7d02,18,LMS-1204,ADVANCED,VIRTUAL,,2026-03-09,120.05,false,0,,,,1969-12-31T23:59:59.999Z
6f1c4d7e-3b0a-4c58-9d2e-0a4f5b6c7d03,19,LMS-1204,BASIC,VIRTUAL,2026-03-10,2026-03-09,,,-1,250,,x,2026-03-09T16:20:00Z
6f1c4d7e-3b0a-4c58-9d2e-0a4f5b6c7d00,20,LMS-1204,BASIC,VIRTUAL,,2026-03-09,,,500.125,9,INR,Skills AG,2026-03-09T16:20:01Z
6f1c4d7e-3b0a-4c58-9d2e-0a4f5b6c7d05,,LMS-1204,INTERMEDIATE,SELF_PACED,,1969-12-31,-0.01,true,6,0,JPY,Skills AG,2026-03-09T16:20:00Z
6f1c4d7e-3b0a-4c58-9d2e-0a4f5b6c7d06,21,LMS-1204,BASIC,VIRTUAL,,2026-03-09,39.99,true,6,-0.01,CHF,Skills AG,2026-03-09T16:20:00Z
6f1c4d7e-3b0a-4c58-9d2e-0a4f5b6c7d07,22,LMS-1204,BASIC,VIRTUAL,,2026-03-09,40,true,NaN,50000,GBP,Skills AG,2026-03-09T16:20:00Z
";

fn due() -> Broken {
    let rows: [(u64, &[&str]); 7] = [
        (1, &["employee_id.range", "course_id.format"]),
        (2, &["score.range"]),
        (
            3,
            &[
                "hours.range",
                "provider.length",
                "completed_on.after_start",
                "cost.whole",
            ],
        ),
        (4, &["event_id.conflict", "hours.range", "completion_id.unique"]),
        (5, &["employee_id.required", "score.range", "cost_currency.level"]),
        (6, &["cost_amount.range"]),
        (7, &["hours.range"]),
    ];
    let rows = rows.into_iter();
    rows.flat_map(|(row, rules)| rules.iter().map(move |rule| (row, (*rule).to_owned())))
        .collect()
}

fn rows() -> Vec<Vec<Option<&'static str>>> {
    let cells = |line: &'static str| line.split(',').map(|cell| Some(cell).filter(|cell| !cell.is_empty()));
    ROWS.lines().map(|line| cells(line).collect()).collect()
}

/// One column's cells.
fn column(name: &str) -> Vec<Option<&'static str>> {
    let at = HEADER.split(',').position(|known| known == name).unwrap();
    rows().into_iter().map(|row| row[at]).collect()
}

fn days(text: &str) -> i32 {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
    (date - NaiveDate::default()).num_days() as i32
}

fn micros(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
}

/// The digits of a decimal at a scale.
fn unscaled(text: &str, scale: usize) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<scale$}").parse().unwrap()
}

fn validate(file: &Path, contract: &str, out: &Path) -> Ended {
    let mut command = muster();
    command.arg("validate").arg(file).args(["--contract", contract]);
    command.arg("--project").arg(project()).arg("--out").arg(out);
    run(command)
}

/// A file of rows, judged: what is broken, and the good rows.
fn judged(file: &Path) -> (Broken, Vec<RecordBatch>) {
    let out = file.with_extension("out");
    validate(file, CONTRACT, &out).with_code(1);
    let good = File::open(out.join("good.parquet")).unwrap();
    let good = ParquetRecordBatchReaderBuilder::try_new(good).unwrap().build().unwrap();
    (broken(&out), good.map(Result::unwrap).collect())
}

fn csv(folder: &Path) -> PathBuf {
    let path = folder.join("rows.csv");
    std::fs::write(&path, format!("{HEADER}\n{ROWS}")).unwrap();
    path
}

/// The rows in types that are not the contract's own but hold the same values.
fn parquet(folder: &Path) -> PathBuf {
    let text = |name: &str| Arc::new(column(name).into_iter().collect::<StringArray>()) as ArrayRef;
    let view = |name: &str| Arc::new(column(name).into_iter().collect::<StringViewArray>()) as ArrayRef;
    let dictionary = |name: &str| Arc::new(column(name).into_iter().collect::<DictionaryArray<Int8Type>>()) as ArrayRef;
    let dates = |name: &str| {
        let dates = column(name).into_iter().map(|text| text.map(days));
        Arc::new(dates.collect::<Date32Array>()) as ArrayRef
    };
    let decimals = |name: &str, precision: u8, scale: usize| {
        let digits = column(name)
            .into_iter()
            .map(|text| text.map(|text| unscaled(text, scale)));
        let digits: Decimal128Array = digits.collect();
        Arc::new(digits.with_precision_and_scale(precision, scale as i8).unwrap()) as ArrayRef
    };
    let numbers = |name: &str| {
        let numbers = column(name)
            .into_iter()
            .map(|text| text.map(|text| text.parse::<f64>().unwrap()));
        Arc::new(numbers.collect::<Float64Array>()) as ArrayRef
    };
    let passed = column("passed").into_iter().map(|text| text.map(|text| text == "true"));
    let occurred_at = column("occurred_at").into_iter().map(|text| text.map(micros));
    let occurred_at: TimestampMicrosecondArray = occurred_at.collect();
    let cost = StructArray::from(vec![
        (
            Arc::new(Field::new("amount", DataType::Decimal128(12, 4), true)),
            decimals("cost_amount", 12, 4),
        ),
        (
            Arc::new(Field::new("currency", DataType::Utf8, true)),
            text("cost_currency"),
        ),
    ]);
    let columns: [(&str, ArrayRef); 13] = [
        ("occurred_at", Arc::new(occurred_at)),
        ("completion_id", text("completion_id")),
        // Whole numbers of which some are missing, as many programs hold them.
        ("employee_id", numbers("employee_id")),
        ("course_id", view("course_id")),
        ("level", dictionary("level")),
        ("delivery", dictionary("delivery")),
        ("started_on", dates("started_on")),
        ("completed_on", dates("completed_on")),
        ("score", decimals("score", 9, 3)),
        ("passed", Arc::new(passed.collect::<BooleanArray>())),
        ("hours", numbers("hours")),
        ("cost", Arc::new(cost)),
        ("provider", text("provider")),
    ];
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    written(&folder.join("rows.parquet"), &batch)
}

fn written(path: &Path, batch: &RecordBatch) -> PathBuf {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    path.to_owned()
}

/// An older writer of the topic: another order, other units and scales, a record that may be null, fields that the
/// contract does not have.
const WRITER: &str = r#"{"type": "record", "name": "Completion", "namespace": "old", "fields": [
    {"name": "tags", "type": {"type": "array", "items": "string"}},
    {"name": "occurred_at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "completion_id", "type": "string"},
    {"name": "employee_id", "type": ["null", "long"]},
    {"name": "course_id", "type": "string"},
    {"name": "level", "type": {"type": "enum", "name": "Level", "symbols": ["EXPERT", "ADVANCED", "INTERMEDIATE", "BASIC"]}},
    {"name": "delivery", "type": "string"},
    {"name": "started_on", "type": ["null", {"type": "int", "logicalType": "date"}]},
    {"name": "completed_on", "type": {"type": "int", "logicalType": "date"}},
    {"name": "score", "type": ["null", {"type": "fixed", "name": "Score", "size": 5, "logicalType": "decimal", "precision": 9, "scale": 3}]},
    {"name": "passed", "type": ["boolean", "null"]},
    {"name": "hours", "type": "double"},
    {"name": "cost", "type": ["null", {"type": "record", "name": "Cost", "fields": [
        {"name": "currency", "type": ["null", "string"]},
        {"name": "amount", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 4}]}
    ]}]},
    {"name": "provider", "type": ["null", "string"]}
]}"#;

fn avro(folder: &Path, name: &str, codec: Codec) -> PathBuf {
    let schema = Schema::parse_str(WRITER).unwrap();
    let mut writer = Writer::with_codec(&schema, Vec::new(), codec).unwrap();
    let or_null = |at, value: Option<Value>| match value {
        Some(value) => Value::Union(at, Box::new(value)),
        None => Value::Union(1 - at, Box::new(Value::Null)),
    };
    let text = |text: &str| Value::String(text.to_owned());
    let decimal = |text: &str, scale| {
        let bytes = unscaled(text, scale).to_be_bytes();
        Value::Decimal(Decimal::from(&bytes[bytes.len() - 5..]))
    };
    for row in rows() {
        let cell = |name: &str| row[HEADER.split(',').position(|known| known == name).unwrap()];
        let level = cell("level").unwrap();
        let levels = ["EXPERT", "ADVANCED", "INTERMEDIATE", "BASIC"];
        let level_at = levels.iter().position(|known| *known == level).unwrap() as u32;
        let (amount, currency) = (cell("cost_amount"), cell("cost_currency"));
        let cost = (amount.or(currency).is_some()).then(|| {
            Value::Record(vec![
                ("currency".into(), or_null(1, currency.map(text))),
                ("amount".into(), or_null(1, amount.map(|amount| decimal(amount, 4)))),
            ])
        });
        let values = [
            ("tags", Value::Array(vec![text("a"), text("b")])),
            (
                "occurred_at",
                Value::TimestampMicros(micros(cell("occurred_at").unwrap())),
            ),
            ("completion_id", text(cell("completion_id").unwrap())),
            (
                "employee_id",
                or_null(1, cell("employee_id").map(|id| Value::Long(id.parse().unwrap()))),
            ),
            ("course_id", text(cell("course_id").unwrap())),
            ("level", Value::Enum(level_at, level.to_owned())),
            ("delivery", text(cell("delivery").unwrap())),
            (
                "started_on",
                or_null(1, cell("started_on").map(|day| Value::Date(days(day)))),
            ),
            ("completed_on", Value::Date(days(cell("completed_on").unwrap()))),
            ("score", or_null(1, cell("score").map(|score| decimal(score, 3)))),
            (
                "passed",
                or_null(0, cell("passed").map(|passed| Value::Boolean(passed == "true"))),
            ),
            ("hours", Value::Double(cell("hours").unwrap().parse().unwrap())),
            ("cost", or_null(1, cost)),
            ("provider", or_null(1, cell("provider").map(text))),
        ];
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value));
        writer.append_value(Value::Record(values.collect())).unwrap();
        // Several blocks.
        writer.flush().unwrap();
    }
    let path = folder.join(name);
    std::fs::write(&path, writer.into_inner().unwrap()).unwrap();
    path
}

#[test]
fn the_same_rows_break_the_same_rules_in_every_kind_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let (of_text, good) = judged(&csv(folder.path()));
    assert_eq!(of_text, due());
    let codecs = [
        ("null.avro", Codec::Null),
        ("deflate.avro", Codec::Deflate(DeflateSettings::default())),
        ("snappy.avro", Codec::Snappy),
        ("zstd.avro", Codec::Zstandard(ZstandardSettings::default())),
    ];
    let mut files = vec![parquet(folder.path())];
    files.extend(codecs.map(|(name, codec)| avro(folder.path(), name, codec)));
    for file in files {
        let (of_values, good_values) = judged(&file);
        assert_eq!(of_values, due(), "{}", file.display());
        assert_eq!(good_values, good, "{}: good rows are the same values", file.display());
    }
}

#[test]
fn bad_rows_of_a_container_are_shown_as_their_writer_wrote_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = avro(folder.path(), "rows.avro", Codec::Null);
    judged(&file);
    let bad = File::open(file.with_extension("out").join("bad.parquet")).unwrap();
    let bad = ParquetRecordBatchReaderBuilder::try_new(bad).unwrap().build().unwrap();
    let bad = bad.map(Result::unwrap).next().unwrap();
    let shown = |name: &str, row: usize| {
        let column = bad.column_by_name(name).unwrap();
        let texts: &StringArray = column.as_any().downcast_ref().unwrap();
        (!texts.is_null(row)).then(|| texts.value(row).to_owned())
    };
    assert_eq!(shown("employee_id", 0).as_deref(), Some("0"));
    assert_eq!(shown("score", 1).as_deref(), Some("120.050"));
    assert_eq!(shown("occurred_at", 1).as_deref(), Some("1969-12-31T23:59:59.999000Z"));
    assert_eq!(shown("cost_amount", 2).as_deref(), Some("250.0000"));
    assert_eq!(shown("cost_currency", 2), None);
    assert_eq!(shown("started_on", 2).as_deref(), Some("2026-03-10"));
    assert_eq!(shown("tags", 0).as_deref(), Some("[\"a\",\"b\"]"));
}

/// Where validate must end with code 2, naming the file, and leave nothing.
fn refused(file: &Path, words: &str) {
    let out = file.with_extension("out");
    let ended = validate(file, CONTRACT, &out).with_code(2);
    let name = file.display().to_string();
    assert!(ended.said.contains(&name), "{name} is not named: {}", ended.said);
    assert!(ended.said.contains(words), "`{words}` is not in: {}", ended.said);
    let left: Vec<_> = std::fs::read_dir(&out).into_iter().flatten().collect();
    assert!(left.is_empty(), "{name} left {left:?}");
}

#[test]
fn a_damaged_container_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = std::fs::read(avro(folder.path(), "whole.avro", Codec::Null)).unwrap();
    let marker_at = whole.len() - 16;
    for cut in [marker_at + 3, marker_at - 3] {
        refused(&file("cut.avro", &whole[..cut]), "the file ends inside a block");
    }
    refused(
        &file("header.avro", &whole[..40]),
        "as an Avro file of `lms.completion`",
    );
    let mut marked = whole.clone();
    marked[marker_at] ^= 1;
    refused(&file("marked.avro", &marked), "does not end as the file's blocks do");
    let at = whole.windows(8).position(|bytes| bytes == b"6f1c4d7e").unwrap();
    let mut longer = whole.clone();
    longer[at - 1] = 0x7e; // the text's length
    refused(&file("longer.avro", &longer), "is not of the file's schema");
    let mut squeezed = std::fs::read(avro(folder.path(), "squeezed.avro", Codec::Snappy)).unwrap();
    let at = squeezed.len() - 30;
    squeezed[at] ^= 0xff;
    refused(&file("bent.avro", &squeezed), "a block cannot be decompressed");
}

#[test]
fn a_container_whose_schema_does_not_fit_is_an_error_that_names_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (
            r#"{"name": "score", "type": {"type": "array", "items": "string"}}"#,
            "field `score`: the writer's array does not become a decimal",
        ),
        (
            r#"{"name": "hours", "type": {"type": "map", "values": "double"}}"#,
            "field `hours`: the writer's map does not become a number",
        ),
        (
            r#"{"name": "other", "type": "long"}"#,
            "the writer lacks it and it has no default",
        ),
    ];
    for (at, (field, words)) in cases.into_iter().enumerate() {
        let all = [
            r#"{"name": "completion_id", "type": "string"}"#,
            r#"{"name": "employee_id", "type": "long"}"#,
            r#"{"name": "course_id", "type": "string"}"#,
            r#"{"name": "level", "type": "string"}"#,
            r#"{"name": "completed_on", "type": "string"}"#,
            r#"{"name": "occurred_at", "type": "string"}"#,
            field,
        ];
        let text = format!(r#"{{"type": "record", "name": "C", "fields": [{}]}}"#, all.join(","));
        let schema = Schema::parse_str(&text).unwrap();
        let writer = Writer::new(&schema, Vec::new()).unwrap();
        let path = folder.path().join(format!("{at}.avro"));
        std::fs::write(&path, writer.into_inner().unwrap()).unwrap();
        refused(&path, words);
    }
}

#[test]
fn a_parquet_file_that_cannot_be_judged_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(parquet(folder.path())).unwrap();
    let cut = folder.path().join("cut.parquet");
    std::fs::write(&cut, &whole[..whole.len() - 20]).unwrap();
    refused(&cut, "as a Parquet file of `lms.completion`");
    let mut holed = whole;
    holed[4..400].fill(0xff);
    let path = folder.path().join("holed.parquet");
    std::fs::write(&path, &holed).unwrap();
    refused(&path, "holed.parquet");

    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None]);
    let batch = RecordBatch::try_from_iter([
        ("employee_id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("marks", Arc::new(lists)),
    ]);
    let path = written(&folder.path().join("lists.parquet"), &batch.unwrap());
    refused(&path, "the column `marks` holds lists or maps");
}

/// What `validate` says of bytes on its standard input.
fn of_input(bytes: &[u8], kind: &str, out: &Path) -> (Option<i32>, String) {
    let mut command: Command = muster();
    command.args(["validate", "-", "--contract", CONTRACT, "--input-format", kind]);
    command.arg("--project").arg(project()).arg("--out").arg(out);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(bytes);
    let ended = child.wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn standard_input_is_what_the_flag_says() {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let names: Vec<&str> = HEADER.split(',').collect();
    let mut objects = String::new();
    for row in rows() {
        let members = names.iter().zip(row);
        // Of the nested record an object has its own object.
        let (cost, plain): (Vec<_>, Vec<_>) = members.partition(|(name, _)| name.starts_with("cost_"));
        let object = |members: Vec<(&&str, Option<&str>)>| {
            let members = members.into_iter().map(|(name, cell)| {
                let name = name.trim_start_matches("cost_").to_owned();
                (name, cell.map_or(serde_json::Value::Null, Into::into))
            });
            members.collect::<serde_json::Map<_, _>>()
        };
        let mut whole = object(plain);
        whole.insert("cost".into(), object(cost).into());
        objects += &serde_json::Value::Object(whole).to_string();
        objects.push('\n');
    }
    let container = std::fs::read(avro(folder.path(), "rows.avro", Codec::Snappy)).unwrap();
    for (bytes, kind) in [(objects.as_bytes(), "jsonl"), (&container, "avro")] {
        let (code, said) = of_input(bytes, kind, &out);
        assert_eq!(code, Some(1), "{kind}: {said}");
        assert_eq!(broken(&out), due(), "{kind}");
    }
    let (code, said) = of_input(b"PAR1", "parquet", &out);
    assert_eq!(code, Some(2));
    assert!(said.contains("is read from its end"), "{said}");
    let named: BTreeSet<_> = ["csv", "jsonl", "parquet", "avro"].into();
    let (code, said) = of_input(b"", "excel", &out);
    assert_eq!(code, Some(2));
    assert!(named.iter().all(|kind| said.contains(kind)), "{said}");
}
