//! Why a score is what it is: each feature's share of the raw score, by path-dependent TreeSHAP.
//!
//! The values are those of Lundberg, Erion and Lee, "Consistent Individualized Feature Attribution for Tree Ensembles"
//! (arXiv:1802.03888), and of LightGBM's `predict_contrib`; the way there is shorter. For one leaf of value v, whose path
//! holds d different features with z the share of training rows that stay on the path at a feature and o = 1 where the
//! row itself stays, else 0, the share of feature i is
//!
//! > `v (o_i - z_i)` times the sum over subsets S of the others of `|S|! (d - 1 - |S|)! / d!` times the product of o in S and
//! > of z outside
//!
//! and since k! (d - 1 - k)! / d! is the integral of y^k (1 - y)^(d - 1 - k) over [0, 1], that sum is the integral of the
//! product over the others of `z_j (1 - y) + o_j y`: a polynomial of degree d - 1, which Gauss-Legendre quadrature
//! integrates exactly at d / 2 points. All terms are positive, so nothing cancels. A tree's shares depend on a row only by
//! the outcomes of the tree's splits, and a leaf's only by the o of its path: within a block of rows each is computed once.
//!
//! What must stay true: shares and the base add up to the raw score; a row's shares do not depend on the rows beside it.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;

use super::quadrature::gauss_legendre;
use super::{Forest, Missing, Test, Tree, flat_zero};
use crate::error::Result;
use crate::matrix::Matrix;

/// Rows that are explained together: the more there are, the more share their outcomes.
const BLOCK_ROWS: usize = 4096;

/// Up to how many features of a path a leaf's shares are kept for the next row: there are two to that power of them.
const KEPT_ELEMENTS_MAX: usize = 8;

/// Below so many rows nothing is met again often enough to be kept.
const KEPT_ROWS_MIN: usize = 16;

/// Points of a quadrature that are computed side by side.
const LANES: usize = 4;

/// A forest made ready to explain its scores.
#[derive(Debug)]
pub struct Reasons {
    forest: Arc<Forest>,
    trees: Vec<Paths>,
    /// By number of points.
    rules: Vec<Rule>,
    base: f64,
}

/// The points of a quadrature, `LANES` side by side; what is left over has no weight.
#[derive(Clone, Debug, Default)]
struct Rule(Vec<Points>);

#[derive(Clone, Copy, Debug)]
struct Points {
    /// Where: y.
    places: [f64; LANES],
    /// What is left to 1: 1 - y.
    gaps: [f64; LANES],
    weights: [f64; LANES],
}

/// The paths to a tree's leaves.
#[derive(Debug)]
struct Paths {
    /// The tree's different features.
    features: Vec<usize>,
    leaves: Vec<LeafPath>,
    elements: Vec<Element>,
    /// How many patterns the leaves have in all.
    patterns: usize,
    /// Outcomes beside an element's first ones, in trees of more than 64 splits.
    more: Vec<Steps>,
}

#[derive(Debug)]
struct LeafPath {
    value: f64,
    points: usize,
    elements: Range<usize>,
    /// The leaf's first pattern, where it has few enough elements that its shares are kept.
    pattern: Option<usize>,
}

/// One feature on a leaf's path.
#[derive(Debug)]
struct Element {
    /// The feature's place in [`Paths::features`].
    slot: usize,
    /// The share of training rows that stay on the path at this feature.
    zero: f64,
    first: Steps,
    /// The rest, in [`Paths::more`].
    more: Range<usize>,
}

/// Outcomes that keep a row on a path, within one word of outcomes.
#[derive(Clone, Copy, Debug)]
struct Steps {
    word: usize,
    /// The splits that count.
    care: u64,
    /// Their outcomes.
    want: u64,
}

/// What a block needs and the next one reuses.
#[derive(Default)]
struct Scratch {
    /// The block's values, feature after feature.
    columns: Vec<f64>,
    /// Outcomes of a tree's splits: a word of each row, then the next word of each row.
    outcomes: Vec<u64>,
    /// Where the shares of seen outcomes begin in `shares`.
    seen: HashMap<u64, usize>,
    shares: Vec<f64>,
    kept: Kept,
}

