//! What a model was trained on, feature by feature: cells, and how many training rows fell into each.
//!
//! Learned once when a model is trained, kept as `reference.json` with the version, never learned again. The cells:
//!
//! | feature | cells |
//! |---|---|
//! | number | 20 between the quantiles of training, one below and one above what training saw |
//! | boolean | false, true |
//! | ordinal | one a level, in order; neighbours share one where there are more than 64 levels |
//! | categorical | one a level with at least a fortieth of the rows, one for all other levels |
//!
//! A row without a value, or of a level that training did not see, is in no cell and counted beside them.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::level_cells::LevelCells;
use super::sketch::{Sketch, numbers, texts};
use crate::Error;

/// The format of `reference.json` this crate writes and reads.
const FORMAT: u32 = 1;

/// Cells between the quantiles of a number.
const QUANTILES: usize = 20;

/// Cells of an ordinal feature at most.
const ORDERED_MAX: usize = 64;

/// A level with fewer rows than this part of all has no cell of its own.
const LEVEL_PART: u64 = 40;

/// What a model was trained on.
#[derive(Clone, Debug)]
pub struct Reference {
    rows: u64,
    features: Vec<Feature>,
    lookups: Vec<LevelCells>,
}

/// One feature's cells and what fell into them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Its name in the view.
    pub name: String,
    /// Its cells.
    pub cells: Cells,
    /// Training rows in each.
    pub counts: Vec<u64>,
    /// Training rows without a value.
    pub missing: u64,
    /// How many rows of a new level as many rows as in training would bring without drift: as many as levels that
    /// training saw once (Good 1953), or for an ordinal feature as there were rows of none of its levels.
    pub unseen: u64,
}

/// How a feature's values are told apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cells {
    /// By rising edges; a value on an edge is below it.
    Numbers(#[serde(with = "exact")] Vec<f64>),
    /// False and true.
    Truth,
    /// By levels in order.
    Ordered(Vec<String>),
    /// By levels without order.
    Levels {
        /// Those with a cell of their own.
        own: Vec<String>,
        /// Those that share the last cell; where there is none, there is no such cell.
        pooled: Vec<String>,
    },
}

