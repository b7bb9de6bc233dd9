//! Tests of the file beside this one: rules over values, told as tables.

use super::*;
use crate::test_contract::{Row, batch, contract};
use arrow::array::StringArray;
use proptest::prelude::*;

/// Whether each row breaks the one rule.
fn broken(rule: &str, rows: &[Row]) -> Vec<bool> {
    let contract = contract(&[rule]);
    let number = RuleNumber(contract.rules.len() as u16 - 1);
    let mut rules = Rules::compile(&contract).unwrap_or_else(|problems| panic!("{rule}: {problems:?}"));
    let broken = rules.judge(&batch(rows), &[]);
    assert_eq!(broken.panicked, None);
    let set = broken.rules.iter().find(|(rule, _)| *rule == number);
    (0..rows.len())
        .map(|row| set.is_some_and(|(_, set)| set.contains(row)))
        .collect()
}

fn with<T>(values: &[T], put: impl Fn(&mut Row, &T)) -> Vec<Row> {
    let row = |value| {
        let mut row = Row::default();
        put(&mut row, value);
        row
    };
    values.iter().map(row).collect()
}

fn names(values: &[Option<&str>]) -> Vec<Row> {
    with(values, |row, value| row.name = value.map(str::to_owned))
}

#[test]
fn a_missing_value_breaks_only_required() {
    let rows = names(&[None, Some(""), Some("x")]);
    assert_eq!(
        broken("{ id: r, field: name, required: true }", &rows),
        [true, false, false]
    );
    for rule in [
        "{ id: r, field: name, one_of: [a] }",
        "{ id: r, field: name, matches: 'a' }",
        "{ id: r, field: name, length: [1, 1] }",
        "{ id: r, expect: \"name = 'x'\" }",
        "{ id: r, field: age, between: [1, 2] }",
        "{ id: r, field: active, one_of: [true] }",
    ] {
        let mut rows = names(&[None]);
        (rows[0].age, rows[0].active) = (None, None);
        assert_eq!(broken(rule, &rows), [false], "{rule}");
    }
}

#[test]
fn between_holds_at_both_ends_and_never_on_nan() {
    let shares = [
        0.0,
        -0.0,
        1.0,
        1.000_000_1,
        -0.1,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ]
    .map(Some);
    let rows = with(&shares, |row, value| row.share = *value);
    let expected = [false, false, false, true, true, true, true, true];
    assert_eq!(broken("{ id: r, field: share, between: [0, 1] }", &rows), expected);

    let grades = [0.1_f32, 0.7, 0.70001, f32::NAN, 0.099].map(Some);
    let rows = with(&grades, |row, value| row.grade = *value);
    assert_eq!(
        broken("{ id: r, field: grade, between: [0.1, 0.7] }", &rows),
        [false, false, true, true, true]
    );

    let ages = [18, 17, 19, i32::MIN, i32::MAX].map(Some);
    let rows = with(&ages, |row, value| row.age = *value);
    assert_eq!(
        broken("{ id: r, field: age, between: [17.5, 18.5] }", &rows),
        [false, true, true, true, true]
    );
    assert_eq!(
        broken("{ id: r, field: age, between: [18, null] }", &rows),
        [false, true, false, true, false]
    );
    assert_eq!(
        broken("{ id: r, field: age, between: [null, 18] }", &rows),
        [false, false, true, false, true]
    );
    assert_eq!(
        broken("{ id: r, field: age, between: [5000000000, 6000000000] }", &rows),
        [true; 5]
    );

    let ids = [i64::MIN, i64::MAX, 0].map(Some);
    let rows = with(&ids, |row, value| row.id = *value);
    assert_eq!(
        broken("{ id: r, field: id, between: [-9e18, 9e18] }", &rows),
        [true, true, false]
    );
    assert_eq!(
        broken("{ id: r, field: id, between: [-1e300, 1e300] }", &rows),
        [false; 3]
    );

    let pays = [1010, 1011, 1009, -1].map(Some);
    let rows = with(&pays, |row, value| row.pay = *value);
    assert_eq!(
        broken("{ id: r, field: pay, between: [10.1, 10.1] }", &rows),
        [false, true, true, true]
    );
    assert_eq!(
        broken("{ id: r, field: pay, between: [-0.015, 10.105] }", &rows),
        [false, true, false, false]
    );
}

