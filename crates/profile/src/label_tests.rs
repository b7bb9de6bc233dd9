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
        notes: Vec::new(),
    }
}

fn guess(columns: Vec<Column>) -> Guess {
    Guess {
        format: muster_spec::TextFormat::default(),
        columns,
        rows: 100,
        ragged: 0,
        empty: 0,
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
    let mut unnamed = column("", &[]);
    unnamed.missing = 100;
    assert_eq!(
        found(vec![column("age", &[]), column("gone", &pair), unnamed]).as_deref(),
        Some("gone"),
        "a delimiter at the end of each line makes another column"
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
fn rows_that_could_not_be_cut_are_no_third_value() {
    let mut table = guess(vec![column("left", &[("0", 50), ("1", 41)])]);
    (table.ragged, table.empty, table.foreign) = (7, 3, 2);
    assert!(Label::find(&table, None).unwrap().is_some());
    assert_eq!(Label::near_miss(&table), None);
    // Nine rows that could be cut have another value, or none that was kept.
    (table.ragged, table.empty, table.foreign) = (0, 0, 0);
    assert_eq!(Label::find(&table, None).unwrap(), None);
    let why = "two values, and 9 of 100 rows have neither";
    assert!(Label::find(&table, Some("left")).unwrap_err().to_string().contains(why));
    assert!(Label::near_miss(&table).unwrap().contains(why));
}

#[test]
fn a_column_called_like_a_label_that_is_none_is_told_with_the_reason() {
    let said = |values: &[(&str, u64)]| Label::near_miss(&guess(vec![column("class", values), column("x", &[])]));
    assert!(
        said(&[("a", 30), ("b", 30), ("c", 40)])
            .unwrap()
            .contains("3 different values")
    );
    let cases = said(&[("Yes", 30), ("yes", 30), ("No", 20), (" no", 20)]).unwrap();
    assert!(cases.contains("with the same capitals"), "{cases}");
    assert_eq!(said(&[("a", 30), ("b", 70)]), None);
    assert_eq!(Label::near_miss(&guess(vec![column("x", &[])])), None);
}

#[test]
fn blanks_and_units_do_not_turn_a_label_round() {
    let found = |kind: Kind, values: &[(&str, u64)]| {
        let mut left = column("left", values);
        left.kind = kind;
        Label::find(&guess(vec![left]), None).unwrap().unwrap().values
    };
    assert_eq!(found(Kind::Text, &[(" yes", 70), (" no", 30)]), [" no", " yes"]);
    assert_eq!(found(Kind::Percent, &[("100%", 70), ("0%", 30)]), ["0", "100"]);
    assert_eq!(found(Kind::Percent, &[("100 %", 70), ("0 %", 30)]), ["0", "100"]);
    let mut table = guess(vec![column("left", &[("1,0", 70), ("0,0", 30)])]);
    (table.columns[0].kind, table.format.decimal) = (Kind::Number, b',');
    assert_eq!(Label::find(&table, None).unwrap().unwrap().values, ["0.0", "1.0"]);
}

#[test]
fn a_label_that_is_no_label_is_refused_with_a_word() {
    let columns = vec![column("target", &[("1", 1), ("2", 1), ("3", 1)])];
    let refused = |name: &str| {
        Label::find(&guess(columns.clone()), Some(name))
            .unwrap_err()
            .to_string()
    };
    assert!(refused("target").contains("3 different values, and a label has two"));
    assert!(refused("tarjet").contains("did you mean `target`?"));
}