impl Cells {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Numbers(edges) => edges.len() + 1,
            Self::Truth => 2,
            Self::Ordered(levels) => levels.len().min(ORDERED_MAX),
            Self::Levels { own, pooled } => own.len() + usize::from(!pooled.is_empty()),
        }
    }

    /// Whether their order means something.
    pub fn are_ordered(&self) -> bool {
        !matches!(self, Self::Levels { .. })
    }

    /// Whether a value may be of a level that they do not know.
    pub fn have_levels(&self) -> bool {
        matches!(self, Self::Ordered(_) | Self::Levels { .. })
    }

    /// The cell of each level, the frequent ones first where they are told apart.
    fn of_levels(&self) -> LevelCells {
        match self {
            Self::Numbers(_) | Self::Truth => LevelCells::default(),
            Self::Ordered(levels) => {
                let cell = |at: usize| (at * self.count() / levels.len()) as u32;
                LevelCells::new(levels.iter().zip((0..levels.len()).map(cell)))
            }
            Self::Levels { own, pooled } => {
                let cells = (0..own.len() as u32).chain(std::iter::repeat(own.len() as u32));
                LevelCells::new(own.iter().chain(pooled).zip(cells))
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    format: u32,
    rows: u64,
    features: Vec<Feature>,
}

impl Reference {
    /// Learns from training's rows. `categorical` features have levels without order, those of `ordinals` the levels
    /// given there, in order; every other feature is a number or a boolean.
    ///
    /// # Errors
    /// A feature whose values cannot be told apart as asked.
    pub fn learn(
        rows: &RecordBatch,
        categorical: &[String],
        ordinals: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, Error> {
        let mut features = Vec::with_capacity(rows.num_columns());
        for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
            let (cells, once) = if let Some(levels) = ordinals.get(field.name()) {
                (Cells::Ordered(levels.clone()), 0)
            } else if categorical.contains(field.name()) {
                levels(texts(column)?.as_string::<i32>())
            } else if *column.data_type() == DataType::Boolean {
                (Cells::Truth, 0)
            } else {
                (Cells::Numbers(edges(&numbers(column)?)), 0)
            };
            features.push(Feature {
                name: field.name().clone(),
                counts: vec![0; cells.count()],
                cells,
                missing: 0,
                unseen: once,
            });
        }
        let mut reference = Self::new(rows.num_rows() as u64, features);
        // Training's rows are counted as those of a batch are.
        let mut sketch = Sketch::empty(&reference);
        reference.count(rows, &mut sketch)?;
        for (feature, counted) in reference.features.iter_mut().zip(sketch.features) {
            feature.missing = counted.missing;
            feature.unseen += counted.new;
            feature.counts = counted.cells;
        }
        Ok(reference)
    }

    fn new(rows: u64, features: Vec<Feature>) -> Self {
        Self {
            rows,
            lookups: features.iter().map(|feature| feature.cells.of_levels()).collect(),
            features,
        }
    }

    /// Rows the model was trained on.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The features, in the view's order.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The cell of each level, for each feature.
    pub(super) fn lookups(&self) -> &[LevelCells] {
        &self.lookups
    }

    /// The reference as `reference.json`: equal references give equal bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let saved = Saved {
            format: FORMAT,
            rows: self.rows,
            features: self.features.clone(),
        };
        let mut bytes = serde_json::to_vec_pretty(&saved).expect("features serialise: their keys are text");
        bytes.push(b'\n');
        bytes
    }

    /// A reference from `reference.json`.
    ///
    /// # Errors
    /// Bytes that are no reference, or of a later format.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        // What serde says may quote a level.
        let place = |error: &serde_json::Error| format!("line {} cannot be read", error.line());
        let saved: Saved = serde_json::from_slice(bytes).map_err(|error| Error::Reference(place(&error)))?;
        if saved.format != FORMAT {
            let what = format!("it has format {}, this build reads {FORMAT}", saved.format);
            return Err(Error::Reference(what));
        }
        for feature in &saved.features {
            let rising = match &feature.cells {
                Cells::Numbers(edges) => edges.is_sorted_by(|one, other| one < other),
                _ => true,
            };
            if !rising || feature.counts.len() != feature.cells.count() {
                return Err(Error::Reference(format!("its feature `{}` is damaged", feature.name)));
            }
        }
        Ok(Self::new(saved.rows, saved.features))
    }
}

/// The edges between a number's cells: its least value's lower neighbour, its quantiles, its greatest value.
fn edges(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (Some(least), Some(greatest)) = (sorted.first(), sorted.last()) else {
        return Vec::new();
    };
    let quantile = |part: usize| sorted[(part * sorted.len()).div_ceil(QUANTILES) - 1];
    let mut edges: Vec<f64> = std::iter::once(least.next_down())
        .chain((1..QUANTILES).map(quantile))
        .chain([*greatest])
        .filter(|edge| edge.is_finite())
        .collect();
    edges.dedup();
    edges
}

/// The levels of a column by how many rows each has, and how many of them one row alone has.
fn levels(column: &arrow::array::StringArray) -> (Cells, u64) {
    let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
    for level in column.iter().flatten() {
        *rows.entry(level).or_default() += 1;
    }
    let once = rows.values().filter(|rows| **rows == 1).count() as u64;
    let known: u64 = rows.values().sum();
    let mut frequent: Vec<(&str, u64)> = rows.into_iter().collect();
    // Equally frequent ones stay in the alphabet's order.
    frequent.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    let mut split = frequent.partition_point(|(_, rows)| rows * LEVEL_PART >= known);
    let pooled: u64 = frequent[split..].iter().map(|(_, rows)| rows).sum();
    // Too few to have a cell: the least frequent of the others joins them.
    if pooled > 0 && pooled * LEVEL_PART < known && split > 1 {
        split -= 1;
    }
    let named = |part: &[(&str, u64)]| part.iter().map(|(level, _)| (*level).to_owned()).collect();
    let cells = Cells::Levels {
        own: named(&frequent[..split]),
        pooled: named(&frequent[split..]),
    };
    (cells, once)
}

/// Numbers as the texts that read back to the same bits: JSON's own numbers need not.
mod exact {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(numbers: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        let texts: Vec<String> = numbers.iter().map(f64::to_string).collect();
        texts.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let numbers = texts.iter().map(|text| text.parse::<f64>());
        let numbers: Result<Vec<f64>, _> = numbers.collect();
        numbers.map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
