//! Which column is the label, and which of its two values is the one that counts.
//!
//! Used before the second look. A label is named, or guessed by its name; it has two values, 0 and 1, yes and no, or any
//! two words.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use muster_spec::{TextFormat, nearest};

use crate::guess::{Column, Guess, Kind};
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
            return match two(column, guess) {
                Ok(values) => Ok(Some(Self::of(column, values, "named by --label", guess))),
                Err(why) => Err(Error::NoLabel {
                    name: named.to_owned(),
                    why,
                }),
            };
        }
        let by_name = called_label(guess).find_map(|column| Some((column, two(column, guess).ok()?)));
        if let Some((column, values)) = by_name {
            return Ok(Some(Self::of(column, values, "taken by its name", guess)));
        }
        // A delimiter at the end of each line makes a last column without a value.
        let has_values = |column: &&Column| column.missing < guess.rows - guess.ragged - guess.foreign;
        let last = guess
            .columns
            .iter()
            .rfind(has_values)
            .and_then(|column| Some((column, two(column, guess).ok()?)));
        Ok(last.map(|(column, values)| Self::of(column, values, "the last column, which has two values", guess)))
    }

    /// Why a column that is called like a label was not taken for one, where there is such a column.
    pub fn near_miss(guess: &Guess) -> Option<String> {
        called_label(guess).find_map(|column| {
            let why = two(column, guess).err()?;
            Some(format!(
                "`{}` is called like a label and is none: it has {why}",
                column.header
            ))
        })
    }

    fn of(column: &Column, mut values: [(String, u64); 2], found: &str, guess: &Guess) -> Self {
        let lower = |value: &str| value.to_lowercase();
        // `no` and ` No ` say the same, and so do `0`, `0 %` and `0,0`.
        let word = |value: &str| lower(value.trim().trim_end_matches('%').trim_end()).replace(',', ".");
        let says = |words: &[&str], value: &str| words.contains(&&*word(value));
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
            Kind::Boolean => lower(&value),
            kind if kind.is_number() => number(&value, kind, &guess.format).unwrap_or(value),
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

/// The columns that are called as labels are, the likeliest name first.
fn called_label(guess: &Guess) -> impl Iterator<Item = &Column> {
    let called = |column: &&Column, name: &str| names::words(&column.header).join("_") == name;
    NAMES
        .iter()
        .filter_map(move |name| guess.columns.iter().find(|column| called(column, name)))
}

/// A column's values, where it has two; what few other rows have is wrong. Else what it has instead. Rows that could not be
/// cut have no value at all.
fn two(column: &Column, guess: &Guess) -> std::result::Result<[(String, u64); 2], String> {
    let mut few = match &column.few {
        Some(few) if column.kind != Kind::Bytes => few.clone(),
        _ => return Err("many values, and a label has two".to_owned()),
    };
    few.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    let [first, second, ..] = &few[..] else {
        return Err(format!("{}, and a label has two", different(few.len())));
    };
    let rows = guess.rows - guess.ragged - guess.foreign;
    let others = (rows - column.missing).saturating_sub(first.1 + second.1);
    let third = few.get(2).map_or(0, |(_, rows)| *rows);
    if others == 0 || (others as f64 <= OTHERS * rows as f64 && third * 10 < second.1) {
        return Ok([first.clone(), second.clone()]);
    }
    let plain = |(value, _): &(String, u64)| value.trim().to_lowercase();
    let mut words: Vec<String> = few.iter().map(plain).collect();
    words.sort_unstable();
    words.dedup();
    let hint = if words.len() == 2 {
        ": write each in one way, with the same capitals and without blanks"
    } else {
        ""
    };
    Err(match few.len() {
        2 => format!("two values, and {others} of {rows} rows have neither"),
        values => format!("{}, and a label has two{hint}", different(values)),
    })
}

fn different(values: usize) -> String {
    match values {
        0 => "no value".to_owned(),
        1 => "1 value".to_owned(),
        values => format!("{values} different values"),
    }
}

/// A number as the typed column writes it: without its unit, with a decimal point.
fn number(value: &str, kind: Kind, format: &TextFormat) -> Option<String> {
    let number = value.strip_suffix(kind.unit().unwrap_or_default())?.trim_end();
    let point = |sign: char| if sign == char::from(format.decimal) { '.' } else { sign };
    let number: String = number.chars().map(point).collect();
    number.parse::<f64>().is_ok().then_some(number)
}

#[cfg(test)]
#[path = "label_tests.rs"]
mod tests;
