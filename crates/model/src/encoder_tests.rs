//! Tests of the file beside this one.

use std::sync::Arc;

use arrow::array::{
    BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array, LargeStringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::Int8Type;
use proptest::prelude::*;

use super::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn text(cells: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(cells.to_vec()))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).into()).collect()
}

fn ordinals() -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([("size".into(), names(&["<10", "10-49", "50+"]))])
}

fn learned() -> Encoder {
    let columns = batch(vec![
        ("city", text(&[Some("b"), Some("a"), None, Some("b")])),
        ("size", text(&[Some("<10"), None, Some("50+"), Some("10-49")])),
        (
            "hours",
            Arc::new(Int32Array::from(vec![Some(4), None, Some(-2), Some(0)])),
        ),
        (
            "flag",
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, None])),
        ),
    ]);
    Encoder::learn(&columns, &names(&["city"]), &names(&["size"]), &ordinals()).unwrap()
}

/// Equal to the bit, any NaN equal to any.
fn same(left: &[f64], right: &[f64]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| left.to_bits() == right.to_bits() || left.is_nan() && right.is_nan())
}

#[test]
fn a_code_is_another_than_written_down() {
    let columns = batch(vec![
        // Another order of columns than was learned, and a level nobody saw.
        (
            "flag",
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        ),
        ("hours", Arc::new(Int32Array::from(vec![Some(4), None, Some(-2)]))),
        ("city", text(&[Some("b"), None, Some("z")])),
        ("size", text(&[Some("50+"), None, Some("huge")])),
    ]);
    let matrix = learned().encode(&columns).unwrap();
    let nan = f64::NAN;
    assert!(same(matrix.row(0), &[1.0, 2.0, 4.0, 1.0]), "{:?}", matrix.row(0));
    assert!(same(matrix.row(1), &[2.0, nan, nan, 0.0]), "{:?}", matrix.row(1));
    assert!(same(matrix.row(2), &[3.0, -1.0, -2.0, nan]), "{:?}", matrix.row(2));
}

#[test]
fn a_saved_encoder_is_another_one() {
    let encoder = learned();
    let loaded = Encoder::from_json(&encoder.to_json()).unwrap();
    assert_eq!(loaded.features(), encoder.features());
    assert_eq!(loaded.to_json(), encoder.to_json());
    assert_eq!(loaded.categorical_columns(), [0]);
}

#[test]
fn a_damaged_encoder_is_taken() {
    let json = String::from_utf8(learned().to_json()).unwrap();
    for (from, to) in [
        ("\"format\": 1", "\"format\": 2"),
        ("\"a\"", "\"b\""),
        ("\"hours\"", "\"city\""),
        ("\"number\"", "\"numbers\""),
        ("{", "["),
    ] {
        assert!(json.contains(from));
        assert!(
            Encoder::from_json(json.replacen(from, to, 1).as_bytes()).is_err(),
            "{from} to {to}"
        );
    }
}

#[test]
fn rows_decide_the_order_of_levels() {
    let of = |cells: &[Option<&str>]| {
        let columns = batch(vec![("city", text(cells))]);
        Encoder::learn(&columns, &names(&["city"]), &[], &BTreeMap::new())
            .unwrap()
            .to_json()
    };
    assert_eq!(
        of(&[Some("b"), Some("a"), Some("é")]),
        of(&[Some("é"), None, Some("a"), Some("b"), Some("a")])
    );
}

