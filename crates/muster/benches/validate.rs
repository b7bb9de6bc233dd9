//! A CSV file held against the shipped contract `hr.candidate`: `cargo bench -p muster --bench validate`.
//!
//! `muster validate` as a program, a million rows, one in twenty with a fault, beside the same work written by hand
//! on arrow-csv, Arrow's kernels and parquet's writer, in this process: text columns, cast with nulls where a number does not parse,
//! a mask a rule, good rows typed and bad rows as text with the ids of what they break. That reader refuses a whole file
//! for one ragged line or damaged byte, so lines with such a fault are left out for both. Where `MUSTER_BENCH_PYTHON` names a
//! Python that has Polars, that is a second peer.

use std::cell::Cell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder,
};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch, not};
use arrow::csv::ReaderBuilder;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use figures::{Clock, Spent};

#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../tests/bench/figures.rs"]
mod figures;

const ROWS: usize = 1_000_000;
const ROUNDS: usize = 5;
const BATCH_ROWS: usize = 16_384;
const WHAT: &str = "CSV to good and bad Parquet, 22 rules, a twentieth bad";

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = generate(folder.path(), figures::rows(ROWS));
    let out = folder.path().join("out");
    // Bad rows that were found, to see that both do the same.
    let (found, by_hand_found) = (Cell::new(0), Cell::new(0));
    figures::compare(
        "validate",
        WHAT,
        "arrow-csv, hand-written rules, parquet",
        ROUNDS,
        || validate(&file, &out, &found),
        || by_hand(&file, folder.path(), &by_hand_found),
    );
    assert_eq!(found, by_hand_found);
    if let Some(python) = std::env::var_os("MUSTER_BENCH_PYTHON") {
        figures::compare(
            "validate",
            WHAT,
            "Polars, rules as expressions",
            ROUNDS,
            || validate(&file, &out, &found),
            || with_polars(&python, &file, folder.path()),
        );
    }
}