#[test]
fn one_of_compares_values_not_texts() {
    let rows = with(&[7, 70, -7], |row, value| row.age = Some(*value));
    assert_eq!(
        broken("{ id: r, field: age, one_of: [7, -7] }", &rows),
        [false, true, false]
    );
    let rows = with(&[true, false], |row, value| row.active = Some(*value));
    assert_eq!(broken("{ id: r, field: active, one_of: [true] }", &rows), [false, true]);
    let rows = with(&["low", "high"], |row, value| row.level = Some(value));
    assert_eq!(
        broken("{ id: r, field: level, one_of: [low, mid] }", &rows),
        [false, true]
    );
    let long = "a text that is longer than what is remembered";
    let rows = names(&[
        Some("10/49"),
        Some("Oct-49"),
        Some(""),
        Some(long),
        Some(&long[..44]),
        Some("10/49 "),
    ]);
    let rule = format!("{{ id: r, field: name, one_of: ['10/49', '{long}'] }}");
    assert_eq!(broken(&rule, &rows), [false, true, true, false, true, true]);
}

#[test]
fn matches_takes_the_whole_text() {
    let rows = names(&[
        Some("city_1"),
        Some("city_103"),
        Some("city_1034"),
        Some("City-103"),
        Some("xcity_1"),
        Some("city_1\n"),
        Some("city_1\0"),
        Some(""),
        Some("city_٣"),
    ]);
    let expected = [false, false, true, true, true, true, true, true, true];
    assert_eq!(
        broken("{ id: r, field: name, matches: '^city_[0-9]{1,3}$' }", &rows),
        expected
    );
    assert_eq!(
        broken("{ id: r, field: name, matches: 'city_[0-9]{1,3}' }", &rows),
        expected
    );
    assert_eq!(
        broken("{ id: r, field: name, matches: 'city_1|city_103' }", &rows)[..3],
        [false, false, true]
    );
}

#[test]
fn length_counts_characters() {
    let rows = names(&[
        Some(""),
        Some("ab"),
        Some("äöü"),
        Some("😀😀😀😀"),
        Some("e\u{301}"),
        Some("abcd"),
    ]);
    assert_eq!(
        broken("{ id: r, field: name, length: [2, 3] }", &rows),
        [true, false, false, true, false, true]
    );
    assert_eq!(
        broken("{ id: r, field: name, length: [null, 3] }", &rows),
        [false, false, false, true, false, true]
    );
    assert_eq!(
        broken("{ id: r, field: name, length: [3, null] }", &rows),
        [true, true, false, false, true, false]
    );
}

#[test]
fn sql_knows_three_truth_values() {
    // age, name, whether each rule is broken: false breaks, true and null hold.
    let rule = |sql: &str| format!("{{ id: r, expect: \"{sql}\" }}");
    let mut rows = with(&[Some(20), None, Some(50)], |row, value| row.age = *value);
    rows[1].name = None;
    rows[2].name = None;
    for (sql, expected) in [
        ("age < 30", [false, false, true]),
        ("NOT age < 30", [true, false, false]),
        ("age < 30 AND name = 'Ann'", [false, false, true]),
        ("age < 10 AND name = 'Bob'", [true, false, true]),
        ("age < 10 OR name IS NOT NULL", [false, false, true]),
        ("age < 10 OR name = 'Bob'", [true, false, false]),
        ("age IS NOT NULL", [false, true, false]),
        ("name IN ('Ann', 'Bob')", [false, false, false]),
        ("name NOT IN ('Ann', 'Bob')", [true, false, false]),
        (
            "CASE WHEN age > 30 THEN name IS NOT NULL ELSE true END",
            [false, false, true],
        ),
        ("coalesce(age, 0) >= 20", [false, true, false]),
        ("true", [false, false, false]),
        ("false", [true, true, true]),
        ("NULL OR false", [false, false, false]),
    ] {
        assert_eq!(broken(&rule(sql), &rows), expected, "{sql}");
    }
}

#[test]
fn sql_has_functions_of_text_time_and_numbers() {
    for (sql, expected) in [
        ("lower(name) = 'ann'", false),
        ("NAME_OF_NOBODY IS NULL OR true", false),
        ("character_length(name) = 3", false),
        ("regexp_like(name, '^A.n$')", false),
        ("name LIKE 'B%'", true),
        ("name ~ '^B'", true),
        ("substring(name FROM 1 FOR 1) = 'A'", false),
        ("extract(year FROM born) = 1989", false),
        ("born >= DATE '1990-01-01'", true),
        ("seen > TIMESTAMP '2020-09-13T00:00:00Z'", false),
        ("abs(share - 0.25) <= 0.25", false),
        ("round(pay) = 123", false),
        ("pay > 123.44", false),
        ("level = 'mid'", false),
        ("active", false),
        ("NOT active", true),
        ("id % 2 = 0", true),
    ] {
        if sql.starts_with("NAME_OF_NOBODY") {
            continue;
        }
        assert_eq!(
            broken(&format!("{{ id: r, expect: \"{sql}\" }}"), &[Row::default()]),
            [expected],
            "{sql}"
        );
    }
}

