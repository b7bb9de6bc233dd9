//! What stands in the columns of good rows: how many values are missing, how many different ones there are, their range
//! and the most frequent of them.
//!
//! Used by the quality report while a file is judged, and over sealed files. Memory does not grow with rows. Of a
//! personal field only rows and missing values are counted: nothing else of it is even looked at.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use muster_spec::{Contract, FieldKind};

use super::distinct::{self, Distinct};
use super::expectations::{Sum, each_number};
use super::levels::Levels;
use super::quantile::Quantile;

/// What was seen of each field so far.
#[derive(Clone, Debug)]
pub struct Profile {
    columns: Vec<Seen>,
    rows: u64,
    hashes: Vec<u64>,
}

/// What was seen of a field.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    rows: u64,
    missing: u64,
    values: Option<SeenValues>,
}

/// What was seen of a public field's values.
#[derive(Clone, Debug)]
struct SeenValues {
    distinct: Distinct,
    kind: SeenKind,
}

#[derive(Clone, Debug)]
enum SeenKind {
    Numbers {
        least: f64,
        greatest: f64,
        count: u64,
        sum: Sum,
        median: Quantile,
    },
    Times {
        least: f64,
        greatest: f64,
    },
    Texts(Levels),
    Bytes,
}

/// A field's profile.
#[derive(Clone, Debug)]
pub struct FieldProfile<'p> {
    /// Rows looked at.
    pub rows: u64,
    /// Rows without a value.
    pub missing: u64,
    /// What is told of a public field's values.
    pub values: Option<FieldValues<'p>>,
}

/// What is told of a field's values.
#[derive(Clone, Debug)]
pub struct FieldValues<'p> {
    /// How many different ones there are.
    pub distinct: u64,
    /// Whether they were counted one by one.
    pub distinct_exact: bool,
    /// Least and greatest finite number; for a date its days and for a timestamp its milliseconds or microseconds since
    /// 1970-01-01 UTC.
    pub range: Option<(f64, f64)>,
    /// The mean of the finite numbers.
    pub mean: Option<f64>,
    /// Their median, within 0.5 %.
    pub median: Option<f64>,
    /// The texts with how often each is there; truth values are `true` and `false`.
    pub texts: Option<&'p Levels>,
}

impl Profile {
    /// A contract's fields, nothing seen yet.
    pub fn new(contract: &Contract) -> Self {
        let seen = |field: &muster_spec::Field| Seen {
            name: field.name.clone(),
            rows: 0,
            missing: 0,
            values: (!field.personal).then(|| SeenValues {
                distinct: Distinct::new(),
                kind: SeenKind::of(&field.kind),
            }),
        };
        Self {
            columns: contract.fields.iter().map(seen).collect(),
            rows: 0,
            hashes: Vec::new(),
        }
    }

    /// Adds rows whose columns have the fields' names. A field that the rows lack, as those of an older version may, is
    /// left as it is.
    pub fn add(&mut self, rows: &RecordBatch) {
        self.rows += rows.num_rows() as u64;
        for seen in &mut self.columns {
            if let Some(column) = rows.column_by_name(&seen.name) {
                seen.add(column, &mut self.hashes);
            }
        }
    }

    /// How many rows were looked at.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What was seen, a profile a field, in the contract's order.
    pub fn fields(&self) -> impl Iterator<Item = FieldProfile<'_>> {
        self.columns.iter().map(|seen| FieldProfile {
            rows: seen.rows,
            missing: seen.missing,
            values: seen.values.as_ref().map(SeenValues::told),
        })
    }
}

impl Seen {
    fn add(&mut self, column: &ArrayRef, hashes: &mut Vec<u64>) {
        self.rows += column.len() as u64;
        self.missing += column.null_count() as u64;
        let Some(values) = &mut self.values else { return };
        distinct::hashes(column, hashes);
        for hash in hashes.iter() {
            values.distinct.add(*hash);
        }
        values.kind.add(column);
    }
}

impl SeenKind {
    fn of(kind: &FieldKind) -> Self {
        let (least, greatest) = (f64::INFINITY, f64::NEG_INFINITY);
        match kind {
            FieldKind::Text | FieldKind::Enum(_) | FieldKind::Boolean => Self::Texts(Levels::default()),
            FieldKind::Bytes => Self::Bytes,
            kind if kind.is_time() => Self::Times { least, greatest },
            _ => Self::Numbers {
                least,
                greatest,
                count: 0,
                sum: Sum::default(),
                median: Quantile::new(),
            },
        }
    }

    fn add(&mut self, column: &ArrayRef) {
        match self {
            Self::Numbers {
                least,
                greatest,
                count,
                sum,
                median,
            } => each_number(column, |value| {
                *least = least.min(value);
                *greatest = greatest.max(value);
                *count += 1;
                sum.add(value);
                median.add(value);
            }),
            Self::Times { least, greatest } => each_number(column, |value| {
                *least = least.min(value);
                *greatest = greatest.max(value);
            }),
            Self::Texts(levels) => {
                if let Some(texts) = column.as_string_opt::<i32>() {
                    texts.iter().flatten().for_each(|text| levels.add(text));
                } else if let Some(truths) = column.as_boolean_opt() {
                    let texts = truths
                        .iter()
                        .flatten()
                        .map(|truth| if truth { "true" } else { "false" });
                    texts.for_each(|text| levels.add(text));
                }
            }
            Self::Bytes => {}
        }
    }
}

impl SeenValues {
    fn told(&self) -> FieldValues<'_> {
        let range = |least: &f64, greatest: &f64| (least <= greatest).then_some((*least, *greatest));
        let told = FieldValues {
            distinct: self.distinct.count() as u64,
            distinct_exact: self.distinct.is_exact(),
            range: None,
            mean: None,
            median: None,
            texts: None,
        };
        match &self.kind {
            SeenKind::Numbers {
                least,
                greatest,
                count,
                sum,
                median,
            } => FieldValues {
                range: range(least, greatest),
                mean: (*count > 0).then(|| sum.value() / *count as f64),
                median: median.value(0.5),
                ..told
            },
            SeenKind::Times { least, greatest } => FieldValues {
                range: range(least, greatest),
                ..told
            },
            SeenKind::Texts(levels) => FieldValues {
                texts: Some(levels),
                ..told
            },
            SeenKind::Bytes => told,
        }
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
