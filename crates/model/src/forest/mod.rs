//! LightGBM's binary forests in safe Rust: parsed from their text, evaluated to the same bits.
//!
//! `parse` reads the text and trusts nothing in it; `leaf_masks` is the fast way from rows to raw scores; the walk in
//! this file is the plain one, for forests the fast way does not take and as its oracle; `reasons` explains scores. A
//! [`Forest`] that exists is whole: children form trees, indices are in range, numbers are finite.

mod leaf_masks;
mod parse;
mod quadrature;
mod reasons;

use std::ops::Range;

use crate::error::{Error, Result};
use crate::matrix::Matrix;

use leaf_masks::Tables;
pub use reasons::Reasons;

/// LightGBM's `kZeroThreshold`, a single-precision number: what is no larger counts as zero.
const ZERO_MAX: f64 = 1e-35_f32 as f64;

/// Rows that are evaluated together: their codes and scores stay in the first cache.
const BLOCK_ROWS: usize = 256;

/// A binary model of boosted or averaged trees.
#[derive(Debug)]
pub struct Forest {
    feature_names: Vec<String>,
    /// The slope of the logistic function that makes probabilities.
    sigmoid: f64,
    /// Whether the raw score is the mean of the trees (`boosting=rf`) rather than their sum.
    average: bool,
    trees: Vec<Tree>,
    tables: Option<Tables>,
}

/// One tree. Node 0 is the root; a child below 0 is the leaf `!child`; a node's number is above its parent's.
#[derive(Debug)]
struct Tree {
    nodes: Vec<Node>,
    leaf_values: Vec<f64>,
    /// Training rows that fell into each leaf.
    leaf_counts: Vec<u32>,
    /// Bit sets of categories, 32 to a word; category nodes hold ranges of it.
    words: Vec<u32>,
}

/// A split.
#[derive(Debug)]
struct Node {
    feature: usize,
    test: Test,
    left: i32,
    right: i32,
    /// Training rows that reached it.
    count: u32,
    /// What it gained in training.
    gain: f64,
}

/// What sends a value left.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// Being at most `threshold`; what counts as missing goes the default way.
    Number {
        threshold: f64,
        missing: Missing,
        default_left: bool,
    },
    /// Being one of these categories; missing is none.
    Category { words: Range<usize> },
}

/// Which values of a number count as missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// None: NaN is read as zero.
    None,
    /// Zero, and NaN, which is read as zero.
    Zero,
    /// NaN.
    Nan,
}

/// A value as LightGBM sees it: what is close to zero is zero.
#[inline]
fn flat_zero(value: f64) -> f64 {
    if value.abs() <= ZERO_MAX { 0.0 } else { value }
}

impl Test {
    /// Whether `value`, already through [`flat_zero`], goes left.
    #[inline]
    fn goes_left(&self, value: f64, words: &[u32]) -> bool {
        match self {
            Self::Number {
                threshold,
                missing,
                default_left,
            } => {
                let is_missing = match missing {
                    Missing::None => false,
                    Missing::Zero => value == 0.0 || value.is_nan(),
                    Missing::Nan => value.is_nan(),
                };
                if is_missing {
                    return *default_left;
                }
                let value = if value.is_nan() { 0.0 } else { value };
                value <= *threshold
            }
            Self::Category { words: range } => category_of(value).is_some_and(|category| {
                let word = words[range.clone()].get(category as usize / 32);
                word.is_some_and(|word| word >> (category % 32) & 1 == 1)
            }),
        }
    }
}

/// The category a value names: its whole part; none for NaN, negative ones and what no `i32` holds.
#[inline]
fn category_of(value: f64) -> Option<u32> {
    (value > -1.0 && value < 2_147_483_648.0).then_some(value as u32)
}

impl Tree {
    /// The leaf a row falls into.
    fn leaf(&self, row: &[f64]) -> usize {
        let mut child = if self.nodes.is_empty() { -1 } else { 0 };
        while child >= 0 {
            let node = &self.nodes[child as usize];
            let left = node.test.goes_left(flat_zero(row[node.feature]), &self.words);
            child = if left { node.left } else { node.right };
        }
        !child as usize
    }

