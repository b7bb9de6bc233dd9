//! Rules (on a row) and expectations (on a batch), as a contract declares them.
//!
//! Read by `contract` in this crate, compiled by `expr`, applied by the judge. A rule's place in the contract's table
//! is its [`crate::RuleNumber`]; verdicts carry numbers, people see ids.

use std::fmt::Display;
use std::time::Duration;

use crate::schema::Field;

/// A rule on a row: built in, or declared in the contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The name people see, unique in the contract: `company_size.level`.
    pub id: String,
    /// The column it is about, as an index into the contract's fields; `None` for the row as a whole.
    pub field: Option<usize>,
    /// What a row must satisfy.
    pub check: Check,
    /// Whether a broken rule makes the row bad.
    pub severity: Severity,
    /// Where it is declared in the contract's file, line and column from 1; `None` for a built-in rule.
    pub place: Option<(usize, usize)>,
}

/// Whether a broken rule makes the row bad or is only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The row is bad.
    Error,
    /// The row stays good and the violation is counted.
    Warn,
}

/// What a rule asks. All but `Required` hold on a null.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Built in: the record could be decoded at all (`record.undecodable`).
    Decodable,
    /// Built in, text and JSON: no unknown field, none missing without a default (`columns`).
    Columns,
    /// Built in, text: the line has as many cells as the header (`row.ragged`).
    Ragged,
    /// Built in: one event id, one payload (`event_id.conflict`).
    EventIdConflict,
    /// Built in: the value parses as the field's type (`FIELD.type`).
    Type,
    /// Built in, text fields: no U+FFFD and no double encoding (`FIELD.encoding`).
    Encoding,
    /// The value is there.
    Required,
    /// The value is one of these. Numbers are written as their text.
    OneOf(Vec<String>),
    /// The value lies between the two, both included; an absent end is open. NaN lies nowhere.
    Between(Option<f64>, Option<f64>),
    /// The whole text matches this regular expression.
    Matches(String),
    /// The text's number of characters lies between the two, both included.
    Length(Option<u32>, Option<u32>),
    /// No good row accepted earlier has the same value less than `within` away in event time.
    Unique {
        /// The window in event time.
        within: Duration,
        /// How many keys the window may hold before the source pauses.
        keys_max: u64,
    },
    /// A DataFusion SQL boolean over the row; null holds.
    Expect(String),
}

impl Check {
    /// What is asked of a row, or of `field`, in words.
    pub fn asks(&self, field: Option<&Field>) -> String {
        match self {
            Self::Decodable => "a record that can be decoded".to_owned(),
            Self::Columns => "the contract's columns".to_owned(),
            Self::Ragged => "as many cells as the header has".to_owned(),
            Self::EventIdConflict => "one payload under one event id".to_owned(),
            Self::Type => format!("{}, if anything", field.map_or("its type", |field| field.kind.word())),
            Self::Encoding => "text that was encoded once".to_owned(),
            Self::Required => "a value".to_owned(),
            Self::OneOf(levels) => format!("one of {}", levels.join(", ")),
            Self::Between(low, high) => ends(*low, *high),
            Self::Matches(pattern) => format!("text that matches {pattern}"),
            Self::Length(low, high) => format!("{} characters", ends(*low, *high)),
            Self::Unique { within, .. } => format!("a value that no row has within {} s before it", within.as_secs()),
            Self::Expect(sql) => sql.clone(),
        }
    }
}

/// Two ends in words; an absent one is open.
fn ends<T: Display>(low: Option<T>, high: Option<T>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("{low} or more"),
        (None, Some(high)) => format!("{high} or less"),
        (None, None) => "anything".to_owned(),
    }
}

/// An expectation on a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The name people see, unique among the contract's expectations.
    pub id: String,
    /// What is measured.
    pub measure: Measure,
    /// The least value that is still expected.
    pub min: Option<f64>,
    /// The greatest value that is still expected.
    pub max: Option<f64>,
    /// The alert target told when it is not met.
    pub alert: Option<String>,
}

/// What an expectation measures on a batch. Columns are indices into the contract's fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// Bad rows over judged rows, 0 to 1.
    BadRatio,
    /// Judged rows.
    Rows,
    /// Nulls over good rows, 0 to 1.
    NullRatio(usize),
    /// Distinct values among good rows.
    Distinct(usize),
    /// The mean of a number over good rows.
    Mean(usize),
    /// A quantile (0 to 1) of a number over good rows.
    Quantile(usize, f64),
    /// Seconds from the newest event time to the seal.
    Freshness,
}