#[test]
fn a_kind_of_column_is_not_encoded() {
    let levels: DictionaryArray<Int8Type> = vec![Some("x"), None, Some("y")].into_iter().collect();
    let columns = batch(vec![
        ("levels", Arc::new(levels)),
        (
            "large",
            Arc::new(LargeStringArray::from(vec![Some("p"), Some("q"), None])),
        ),
        ("code", Arc::new(Int64Array::from(vec![Some(10), Some(9), None]))),
        ("day", Arc::new(Date32Array::from(vec![Some(1), None, Some(-1)]))),
        (
            "at",
            Arc::new(TimestampMillisecondArray::from(vec![Some(5), None, Some(-5)]).with_timezone("UTC")),
        ),
        (
            "price",
            Arc::new(
                Decimal128Array::from(vec![Some(1234), None, Some(-5)])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ),
        ),
    ]);
    let encoder = Encoder::learn(&columns, &names(&["levels", "large", "code"]), &[], &BTreeMap::new()).unwrap();
    let matrix = encoder.encode(&columns).unwrap();
    let nan = f64::NAN;
    // `10` before `9`: levels are text.
    assert!(
        same(matrix.row(0), &[0.0, 0.0, 0.0, 1.0, 5_000.0, 12.34]),
        "{:?}",
        matrix.row(0)
    );
    assert!(
        same(matrix.row(1), &[2.0, 1.0, 1.0, nan, nan, nan]),
        "{:?}",
        matrix.row(1)
    );
    assert!(
        same(matrix.row(2), &[1.0, 2.0, 2.0, -1.0, -5_000.0, -0.05]),
        "{:?}",
        matrix.row(2)
    );
}

#[test]
fn a_column_that_cannot_be_encoded_is() {
    let city = || ("city", text(&[Some("a")]));
    let doubles: ArrayRef = Arc::new(arrow::array::Float64Array::from(vec![0.5]));
    let cases: [(RecordBatch, &[&str], &[&str], &str); 5] = [
        (batch(vec![city()]), &[], &[], "list it as categorical or ordinal"),
        (batch(vec![city()]), &["town"], &[], "is not in the view"),
        (
            batch(vec![city()]),
            &[],
            &["city"],
            "no contract of the pipeline has a `one_of`",
        ),
        (batch(vec![("share", doubles)]), &["share"], &[], "has no levels"),
        (batch(vec![city()]), &[], &["town"], "is not in the view"),
    ];
    for (columns, categorical, ordinal, wanted) in cases {
        let error = Encoder::learn(&columns, &names(categorical), &names(ordinal), &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

#[test]
fn columns_that_do_not_fit_are_encoded() {
    let numbers = |cells: Vec<i32>| -> ArrayRef { Arc::new(Int32Array::from(cells)) };
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let cases = [
        vec![
            ("city", text(&[None])),
            ("size", text(&[None])),
            ("hours", numbers(vec![1])),
        ],
        vec![
            ("city", text(&[None])),
            ("size", text(&[None])),
            ("hour", numbers(vec![1])),
            ("flag", flags.clone()),
        ],
        vec![
            ("city", text(&[None])),
            ("size", text(&[None])),
            ("hours", text(&[Some("5")])),
            ("flag", flags),
        ],
        vec![
            ("city", text(&[None])),
            ("size", text(&[None])),
            ("hours", numbers(vec![1])),
            ("flag", numbers(vec![1])),
        ],
    ];
    for columns in cases {
        assert!(matches!(learned().encode(&batch(columns)), Err(Error::Signature(_))));
    }
}

#[test]
fn a_name_of_a_person_is_categorical() {
    let cells: Vec<String> = (0..=LEVELS_MAX).map(|row| row.to_string()).collect();
    let columns = batch(vec![("id", Arc::new(StringArray::from(cells)) as ArrayRef)]);
    let error = Encoder::learn(&columns, &names(&["id"]), &[], &BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("20001 levels"), "{error}");
}

proptest! {
    #[test]
    fn a_level_comes_back_as_another(cells in proptest::collection::vec(proptest::option::of("[a-zé ]{0,4}"), 1..40)) {
        let cells: Vec<Option<&str>> = cells.iter().map(Option::as_deref).collect();
        let columns = batch(vec![("city", text(&cells))]);
        let encoder = Encoder::learn(&columns, &names(&["city"]), &[], &BTreeMap::new()).unwrap();
        let encoder = Encoder::from_json(&encoder.to_json()).unwrap();
        let Code::Categorical(levels) = &encoder.features()[0].code else { panic!("it is categorical") };
        prop_assert!(levels.is_sorted());
        let matrix = encoder.encode(&columns).unwrap();
        for (cell, code) in cells.iter().zip(matrix.values()) {
            prop_assert_eq!(*cell, levels.get(*code as usize).map(String::as_str));
            prop_assert!(*code <= levels.len() as f64);
        }
    }
}
