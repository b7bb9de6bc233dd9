//! Tests of the file beside this one.

use super::*;
use crate::test_contract::{Row, batch, contract};
use arrow::array::{AsArray, StringArray};
use arrow::datatypes::{Float64Type, Int32Type};

/// Texts that are there for `share` alone.
fn texts(contract: &Contract, share: &[Option<&str>]) -> StructArray {
    let fields = texts_fields(contract);
    let columns = fields.iter().map(|field| -> ArrayRef {
        if field.name() == "share" {
            Arc::new(StringArray::from(share.to_vec()))
        } else {
            new_null_array(&DataType::Utf8, share.len())
        }
    });
    let columns = columns.collect();
    StructArray::new(fields, columns, None)
}

fn assigned(text: &str, rows: &[Row], share: &[Option<&str>]) -> Assigned {
    let contract = contract(&[]);
    let assignment = Assignment::compile(&contract, text).unwrap_or_else(|message| panic!("{text}: {message}"));
    assignment.evaluate(&batch(rows), &texts(&contract, share))
}

#[test]
fn what_cannot_be_assigned_is_refused_with_a_word() {
    for (text, said) in [
        (
            "share",
            "there is no `=`\n  hint: write FIELD = EXPRESSION, as in \"city = upper(city)\"",
        ),
        (
            "shares = 1",
            "there is no field `shares`\n  hint: did you mean `share`?",
        ),
        (
            "share = shares",
            "there is no field `shares`\n  hint: did you mean `share`?",
        ),
        ("share = _text.shares", "there is no field `shares`"),
        (
            "born = 1.5",
            "it gives Float64, and `born` is Date32\n  hint: cast it, or give text",
        ),
        (
            "share = sum(share)",
            "a rule sees one row: it can hold no aggregate or window\n  hint: use an expectation for what holds over a batch",
        ),
    ] {
        assert_eq!(Assignment::compile(&contract(&[]), text).unwrap_err(), said, "{text}");
    }
    let unfit = Assignment::compile(&contract(&[]), "share = upper(").unwrap_err();
    assert!(unfit.starts_with("SQL: "), "{unfit}");
}

#[test]
fn texts_are_mended_where_no_value_was_parsed() {
    let row = |share| Row {
        share,
        ..Row::default()
    };
    let given = assigned(
        "share = CASE _text.share WHEN 'half' THEN '0.5' ELSE _text.share END",
        &[row(None), row(Some(0.25))],
        &[Some("half"), Some("0.25")],
    );
    assert!(given.failed.is_none());
    assert_eq!(
        given.values.as_string::<i32>().iter().collect::<Vec<_>>(),
        [Some("0.5"), Some("0.25")]
    );
}

#[test]
fn numbers_are_computed_and_nulls_stay_null() {
    let row = |share| Row {
        share,
        ..Row::default()
    };
    let given = assigned("share = share / 10", &[row(Some(5.0)), row(None)], &[None, None]);
    assert_eq!(
        given.values.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
        [Some(0.5), None]
    );
    assert!(given.failed.is_none());
    let given = assigned("share = NULL", &[row(Some(5.0))], &[None]);
    assert_eq!(given.values.null_count(), 1);
}

#[test]
fn a_row_that_cannot_be_computed_costs_itself_alone() {
    let named = |name: &str| Row {
        name: Some(name.into()),
        ..Row::default()
    };
    let given = assigned(
        "age = CAST(name AS INT)",
        &[named("41"), named("Ann"), named("42")],
        &[None; 3],
    );
    let failed = given.failed.unwrap();
    assert_eq!(failed.iter().collect::<Vec<_>>(), [1]);
    let values = given.values.as_primitive::<Int32Type>();
    assert_eq!([values.value(0), values.value(2)], [41, 42]);
    let given = assigned("age = id * 4000000000", &[Row::default()], &[None]);
    assert_eq!(
        given.failed.unwrap().iter().collect::<Vec<_>>(),
        [0],
        "it does not fit an int"
    );
}
