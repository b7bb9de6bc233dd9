//! A report's one line: whether all is well, and what is not.
//!
//! Made from the numbers of the report and from nothing else, so that it cannot say something different from them.

use serde::Serialize;

use crate::number::{count, percent};
use crate::report::{Expected, Totals};

/// How many expectations the line names.
const NAMED_MAX: usize = 2;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// In a word.
    pub verdict: Verdict,
    /// In one line.
    pub line: String,
}

/// What came of it, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No row was judged.
    Empty,
    /// Every row is good and every expectation met.
    Good,
    /// Some rows are bad, and no more than is expected.
    BadRows,
    /// An expectation is not met.
    NotMet,
}

impl Verdict {
    /// What people read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Empty => "No rows",
            Self::Good => "Good",
            Self::BadRows => "Bad rows",
            Self::NotMet => "Not as expected",
        }
    }

    /// The name of its colours in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Good => "good",
            Self::BadRows => "some",
            Self::NotMet => "unmet",
        }
    }
}

impl Status {
    /// The status of these numbers.
    pub fn of(totals: &Totals, expectations: &[Expected]) -> Self {
        let missed: Vec<&Expected> = expectations.iter().filter(|expected| !expected.is_met()).collect();
        let rows = rows(totals);
        let (verdict, line) = if !missed.is_empty() {
            let named: Vec<String> = missed.iter().take(NAMED_MAX).map(|expected| told(expected)).collect();
            let more = match missed.len() - named.len() {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            (Verdict::NotMet, format!("{rows}; {}{more}.", named.join("; ")))
        } else if totals.judged() == 0 {
            (Verdict::Empty, format!("{rows}."))
        } else if totals.bad == 0 {
            (Verdict::Good, format!("{rows}."))
        } else if expectations.is_empty() {
            (Verdict::BadRows, format!("{rows}."))
        } else {
            (Verdict::BadRows, format!("{rows}; all expectations are met."))
        };
        Self { verdict, line }
    }
}

fn rows(totals: &Totals) -> String {
    match (totals.judged(), totals.bad) {
        (0, _) => "No rows were judged".to_owned(),
        (1, 0) => "The one row is good".to_owned(),
        (judged, 0) => format!("All {} rows are good", count(judged)),
        (judged, bad) => format!(
            "{} of {} rows {} bad ({})",
            count(bad),
            count(judged),
            if bad == 1 { "is" } else { "are" },
            percent(totals.bad_share())
        ),
    }
}

fn told(expected: &Expected) -> String {
    let id = &expected.id;
    let measured = match expected.measured {
        Some(_) if expected.batches > 1 => format!(" is {} at worst", expected.measured_text()),
        Some(_) => format!(" is {}", expected.measured_text()),
        None => String::new(),
    };
    let by = match expected.batches {
        0 | 1 => String::new(),
        batches => format!(" (missed by {} of {} batches)", count(expected.missed), count(batches)),
    };
    format!("{id}{measured}, {} was expected{by}", expected.wanted())
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