/// Shares of a tree's leaves, by pattern of the path's features.
#[derive(Default)]
struct Kept {
    /// Where a pattern's shares begin in `values`.
    places: Vec<u32>,
    values: Vec<f64>,
    /// For each element of a leaf's path, 1 where the row stays on it.
    ones: Vec<f64>,
    /// The products of a leaf's factors before each of its elements, and the element's own factor.
    before: Vec<([f64; LANES], [f64; LANES])>,
}

const NOT_KEPT: u32 = u32::MAX;

impl Reasons {
    /// Makes a forest ready to explain.
    pub fn new(forest: Arc<Forest>) -> Self {
        let points_max = forest.columns().div_ceil(2).max(1);
        let mut rules = vec![Rule::default(); points_max + 1];
        let trees: Vec<Paths> = forest.trees.iter().map(|tree| Paths::build(tree, &mut rules)).collect();
        let base: f64 = forest.trees.iter().map(expected).sum();
        let base = if forest.average {
            base / forest.trees.len() as f64
        } else {
            base
        };
        Self {
            forest,
            trees,
            rules,
            base,
        }
    }

    /// The raw score of a row of which nothing is known.
    pub fn base(&self) -> f64 {
        self.base
    }

    /// Contributions to the raw score, one a feature, then the base; features + 1 a row.
    pub fn contributions(&self, matrix: &Matrix) -> Result<Vec<f64>> {
        self.forest.fits(matrix)?;
        let width = matrix.columns() + 1;
        let mut contributions = vec![0.0; matrix.rows() * width];
        let mut scratch = Scratch::default();
        for (block, contributions) in contributions.chunks_mut(BLOCK_ROWS * width).enumerate() {
            let rows = contributions.len() / width;
            let first = block * BLOCK_ROWS * matrix.columns();
            scratch.transpose(
                &matrix.values()[first..first + rows * matrix.columns()],
                matrix.columns(),
            );
            for (tree, paths) in self.forest.trees.iter().zip(&self.trees) {
                self.add_tree(tree, paths, rows, contributions, &mut scratch);
            }
            for row in contributions.chunks_mut(width) {
                if self.forest.average {
                    for share in row.iter_mut() {
                        *share /= self.forest.trees.len() as f64;
                    }
                }
                row[width - 1] = self.base;
            }
        }
        Ok(contributions)
    }

    fn add_tree(&self, tree: &Tree, paths: &Paths, rows: usize, contributions: &mut [f64], scratch: &mut Scratch) {
        if tree.nodes.is_empty() {
            return;
        }
        let words = tree.nodes.len().div_ceil(64);
        scratch.decide(tree, rows, words);
        scratch.seen.clear();
        scratch.shares.clear();
        let keep = rows >= KEPT_ROWS_MIN;
        scratch.kept.clear(if keep { paths.patterns } else { 0 });
        let width = contributions.len() / rows;
        for (row, contributions) in contributions.chunks_mut(width).enumerate() {
            let outcomes = |word: usize| scratch.outcomes[word * rows + row];
            // One word names all outcomes; more than one is too rarely met again to be kept.
            let known = if words == 1 {
                scratch.seen.get(&outcomes(0)).copied()
            } else {
                None
            };
            let start = known.unwrap_or_else(|| {
                let start = if words == 1 { scratch.shares.len() } else { 0 };
                scratch.shares.truncate(start);
                scratch.shares.resize(start + paths.features.len(), 0.0);
                self.explain(paths, &outcomes, &mut scratch.shares[start..], &mut scratch.kept);
                if words == 1 {
                    scratch.seen.insert(outcomes(0), start);
                }
                start
            });
            let shares = &scratch.shares[start..start + paths.features.len()];
            for (&feature, share) in paths.features.iter().zip(shares) {
                contributions[feature] += share;
            }
        }
    }

    /// Adds each feature's share in one tree, for one pattern of outcomes, to `shares`.
    fn explain(&self, paths: &Paths, outcomes: &impl Fn(usize) -> u64, shares: &mut [f64], kept: &mut Kept) {
        for leaf in &paths.leaves {
            let elements = &paths.elements[leaf.elements.clone()];
            kept.ones.clear();
            let mut pattern = 0;
            for (at, element) in elements.iter().enumerate() {
                let one = paths.follows(element, outcomes);
                kept.ones.push(f64::from(u8::from(one)));
                pattern |= usize::from(one) << (at % KEPT_ELEMENTS_MAX);
            }
            let place = leaf
                .pattern
                .map(|first| first + pattern)
                .filter(|place| *place < kept.places.len());
            let known = place.map(|place| kept.places[place]).filter(|start| *start != NOT_KEPT);
            let start = known.map_or(kept.values.len(), |start| start as usize);
            if known.is_none() {
                kept.values.resize(start + elements.len(), 0.0);
                kept.integrate(&self.rules[leaf.points], leaf.value, elements, start);
            }
            for (element, share) in elements.iter().zip(&kept.values[start..]) {
                shares[element.slot] += share;
            }
            match place {
                Some(place) => kept.places[place] = start as u32,
                None => kept.values.truncate(start),
            }
        }
    }
}

