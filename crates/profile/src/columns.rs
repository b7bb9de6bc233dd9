//! The second look at a table, whose columns now have types: what stands in each, and how it goes with the label.
//!
//! Called by `muster init` and `muster profile` with the rows that the contract's own decoder made, so that what is told is
//! told of values as they will be judged. Memory does not grow with rows.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use muster_batch::DecodedBatch;
use muster_contract::judge::distinct::{Distinct, hashes};
use muster_expr::encoding::is_damaged;
use muster_spec::{Contract, FieldKind};

use crate::label::Label;
use crate::numbers::{Numbers, Split, UNLABELLED};
use crate::texts::{Texts, cramers_v};

/// What was seen of the rows so far.
#[derive(Debug)]
pub struct Profiler {
    label: Option<(usize, Label)>,
    columns: Vec<Seen>,
    rows: u64,
    bad: u64,
    hashes: Vec<u64>,
}

/// What was seen of a column.
#[derive(Debug)]
pub struct Seen {
    /// Rows with a value and without one, by their label.
    pub there: [Split; 2],
    /// How many different values there are.
    pub distinct: Distinct,
    /// Texts that hold damaged characters: their rows are bad.
    pub damaged: u64,
    /// The values.
    pub values: Values,
}

/// A column's values.
#[derive(Debug)]
pub enum Values {
    /// Numbers; times in days since 1970.
    Numbers(Numbers),
    /// Texts and truth values.
    Texts(Texts),
}

impl Profiler {
    /// Of rows of this contract; a label is one of its fields.
    pub fn new(contract: &Contract, label: Option<Label>) -> Self {
        let place = |label: Label| Some((contract.field(&label.field)?, label));
        let seen = |field: &muster_spec::Field| Seen {
            there: [[0; 3]; 2],
            distinct: Distinct::new(),
            damaged: 0,
            values: match field.kind {
                FieldKind::Text | FieldKind::Enum(_) | FieldKind::Boolean | FieldKind::Bytes => {
                    Values::Texts(Texts::default())
                }
                _ => Values::Numbers(Numbers::default()),
            },
        };
        Self {
            label: label.and_then(place),
            columns: contract.fields.iter().map(seen).collect(),
            rows: 0,
            bad: 0,
            hashes: Vec::new(),
        }
    }

    /// Adds rows, whose columns are the contract's fields in order.
    pub fn add(&mut self, batch: &DecodedBatch) {
        let rows = &batch.rows;
        self.rows += rows.num_rows() as u64;
        let mut is_bad = vec![false; rows.num_rows()];
        batch
            .findings
            .iter()
            .for_each(|finding| is_bad[finding.row as usize] = true);
        let labels = match &self.label {
            Some((at, label)) => label.of_rows(rows.column(*at)),
            None => vec![UNLABELLED; rows.num_rows()],
        };
        if let Some((at, _)) = &self.label {
            let column = rows.column(*at);
            let neither = |row: usize| labels[row] == UNLABELLED && column.is_valid(row);
            is_bad
                .iter_mut()
                .enumerate()
                .for_each(|(row, is_bad)| *is_bad |= neither(row));
        }
        for (seen, column) in self.columns.iter_mut().zip(rows.columns()) {
            for (row, label) in labels.iter().enumerate() {
                seen.there[usize::from(column.is_null(row))][*label] += 1;
            }
            hashes(column, &mut self.hashes);
            for hash in &self.hashes {
                seen.distinct.add(*hash);
            }
            seen.values.add(column, &labels);
            seen.damaged += damaged(column, &mut is_bad);
        }
        self.bad += batch.refused.len() as u64 + is_bad.into_iter().filter(|is_bad| *is_bad).count() as u64;
    }

    /// How many rows no contract of these types can find good: what could not be cut or typed, damaged text, a label that
    /// is none.
    pub fn bad(&self) -> u64 {
        self.bad
    }