/// The same work by `tests/bench/validate_polars.py`, which measures itself: its imports are left out.
fn with_polars(python: &OsStr, file: &Path, folder: &Path) -> Spent {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bench/validate_polars.py");
    let ran = Command::new(python).arg(script).args([file, folder]).output();
    let ran = ran.expect("Python starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    let mut numbers = told.split_whitespace().map(str::parse::<f64>);
    let mut number = || numbers.next().expect("three numbers").expect("a number");
    Spent {
        rows: number() as u64,
        wall_secs: number(),
        cpu_secs: number(),
    }
}

/// Makes the file; gives its path.
fn generate(folder: &Path, rows: usize) -> std::path::PathBuf {
    let made = Command::new(env!("CARGO_BIN_EXE_muster"))
        .args(["generate", "hr.candidate", "--faults", "0.05", "--rows"])
        .arg(rows.to_string())
        .arg("--out")
        .arg(folder)
        .output();
    assert!(made.expect("the program starts").status.success());
    let truth = std::fs::read_to_string(folder.join("hr.candidate.truth.csv")).expect("the truth is there");
    let uncut = truth.lines().filter_map(|line| {
        let mut cells = line.split(',');
        let (name, row, rule) = (cells.next()?, cells.next()?, cells.next()?);
        let refused = rule == "row.ragged" || rule == "record.undecodable";
        (name == "hr.candidate.csv" && refused).then(|| row.parse::<usize>().ok())?
    });
    let uncut: HashSet<usize> = uncut.collect();
    let whole = std::fs::read(folder.join("hr.candidate.csv")).expect("the file is there");
    let lines = whole.split_inclusive(|byte| *byte == b'\n').enumerate();
    // The header is line 0, so that data row n is line n + 1.
    let kept = lines.filter(|(at, _)| *at == 0 || !uncut.contains(&(at - 1)));
    let kept: Vec<u8> = kept.flat_map(|(_, line)| line.iter().copied()).collect();
    let path = folder.join("candidates.csv");
    std::fs::write(&path, kept).expect("written");
    path
}

fn validate(file: &Path, out: &Path, bad: &Cell<u64>) -> Spent {
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    Spent::of(Clock::Children, || {
        let validated = Command::new(env!("CARGO_BIN_EXE_muster"))
            .args([
                "validate",
                "--contract",
                "hr.candidate",
                "--format",
                "json",
                "--project",
                project,
                "--out",
            ])
            .args([out, file])
            .output()
            .expect("the program starts");
        assert_eq!(validated.status.code(), Some(1), "bad rows are a finding");
        let found: serde_json::Value = serde_json::from_slice(&validated.stdout).expect("it says what it found");
        bad.set(found["bad"].as_u64().expect("it counts bad rows"));
        found["rows"].as_u64().expect("it counts rows")
    })
}

/// The rules of one run.
struct Rules {
    seen: HashSet<i64>,
}

fn by_hand(file: &Path, folder: &Path, found: &Cell<u64>) -> Spent {
    Spent::of(Clock::Thread, || {
        let schema = Arc::new(text_schema(file));
        let opened = File::open(file).expect("the file opens");
        let reader = ReaderBuilder::new(Arc::clone(&schema))
            .with_header(true)
            .with_batch_size(BATCH_ROWS)
            .build(opened);
        let mut rules = Rules { seen: HashSet::new() };
        let (mut good, mut bad) = (None, None);
        let (mut rows, mut bad_rows) = (0, 0);
        for texts in reader.expect("the header reads") {
            let texts = texts.expect("every line is whole");
            rows += texts.num_rows() as u64;
            let typed = typed(&texts);
            let broken = rules.broken(&texts, &typed);
            let is_bad = any(&broken, texts.num_rows());
            bad_rows += is_bad.true_count() as u64;
            write(
                &mut good,
                folder,
                "by-hand-good",
                &filter_record_batch(&typed, &not(&is_bad).expect("a mask")).expect("filtered"),
            );
            let worst = filter_record_batch(&texts, &is_bad).expect("filtered");
            write(&mut bad, folder, "by-hand-bad", &with_rules(&worst, &broken, &is_bad));
        }
        for writer in [good, bad].into_iter().flatten() {
            writer.into_inner().expect("closed").sync_all().expect("synced");
        }
        found.set(bad_rows);
        rows
    })
}

/// Every column as text.
fn text_schema(file: &Path) -> Schema {
    let header = std::io::BufRead::lines(std::io::BufReader::new(File::open(file).expect("the file opens"))).next();
    let header = header.expect("there is a header").expect("it is text");
    Schema::new(
        header
            .split(',')
            .map(|name| Field::new(name.trim(), DataType::Utf8, true))
            .collect::<Vec<_>>(),
    )
}

/// The columns with their types; null where a text is none of the type.
fn typed(texts: &RecordBatch) -> RecordBatch {
    let kinds = [
        ("enrollee_id", DataType::Int64),
        ("city_development_index", DataType::Float64),
        ("training_hours", DataType::Int32),
        ("target", DataType::Int32),
    ];
    let schema = texts.schema();
    let columns = schema.fields().iter().zip(texts.columns()).map(|(field, column)| {
        let kind = kinds.iter().find(|(name, _)| name == field.name());
        kind.map_or_else(
            || Arc::clone(column),
            |(_, kind)| cast_with_options(column, kind, &CastOptions::default()).expect("casts"),
        )
    });
    RecordBatch::try_from_iter_with_nullable(
        schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .zip(columns)
            .map(|(name, column)| (name, column, true)),
    )
    .expect("the columns are equally long")
}

impl Rules {
    /// For each rule that a row breaks its id and the rows.
    fn broken(&mut self, texts: &RecordBatch, typed: &RecordBatch) -> Vec<(&'static str, BooleanArray)> {
        let text = |name: &str| {
            texts
                .column_by_name(name)
                .expect("the column is there")
                .as_string::<i32>()
        };
        let of = |name: &str| typed.column_by_name(name).expect("the column is there");
        let ids: &Int64Array = of("enrollee_id").as_primitive();
        let index: &Float64Array = of("city_development_index").as_primitive();
        let hours: &Int32Array = of("training_hours").as_primitive();
        let target: &Int32Array = of("target").as_primitive();
        let mut broken = vec![
            ("enrollee_id.type", untyped(text("enrollee_id"), ids)),
            (
                "city_development_index.type",
                untyped(text("city_development_index"), index),
            ),
            ("training_hours.type", untyped(text("training_hours"), hours)),
            ("target.type", untyped(text("target"), target)),
            (
                "enrollee_id.range",
                holds(ids.iter(), |id| !(1..=9_999_999).contains(&id)),
            ),
            (
                "city_development_index.range",
                holds(index.iter(), |index| !(0.0..=1.0).contains(&index)),
            ),
            (
                "training_hours.range",
                holds(hours.iter(), |hours| !(1..=1000).contains(&hours)),
            ),
            (
                "target.level",
                holds(target.iter(), |target| target != 0 && target != 1),
            ),
            ("city.format", holds(text("city").iter(), |city| !is_city(city))),
        ];
        for (required, name) in [
            ("enrollee_id.required", "enrollee_id"),
            ("city.required", "city"),
            ("city_development_index.required", "city_development_index"),
            ("relevent_experience.required", "relevent_experience"),
            ("training_hours.required", "training_hours"),
        ] {
            let column = text(name);
            broken.push((
                required,
                (0..column.len())
                    .map(|row| Some(column.is_null(row) || column.value(row).is_empty()))
                    .collect(),
            ));
        }
        for (rule, name, levels) in LEVELS {
            broken.push((
                rule,
                holds(text(name).iter(), |value| !value.is_empty() && !levels.contains(&value)),
            ));
        }
        for name in TEXTS {
            broken.push((name, holds(text(name).iter(), damaged)));
        }
        let school = text("education_level").iter().zip(text("major_discipline"));
        let after_school = school.map(|(level, major)| {
            let at_school = level.is_some_and(|level| level == "Primary School" || level == "High School");
            Some(at_school && major.is_some_and(|major| !major.is_empty()))
        });
        broken.push(("major_discipline.after_school", after_school.collect()));
        let before = any(&broken, texts.num_rows());
        let taken = ids
            .iter()
            .enumerate()
            .map(|(row, id)| Some(!before.value(row) && id.is_some_and(|id| !self.seen.insert(id))));
        broken.push(("enrollee_id.unique", taken.collect()));
        broken
    }
}

/// Texts that damage is looked for in.
const TEXTS: [&str; 9] = [
    "city",
    "gender",
    "relevent_experience",
    "enrolled_university",
    "education_level",
    "major_discipline",
    "experience",
    "company_size",
    "company_type",
];

const LEVELS: [(&str, &str, &[&str]); 9] = [
    ("gender.level", "gender", &["Male", "Female", "Other"]),
    (
        "relevent_experience.level",
        "relevent_experience",
        &["No relevent experience", "Has relevent experience"],
    ),
    (
        "enrolled_university.level",
        "enrolled_university",
        &["no_enrollment", "Part time course", "Full time course"],
    ),
    (
        "education_level.level",
        "education_level",
        &["Primary School", "High School", "Graduate", "Masters", "Phd"],
    ),
    (
        "major_discipline.level",
        "major_discipline",
        &["STEM", "Business Degree", "Humanities", "Arts", "Other", "No Major"],
    ),
    (
        "experience.level",
        "experience",
        &[
            "<1", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18",
            "19", "20", ">20",
        ],
    ),
    (
        "company_size.level",
        "company_size",
        &[
            "<10",
            "10/49",
            "50-99",
            "100-500",
            "500-999",
            "1000-4999",
            "5000-9999",
            "10000+",
        ],
    ),
    (
        "company_type.level",
        "company_type",
        &[
            "Pvt Ltd",
            "Funded Startup",
            "Early Stage Startup",
            "Public Sector",
            "NGO",
            "Other",
        ],
    ),
    (
        "last_new_job.level",
        "last_new_job",
        &["never", "1", "2", "3", "4", ">4"],
    ),
];

/// Rows whose value is there and breaks a rule.
fn holds<T>(values: impl Iterator<Item = Option<T>>, breaks: impl Fn(T) -> bool) -> BooleanArray {
    values.map(|value| Some(value.is_some_and(&breaks))).collect()
}

/// Rows whose text is there and is no value of the type.
fn untyped(texts: &StringArray, typed: &dyn Array) -> BooleanArray {
    let rows = texts.iter().enumerate();
    rows.map(|(row, text)| Some(typed.is_null(row) && text.is_some_and(|text| !text.is_empty())))
        .collect()
}

fn is_city(city: &str) -> bool {
    let digits = city.strip_prefix("city_").map(str::as_bytes);
    digits.is_some_and(|digits| (1..=3).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit))
}