impl Kept {
    /// Forgets the last tree and makes room for one of so many patterns; 0 to keep nothing.
    fn clear(&mut self, patterns: usize) {
        self.places.clear();
        self.places.resize(patterns, NOT_KEPT);
        self.values.clear();
    }

    /// Adds the share of each element of one leaf's path to `values` from `start`. The product over all elements but one
    /// is the product before it times the product after it: no division, so a zero share is no special case.
    fn integrate(&mut self, rule: &Rule, value: f64, elements: &[Element], start: usize) {
        let shares = &mut self.values[start..];
        for points in &rule.0 {
            self.before.clear();
            let mut product = points.weights;
            for (element, one) in elements.iter().zip(&self.ones) {
                let factor: [f64; LANES] =
                    std::array::from_fn(|lane| element.zero * points.gaps[lane] + one * points.places[lane]);
                self.before.push((product, factor));
                (0..LANES).for_each(|lane| product[lane] *= factor[lane]);
            }
            let mut product = [value; LANES];
            for (at, (before, factor)) in self.before.iter().enumerate().rev() {
                let others: [f64; LANES] = std::array::from_fn(|lane| before[lane] * product[lane]);
                let integral = (others[0] + others[1]) + (others[2] + others[3]);
                shares[at] += (self.ones[at] - elements[at].zero) * integral;
                (0..LANES).for_each(|lane| product[lane] *= factor[lane]);
            }
        }
    }
}

impl Scratch {
    fn transpose(&mut self, values: &[f64], columns: usize) {
        self.columns.clear();
        for column in 0..columns {
            self.columns.extend(
                values
                    .iter()
                    .skip(column)
                    .step_by(columns)
                    .map(|value| flat_zero(*value)),
            );
        }
    }

    /// The outcomes of a tree's splits for each row; a bit is 1 where the row goes left.
    fn decide(&mut self, tree: &Tree, rows: usize, words: usize) {
        self.outcomes.clear();
        self.outcomes.resize(rows * words, 0);
        for (at, node) in tree.nodes.iter().enumerate() {
            let column = &self.columns[node.feature * rows..(node.feature + 1) * rows];
            let outcomes = &mut self.outcomes[at / 64 * rows..(at / 64 + 1) * rows];
            // One loop for each kind of split, so that the kind is not asked for each row.
            match &node.test {
                Test::Number {
                    threshold,
                    missing: Missing::None,
                    ..
                } => {
                    mark(outcomes, column, at, |value| {
                        value <= *threshold || value.is_nan() && 0.0 <= *threshold
                    });
                }
                Test::Number {
                    threshold,
                    missing: Missing::Nan,
                    default_left,
                } => {
                    mark(outcomes, column, at, |value| {
                        value <= *threshold || value.is_nan() && *default_left
                    });
                }
                test => mark(outcomes, column, at, |value| test.goes_left(value, &tree.words)),
            }
        }
    }
}

/// Sets split `at`'s bit of each row whose value goes left.
fn mark(outcomes: &mut [u64], column: &[f64], at: usize, goes_left: impl Fn(f64) -> bool) {
    for (outcome, value) in outcomes.iter_mut().zip(column) {
        *outcome |= u64::from(goes_left(*value)) << (at % 64);
    }
}

impl Rule {
    fn new(points: usize) -> Self {
        let all = gauss_legendre(points);
        let groups = all.chunks(LANES).map(|group| {
            let lane = |lane: usize| group.get(lane).copied().unwrap_or((0.5, 0.0));
            Points {
                places: std::array::from_fn(|at| lane(at).0),
                gaps: std::array::from_fn(|at| 1.0 - lane(at).0),
                weights: std::array::from_fn(|at| lane(at).1),
            }
        });
        Self(groups.collect())
    }
}

