//! Features of sealed files: the same rows whatever the cut, in one order, with position, entity and label beside.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use muster_batch::{Ask, FeatureFrame};
use muster_features::{Error, GoodFile, RowFeatures, View, compute};
use muster_spec::{Offset, SourceId};

use crate::project::{Row, batch, contract, pipeline, seal};

const SQL: &str = "SELECT City, share, hours + 1 AS more, cost, flag FROM \"hr.person\"";

fn view(sql: &str) -> View {
    let categorical = if sql.contains("City") {
        "  categorical: [City]\n"
    } else {
        ""
    };
    View::compile(&pipeline(sql, "rows", categorical), &[contract("hr.person")]).unwrap()
}

async fn computed(view: &View, files: &[GoodFile]) -> FeatureFrame {
    compute(view, files, None, true).await.unwrap()
}

/// Rows of a topic that was deleted and made again, of a second partition and of another topic, in no order.
fn rows() -> Vec<Row> {
    let a = |source, partition, offset| Row::new(source, "a", partition, offset);
    vec![
        a(4, 0, 0),
        a(4, 0, 1),
        a(1, 0, 5),
        a(1, 0, 2),
        a(1, 0, 9),
        a(2, 1, 3),
        a(2, 1, 4),
        a(4, 0, 7),
        Row::new(3, "A", 2, 8),
        Row::new(3, "A", 2, 1),
        a(2, 1, 100),
    ]
}

fn ordered() -> Vec<Row> {
    let mut rows = rows();
    rows.sort_by_key(|row| (row.topic, row.partition, row.source, row.offset));
    rows
}

#[tokio::test]
async fn rows_come_in_the_order_of_their_positions_with_all_that_belongs_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows();
    let files = [
        seal(folder.path(), "one.parquet", &batch(&rows[..4])),
        seal(folder.path(), "two.parquet", &batch(&rows[4..])),
    ];
    let view = view(SQL);
    let frame = computed(&view, &files).await;
    let ordered = ordered();
    let positions = ordered.iter().map(|row| (SourceId(row.source), Offset(row.offset)));
    assert_eq!(frame.positions, positions.collect::<Vec<_>>());
    assert_eq!(
        frame.entities,
        ordered.iter().map(|row| Some(row.id.to_string())).collect::<Vec<_>>()
    );
    let times = ordered.iter().map(|row| row.event_time().unwrap_or(i64::MIN));
    assert_eq!(frame.as_of, times.collect::<Vec<_>>());
    let features = &frame.features;
    assert_eq!(features.num_columns(), 5);
    let cities = features.column(0).as_string::<i32>();
    let shares = features.column(1).as_primitive::<Float64Type>();
    let more = features.column(2).as_primitive::<Int64Type>();
    let costs = features.column(3).as_primitive::<Float64Type>();
    let flags = features.column(4).as_boolean();
    let labels = frame.label.as_ref().unwrap().as_primitive::<Int32Type>();
    for (at, row) in ordered.iter().enumerate() {
        assert_eq!(cities.is_valid(at).then(|| cities.value(at).to_owned()), row.city());
        assert_eq!(shares.is_valid(at).then(|| shares.value(at)), row.share());
        assert_eq!(more.value(at), row.id * 2 + 1);
        assert_eq!(costs.value(at).to_bits(), (row.id as f64 / 4.0).to_bits());
        assert_eq!(flags.value(at), row.id % 2 == 0);
        assert_eq!(labels.is_valid(at).then(|| labels.value(at)), row.target());
    }
}

#[tokio::test]
async fn the_cut_of_batches_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows();
    let view = view(SQL);
    let whole = computed(&view, &[seal(folder.path(), "whole.parquet", &batch(&rows))]).await;
    for cut in 1..rows.len() {
        let parts = rows.chunks(cut).enumerate();
        let mut files: Vec<_> = parts
            .map(|(at, part)| seal(folder.path(), &format!("{cut}/{at}.parquet"), &batch(part)))
            .collect();
        files.reverse();
        let frame = computed(&view, &files).await;
        assert_eq!(frame.features, whole.features, "cut into {cut}s");
        assert_eq!(
            (&frame.positions, &frame.entities, &frame.as_of),
            (&whole.positions, &whole.entities, &whole.as_of)
        );
        assert_eq!(frame.label.unwrap().to_data(), whole.label.clone().unwrap().to_data());
    }
}

