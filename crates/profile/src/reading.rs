//! What both looks found, as plain values: one reading a column, its role with it.
//!
//! Made once a table for `muster profile` to show and for [`crate::draft`] to write down.

use muster_spec::TextFormat;

use crate::columns::{Profiler, Values};
use crate::guess::{Guess, Kind};
use crate::label::Label;
use crate::ordering;
use crate::roles::{self, Role, SUSPECT};
use crate::sniff::LATIN;
use crate::{Error, Result};

/// How many bins a histogram has.
pub const BINS: usize = 20;
/// What is noted of a column that tells the label nearly alone.
pub const SUSPICION: &str = "it tells the label nearly alone: is it known before the label is?";

/// A table.
#[derive(Clone, Debug)]
pub struct Reading {
    /// How its text is written.
    pub format: TextFormat,
    /// Its rows.
    pub rows: u64,
    /// Rows with another number of cells than the header.
    pub ragged: u64,
    /// Those of them that are empty lines.
    pub empty: u64,
    /// Rows whose bytes are not in the encoding.
    pub foreign: u64,
    /// Rows that cannot be good, whatever a contract of these types says.
    pub bad: u64,
    /// Its columns, in the file's order.
    pub columns: Vec<ColumnReading>,
    /// The key's place; the column that names rows best.
    pub key: usize,
    /// The label, if there is one.
    pub label: Option<Label>,
    /// Rows whose label does not count, counts, and is missing.
    pub labels: [u64; 3],
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// A column.
#[derive(Clone, Debug)]
pub struct ColumnReading {
    /// Its name in the file.
    pub header: String,
    /// Its name as a field.
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
    /// What it is good for.
    pub role: Role,
    /// Why.
    pub why: String,
    /// Rows without a value.
    pub missing: u64,
    /// Cells that are not of its kind: bad rows.
    pub misread: u64,
    /// How many different values there are.
    pub distinct: u64,
    /// Whether they were counted one by one.
    pub exact: bool,
    /// Rows whose value stood in an earlier row; `None` where there are too many to count them.
    pub repeats: Option<u64>,
    /// How its values are spread.
    pub spread: Spread,
    /// How well a value tells the label, 0 to 1.
    pub association: Option<f64>,
    /// How well it tells the label whether there is a value.
    pub association_of_missing: Option<f64>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// How values are spread.
#[derive(Clone, Debug)]
pub enum Spread {
    /// Numbers; times in days since 1970.
    Numbers {
        /// Least and greatest.
        range: (f64, f64),
        /// Mean.
        mean: f64,
        /// Standard deviation.
        deviation: f64,
        /// The quartiles.
        quartiles: [f64; 3],
        /// Rows of [`BINS`] parts of the range without outliers.
        histogram: Vec<u64>,
        /// The borders beyond which a value is an outlier, and how many are.
        outliers: Option<(f64, f64, u64)>,
    },
    /// Texts and truth values.
    Texts {
        /// Levels with their rows, most frequent first; not all where there are many.
        levels: Vec<(String, u64)>,
        /// Least and greatest number of characters.
        lengths: (u32, u32),
        /// What all look like, as a regular expression.
        pattern: Option<String>,
        /// Whether they are sentences.
        prose: bool,
    },
    /// No value.
    Nothing,
}

impl Reading {
    /// Puts both looks together. The profiler's contract has the guess's columns in order.
    ///
    /// Errors: a table without rows.
    pub fn new(guess: Guess, profiler: &Profiler, label: Option<Label>) -> Result<Self> {
        if guess.rows == 0 || guess.columns.is_empty() {
            return Err(Error::NoRow);
        }
        let seen = profiler.columns().iter();
        let mut columns: Vec<ColumnReading> = guess
            .columns
            .into_iter()
            .zip(seen)
            .map(|(column, seen)| {
                let spread = spread(&seen.values);
                let mut notes = column.notes;
                if seen.damaged > 0 {
                    notes.push(format!(
                        "{} cells hold damaged characters, as text has that was read in another encoding than its own; their \
                         rows are bad by `{}.encoding`",
                        seen.damaged, column.name
                    ));
                }
                if let Spread::Texts { levels, .. } = &spread {
                    let levels: Vec<&str> = levels.iter().map(|(level, _)| &**level).collect();
                    notes
                        .extend(ordering::mangled(&levels).map(|level| {
                            format!("`{level}` looks like a range that a spreadsheet turned into a date")
                        }));
                }
                ColumnReading {
                    header: column.header,
                    name: column.name,
                    kind: column.kind,
                    role: Role::Feature,
                    why: String::new(),
                    missing: column.missing,
                    misread: column.misread,
                    distinct: seen.distinct.count() as u64,
                    exact: seen.distinct.is_exact(),
                    repeats: column.repeats,
                    spread,
                    association: label.as_ref().and_then(|_| seen.association()),
                    association_of_missing: label.as_ref().and_then(|_| seen.association_of_missing()),
                    notes,
                }
            })
            .collect();
        let of_label = |column: &ColumnReading| label.as_ref().is_some_and(|label| label.field == column.name);
        // Rows that could not be cut have no cells, and so none that is missing.
        let rows = guess.rows - guess.ragged - guess.foreign;
        let (key, named, why) = key(&columns, rows, &of_label);
        for (at, column) in columns.iter_mut().enumerate() {
            (column.role, column.why) = match &label {
                Some(label) if label.field == column.name => (Role::Label, label.why.clone()),
                _ if at == key && named => (Role::Key, why.clone()),
                _ => roles::of(column, rows),
            };
            if at == key && !named {
                column.notes.push(why.clone());
            }
            if column.role.is_feature() && column.association.is_some_and(|found| found >= SUSPECT) {
                column.notes.push(SUSPICION.to_owned());
            }
        }
        let repeated = columns[key]
            .repeats
            .filter(|_| named)
            .filter(|repeats| are_few(*repeats, guess.rows));
        let bad = (profiler.bad() + repeated.unwrap_or_default()).min(guess.rows);
        let mut notes = guess.notes;
        if guess.format.encoding == LATIN && profiler.columns().iter().any(|seen| seen.damaged > 0) {
            notes.push("some rows are UTF-8 and others Latin-1: write all of them in one encoding".to_owned());
        }
        if bad * 10 > guess.rows {
            notes.push(format!(
                "only {} of {} rows can be good: fewer than nine of ten",
                guess.rows - bad,
                guess.rows
            ));
        }
        Ok(Self {
            format: guess.format,
            rows: guess.rows,
            ragged: guess.ragged,
            empty: guess.empty,
            foreign: guess.foreign,
            bad,
            columns,
            key,
            label,
            labels: profiler.labels(),
            notes,
        })
    }

