//! The feature view and the pipeline: what the label may be learned from, how, and what was left out and why.

use std::fmt::Write as _;

use super::{plain_name, plainly, quoted};
use crate::guess::Kind;
use crate::reading::{ColumnReading, Reading};
use crate::roles::Role;

/// Fewer rows of a label's value cannot be spread over the folds.
const ROWS_OF_EACH: u64 = 5;

/// Why nothing can be learned from the table; `None` where something can.
pub(super) fn why_none(reading: &Reading) -> Option<String> {
    if reading.label.is_none() {
        return Some("no column looks like a label: name one with --label COLUMN".to_owned());
    }
    let [negative, positive, _] = reading.labels;
    if negative.min(positive) < ROWS_OF_EACH {
        return Some(format!(
            "{positive} rows of one label and {negative} of the other are too few: {ROWS_OF_EACH} of each are needed"
        ));
    }
    if reading.features().next().is_none() {
        return Some("no column is left to learn from".to_owned());
    }
    None
}

/// The feature view.
pub(super) fn view(reading: &Reading, name: &str) -> String {
    let mut out = String::from(
        "-- Features of a row: its own columns. Muster adds position and entity, and keeps the label away.\n",
    );
    for column in reading.columns.iter().filter(|column| !column.role.is_feature()) {
        let why = match column.role {
            Role::Label => "it is the label".to_owned(),
            Role::Key => format!("it is the key: {}", column.why),
            _ => column.why.clone(),
        };
        let _ = writeln!(
            out,
            "-- Left out: {} ({}): {}.",
            column.name,
            column.role.word(),
            plainly(&why)
        );
    }
    let features: Vec<String> = reading
        .features()
        .flat_map(|column| expressions(column, reading))
        .collect();
    let _ = write!(out, "SELECT\n  {}\nFROM {}\n", features.join(",\n  "), sql_name(name));
    out
}

/// A column's expressions in the view: a time has several, under names that no column has.
fn expressions(column: &ColumnReading, reading: &Reading) -> Vec<String> {
    let column_of = sql_name(&column.name);
    if !matches!(column.kind, Kind::Date | Kind::Moment) {
        return vec![column_of];
    }
    let taken = |name: &String| reading.columns.iter().any(|column| column.name == *name);
    let named = |part: &str| {
        let mut name = format!("{}_{part}", column.name);
        while taken(&name) {
            name.push('_');
        }
        sql_name(&name)
    };
    vec![
        format!("date_part('epoch', {column_of}) / 86400 AS {}", named("days")),
        format!("date_part('month', {column_of}) AS {}", named("month")),
        format!("date_part('dow', {column_of}) AS {}", named("weekday")),
    ]
}

fn sql_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The pipeline.
pub(super) fn pipeline(reading: &Reading, name: &str) -> String {
    let Some(label) = &reading.label else {
        return String::new();
    };
    let listed = |wanted: &dyn Fn(&ColumnReading) -> bool| {
        let names = reading
            .features()
            .filter(|column| wanted(column))
            .map(|column| plain_name(&column.name));
        names.collect::<Vec<_>>().join(", ")
    };
    let categorical = listed(&|column| column.role == Role::Categorical);
    let ordinal = listed(&|column| matches!(column.role, Role::Ordinal(_)));
    let [negative, positive, unlabelled] = reading.labels;
    let labelled = negative + positive;
    let rate = positive as f64 / labelled as f64;
    let mut out = format!(
        "# Learns `{}` from the columns of {name}: {positive} of {labelled} labelled rows are `{}`, {unlabelled} have no label.\n\
         version: 1\n\
         sources: [{name}]\n\
         features: {{ view: {name}.sql, mode: rows, entity: {} }}\n\
         model:\n  kind: lightgbm\n  label: {}\n  positive: {} # {}\n",
        plainly(&label.header),
        plainly(&label.values[1]),
        plain_name(&reading.columns[reading.key].name),
        plain_name(&label.field),
        quoted(&label.values[1]),
        plainly(&label.why),
    );
    if !categorical.is_empty() {
        let _ = writeln!(out, "  categorical: [{categorical}] # levels without an order");
    }
    if !ordinal.is_empty() {
        let _ = writeln!(
            out,
            "  ordinal: [{ordinal}] # in the order of their `one_of` in the contract"
        );
    }
    let _ = write!(out, "  seed: 42\n  folds: 5\n  params: # {}\n", params_why(labelled));
    for (key, value) in params(labelled, !categorical.is_empty()) {
        let _ = writeln!(out, "    {key}: {value}");
    }
    out.push_str("bands: # names for scores; `likely` begins where more rows are than are not\n  - { name: likely, from: 0.5 }\n");
    if rate < 0.45 {
        let from = (rate * 100.0).round().max(1.0) / 100.0;
        let _ = writeln!(
            out,
            "  - {{ name: possible, from: {from} }} # as many as among all rows"
        );
    }
    out.push_str(
        "  - { name: unlikely, from: 0 }\nreasons: all\nschedule: { score: \"*/2 * * * *\", timezone: UTC }\n",
    );
    out
}

/// LightGBM's parameters for so many rows: smaller steps and more of them than its defaults, and trees that fewer rows
/// cannot overfit. Of a small table's levels hardly one has the hundred rows that LightGBM wants of each.
fn params(rows: u64, has_levels: bool) -> Vec<(&'static str, String)> {
    let (leaves, in_leaf) = match rows {
        0..2_000 => (7, (rows / 50).max(3)),
        2_000..50_000 => (15, 30),
        _ => (63, 50),
    };
    let (rate, rounds) = if rows < 2_000 { (0.03, 200) } else { (0.04, 300) };
    let mut params = vec![
        ("learning_rate", rate.to_string()),
        ("num_iterations", rounds.to_string()),
        ("num_leaves", leaves.to_string()),
        ("min_data_in_leaf", in_leaf.to_string()),
        ("feature_fraction", "0.6".to_owned()),
        ("bagging_fraction", "0.8".to_owned()),
        ("bagging_freq", "1".to_owned()),
        ("lambda_l2", "2".to_owned()),
    ];
    if has_levels && rows < 2_000 {
        params.push(("min_data_per_group", "10".to_owned()));
        params.push(("cat_l2", "2".to_owned()));
    }
    params
}

fn params_why(rows: u64) -> String {
    format!(
        "for {rows} rows: smaller steps and smaller trees than LightGBM's defaults, which learn such tables by heart"
    )
}