    /// Training rows that reached a child.
    fn count(&self, child: i32) -> u32 {
        if child >= 0 {
            self.nodes[child as usize].count
        } else {
            self.leaf_counts[!child as usize]
        }
    }
}

impl Forest {
    /// Parses the text that LightGBM saves. Whatever the text is, the answer is a forest or an error with its line.
    pub fn parse(text: &str) -> Result<Self> {
        let mut forest = parse::forest(text)?;
        forest.tables = Tables::build(&forest);
        Ok(forest)
    }

    /// How many features a row must have.
    pub fn columns(&self) -> usize {
        self.feature_names.len()
    }

    /// The features' names as the text has them.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// How many trees there are.
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// How many leaves the largest tree has.
    pub fn leaves_max(&self) -> usize {
        self.trees.iter().map(|tree| tree.leaf_values.len()).max().unwrap_or(0)
    }

    /// How many splits are on categories.
    pub fn category_splits(&self) -> usize {
        let nodes = self.trees.iter().flat_map(|tree| &tree.nodes);
        nodes.filter(|node| matches!(node.test, Test::Category { .. })).count()
    }

    /// Raw scores, one a row: log-odds over the slope of the logistic function. For boosted trees the same bits as
    /// LightGBM's; averaged trees give the mean.
    pub fn raw(&self, matrix: &Matrix) -> Result<Vec<f64>> {
        self.fits(matrix)?;
        let mut scores = match &self.tables {
            Some(tables) => tables.raw(matrix),
            None => self.walk(matrix),
        };
        if self.average {
            for score in &mut scores {
                *score /= self.trees.len() as f64;
            }
        }
        Ok(scores)
    }

    /// Probabilities of the positive class, one a row; the same bits as LightGBM's.
    pub fn probabilities(&self, matrix: &Matrix) -> Result<Vec<f64>> {
        let mut scores = self.raw(matrix)?;
        for score in &mut scores {
            *score = self.probability(*score);
        }
        Ok(scores)
    }

    /// The probability a raw score stands for.
    pub fn probability(&self, raw: f64) -> f64 {
        1.0 / (1.0 + (-self.sigmoid * raw).exp())
    }

    /// The sums of all trees by plain walking, tree after tree within a block of rows.
    fn walk(&self, matrix: &Matrix) -> Vec<f64> {
        let mut scores = vec![0.0; matrix.rows()];
        for (block, scores) in scores.chunks_mut(BLOCK_ROWS).enumerate() {
            for tree in &self.trees {
                for (at, score) in scores.iter_mut().enumerate() {
                    *score += tree.leaf_values[tree.leaf(matrix.row(block * BLOCK_ROWS + at))];
                }
            }
        }
        scores
    }

    /// How often each feature splits, and what its splits gained in training.
    pub fn importance(&self) -> Vec<(u64, f64)> {
        let mut importance = vec![(0, 0.0); self.columns()];
        for node in self.trees.iter().flat_map(|tree| &tree.nodes) {
            if node.gain > 0.0 {
                importance[node.feature].0 += 1;
                importance[node.feature].1 += node.gain;
            }
        }
        importance
    }

    /// For each feature the values at which some split changes its mind, rising; what a golden row is made from.
    #[cfg(feature = "train")]
    pub(crate) fn turning_values(&self) -> Vec<Vec<f64>> {
        let mut values = vec![Vec::new(); self.columns()];
        for tree in &self.trees {
            for node in &tree.nodes {
                match &node.test {
                    Test::Number { threshold, .. } => values[node.feature].push(*threshold),
                    Test::Category { words } => {
                        let categories = (0..words.len() as u32 * 32).filter(|category| {
                            tree.words[words.clone()][*category as usize / 32] >> (category % 32) & 1 == 1
                        });
                        values[node.feature].extend(categories.map(f64::from));
                    }
                }
            }
        }
        for values in &mut values {
            values.sort_by(f64::total_cmp);
            values.dedup();
        }
        values
    }

    fn fits(&self, matrix: &Matrix) -> Result<()> {
        if matrix.columns() == self.columns() {
            return Ok(());
        }
        Err(Error::Signature(format!(
            "the model has {} features, {} were given",
            self.columns(),
            matrix.columns()
        )))
    }
}

#[cfg(test)]
#[path = "mod_tests.rs"]
mod tests;