    /// What rows could not be read, and why: a line each.
    pub fn lost(&self) -> Vec<String> {
        let lines = [
            (self.ragged - self.empty, "with another number of cells than the header"),
            (self.empty, "that are empty lines"),
            (self.foreign, "not in the encoding"),
        ];
        let lost = lines.into_iter().filter(|(rows, _)| *rows > 0);
        lost.map(|(rows, what)| format!("{rows} rows {what}")).collect()
    }

    /// The columns that the feature view has.
    pub fn features(&self) -> impl Iterator<Item = &ColumnReading> {
        self.columns.iter().filter(|column| column.role.is_feature())
    }
}

/// Whether so few rows repeat a key's value that they are bad rows, and not what the key is like.
pub(crate) fn are_few(repeats: u64, rows: u64) -> bool {
    repeats * 50 <= rows
}

/// What a key may be known by.
type Test<'t> = &'t dyn Fn(&ColumnReading) -> bool;

/// The column that names rows best, whether it does name them, and why. There is always one: a topic's records have a key.
fn key(columns: &[ColumnReading], rows: u64, is_label: &dyn Fn(&ColumnReading) -> bool) -> (usize, bool, String) {
    let nameable = |column: &ColumnReading| {
        matches!(column.kind, Kind::Whole | Kind::Text) && column.distinct > 0 && !is_label(column)
    };
    let unique = |column: &ColumnReading| column.repeats == Some(0) && column.missing == 0;
    let nearly = |column: &ColumnReading| {
        column.missing * 100 <= rows && column.distinct as f64 >= 0.98 * (rows - column.missing) as f64
    };
    let called = |column: &ColumnReading| roles::is_identifier(&column.header);
    let counts = |column: &ColumnReading| column.kind == Kind::Whole && roles::is_counter(column, rows);
    let code = |column: &ColumnReading| matches!(&column.spread, Spread::Texts { prose: false, .. });
    let tests: [(Test<'_>, &str); 5] = [
        (
            &|column| unique(column) && called(column),
            "its name says so and no value stands twice",
        ),
        (
            &|column| nearly(column) && called(column),
            "its name says so and nearly no value stands twice",
        ),
        (&|column| unique(column) && counts(column), "it counts the rows"),
        (&|column| unique(column) && code(column), "no value stands twice"),
        (
            &|column| called(column) && column.missing == 0,
            "its name says so; a value may stand in several rows",
        ),
    ];
    for (test, why) in tests {
        if let Some(at) = columns.iter().position(|column| nameable(column) && test(column)) {
            return (at, true, why.to_owned());
        }
    }
    let most = columns.iter().enumerate().filter(|(_, column)| nameable(column));
    let most = most.max_by_key(|(at, column)| (column.distinct * (rows - column.missing), usize::MAX - at));
    let any = (0..columns.len())
        .find(|at| !is_label(&columns[*at]))
        .unwrap_or_default();
    let why = "no column names a row: it is the key because it has the most different values, and rows of one value keep \
               their order";
    (most.map_or(any, |(at, _)| at), false, why.to_owned())
}

fn spread(values: &Values) -> Spread {
    match values {
        Values::Numbers(numbers) => {
            let (Some(range), Some(mean)) = (numbers.range(), numbers.mean()) else {
                return Spread::Nothing;
            };
            let sorted = numbers.sorted();
            let quartiles = [0.25, 0.5, 0.75].map(|at| sorted.quantile(at).unwrap_or(mean));
            let outliers = sorted.outliers().filter(|(_, _, rows)| *rows > 0);
            let (from, to) = match outliers {
                Some((low, high, _)) => (low.max(range.0), high.min(range.1)),
                None => range,
            };
            Spread::Numbers {
                range,
                mean,
                deviation: numbers.deviation().unwrap_or_default(),
                quartiles,
                histogram: sorted.histogram(from, to, BINS),
                outliers,
            }
        }
        Values::Texts(texts) => {
            let Some(lengths) = texts.lengths() else {
                return Spread::Nothing;
            };
            let levels = texts.levels().into_iter();
            Spread::Texts {
                levels: levels
                    .map(|(level, split)| (level.to_owned(), split.iter().sum()))
                    .collect(),
                lengths,
                pattern: texts.pattern(),
                prose: texts.is_prose(),
            }
        }
    }
}