/// Whether a text was damaged on its way through other encodings, as far as two marks tell.
fn damaged(text: &str) -> bool {
    !text.is_ascii() && (text.contains('\u{fffd}') || text.contains('\u{c3}'))
}

fn any(broken: &[(&str, BooleanArray)], rows: usize) -> BooleanArray {
    let masks = broken.iter().map(|(_, mask)| mask.values());
    let all = masks.fold(arrow::buffer::BooleanBuffer::new_unset(rows), |all, mask| &all | mask);
    BooleanArray::new(all, None)
}

/// The bad rows with the ids of the rules they break.
fn with_rules(texts: &RecordBatch, broken: &[(&'static str, BooleanArray)], is_bad: &BooleanArray) -> RecordBatch {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in is_bad.values().set_indices() {
        for (rule, mask) in broken {
            if mask.value(row) {
                lists.values().append_value(rule);
            }
        }
        lists.append(true);
    }
    let lists: ArrayRef = Arc::new(lists.finish());
    let schema = texts.schema();
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("_violations", lists.data_type().clone(), true)));
    let mut columns = texts.columns().to_vec();
    columns.push(lists);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("the columns are equally long")
}

/// Adds rows to a file that is begun by the first.
fn write(writer: &mut Option<ArrowWriter<File>>, folder: &Path, name: &str, rows: &RecordBatch) {
    let begin = |schema: SchemaRef| {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
        let file = File::create(folder.join(format!("{name}.parquet"))).expect("a file");
        ArrowWriter::try_new(file, schema, Some(properties.build())).expect("a writer")
    };
    let writer = writer.get_or_insert_with(|| begin(rows.schema()));
    writer.write(rows).expect("written");
}
