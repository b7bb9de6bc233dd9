//! From feature columns to the numbers a forest sees, the same way in training and in scoring.
//!
//! Learned once from the training rows, saved with the model version, never learned again. The codes:
//!
//! | feature | level | missing | unknown level |
//! |---|---|---|---|
//! | categorical, n levels in byte order | 0 .. n | n | n + 1 |
//! | ordinal, in the order of its contract's `one_of` | 0 .. n | NaN | -1 |
//! | boolean | 0, 1 | NaN | |
//! | number, date, timestamp (microseconds) | itself | NaN | |

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::matrix::Matrix;

/// The format of `encoder.json` this crate writes and reads.
const FORMAT: u32 = 1;

/// How many levels a categorical feature may have: past it, it is an identifier and no category.
pub const LEVELS_MAX: usize = 20_000;

/// A learned encoding of a feature view's columns.
#[derive(Clone, Debug)]
pub struct Encoder {
    features: Vec<Feature>,
    lookups: Vec<HashMap<String, f64>>,
}

/// One feature and how it is encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Its name in the view.
    pub name: String,
    /// How it becomes a number.
    pub code: Code,
}

/// How a feature becomes a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// It is one.
    Number,
    /// 0 or 1.
    Boolean,
    /// The place of its level; the order means nothing.
    Categorical(Vec<String>),
    /// The place of its level; the order means something.
    Ordinal(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    format: u32,
    features: Vec<Feature>,
}

impl Encoder {
    /// Learns the encoding of these columns: levels of `categorical` ones from the rows, those of ordinal ones from
    /// `ordinals` (levels in order, by feature), the rest from the column's type.
    pub fn learn(
        columns: &RecordBatch,
        categorical: &[String],
        ordinal: &[String],
        ordinals: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self> {
        for name in categorical.iter().chain(ordinal) {
            if columns.column_by_name(name).is_none() {
                return Err(Error::feature(name, "is listed with the model but is not in the view"));
            }
        }
        let schema = columns.schema();
        let mut features = Vec::with_capacity(columns.num_columns());
        for (field, column) in schema.fields().iter().zip(columns.columns()) {
            let name = field.name();
            let code = if ordinal.contains(name) {
                let levels = ordinals.get(name);
                Code::Ordinal(levels.cloned().ok_or_else(|| {
                    Error::feature(
                        name,
                        "is ordinal, but no contract of the pipeline has a `one_of` for it",
                    )
                })?)
            } else if categorical.contains(name) {
                Code::Categorical(levels(name, column)?)
            } else {
                match column.data_type() {
                    DataType::Boolean => Code::Boolean,
                    kind if is_number(kind) => Code::Number,
                    kind => {
                        let what = format!("is of type `{kind}`: list it as categorical or ordinal, or leave it out");
                        return Err(Error::feature(name, what));
                    }
                }
            };
            features.push(Feature {
                name: name.clone(),
                code,
            });
        }
        Self::new(features)
    }

    fn new(features: Vec<Feature>) -> Result<Self> {
        if features.is_empty() {
            return Err(Error::Signature("there is no feature".into()));
        }
        let mut names = BTreeSet::new();
        let mut lookups = Vec::with_capacity(features.len());
        for feature in &features {
            if !names.insert(&feature.name) {
                return Err(Error::feature(&feature.name, "stands twice"));
            }
            let levels = match &feature.code {
                Code::Categorical(levels) | Code::Ordinal(levels) => levels.as_slice(),
                Code::Number | Code::Boolean => &[],
            };
            let lookup: HashMap<String, f64> = levels
                .iter()
                .enumerate()
                .map(|(at, level)| (level.clone(), at as f64))
                .collect();
            if lookup.len() != levels.len() {
                return Err(Error::feature(&feature.name, "has a level twice"));
            }
            lookups.push(lookup);
        }
        Ok(Self { features, lookups })
    }

    /// The features, in the order of the matrix's columns.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The matrix columns that hold unordered categories.
    pub fn categorical_columns(&self) -> Vec<usize> {
        let places = self.features.iter().enumerate();
        places
            .filter(|(_, feature)| matches!(feature.code, Code::Categorical(_)))
            .map(|(at, _)| at)
            .collect()
    }

    /// The encoder as `encoder.json`: equal encoders give equal bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let saved = Saved {
            format: FORMAT,
            features: self.features.clone(),
        };
        let mut bytes = serde_json::to_vec_pretty(&saved).expect("features serialise: their keys are text");
        bytes.push(b'\n');
        bytes
    }

    /// An encoder from `encoder.json`.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        let saved: Saved = serde_json::from_slice(bytes)
            .map_err(|error| Error::Signature(format!("the encoder is damaged: {error}")))?;
        if saved.format != FORMAT {
            return Err(Error::Signature(format!(
                "the encoder has format {}, this build reads {FORMAT}",
                saved.format
            )));
        }
        Self::new(saved.features)
    }

    /// Encodes rows. The columns must be the learned ones, by name; their order may differ.
    pub fn encode(&self, columns: &RecordBatch) -> Result<Matrix> {
        if columns.num_columns() != self.features.len() {
            return Err(Error::Signature(format!(
                "the model has {} features, {} were given",
                self.features.len(),
                columns.num_columns()
            )));
        }
        let width = self.features.len();
        let mut values = vec![0.0; columns.num_rows() * width];
        for (at, (feature, lookup)) in self.features.iter().zip(&self.lookups).enumerate() {
            let column = columns
                .column_by_name(&feature.name)
                .ok_or_else(|| Error::Signature(format!("feature `{}` is missing", feature.name)))?;
            let cells = values.iter_mut().skip(at).step_by(width);
            match &feature.code {
                Code::Number => write_numbers(&feature.name, column, cells)?,
                Code::Boolean => write_booleans(&feature.name, column, cells)?,
                Code::Categorical(levels) => {
                    let missing = levels.len() as f64;
                    write_levels(&as_text(&feature.name, column)?, lookup, missing, missing + 1.0, cells);
                }
                Code::Ordinal(_) => write_levels(&as_text(&feature.name, column)?, lookup, f64::NAN, -1.0, cells),
            }
        }
        Ok(Matrix::new(values, width))
    }
}