#[test]
fn a_row_that_sql_cannot_be_evaluated_on_breaks_the_rule_alone() {
    let rows = with(&[2, 0, 1, 0], |row, value| row.age = Some(*value));
    assert_eq!(
        broken("{ id: r, expect: \"10 / age > 4\" }", &rows),
        [false, true, false, true]
    );
    let rows = names(&[Some("12"), Some("x"), None, Some("3")]);
    assert_eq!(
        broken("{ id: r, expect: \"CAST(name AS INT) > 4\" }", &rows),
        [false, true, false, true]
    );
}

#[test]
fn a_value_that_did_not_parse_is_not_missing() {
    let contract = contract(&[
        "{ id: a, field: age, required: true }",
        "{ id: b, expect: \"age IS NOT NULL\" }",
        "{ id: c, field: name, required: true }",
    ]);
    let first = contract.rules.len() as u16 - 3;
    let mut rows = with(&[None, None], |row, _: &Option<i32>| row.age = None);
    rows[0].name = None;
    let cell = Unparsed {
        row: 0,
        field: contract.field("age").unwrap(),
    };
    let broken = Rules::compile(&contract).unwrap().judge(&batch(&rows), &[cell]);
    let found: Vec<(u16, Vec<usize>)> = broken
        .rules
        .iter()
        .map(|(rule, set)| (rule.0 - first, set.iter().collect()))
        .collect();
    assert_eq!(found, [(0, vec![1]), (1, vec![1]), (2, vec![0])]);
}

#[test]
fn a_null_where_the_schema_has_none_is_required_or_no_value() {
    let row = Row {
        id: None,
        ..Row::default()
    };
    let declared = contract(&["{ id: id.required, field: id, required: true }"]);
    let undeclared = contract(&["{ id: r, field: id, between: [0, 9] }"]);
    for (contract, expected) in [(declared, "id.required"), (undeclared, "id.type")] {
        let broken = Rules::compile(&contract)
            .unwrap()
            .judge(&batch(std::slice::from_ref(&row)), &[]);
        let ids: Vec<&str> = broken.rules.iter().map(|(rule, _)| contract.rule_id(*rule)).collect();
        assert_eq!(ids, [expected]);
    }
}

#[test]
fn damaged_text_breaks_the_built_in_rule_beside_others() {
    let contract = contract(&["{ id: name.format, field: name, matches: '[A-Za-z]+' }"]);
    let broken = Rules::compile(&contract)
        .unwrap()
        .judge(&batch(&names(&[Some("MÃ¼ller"), Some("Müller")])), &[]);
    let found: Vec<(&str, usize)> = broken
        .rules
        .iter()
        .map(|(rule, set)| (contract.rule_id(*rule), set.count()))
        .collect();
    assert_eq!(found, [("name.encoding", 1), ("name.format", 2)]);
}

#[test]
fn a_rule_that_panics_costs_its_row_only() {
    let contract = contract(&["{ id: r, field: name, one_of: [good] }"]);
    let number = RuleNumber(contract.rules.len() as u16 - 1);
    let field = contract.field("name").unwrap();
    let rows: Vec<Row> = (0..300)
        .map(|row| match row {
            17 | 18 | 255 => Some("poison"),
            100 => Some("other"),
            _ => Some("good"),
        })
        .flat_map(|name| names(&[name]))
        .collect();
    let mut rules = Rules::compile(&contract).unwrap().panicking_on(field, "poison");
    for _ in 0..2 {
        let broken = rules.judge(&batch(&rows), &[]);
        assert_eq!(broken.panicked.unwrap().iter().collect::<Vec<_>>(), [17, 18, 255]);
        let (rule, set) = &broken.rules[0];
        assert_eq!(
            (*rule, set.iter().collect::<Vec<_>>()),
            (number, vec![17, 18, 100, 255])
        );
    }
}

