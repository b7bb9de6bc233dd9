//! What a report says, as plain values. Its JSON is this, field by field.
//!
//! Filled by `muster` and shown by [`crate::html`]. Shares are of 1, times are RFC 3339 in UTC.

use serde::Serialize;

use crate::status::Status;

/// The number of this form of a report; it grows when a reader of the JSON must change.
pub const FORM: u32 = 1;

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`FORM`].
    pub report: u32,
    /// The version of the program that made it.
    pub muster: String,
    /// When it was made.
    pub made_at: String,
    /// What it is about.
    pub subject: Subject,
    /// What the rows were held against.
    pub contract: ContractFacts,
    /// What came of it, in one line.
    pub status: Status,
    /// How many rows there are of each kind.
    pub totals: Totals,
    /// What the contract expects of a batch.
    pub expectations: Vec<Expected>,
    /// All rules, those that were broken most first.
    pub rules: Vec<RuleResult>,
    /// When, or where in the file, rows were bad.
    pub timeline: Timeline,
    /// How many good rows the columns were looked at in; less than all where there were too many.
    pub profiled: u64,
    /// What stands in each column of the good rows.
    pub columns: Vec<Column>,
    /// A few bad rows.
    pub samples: Samples,
    /// The files that hold the rows.
    pub files: Vec<FileRef>,
    /// How many more files there are than are named.
    pub files_left_out: u64,
    /// Where to go on from here.
    pub links: Vec<Link>,
    /// What a reader must know to read it rightly.
    pub notes: Vec<String>,
}

/// What a report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// A batch of the ledger.
    Batch {
        /// Its number.
        batch: i64,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Its first offset; `None` for a repair.
        from: Option<i64>,
        /// One past its last offset.
        to: Option<i64>,
        /// The source's revision that it was judged against.
        revision: i64,
        /// When it was committed.
        committed_at: String,
    },
    /// What was committed on one day, in UTC.
    Day {
        /// The day, `2026-11-20`.
        day: String,
        /// How many batches.
        batches: u64,
    },
    /// A file that was held against a contract.
    File {
        /// Its name, without its folders.
        name: String,
    },
}

/// A contract, as far as a report names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContractFacts {
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// The versions that judged the rows, 12 digits each.
    pub versions: Vec<String>,
}

/// How many rows there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All that came: the sum of the next four.
    pub received: u64,
    /// Good rows.
    pub good: u64,
    /// Bad rows.
    pub bad: u64,
    /// Rows that were delivered before.
    pub duplicate: u64,
    /// Records with a null payload.
    pub tombstone: u64,
    /// Bad rows made good since.
    pub repaired: u64,
}

impl Totals {
    /// Rows that were judged.
    pub fn judged(&self) -> u64 {
        self.good + self.bad
    }

    /// Bad rows over judged rows; 0 where none was judged.
    pub fn bad_share(&self) -> f64 {
        share(self.bad, self.judged())
    }
}

/// A part of a whole; 0 of nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// An expectation and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// Its id.
    pub id: String,
    /// What is measured, in words.
    pub measures: String,
    /// The column it is about.
    pub field: Option<String>,
    /// The least value that is expected.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
    /// What was measured: of a day's batches the value furthest from what is expected.
    pub measured: Option<f64>,
    /// In how many batches it was measured.
    pub batches: u64,
    /// In how many of them it was not met.
    pub missed: u64,
}

impl Expected {
    /// Whether it was met everywhere. Nothing measured is met.
    pub fn is_met(&self) -> bool {
        self.missed == 0
    }
}

/// A rule and how often it was broken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleResult {
    /// Its id.
    pub id: String,
    /// Whether breaking it makes a row bad.
    pub severity: RuleSeverity,
    /// The column it is about.
    pub field: Option<String>,
    /// What it asks, in words.
    pub asks: String,
    /// Rows that broke it.
    pub rows: u64,
    /// Of the judged rows.
    pub share: f64,
    /// Rows that broke it, by the timeline's buckets; empty where that is not known.
    pub over: Vec<u64>,
    /// Where some of them are.
    pub positions: Vec<String>,
    /// What stood there, where the column is public.
    pub values: Option<Values>,
}

