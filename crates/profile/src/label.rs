//! Which column is the label, and which of its two values is the one that counts.
//!
//! Used before the second look. A label is named, or guessed by its name; it has two values, 0 and 1, yes and no, or any
//! two words.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use muster_spec::nearest;

use crate::guess::{Column, Guess};
use crate::names;
use crate::numbers::UNLABELLED;
use crate::{Error, Result};

/// Headers that labels go by.
const NAMES: [&str; 22] = [
    "target",
    "label",
    "y",
    "outcome",
    "class",
    "response",
    "churn",
    "churned",
    "attrition",
    "left",
    "is_promoted",
    "promoted",
    "converted",
    "default",
    "exited",
    "hired",
    "passed",
    "result",
    "survived",
    "turnover",
    "quit",
    "resigned",
];

/// Values that say yes, in the languages that headers come in.
const YES: [&str; 20] = [
    "1", "yes", "y", "true", "t", "ja", "oui", "si", "sí", "sim", "tak", "positive", "left", "leaver", "churned",
    "promoted", "hired", "accepted", "passed", "1.0",
];

/// The share of rows that may have other values: those rows are bad.
const OTHERS: f64 = 0.02;

/// Values that say no.
const NO: [&str; 16] = [
    "0", "no", "n", "false", "f", "nein", "non", "não", "nie", "negative", "stayed", "stayer", "rejected", "failed",
    "none", "0.0",
];

/// The label of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its field.
    pub field: String,
    /// Its name in the file.
    pub header: String,
    /// Both values, the one that does not count first, as the typed column writes them.
    pub values: [String; 2],
    /// How it was found, and why this value counts.
    pub why: String,
}

impl Label {
    /// The label of this name, or the column that looks like one; nothing where none does.
    ///
    /// Errors: no column of that name; one that has not two values.
    pub fn find(guess: &Guess, named: Option<&str>) -> Result<Option<Self>> {
        if let Some(named) = named {
            let of_name = |column: &&Column| column.header == named || column.name == named;
            let Some(column) = guess.columns.iter().find(of_name) else {
                let known: Vec<&str> = guess.columns.iter().map(|column| &*column.header).collect();
                return Err(Error::NoColumn {
                    name: named.to_owned(),
                    near: nearest(named, &known).map(str::to_owned),
                });
            };
            return match two(column, guess.rows) {
                Some(values) => Ok(Some(Self::of(column, values, "named by --label"))),
                None => Err(Error::NoLabel {
                    name: named.to_owned(),
                    values: column.few.as_ref().map(Vec::len),
                }),
            };
        }
        let called = |name: &str| names::words(name).join("_");
        let by_name = NAMES.iter().find_map(|name| {
            let mut columns = guess.columns.iter();
            columns.find_map(|column| {
                Some((column, two(column, guess.rows)?)).filter(|(column, _)| called(&column.header) == *name)
            })
        });
        if let Some((column, values)) = by_name {
            return Ok(Some(Self::of(column, values, "taken by its name")));
        }
        let last = guess
            .columns
            .last()
            .and_then(|column| Some((column, two(column, guess.rows)?)));
        Ok(last.map(|(column, values)| Self::of(column, values, "the last column, which has two values")))
    }

    fn of(column: &Column, mut values: [(String, u64); 2], found: &str) -> Self {
        let lower = |value: &str| value.to_lowercase();
        let says = |words: &[&str], value: &str| words.contains(&&*lower(value));
        let [first, second] = &values;
        let yes = [says(&YES, &first.0), says(&YES, &second.0)];
        let no = [says(&NO, &first.0), says(&NO, &second.0)];
        let (turn, because) = if yes[0] != yes[1] {
            (yes[0], "says yes")
        } else if no[0] != no[1] {
            (no[1], "is not the one that says no")
        } else if first.1 == second.1 {
            (first.0 > second.0, "comes later in the alphabet")
        } else {
            (first.1 < second.1, "is the rarer one")
        };
        if turn {
            values.swap(0, 1);
        }
        let why = format!("{found}; `{}` counts because it {because}", values[1].0);
        let written = values.map(|(value, _)| match column.kind {
            crate::Kind::Boolean => lower(&value),
            _ => value,
        });
        Self {
            field: column.name.clone(),
            header: column.header.clone(),
            values: written,
            why,
        }
    }

    /// Each row's label, as the place in a split.
    pub(crate) fn of_rows(&self, column: &ArrayRef) -> Vec<usize> {
        let Ok(texts) = cast(column, &DataType::Utf8) else {
            return vec![UNLABELLED; column.len()];
        };
        let numbers = self.values.each_ref().map(|value| value.parse::<f64>().ok());
        let is = |at: usize, text: &str| {
            text == self.values[at] || numbers[at].is_some_and(|number| text.parse() == Ok(number))
        };
        let place = |text: &str| [0, 1].into_iter().find(|at| is(*at, text)).unwrap_or(UNLABELLED);
        let texts = texts.as_string::<i32>().iter();
        texts.map(|text| text.map_or(UNLABELLED, place)).collect()
    }
}

/// A column's values, where it has two; what few other rows have is wrong.
fn two(column: &Column, rows: u64) -> Option<[(String, u64); 2]> {
    let mut few = column.few.clone()?;
    few.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    let [first, second, ..] = &few[..] else { return None };
    let others = (rows - column.missing).saturating_sub(first.1 + second.1);
    let third = few.get(2).map_or(0, |(_, rows)| *rows);
    let clear = others == 0 || (others as f64 <= OTHERS * rows as f64 && third * 10 < second.1);
    clear.then(|| [first.clone(), second.clone()])
}

#[cfg(test)]
#[path = "label_tests.rs"]
mod tests;