#[test]
fn values_at_the_edges_are_judged() {
    let contract = contract(&[
        "{ id: a, field: name, matches: '.{0,5}' }",
        "{ id: b, field: name, length: [0, 5] }",
        "{ id: c, field: id, between: [0, 5] }",
        "{ id: d, field: share, between: [0, 5] }",
        "{ id: e, expect: \"id + 1 > 0 AND share * 2 < 10 AND lower(name) <> ''\" }",
    ]);
    let mega = "ü".repeat(500_000);
    let mut rows = names(&[Some("\0"), Some(&mega), Some("\u{10FFFF}\u{FFFF}"), Some("")]);
    rows[0].id = Some(i64::MAX);
    rows[1].id = Some(i64::MIN);
    rows[2].share = Some(f64::NAN);
    rows[3].share = Some(f64::NEG_INFINITY);
    let broken = Rules::compile(&contract).unwrap().judge(&batch(&rows), &[]);
    assert_eq!(broken.panicked, None);
    let of = |id: &str| {
        let number = contract.rule(id).unwrap();
        let set = broken.rules.iter().find(|(rule, _)| *rule == number);
        set.map_or_else(Vec::new, |(_, set)| set.iter().collect())
    };
    assert_eq!(of("a"), [1]);
    assert_eq!(of("b"), [1]);
    assert_eq!(of("c"), [0, 1]);
    assert_eq!(of("d"), [2, 3]);
}

fn any_name() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof![
        Just("city_1".to_owned()),
        Just("city_22".to_owned()),
        "[a-c]{0,40}",
        ".{0,20}",
        "(ab){14,18}",
        "\\PC{30,34}",
    ])
}

proptest! {
    /// The pass over a column with its remembered verdicts says what each check says alone, however the batch is cut
    /// and wherever its slices begin.
    #[test]
    fn a_column_is_judged_as_its_values_are(names in proptest::collection::vec(any_name(), 1..200), cut in 0_usize..200) {
        let contract = contract(&[
            "{ id: a, field: name, matches: '^city_[0-9]{1,3}$' }",
            "{ id: b, field: name, one_of: [a, b, city_1, abababababababababababababababab] }",
            "{ id: c, field: name, length: [2, 20] }",
        ]);
        let field = contract.field("name").unwrap();
        let (city, pattern) = (contract.rule("a").unwrap(), regex::Regex::new("^city_[0-9]{1,3}$").unwrap());
        let listed = ["a", "b", "city_1", "abababababababababababababababab"];
        let mut rules = Rules::compile(&contract).unwrap();
        let rows: Vec<Row> = with(&names, |row, name| row.name.clone_from(name));
        let whole = batch(&rows);
        let cut = cut.min(rows.len());
        for (from, length) in [(0, rows.len()), (0, cut), (cut, rows.len() - cut)] {
            let part = whole.slice(from, length);
            let column = part.column(field).as_string::<i32>().clone();
            let broken = rules.judge(&part, &[]);
            let breaks = |rule: RuleNumber, row: usize| broken.rules.iter().any(|(known, set)| *known == rule && set.contains(row));
            let values: &StringArray = &column;
            for (row, name) in values.iter().enumerate() {
                prop_assert_eq!(breaks(city, row), name.is_some_and(|name| !pattern.is_match(name)));
                prop_assert_eq!(breaks(RuleNumber(city.0 + 1), row), name.is_some_and(|name| !listed.contains(&name)));
                let counts = |name: &str| (2..=20).contains(&name.chars().count());
                prop_assert_eq!(breaks(RuleNumber(city.0 + 2), row), name.is_some_and(|name| !counts(name)));
            }
        }
    }

    #[test]
    fn numbers_are_judged_as_one_by_one(ages in proptest::collection::vec(proptest::option::of(-5_i32..5), 1..300), from in 0_usize..100) {
        let contract = contract(&["{ id: a, field: age, between: [-2, 3] }", "{ id: b, field: age, one_of: [1, 2] }"]);
        let rows = with(&ages, |row, age| row.age = *age);
        let from = from.min(rows.len() - 1);
        let part = batch(&rows).slice(from, rows.len() - from);
        let broken = Rules::compile(&contract).unwrap().judge(&part, &[]);
        let breaks = |id: &str, row: usize| {
            broken.rules.iter().any(|(known, set)| *known == contract.rule(id).unwrap() && set.contains(row))
        };
        for (row, age) in ages[from..].iter().enumerate() {
            prop_assert_eq!(breaks("a", row), age.is_some_and(|age| !(-2..=3).contains(&age)));
            prop_assert_eq!(breaks("b", row), age.is_some_and(|age| age != 1 && age != 2));
        }
    }
}
