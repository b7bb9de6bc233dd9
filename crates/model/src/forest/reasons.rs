//! Why a score is what it is: each feature's share of the raw score, by path-dependent TreeSHAP.
//!
//! The values are those of Lundberg, Erion and Lee, "Consistent Individualized Feature Attribution for Tree Ensembles"
//! (arXiv:1802.03888), and of LightGBM's `predict_contrib`; the way there is shorter. For one leaf of value v, whose path
//! holds d different features with z the share of training rows that stay on the path at a feature and o = 1 where the
//! row itself stays, else 0, the share of feature i is
//!
//! v (o_i - z_i) sum over subsets S of the others of |S|! (d - 1 - |S|)! / d! times the product of o in S and z outside
//!
//! and since k! (d - 1 - k)! / d! is the integral of y^k (1 - y)^(d - 1 - k) over [0, 1], that sum is the integral of the
//! product over the others of z_j (1 - y) + o_j y: a polynomial of degree d - 1, which Gauss-Legendre quadrature
//! integrates exactly at d / 2 points. All terms are positive, so nothing cancels. A tree's shares depend on a row only by
//! the outcomes of the tree's splits; rows of a block with the same outcomes share one computation.
//!
//! What must stay true: shares and the base add up to the raw score; a row's shares do not depend on the rows beside it.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;

use super::quadrature::gauss_legendre;
use super::{Forest, Tree, flat_zero};
use crate::error::Result;
use crate::matrix::Matrix;

/// Rows that are explained together: the more there are, the more share their outcomes.
const BLOCK_ROWS: usize = 4096;

/// A forest made ready to explain its scores.
#[derive(Debug)]
pub struct Reasons {
    forest: Arc<Forest>,
    trees: Vec<Paths>,
    /// By number of points.
    rules: Vec<Rule>,
    base: f64,
}

/// The points of a quadrature.
#[derive(Debug)]
struct Rule {
    /// Weights.
    weights: Vec<f64>,
    /// (1 - y)^k, all points of k = 0, then of k = 1, and so on.
    powers: Vec<f64>,
}

/// The paths to a tree's leaves.
#[derive(Debug)]
struct Paths {
    /// The tree's different features.
    features: Vec<usize>,
    leaves: Vec<LeafPath>,
    elements: Vec<Element>,
    steps: Vec<Steps>,
    /// For each element, z (1 - y) + y at each point of its leaf's rule, and the same number of reciprocals.
    factors: Vec<f64>,
}

#[derive(Debug)]
struct LeafPath {
    value: f64,
    points: usize,
    elements: Range<usize>,
    /// Where the first element's factors begin.
    factors: usize,
}

/// One feature on a leaf's path.
#[derive(Debug)]
struct Element {
    /// The feature's place in [`Paths::features`].
    slot: usize,
    /// The share of training rows that stay on the path at this feature.
    zero: f64,
    steps: Range<usize>,
}

/// Outcomes that keep a row on a path, within one word of outcomes.
#[derive(Debug)]
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
    /// Outcomes of a tree's splits, `words` to a row.
    outcomes: Vec<u64>,
    /// Where the shares of seen outcomes begin in `shares`.
    seen: HashMap<u64, usize>,
    shares: Vec<f64>,
    /// The integrand at each point.
    integrand: Vec<f64>,
    followed: Vec<bool>,
}