/// Whether a broken rule makes a row bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSeverity {
    /// It does.
    Error,
    /// It is only counted.
    Warn,
}

/// Values of a column with how often each stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Values {
    /// The most frequent ones.
    pub top: Vec<Level>,
    /// How many rows have other values.
    pub other: u64,
    /// Whether the counts are exact.
    pub exact: bool,
}

/// A value and how often it stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Level {
    /// The value, cut where it is long.
    pub value: String,
    /// Rows.
    pub rows: u64,
}

/// Bad rows by time or by place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeline {
    /// What the buckets are of.
    pub axis: TimelineAxis,
    /// In order, without gaps.
    pub buckets: Vec<Bucket>,
}

/// What a timeline's buckets are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimelineAxis {
    /// Hours of a day, in UTC.
    Hour,
    /// Offsets of a batch.
    Offset,
    /// Rows of a file.
    Row,
}

/// A stretch of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// `13:00`, or the first offset or row.
    pub from: String,
    /// How many rows were judged, where that is known.
    pub rows: Option<u64>,
    /// How many of them were bad.
    pub bad: u64,
}

/// What stands in a column of the good rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What a value is, in words.
    pub kind: String,
    /// Whether a value is about a person: then only `rows` and `missing` are told.
    pub personal: bool,
    /// Rows looked at.
    pub rows: u64,
    /// Rows without a value.
    pub missing: u64,
    /// How many different values there are.
    pub distinct: Option<Distinct>,
    /// The least value of a number or time.
    pub min: Option<Bound>,
    /// The greatest.
    pub max: Option<Bound>,
    /// The mean of a number.
    pub mean: Option<f64>,
    /// The median of a number, within 0.5 %.
    pub median: Option<f64>,
    /// The most frequent values of a text.
    pub values: Option<Values>,
}

/// How many different values a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Distinct {
    /// How many.
    pub count: u64,
    /// Whether they were counted one by one; else the standard error is 0.8 %.
    pub exact: bool,
}

/// An end of a column's values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Bound {
    /// Of numbers.
    Number(f64),
    /// Of dates and times, as ISO 8601 writes them.
    Time(String),
}

/// A few bad rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Samples {
    /// The columns that are shown.
    pub columns: Vec<SampleColumn>,
    /// How many more the contract has.
    pub columns_left_out: u64,
    /// The rows.
    pub rows: Vec<Sample>,
}

/// A column of the sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SampleColumn {
    /// Its name.
    pub name: String,
    /// Whether its values are masked.
    pub personal: bool,
}

/// A bad row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Where it is.
    pub position: String,
    /// The rules it breaks, warnings included.
    pub rules: Vec<String>,
    /// Why it could not be read at all, in a word; then it has no cells.
    pub refused: Option<String>,
    /// What stands in the columns that are shown.
    pub cells: Vec<Cell>,
}

/// What stands in a column of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// What can be said of it.
    #[serde(flatten)]
    pub state: CellState,
    /// Whether a rule on this column is broken.
    pub broken: bool,
}

/// What can be said of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", content = "value", rename_all = "snake_case")]
pub enum CellState {
    /// There is none.
    Missing,
    /// There is one, about a person.
    Masked,
    /// There was one that does not parse as the column's type.
    Unparsed,
    /// It, cut where it is long.
    Shown(String),
}

/// A file that holds rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileRef {
    /// `good`, `bad`, or `source` for the file that was judged.
    pub kind: String,
    /// Its path below the project folder, or its name.
    pub path: String,
    /// Rows.
    pub rows: u64,
    /// Bytes, where they are known.
    pub bytes: Option<u64>,
}

/// Where to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What is there.
    pub label: String,
    /// Its address, where there is one to go to.
    pub url: Option<String>,
    /// The command that gives the same.
    pub command: Option<String>,
}