#[tokio::test]
async fn a_source_is_found_by_any_way_of_writing_it() {
    let folder = tempfile::tempdir().unwrap();
    let files = [seal(folder.path(), "a.parquet", &batch(&ordered()))];
    let expected = computed(&view("SELECT hours FROM \"hr.person\""), &files).await;
    for sql in [
        "SELECT hours FROM hr.person",
        "select HR.hours from hr.person as HR",
        "SELECT \"hr.person\".hours FROM \"hr.person\"",
        "SELECT t.hours FROM (SELECT hours, City AS target FROM hr.person) t;",
        "WITH base AS (SELECT hours AS h FROM hr.person), more AS (SELECT h FROM base) SELECT h AS hours FROM more m",
        "SELECT CAST(ROUND(ABS(hours)) AS INT) AS hours FROM hr.person -- in any case",
    ] {
        let view = view(&sql.replace("City AS target", "share AS s"));
        let frame = computed(&view, &files).await;
        assert_eq!(frame.features, expected.features, "{sql}");
        assert_eq!(frame.positions, expected.positions, "{sql}");
        assert_ne!(frame.view_version, expected.view_version, "{sql}");
    }
}

#[tokio::test]
async fn a_file_older_than_a_field_has_nulls_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let rows = batch(&ordered());
    let without = ["City", "target"].iter().fold(rows.clone(), |rows, name| {
        let kept: Vec<usize> = (0..rows.num_columns())
            .filter(|at| rows.schema().field(*at).name() != name)
            .collect();
        rows.project(&kept).unwrap()
    });
    let frame = computed(&view(SQL), &[seal(folder.path(), "old.parquet", &without)]).await;
    assert_eq!(frame.features.column(0).null_count(), rows.num_rows());
    assert_eq!(frame.label.unwrap().null_count(), rows.num_rows());
    assert_eq!(frame.entities[0].as_deref(), Some("3001"));
}

#[tokio::test]
async fn a_label_comes_only_when_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let files = [seal(folder.path(), "a.parquet", &batch(&ordered()))];
    assert!(compute(&view(SQL), &files, None, false).await.unwrap().label.is_none());
}

#[tokio::test]
async fn no_file_gives_no_row() {
    let frame = computed(&view(SQL), &[]).await;
    assert_eq!((frame.features.num_rows(), frame.features.num_columns()), (0, 5));
    assert_eq!((frame.positions.len(), frame.label.unwrap().len()), (0, 0));
}

#[tokio::test]
async fn entities_are_refused_with_a_word() {
    let asks = [Ask {
        entity: "1".into(),
        as_of: 0,
    }];
    let refused = compute(&view(SQL), &[], Some(&asks), false).await.unwrap_err();
    assert!(matches!(refused, Error::Entities), "{refused}");
}

#[tokio::test]
async fn a_view_that_fails_on_a_row_does_not_quote_it() {
    let folder = tempfile::tempdir().unwrap();
    let files = [seal(folder.path(), "a.parquet", &batch(&ordered()))];
    for (sql, why) in [
        (
            "SELECT City, CAST(City AS INT) AS hours FROM hr.person",
            "cannot be cast",
        ),
        (
            "SELECT City, hours / (hours - hours) AS hours FROM hr.person",
            "division by zero",
        ),
    ] {
        let error = compute(&view(sql), &files, None, false).await.unwrap_err();
        assert!(matches!(error, Error::Query(_)), "{sql}: {error}");
        let text = error.to_string();
        assert!(text.contains(why) && !text.contains("city_"), "{sql}: {text}");
    }
}