fn levels(name: &str, column: &ArrayRef) -> Result<Vec<String>> {
    let text = as_text(name, column)?;
    let levels: BTreeSet<&str> = text.iter().flatten().collect();
    if levels.len() > LEVELS_MAX {
        let what = format!(
            "has {} levels, more than {LEVELS_MAX}: it cannot be categorical",
            levels.len()
        );
        return Err(Error::feature(name, what));
    }
    Ok(levels.into_iter().map(str::to_owned).collect())
}

fn is_number(kind: &DataType) -> bool {
    kind.is_numeric() || matches!(kind, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _))
}

fn as_text(name: &str, column: &ArrayRef) -> Result<StringArray> {
    let kind = column.data_type();
    if kind.is_nested() || kind.is_floating() {
        return Err(Error::feature(
            name,
            format!("is of type `{kind}`, which has no levels"),
        ));
    }
    let text = cast(column, &DataType::Utf8)
        .map_err(|_| Error::feature(name, format!("is of type `{kind}`, which has no levels")))?;
    Ok(text.as_string::<i32>().clone())
}

fn write_levels<'a>(
    text: &StringArray,
    lookup: &HashMap<String, f64>,
    missing: f64,
    unknown: f64,
    cells: impl Iterator<Item = &'a mut f64>,
) {
    for (cell, level) in cells.zip(text) {
        *cell = level.map_or(missing, |level| lookup.get(level).copied().unwrap_or(unknown));
    }
}

fn write_booleans<'a>(name: &str, column: &ArrayRef, cells: impl Iterator<Item = &'a mut f64>) -> Result<()> {
    let Some(booleans) = column.as_boolean_opt() else {
        return Err(mistyped(name, column, "a boolean"));
    };
    for (cell, value) in cells.zip(booleans) {
        *cell = value.map_or(f64::NAN, f64::from);
    }
    Ok(())
}

fn write_numbers<'a>(name: &str, column: &ArrayRef, cells: impl Iterator<Item = &'a mut f64>) -> Result<()> {
    if !is_number(column.data_type()) {
        return Err(mistyped(name, column, "a number"));
    }
    let whole = match column.data_type() {
        DataType::Date32 => cast(column, &DataType::Int32),
        DataType::Date64 => cast(column, &DataType::Int64),
        DataType::Timestamp(_, zone) => cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
            .and_then(|micros| cast(&micros, &DataType::Int64)),
        _ => Ok(column.clone()),
    };
    let numbers = whole
        .and_then(|whole| cast(&whole, &DataType::Float64))
        .map_err(|_| mistyped(name, column, "a number"))?;
    for (cell, value) in cells.zip(numbers.as_primitive::<Float64Type>()) {
        *cell = value.unwrap_or(f64::NAN);
    }
    Ok(())
}

fn mistyped(name: &str, column: &ArrayRef, wanted: &str) -> Error {
    Error::Signature(format!(
        "feature `{name}` is of type `{}`, the model takes {wanted}",
        column.data_type()
    ))
}

#[cfg(test)]
#[path = "encoder_tests.rs"]
mod tests;