    /// How many rows were looked at.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What was seen, in the contract's order.
    pub fn columns(&self) -> &[Seen] {
        &self.columns
    }

    /// Rows by their label.
    pub fn labels(&self) -> Split {
        let [there, missing] = self.columns.first().map_or([[0; 3]; 2], |seen| seen.there);
        [0, 1, 2].map(|label| there[label] + missing[label])
    }
}

impl Values {
    fn add(&mut self, column: &dyn Array, labels: &[usize]) {
        match self {
            Self::Numbers(numbers) => each_number(column, |row, value| numbers.add(value, labels[row])),
            Self::Texts(texts) => {
                if let Some(column) = column.as_string_opt::<i32>() {
                    for (row, text) in column.iter().enumerate() {
                        if let Some(text) = text {
                            texts.add(text, labels[row]);
                        }
                    }
                } else if let Some(column) = column.as_boolean_opt() {
                    for (row, truth) in column.iter().enumerate() {
                        if let Some(truth) = truth {
                            texts.add(if truth { "true" } else { "false" }, labels[row]);
                        }
                    }
                }
            }
        }
    }
}

/// How many texts of a column are damaged; their rows are marked.
fn damaged(column: &dyn Array, is_bad: &mut [bool]) -> u64 {
    let Some(texts) = column.as_string_opt::<i32>() else {
        return 0;
    };
    let mut damaged = 0;
    for (row, _) in texts
        .iter()
        .enumerate()
        .filter(|(_, text)| text.is_some_and(is_damaged))
    {
        is_bad[row] = true;
        damaged += 1;
    }
    damaged
}

/// Calls with each finite number of a column; dates and timestamps in days.
fn each_number(column: &dyn Array, mut each: impl FnMut(usize, f64)) {
    const MICROS_A_DAY: f64 = 86_400e6;
    let mut give = |row: usize, value: Option<f64>| {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            each(row, value);
        }
    };
    match column.data_type() {
        DataType::Timestamp(..) => {
            let Ok(micros) = cast(&column.slice(0, column.len()), &DataType::Int64) else {
                return;
            };
            let micros = micros.as_primitive::<Int64Type>();
            micros
                .iter()
                .enumerate()
                .for_each(|(row, value)| give(row, value.map(|micros| micros as f64 / MICROS_A_DAY)));
        }
        DataType::Date32 => {
            let days = column.as_primitive::<arrow::datatypes::Date32Type>();
            days.iter()
                .enumerate()
                .for_each(|(row, value)| give(row, value.map(f64::from)));
        }
        DataType::Int64 => {
            let wholes = column.as_primitive::<Int64Type>();
            wholes
                .iter()
                .enumerate()
                .for_each(|(row, value)| give(row, value.map(|whole| whole as f64)));
        }
        DataType::Float64 => {
            let numbers = column.as_primitive::<Float64Type>();
            numbers.iter().enumerate().for_each(|(row, value)| give(row, value));
        }
        _ => {}
    }
}

impl Seen {
    /// Rows without a value.
    pub fn missing(&self) -> u64 {
        self.there[1].iter().sum()
    }

    /// Rows with one.
    pub fn count(&self) -> u64 {
        self.there[0].iter().sum()
    }

    /// How well the value alone tells the label, 0 to 1: twice the area under the curve less one for numbers, Cramér's V
    /// for texts.
    pub fn association(&self) -> Option<f64> {
        match &self.values {
            Values::Numbers(numbers) => numbers.sorted().auc().map(|auc| (2.0 * auc - 1.0).abs()),
            Values::Texts(texts) => texts.cramers_v(),
        }
    }

    /// How well it tells the label whether there is a value at all.
    pub fn association_of_missing(&self) -> Option<f64> {
        let some_of_each = self.missing() > 0 && self.count() > 0;
        some_of_each.then(|| cramers_v(self.there.into_iter())).flatten()
    }
}
