//! Tests of the file beside this one.

use super::*;
use crate::Rules;
use crate::test_contract::contract;
use muster_spec::Severity;

/// The problem of one rule, put past the contract's own reader.
fn problem(field: Option<&str>, check: Check) -> (String, Option<String>) {
    let mut contract = contract(&[]);
    contract.rules.push(Rule {
        id: "r".into(),
        field: field.map(|name| contract.field(name).unwrap()),
        check,
        severity: Severity::Error,
        place: Some((7, 3)),
    });
    let problems = Rules::compile(&contract).map(|_| ()).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].line, problems[0].column), (7, 3));
    assert_eq!(problems[0].file, "schemas/test.row.contract.yaml");
    (problems[0].message.clone(), problems[0].hint.clone())
}

#[test]
fn a_rule_that_does_not_fit_its_field_is_told() {
    let text = |texts: &[&str]| Check::OneOf(texts.iter().map(|text| (*text).to_owned()).collect());
    for (field, check, said) in [
        (
            "age",
            Check::Matches("a".into()),
            "`matches` needs a text field and `age` is an int",
        ),
        (
            "active",
            Check::Length(None, Some(3)),
            "`length` needs a text field and `active` is a boolean",
        ),
        (
            "name",
            Check::Between(Some(1.0), None),
            "`between` needs a number field and `name` is a text",
        ),
        (
            "born",
            Check::Between(Some(1.0), None),
            "`between` needs a number field and `born` is a date",
        ),
        ("age", text(&["1", "x"]), "`x` is no value of `age`, an int"),
        (
            "age",
            text(&["3000000000"]),
            "`3000000000` is no value of `age`, an int",
        ),
        (
            "pay",
            text(&["1.5"]),
            "`one_of` needs a text, whole number or boolean field and `pay` is a decimal",
        ),
        ("active", text(&["yes"]), "`yes` is no value of `active`, a boolean"),
        (
            "photo",
            text(&["x"]),
            "`one_of` needs a text, whole number or boolean field and `photo` is bytes",
        ),
        ("level", text(&["hihg"]), "`hihg` is no symbol of the enum `level`"),
        (
            "name",
            Check::Matches("(".into()),
            "`(` is no regular expression: unclosed group",
        ),
        ("share", Check::Between(Some(f64::NAN), None), "NaN is no bound"),
    ] {
        let (message, hint) = problem(Some(field), check);
        assert_eq!(message, format!("rule `r`: {said}"));
        assert_eq!(hint.is_some(), field == "born" || field == "level", "{message}");
    }
    assert_eq!(problem(None, Check::Required).0, "rule `r`: it needs a field");
}

#[test]
fn all_problems_are_told_at_once() {
    let mut contract = contract(&[]);
    for sql in ["agee > 1", "age +", "name"] {
        contract.rules.push(Rule {
            id: sql.into(),
            field: None,
            check: Check::Expect(sql.into()),
            severity: Severity::Warn,
            place: Some((1, 1)),
        });
    }
    assert_eq!(Rules::compile(&contract).map(|_| ()).unwrap_err().len(), 3);
}

#[test]
fn bounds_are_rounded_inwards_and_exactly() {
    for (bound, scale, low, high) in [
        (10.1, 2, 1010, 1010),
        (0.005, 2, 1, 0),
        (-0.005, 2, 0, -1),
        (-1.5, 0, -1, -2),
        (0.0, 2, 0, 0),
        (1e30, 2, 10_i128.pow(32), 10_i128.pow(32)),
        (1e300, 2, i128::MAX, i128::MAX),
        (f64::INFINITY, 0, i128::MAX, i128::MAX),
        (f64::NEG_INFINITY, 0, i128::MIN, i128::MIN),
    ] {
        assert_eq!(
            (scaled(bound, scale, true), scaled(bound, scale, false)),
            (low, high),
            "{bound}"
        );
    }
}

#[test]
fn the_nearest_name_is_near() {
    let names = ["enrollee_id", "city", "training_hours"];
    assert_eq!(nearest("traning_hours", names.into_iter()), Some("training_hours"));
    assert_eq!(nearest("CITY", names.into_iter()), Some("city"));
    assert_eq!(nearest("zzz", names.into_iter()), None);
}
