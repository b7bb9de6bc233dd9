//! Which value of a label counts.

use super::Label;
use crate::guess::{Column, Guess, Kind};

fn column(header: &str, few: &[(&str, u64)]) -> Column {
    Column {
        header: header.to_owned(),
        name: header.to_lowercase().replace(' ', "_"),
        kind: Kind::Text,
        missing: 0,
        misread: 0,
        repeats: None,
        few: Some(few.iter().map(|(value, rows)| ((*value).to_owned(), *rows)).collect()),
        note: None,
    }
}

fn guess(columns: Vec<Column>) -> Guess {
    Guess {
        format: muster_spec::TextFormat::default(),
        columns,
        rows: 100,
        ragged: 0,
        foreign: 0,
        notes: Vec::new(),
    }
}

#[test]
fn the_value_that_says_yes_counts_else_the_rarer_one() {
    for (values, positive) in [
        ([("0", 30), ("1", 70)], "1"),
        ([("Yes", 70), ("No", 30)], "Yes"),
        ([("nein", 30), ("ja", 70)], "ja"),
        ([("TRUE", 10), ("FALSE", 90)], "TRUE"),
        ([("stayed", 10), ("gone", 90)], "gone"),
        ([("moved away", 20), ("still here", 80)], "moved away"),
        ([("beta", 50), ("alpha", 50)], "beta"),
    ] {
        let label = Label::find(&guess(vec![column("x", &values)]), Some("x"))
            .unwrap()
            .unwrap();
        assert_eq!(label.values[1], positive, "{}", label.why);
    }
}

#[test]
fn a_label_is_known_by_its_name_or_by_its_place() {
    let pair = [("a", 40), ("b", 60)];
    let found = |columns: Vec<Column>| Label::find(&guess(columns), None).unwrap().map(|label| label.field);
    let columns = vec![
        column("Attrition", &pair),
        column("sex", &pair),
        column("overtime", &pair),
    ];
    assert_eq!(found(columns).as_deref(), Some("attrition"));
    assert_eq!(
        found(vec![column("age", &[]), column("gone", &pair)]).as_deref(),
        Some("gone")
    );
    assert_eq!(
        found(vec![
            column("gone", &pair),
            column("age", &[("1", 1), ("2", 1), ("3", 1)])
        ]),
        None
    );
}

#[test]
fn a_few_wrong_labels_are_bad_rows_and_not_a_third_value() {
    let found = |values: &[(&str, u64)]| Label::find(&guess(vec![column("target", values)]), None).unwrap();
    let label = found(&[("0", 60), ("maybe", 1), ("1", 39)]).unwrap();
    assert_eq!(label.values, ["0", "1"]);
    assert_eq!(found(&[("0", 60), ("1", 30), ("2", 10)]), None);
    assert_eq!(
        found(&[("0", 97), ("1", 2), ("2", 1)]),
        None,
        "the second is as rare as the third"
    );
}

#[test]
fn a_label_that_is_no_label_is_refused_with_a_word() {
    let columns = vec![column("target", &[("1", 1), ("2", 1), ("3", 1)])];
    let refused = |name: &str| {
        Label::find(&guess(columns.clone()), Some(name))
            .unwrap_err()
            .to_string()
    };
    assert!(refused("target").contains("3 different value(s)"));
    assert!(refused("tarjet").contains("did you mean `target`?"));
}
