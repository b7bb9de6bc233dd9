//! Tests of counting: whole or in parts, in any order, and nothing of a level but a bit.

use std::collections::BTreeMap;

use arrow::array::{BooleanArray, Float64Array, Int64Array};
use proptest::prelude::*;

use super::*;

type Row = (Option<f64>, Option<i64>, Option<bool>, Option<String>, Option<String>);

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "share",
            Arc::new(rows.iter().map(|row| row.0).collect::<Float64Array>()),
        ),
        ("hours", Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>())),
        ("flag", Arc::new(rows.iter().map(|row| row.2).collect::<BooleanArray>())),
        (
            "city",
            Arc::new(rows.iter().map(|row| row.3.clone()).collect::<StringArray>()),
        ),
        (
            "size",
            Arc::new(rows.iter().map(|row| row.4.clone()).collect::<StringArray>()),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn row() -> impl Strategy<Value = Row> {
    let number = prop_oneof![4 => (-5.0..5.0_f64).boxed(), 1 => prop::num::f64::ANY.boxed()];
    (
        prop::option::of(number),
        prop::option::of(-20..20_i64),
        prop::option::of(any::<bool>()),
        prop::option::of("[a-h]"),
        prop::option::of("[s-z]"),
    )
}

fn learn(rows: &[Row]) -> Reference {
    let sizes = ["s", "t", "u", "v"].map(str::to_owned).to_vec();
    let ordinals = BTreeMap::from([("size".to_owned(), sizes)]);
    Reference::learn(&batch(rows), &["city".to_owned()], &ordinals).unwrap()
}

fn counted(reference: &Reference, rows: &[Row]) -> Sketch {
    let mut sketch = Sketch::empty(reference);
    reference.count(&batch(rows), &mut sketch).unwrap();
    sketch
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn counting_in_parts_in_any_order_gives_another_sketch_than_counting_whole(
        training in prop::collection::vec(row(), 1..60),
        rows in prop::collection::vec(row(), 0..120),
        cuts in prop::collection::vec(0..120_usize, 0..5),
        backwards in any::<bool>(),
    ) {
        let reference = learn(&training);
        let whole = counted(&reference, &rows);
        for (at, feature) in whole.features.iter().enumerate() {
            prop_assert_eq!(feature.missing + feature.new + feature.known(), rows.len() as u64, "feature {}", at);
        }
        let mut ends: Vec<usize> = cuts.iter().map(|cut| (*cut).min(rows.len())).chain([rows.len()]).collect();
        ends.sort_unstable();
        let mut parts: Vec<Sketch> = Vec::new();
        let mut from = 0;
        for end in ends {
            parts.push(counted(&reference, &rows[from..end]));
            from = end;
        }
        if backwards {
            parts.reverse();
        }
        let mut merged = Sketch::empty(&reference);
        for part in &parts {
            merged.merge(part);
        }
        prop_assert_eq!(&merged, &whole);
        // As the ledger keeps and adds them.
        let model = ModelVersion::from("0".repeat(64));
        let kept = whole.counts(&PipelineName::from("p"), &model, 60);
        let read = Sketch::of_window(&reference, kept.rows, &kept.counts, &kept.new_levels);
        prop_assert_eq!(read, Some(whole));
    }

    #[test]
    fn a_number_falls_into_another_cell_than_between_its_edges(
        training in prop::collection::vec(-9.0..9.0_f64, 1..200), value in -10.0..10.0_f64,
    ) {
        let rows: Vec<Row> = training.iter().map(|value| (Some(*value), None, None, None, None)).collect();
        let reference = learn(&rows);
        let Cells::Numbers(edges) = &reference.features()[0].cells else { panic!("a number") };
        let sketch = counted(&reference, &[(Some(value), None, None, None, None)]);
        let cell = sketch.features[0].cells.iter().position(|rows| *rows == 1).unwrap();
        prop_assert!(cell == 0 || edges[cell - 1] < value);
        prop_assert!(cell == edges.len() || value <= edges[cell]);
    }
}

#[test]
fn a_new_level_is_kept_or_not_counted() {
    let known: Row = (None, None, None, Some("known".to_owned()), None);
    let reference = learn(std::slice::from_ref(&known));
    for levels in [1_u64, 3, 10, 40] {
        let rows: Vec<Row> = (0..2 * levels)
            .map(|at| (None, None, None, Some(format!("person {}", at % levels)), None))
            .collect();
        let sketch = counted(&reference, &rows);
        let city = &sketch.features[3];
        assert_eq!((city.new, city.known()), (2 * levels, 0));
        let about = city.new_levels_distinct() as f64;
        assert!(
            (about - levels as f64).abs() <= 1.0 + levels as f64 / 5.0,
            "{about} for {levels}"
        );
    }
    let full = Counted {
        new_levels: u64::MAX,
        ..Counted::default()
    };
    assert_eq!(
        (full.new_levels_distinct(), Counted::default().new_levels_distinct()),
        (311, 0)
    );
}

#[test]
fn a_column_of_another_kind_is_counted_or_its_rows_are_half_counted() {
    let reference = learn(&[(Some(1.0), Some(1), Some(true), Some("a".into()), Some("s".into()))]);
    let mut sketch = Sketch::empty(&reference);
    let row: Row = (Some(1.0), None, None, None, None);
    let short = batch(std::slice::from_ref(&row)).project(&[0, 1, 2, 3]).unwrap();
    let error = reference.count(&short, &mut sketch).unwrap_err();
    assert_eq!(error.to_string(), "the training reference: feature `size` is missing");
    assert_eq!(sketch, Sketch::empty(&reference));
    assert_eq!(Sketch::of_window(&reference, 1, &[1, 2, 3], &[0; 5]), None);
}
