//! Tests of the file beside this one.

use super::*;
use crate::test_contract::contract;

fn refused(sql: &str) -> (String, Option<String>) {
    let fault = compile(&contract(&[]), RuleNumber(0), sql).map(|_| ()).err();
    let fault = fault.unwrap_or_else(|| panic!("{sql} compiles"));
    (fault.message, fault.hint)
}

#[test]
fn what_cannot_be_a_rule_is_refused_with_a_word() {
    for (sql, said, hinted) in [
        ("agee > 1", "there is no field `agee`", Some("did you mean `age`?")),
        ("Age > 1", "there is no field `Age`", Some("did you mean `age`?")),
        ("zzzzzz > 1", "there is no field `zzzzzz`", None),
        (
            "age + 1",
            "it gives Int64, not true or false",
            Some("compare it with something"),
        ),
        (
            "name",
            "it gives Utf8, not true or false",
            Some("compare it with something"),
        ),
        (
            "NULL",
            "it gives Null, not true or false",
            Some("compare it with something"),
        ),
        (
            "sum(age) > 3",
            AGGREGATE,
            Some("use an expectation for what holds over a batch"),
        ),
        (
            "count(*) > 3",
            AGGREGATE,
            Some("use an expectation for what holds over a batch"),
        ),
        (
            "row_number() OVER (ORDER BY age) > 3",
            AGGREGATE,
            Some("use an expectation for what holds over a batch"),
        ),
        ("age > (SELECT 1)", SUBQUERY, None),
        (
            "age IN (SELECT age FROM other)",
            SUBQUERY,
            Some("use an expectation for what holds over a batch"),
        ),
        ("EXISTS (SELECT 1)", SUBQUERY, None),
    ] {
        let (message, hint) = refused(sql);
        assert_eq!((message.as_str(), hint.as_deref()), (said, hinted), "{sql}");
    }
}

#[test]
fn what_does_not_depend_on_the_row_alone_is_refused() {
    for sql in [
        "seen < now()",
        "born < current_date",
        "random() < 0.5",
        "uuid() <> name",
    ] {
        let (message, _) = refused(sql);
        assert!(message.contains("does not depend on the row alone"), "{sql}: {message}");
    }
    assert!(refused("age > $1").0.contains("no parameters"));
}

#[test]
fn what_is_no_sql_is_told_in_one_line() {
    for sql in [
        "age >",
        "age > 1 )",
        "",
        "lowr(name) = 'x'",
        "age > 'x' AND",
        "SELECT 1",
        "age; DROP TABLE x",
    ] {
        let (message, _) = refused(sql);
        assert!(
            message.starts_with("SQL: ") && !message.contains('\n') && !message.ends_with('.'),
            "{sql}: {message}"
        );
    }
    assert_eq!(refused("lowr(name) = 'x'").1.as_deref(), Some("did you mean `lower`?"));
}

#[test]
fn only_the_columns_that_are_read_are_handed_over() {
    let contract = contract(&[]);
    let rule = compile(&contract, RuleNumber(0), "name <> 'x' OR age > 3")
        .map_err(|fault| fault.message)
        .unwrap();
    let names: Vec<&str> = rule.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["age", "name"]);
    assert!(rule.reads(contract.field("age").unwrap()) && !rule.reads(contract.field("id").unwrap()));
}