impl Reasons {
    /// Makes a forest ready to explain.
    pub fn new(forest: Arc<Forest>) -> Self {
        let points_max = forest.columns().div_ceil(2).max(1);
        let mut rules: Vec<Option<Rule>> = (0..=points_max).map(|_| None).collect();
        let trees: Vec<Paths> = forest.trees.iter().map(|tree| Paths::build(tree, &mut rules)).collect();
        let unused = || Rule {
            weights: Vec::new(),
            powers: Vec::new(),
        };
        let base: f64 = forest.trees.iter().map(expected).sum();
        let base = if forest.average {
            base / forest.trees.len() as f64
        } else {
            base
        };
        let rules = rules.into_iter().map(|rule| rule.unwrap_or_else(unused)).collect();
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
                    row.iter_mut()
                        .for_each(|share| *share /= self.forest.trees.len() as f64);
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
        let width = contributions.len() / rows;
        for (row, contributions) in contributions.chunks_mut(width).enumerate() {
            let outcomes = &scratch.outcomes[row * words..(row + 1) * words];
            // One word names all outcomes; more than one is too rarely met again to be kept.
            let known = if words == 1 {
                scratch.seen.get(&outcomes[0]).copied()
            } else {
                None
            };
            let start = known.unwrap_or_else(|| {
                let start = if words == 1 { scratch.shares.len() } else { 0 };
                scratch.shares.truncate(start);
                scratch.shares.resize(start + paths.features.len(), 0.0);
                let shares = &mut scratch.shares[start..];
                self.explain(paths, outcomes, shares, &mut scratch.integrand, &mut scratch.followed);
                if words == 1 {
                    scratch.seen.insert(outcomes[0], start);
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
    fn explain(
        &self,
        paths: &Paths,
        outcomes: &[u64],
        shares: &mut [f64],
        integrand: &mut Vec<f64>,
        followed: &mut Vec<bool>,
    ) {
        for leaf in &paths.leaves {
            let rule = &self.rules[leaf.points];
            let elements = &paths.elements[leaf.elements.clone()];
            let factors = &paths.factors[leaf.factors..leaf.factors + elements.len() * 2 * leaf.points];
            integrand.clear();
            integrand.extend_from_slice(&rule.weights);
            followed.clear();
            let mut rest = leaf.value;
            let mut left_out = 0;
            for (element, factors) in elements.iter().zip(factors.chunks_exact(2 * leaf.points)) {
                let follows = paths.steps[element.steps.clone()]
                    .iter()
                    .all(|steps| outcomes[steps.word] & steps.care == steps.want);
                followed.push(follows);
                if follows {
                    integrand
                        .iter_mut()
                        .zip(factors)
                        .for_each(|(value, factor)| *value *= factor);
                } else {
                    rest *= element.zero;
                    left_out += 1;
                }
            }
            // Features the row leaves the path at: their own factor z (1 - y) cancels, so all of them share one number.
            if left_out > 0 {
                let powers = &rule.powers[(left_out - 1) * leaf.points..];
                let share = -rest
                    * integrand
                        .iter()
                        .zip(powers)
                        .map(|(value, power)| value * power)
                        .sum::<f64>();
                for (element, _) in elements.iter().zip(&*followed).filter(|(_, follows)| !**follows) {
                    shares[element.slot] += share;
                }
            }
            let powers = &rule.powers[left_out * leaf.points..];
            integrand
                .iter_mut()
                .zip(powers)
                .for_each(|(value, power)| *value *= power);
            let each = elements
                .iter()
                .zip(factors.chunks_exact(2 * leaf.points))
                .zip(&*followed);
            for ((element, factors), _) in each.filter(|(_, follows)| **follows) {
                let without = integrand
                    .iter()
                    .zip(&factors[leaf.points..])
                    .map(|(value, inverse)| value * inverse);
                shares[element.slot] += rest * (1.0 - element.zero) * without.sum::<f64>();
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
            let outcomes = self.outcomes.iter_mut().skip(at / 64).step_by(words);
            for (outcome, value) in outcomes.zip(column) {
                *outcome |= u64::from(node.test.goes_left(*value, &tree.words)) << (at % 64);
            }
        }
    }
}

impl Rule {
    fn new(points: usize) -> Self {
        let (places, weights): (Vec<f64>, Vec<f64>) = gauss_legendre(points).into_iter().unzip();
        let powers = (0..=2 * points as i32)
            .flat_map(|power| places.iter().map(move |place| (1.0 - place).powi(power)))
            .collect();
        Self { weights, powers }
    }
}

impl Paths {
    fn build(tree: &Tree, rules: &mut [Option<Rule>]) -> Self {
        let mut features: Vec<usize> = tree.nodes.iter().map(|node| node.feature).collect();
        features.sort_unstable();
        features.dedup();
        let mut paths = Self {
            features,
            leaves: Vec::new(),
            elements: Vec::new(),
            steps: Vec::new(),
            factors: Vec::new(),
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
    fn push_leaf(&mut self, tree: &Tree, value: f64, splits: &[(usize, bool)], rules: &mut [Option<Rule>]) {
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
        rules[points].get_or_insert_with(|| Rule::new(points));
        let places = gauss_legendre(points);
        let (elements, factors) = (self.elements.len(), self.factors.len());
        for (slot, splits) in by_slot {
            let zero: f64 = splits.iter().map(|&(at, left)| kept(tree, at, left)).product();
            let along: Vec<f64> = places.iter().map(|(place, _)| zero * (1.0 - place) + place).collect();
            self.factors.extend_from_slice(&along);
            self.factors.extend(along.iter().map(|factor| 1.0 / factor));
            let first = self.steps.len();
            for (at, left) in splits {
                let (word, bit) = (at / 64, 1_u64 << (at % 64));
                let at_word = self.steps[first..].iter_mut().find(|steps| steps.word == word);
                let want = if left { bit } else { 0 };
                match at_word {
                    Some(steps) => {
                        steps.care |= bit;
                        steps.want |= want;
                    }
                    None => self.steps.push(Steps { word, care: bit, want }),
                }
            }
            self.elements.push(Element {
                slot,
                zero,
                steps: first..self.steps.len(),
            });
        }
        self.leaves.push(LeafPath {
            value,
            points,
            elements: elements..self.elements.len(),
            factors,
        });
    }
}

/// The share of a split's training rows that took a side.
fn kept(tree: &Tree, at: usize, left: bool) -> f64 {
    let node = &tree.nodes[at];
    tree.count(if left { node.left } else { node.right }) / node.count
}

/// A tree's mean over its training rows.
fn expected(tree: &Tree) -> f64 {
    let Some(root) = tree.nodes.first() else {
        return tree.leaf_values[0];
    };
    let leaves = tree.leaf_values.iter().zip(&tree.leaf_counts);
    leaves.map(|(value, count)| count / root.count * value).sum()
}

#[cfg(test)]
#[path = "reasons_tests.rs"]
mod tests;