impl Paths {
    fn build(tree: &Tree, rules: &mut [Rule]) -> Self {
        let mut features: Vec<usize> = tree.nodes.iter().map(|node| node.feature).collect();
        features.sort_unstable();
        features.dedup();
        let mut paths = Self {
            features,
            leaves: Vec::new(),
            elements: Vec::new(),
            patterns: 0,
            more: Vec::new(),
        };
        if tree.nodes.is_empty() {
            return paths;
        }
        // Upwards from each leaf instead of by recursion: a tree may be as deep as it has splits.
        let mut leaf_parents = vec![None; tree.leaf_values.len()];
        let mut node_parents = vec![None; tree.nodes.len()];
        for (at, node) in tree.nodes.iter().enumerate() {
            for (child, left) in [(node.left, true), (node.right, false)] {
                if child >= 0 {
                    node_parents[child as usize] = Some((at, left));
                } else {
                    leaf_parents[!child as usize] = Some((at, left));
                }
            }
        }
        for (value, parent) in tree.leaf_values.iter().zip(leaf_parents) {
            let splits: Vec<_> = std::iter::successors(parent, |&(at, _)| node_parents[at]).collect();
            paths.push_leaf(tree, *value, &splits, rules);
        }
        paths
    }

    /// Adds the leaf that is reached by these splits, each with the side taken.
    fn push_leaf(&mut self, tree: &Tree, value: f64, splits: &[(usize, bool)], rules: &mut [Rule]) {
        let mut by_slot: Vec<(usize, Vec<(usize, bool)>)> = Vec::new();
        for &(at, left) in splits {
            let feature = tree.nodes[at].feature;
            let slot = self
                .features
                .binary_search(&feature)
                .expect("all features of the tree are listed");
            match by_slot.iter_mut().find(|(seen, _)| *seen == slot) {
                Some((_, splits)) => splits.push((at, left)),
                None => by_slot.push((slot, vec![(at, left)])),
            }
        }
        let points = by_slot.len().div_ceil(2);
        if rules[points].0.is_empty() {
            rules[points] = Rule::new(points);
        }
        let start = self.elements.len();
        for (slot, splits) in by_slot {
            let mut steps: Vec<Steps> = Vec::new();
            for &(at, left) in &splits {
                let (word, care) = (at / 64, 1 << (at % 64));
                let want = if left { care } else { 0 };
                match steps.iter_mut().find(|steps| steps.word == word) {
                    Some(steps) => {
                        steps.care |= care;
                        steps.want |= want;
                    }
                    None => steps.push(Steps { word, care, want }),
                }
            }
            let more = self.more.len();
            self.more.extend_from_slice(&steps[1..]);
            self.elements.push(Element {
                slot,
                zero: splits.iter().map(|&(at, left)| kept(tree, at, left)).product(),
                first: steps[0],
                more: more..self.more.len(),
            });
        }
        let width = self.elements.len() - start;
        let pattern = (width <= KEPT_ELEMENTS_MAX).then_some(self.patterns);
        if pattern.is_some() {
            self.patterns += 1 << width;
        }
        self.leaves.push(LeafPath {
            value,
            points,
            elements: start..self.elements.len(),
            pattern,
        });
    }

    /// Whether a row stays on the path at an element.
    #[inline]
    fn follows(&self, element: &Element, outcomes: &impl Fn(usize) -> u64) -> bool {
        let kept = |steps: &Steps| outcomes(steps.word) & steps.care == steps.want;
        kept(&element.first) && (element.more.is_empty() || self.more[element.more.clone()].iter().all(kept))
    }
}

/// The share of a split's training rows that took a side.
fn kept(tree: &Tree, at: usize, left: bool) -> f64 {
    let node = &tree.nodes[at];
    f64::from(tree.count(if left { node.left } else { node.right })) / f64::from(node.count)
}

/// A tree's mean over its training rows.
fn expected(tree: &Tree) -> f64 {
    let Some(root) = tree.nodes.first() else {
        return tree.leaf_values[0];
    };
    let leaves = tree.leaf_values.iter().zip(&tree.leaf_counts);
    leaves
        .map(|(value, count)| f64::from(*count) / f64::from(root.count) * value)
        .sum()
}

#[cfg(test)]
#[path = "reasons_tests.rs"]
mod tests;