#[tokio::test]
async fn rows_in_memory_give_other_features_than_their_sealed_file() {
    let folder = tempfile::tempdir().unwrap();
    let rows = batch(&ordered());
    let files = [seal(folder.path(), "all.parquet", &rows)];
    let views = [
        SQL,
        "SELECT share FROM \"hr.person\"",
        "SELECT * EXCLUDE (_source, _topic, _partition, _offset, _event_time, target, day) FROM \"hr.person\" -- City",
        "SELECT doubled / 3 AS third, doubled + 1 AS more, 1 AS one, doubled IS NULL AS none
         FROM (SELECT share * 2 AS doubled, hours FROM \"hr.person\") AS inside",
        "SELECT CASE WHEN upper(City) = 'CITY_1' THEN hours ELSE cost END AS which, coalesce(City, 'none') AS City
         FROM \"hr.person\"",
        "SELECT date_part('second', _event_time) AS second, _offset % 2 AS odd FROM \"hr.person\"",
    ];
    for sql in views {
        let view = view(sql);
        let sealed = computed(&view, &files).await.features;
        let in_memory = RowFeatures::new(&view).unwrap();
        assert_eq!(in_memory.read_positions(), sql.contains("_event_time)"), "{sql}");
        assert_eq!(in_memory.compute(&rows).unwrap(), sealed, "{sql}");
        let none = in_memory.compute(&rows.slice(0, 0)).unwrap();
        assert_eq!((none.num_rows(), none.schema()), (0, sealed.schema()), "{sql}");
    }
}

#[test]
fn a_row_on_which_the_view_fails_ends_more_than_its_chunk_and_is_quoted() {
    let in_memory = RowFeatures::new(&view("SELECT 1 / (hours - hours) AS broken FROM \"hr.person\"")).unwrap();
    let error = in_memory.compute(&batch(&ordered())).unwrap_err();
    assert_eq!(error.to_string(), "the feature view failed: a division by zero");
    let error = in_memory
        .compute(&batch(&ordered()).project(&[0]).unwrap())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the feature view failed: the rows have no column `hours`"
    );
}

#[tokio::test]
async fn a_batchs_part_of_a_merged_file_is_its_rows_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let rows = ordered();
    let merged = seal(folder.path(), "merged.parquet", &batch(&rows));
    let alone = seal(folder.path(), "alone.parquet", &batch(&[Row::new(9, "b", 0, 1)]));
    let part = |first: usize, rows: usize| GoodFile {
        first_row: first as u64,
        rows: rows as u64,
        ..merged.clone()
    };
    let view = view(SQL);
    let whole = computed(&view, std::slice::from_ref(&merged)).await;
    let cuts = [(0, 3), (3, 1), (4, 5), (9, 2)];
    for (first, count) in cuts {
        let frame = computed(&view, &[part(first, count)]).await;
        assert_eq!(frame.positions, whole.positions[first..first + count]);
        assert_eq!(frame.entities, whole.entities[first..first + count]);
        assert_eq!(frame.as_of, whole.as_of[first..first + count]);
        assert_eq!(frame.features, whole.features.slice(first, count));
    }
    // All parts are the whole file, in whatever order they are listed; with one of them gone, it is what is left.
    let all: Vec<GoodFile> = cuts.iter().rev().map(|&(first, count)| part(first, count)).collect();
    assert_eq!(computed(&view, &all).await.features, whole.features);
    let left = computed(&view, &[part(4, 5), alone, part(0, 3)]).await;
    let expected = [
        &whole.positions[..3],
        &whole.positions[4..9],
        &[(SourceId(9), Offset(1))],
    ];
    assert_eq!(left.positions, expected.concat());
    // The file is checked as a whole, for a part of it too.
    let mut bytes = std::fs::read(&merged.path).unwrap();
    bytes[9] ^= 1;
    std::fs::write(&merged.path, bytes).unwrap();
    let refused = compute(&view, &[part(9, 2)], None, true).await.unwrap_err();
    assert!(matches!(refused, Error::Altered { .. }), "{refused}");
}
