//! Tests of what training keeps.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};

use super::*;

fn rows(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn learn(name: &str, column: ArrayRef, categorical: bool, ordinal: Option<&[&str]>) -> Feature {
    let ordinals = ordinal.map(|levels| {
        (
            name.to_owned(),
            levels.iter().map(|level| (*level).to_owned()).collect(),
        )
    });
    let categorical = if categorical { vec![name.to_owned()] } else { Vec::new() };
    let learned = Reference::learn(
        &rows(vec![(name, column)]),
        &categorical,
        &ordinals.into_iter().collect(),
    );
    learned.unwrap().features()[0].clone()
}

#[test]
fn a_number_has_other_cells_than_between_its_quantiles() {
    let column = Arc::new((1..=100).rev().map(Some).collect::<Int64Array>());
    let feature = learn("hours", column, false, None);
    let Cells::Numbers(edges) = &feature.cells else {
        panic!("{feature:?}")
    };
    assert_eq!(edges.len(), 21);
    assert_eq!((edges[1], edges[2], edges[20]), (5.0, 10.0, 100.0));
    assert!(edges[0] < 1.0 && edges[0] > 0.999_999);
    // None below, five a cell, none above.
    assert_eq!(feature.counts.first(), Some(&0));
    assert_eq!(feature.counts.last(), Some(&0));
    assert!(feature.counts[1..21].iter().all(|rows| *rows == 5));
}

#[test]
fn a_value_that_is_no_number_or_the_only_one_breaks_the_cells() {
    let odd = [
        None,
        Some(f64::NAN),
        Some(f64::INFINITY),
        Some(f64::NEG_INFINITY),
        Some(-0.0),
        Some(0.0),
    ];
    let feature = learn("x", Arc::new(Float64Array::from(odd.to_vec())), false, None);
    assert_eq!((feature.missing, feature.counts.iter().sum::<u64>()), (2, 4));
    let Cells::Numbers(edges) = &feature.cells else {
        panic!("{feature:?}")
    };
    assert!(edges.iter().all(|edge| edge.is_finite()), "{edges:?}");
    let constant = learn("x", Arc::new(Float64Array::from(vec![5.0; 9])), false, None);
    assert_eq!(
        constant.counts,
        [0, 9, 0],
        "what is not the constant is below or above it"
    );
    let none = learn("x", Arc::new(Float64Array::from(vec![None::<f64>; 3])), false, None);
    assert_eq!((none.counts, none.missing), (vec![0], 3));
}

#[test]
fn a_level_too_rare_for_a_cell_has_one_or_a_level_seen_once_is_no_sign_of_new_ones() {
    let mut levels: Vec<Option<String>> = Vec::new();
    for (level, rows) in [("a", 50), ("c", 25), ("b", 25), ("d", 2), ("e", 1), ("f", 1)] {
        levels.extend(std::iter::repeat_n(Some(level.to_owned()), rows));
    }
    levels.push(None);
    let feature = learn(
        "city",
        Arc::new(levels.into_iter().collect::<StringArray>()),
        true,
        None,
    );
    let expected = Cells::Levels {
        own: ["a", "b", "c"].map(str::to_owned).into(),
        pooled: ["d", "e", "f"].map(str::to_owned).into(),
    };
    assert_eq!(feature.cells, expected);
    assert_eq!(feature.counts, [50, 25, 25, 4]);
    assert_eq!((feature.missing, feature.unseen), (1, 2));
}

#[test]
fn few_rare_levels_have_a_cell_of_their_own() {
    let levels = ["a"; 900].into_iter().chain(["b"; 100]).chain(["c"; 2]);
    let feature = learn("city", Arc::new(levels.map(Some).collect::<StringArray>()), true, None);
    assert_eq!(feature.counts, [900, 102]);
    let one = learn("city", Arc::new(StringArray::from(vec!["a"; 5])), true, None);
    assert_eq!(one.counts, [5]);
}

#[test]
fn an_ordinal_feature_loses_its_order_or_the_rows_of_no_level() {
    let column = StringArray::from(vec!["big", "small", "odd", "small", "middle"]);
    let feature = learn(
        "size",
        Arc::new(column),
        false,
        Some(&["small", "middle", "big", "huge"]),
    );
    assert_eq!((feature.counts, feature.unseen), (vec![2, 1, 1, 0], 1));
    let many: Vec<String> = (0..130).map(|level| format!("{level:03}")).collect();
    let column: StringArray = many.iter().map(Some).collect();
    let levels: Vec<&str> = many.iter().map(String::as_str).collect();
    let feature = learn("size", Arc::new(column), false, Some(&levels));
    assert_eq!(
        (feature.counts.len(), feature.counts.iter().sum::<u64>()),
        (ORDERED_MAX, 130)
    );
    assert!(
        feature.counts.iter().all(|rows| (2..=3).contains(rows)),
        "{:?}",
        feature.counts
    );
}

fn some() -> Reference {
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "share",
            Arc::new(Float64Array::from(vec![0.1, 0.2, 1.0 / 3.0, 1e-300, 2.5e17])),
        ),
        (
            "flag",
            Arc::new(BooleanArray::from(vec![true, false, true, true, false])),
        ),
        ("city", Arc::new(StringArray::from(vec!["a", "b", "a", "\"ü\"", "a"]))),
    ];
    Reference::learn(&rows(columns), &["city".to_owned()], &BTreeMap::new()).unwrap()
}

#[test]
fn a_reference_that_was_written_reads_otherwise() {
    let reference = some();
    let again = Reference::from_json(&reference.to_json()).unwrap();
    assert_eq!((again.rows(), again.features()), (5, reference.features()));
    assert_eq!(again.to_json(), reference.to_json());
}

#[test]
fn a_damaged_reference_is_taken_or_a_level_of_it_told() {
    let text = String::from_utf8(some().to_json()).unwrap();
    let damages = [
        ("\"format\": 1", "\"format\": 2", "it has format 2, this build reads 1"),
        ("\"missing\": 0,", "\"missing\": 0, \"counts\": [1],", "cannot be read"),
        ("\"0.1\"", "\"9\"", "its feature `share` is damaged"),
        ("\"a\"", "3", "cannot be read"),
        ("\"0.1\"", "\"secret\"", "cannot be read"),
    ];
    for (from, to, said) in damages {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text, "{from}");
        let error = Reference::from_json(damaged.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("secret"), "{error}");
    }
    assert!(Reference::from_json(&text.as_bytes()[..text.len() / 2]).is_err());
}
