//! The files that `validate` leaves.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use muster_batch::raw_lines::{Cell, Uncut};
use muster_batch::{JudgedBatch, Origin, RawLines};
use muster_spec::SourceId;
use muster_store::files::{ValidateWriter, Validated};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{Fate, contract, judged};

/// Five data rows from row 10 on: good, bad, ragged, bad, good.
fn lines() -> RawLines {
    let cells = [["1", "a"], ["", "b\nc"], ["", ""], ["x", ""], ["2", "d"]];
    let mut lines = RawLines {
        first_row: 10,
        width: 2,
        lines: vec![12, 13, 15, 16, 17],
        ..RawLines::default()
    };
    for row in cells {
        for text in row {
            let start = lines.text.len() as u32;
            lines.text.extend_from_slice(text.as_bytes());
            let end = lines.text.len() as u32;
            lines
                .cells
                .push(if start == end { Cell::NULL } else { Cell { start, end } });
        }
    }
    // A quoted empty cell is empty text and no null.
    lines.cells[7] = Cell::EMPTY;
    lines.uncut = vec![(2, Uncut::Ragged, b"1,2,\xff".to_vec())];
    lines
}

fn judged_lines() -> JudgedBatch {
    let fates = [
        Fate::Good(1, 1),
        Fate::Bad(vec!["visitor_id.required"], None),
        Fate::Bad(vec!["row.ragged"], None),
        Fate::Bad(vec!["visitor_id.type", "columns"], None),
        Fate::Good(2, 2),
    ];
    let mut judged = judged(&contract(), SourceId(0), 0, &fates);
    judged.origin = Origin::Lines(lines());
    judged
}

fn read(folder: &std::path::Path, name: &str) -> RecordBatch {
    let file = std::fs::File::open(folder.join(name)).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

#[test]
fn bad_lines_keep_their_text_their_place_and_their_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let judged = judged_lines();
    let header = ["visitor_id".to_owned(), "page".to_owned()];
    let mut writer = ValidateWriter::create(folder.path(), contract(), judged.good.schema(), &header).unwrap();
    writer.push(&judged).unwrap();
    writer.push(&judged).unwrap();
    let Validated { rows, good, bad, rules } = writer.finish().unwrap();
    assert_eq!((rows, good, bad), (10, 4, 6));
    assert_eq!(rules.iter().sum::<u64>(), 8);

    let bad = read(folder.path(), "bad.parquet");
    let names: Vec<_> = bad.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(
        names,
        [
            "_row",
            "_line",
            "_raw",
            "_violations",
            "_warnings",
            "visitor_id",
            "page"
        ]
    );
    let column = |name: &str| bad.column_by_name(name).unwrap();
    assert_eq!(&column("_row").as_primitive::<Int64Type>().values()[..3], &[11, 12, 13]);
    assert_eq!(
        &column("_line").as_primitive::<Int64Type>().values()[..3],
        &[13, 15, 16]
    );
    let raw: Vec<_> = column("_raw").as_binary::<i32>().iter().take(3).collect();
    assert_eq!(raw, vec![None, Some(b"1,2,\xff".as_slice()), None]);
    let ids: Vec<_> = column("visitor_id").as_string::<i32>().iter().take(3).collect();
    assert_eq!(ids, vec![None, None, Some("x")]);
    let pages: Vec<_> = column("page").as_string::<i32>().iter().take(3).collect();
    assert_eq!(pages, vec![Some("b\nc"), None, Some("")]);
    let violations = column("_violations").as_list::<i32>().value(2);
    assert_eq!(
        violations.as_string::<i32>().iter().flatten().collect::<Vec<_>>(),
        ["visitor_id.type", "columns"]
    );
    assert!(column("_warnings").as_list::<i32>().value(0).is_empty());

    let good = read(folder.path(), "good.parquet");
    let names: Vec<_> = good
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(names, ["visitor_id", "page", "seen_at"]);
    assert_eq!(good.num_rows(), 4);
}

#[test]
fn both_files_are_there_without_rows_and_replace_older_ones() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["good.parquet", "bad.parquet"] {
        std::fs::write(folder.path().join(name), "older").unwrap();
    }
    let schema = judged_lines().good.schema();
    // Header names that collide with ours and with each other.
    let header: Vec<String> = ["_row", "page", "page"].map(str::to_owned).into();
    let writer = ValidateWriter::create(folder.path(), contract(), schema, &header).unwrap();
    let validated = writer.finish().unwrap();
    assert_eq!((validated.good, validated.bad), (0, 0));
    assert_eq!(read(folder.path(), "good.parquet").num_rows(), 0);
    let names: Vec<_> = read(folder.path(), "bad.parquet")
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(&names[5..], ["_row_2", "page", "page_2"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn validate_that_is_broken_off_leaves_the_older_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.parquet"), "older").unwrap();
    let judged = judged_lines();
    let header = ["visitor_id".to_owned(), "page".to_owned()];
    let mut writer = ValidateWriter::create(folder.path(), contract(), judged.good.schema(), &header).unwrap();
    writer.push(&judged).unwrap();
    drop(writer);
    assert_eq!(std::fs::read(folder.path().join("good.parquet")).unwrap(), b"older");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
