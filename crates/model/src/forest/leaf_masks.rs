//! The fast way from rows to raw scores: no walking, one cache line a feature for many trees at once.
//!
//! Built once by [`Forest::parse`](super::Forest::parse). A feature's value is first replaced by a code: the number of the
//! gap it lies in between all the forest's thresholds on that feature, with codes of their own for zero and NaN, or the
//! category. For every code a table holds, tree beside tree, the set of leaves that the splits on this feature leave
//! open, as bits. The leaf of a row is the one bit that is open in the tables of all its features. The idea of leaves as
//! bits is Lucchese and others', "`QuickScorer`" (SIGIR 2015); tabulating it by code takes the comparisons out.
//!
//! What must stay true: the sums run over trees in order, so that the bits are those of the plain walk. Forests with
//! more than 128 leaves a tree, or whose tables would not fit [`BYTES_MAX`], are not built and are walked.

use super::{BLOCK_ROWS, Forest, Test, Tree, category_of, flat_zero};
use crate::matrix::Matrix;

/// What the tables of a forest may take.
const BYTES_MAX: usize = 64 << 20;

/// Rows that are summed side by side.
const ROWS: usize = 4;

/// Bytes of a table's line: one of the processor's cache.
const LINE_BYTES: usize = 64;

/// The tables of a forest, in the narrowest word its leaves fit.
#[derive(Debug)]
pub(super) enum Tables {
    Narrow(LeafMasks<u16, 32>),
    Middle(LeafMasks<u32, 16>),
    Wide(LeafMasks<u64, 8>),
    Widest(LeafMasks<u128, 4>),
}

impl Tables {
    pub(super) fn build(forest: &Forest) -> Option<Self> {
        match forest.leaves_max() {
            0..=16 => LeafMasks::build(forest).map(Self::Narrow),
            17..=32 => LeafMasks::build(forest).map(Self::Middle),
            33..=64 => LeafMasks::build(forest).map(Self::Wide),
            65..=128 => LeafMasks::build(forest).map(Self::Widest),
            _ => None,
        }
    }

    pub(super) fn raw(&self, matrix: &Matrix) -> Vec<f64> {
        match self {
            Self::Narrow(masks) => masks.raw(matrix),
            Self::Middle(masks) => masks.raw(matrix),
            Self::Wide(masks) => masks.raw(matrix),
            Self::Widest(masks) => masks.raw(matrix),
        }
    }
}

/// A word whose bits are leaves.
pub(super) trait Mask: Copy + std::ops::BitAndAssign + std::fmt::Debug {
    /// All leaves open.
    const OPEN: Self;
    /// How many leaves a word holds.
    const LEAVES: usize;
    /// The first open leaf.
    fn leaf(self) -> usize;
    /// From the bits of a tree of at most `LEAVES` leaves.
    fn from_bits(bits: u128) -> Self;
}

macro_rules! mask {
    ($word:ty) => {
        impl Mask for $word {
            const OPEN: Self = Self::MAX;
            const LEAVES: usize = Self::BITS as usize;
            #[inline]
            fn leaf(self) -> usize {
                self.trailing_zeros() as usize
            }
            fn from_bits(bits: u128) -> Self {
                bits as Self
            }
        }
    };
}
mask!(u16);
mask!(u32);
mask!(u64);
mask!(u128);

/// The open leaves of `TREES` trees beside each other.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line<M, const TREES: usize>([M; TREES]);

/// Codes for the features in use, and tables by code.
#[derive(Debug)]
pub(super) struct LeafMasks<M, const TREES: usize> {
    codes: Vec<Codes>,
    runs: Vec<Run<M, TREES>>,
}

/// The tables of up to `TREES` consecutive trees.
#[derive(Debug)]
struct Run<M, const TREES: usize> {
    /// By code, all features one after another.
    lines: Vec<Line<M, TREES>>,
    /// Leaf values, `M::LEAVES` a tree.
    leaves: Vec<f64>,
    trees: usize,
}

/// How a feature's values become codes.
#[derive(Debug)]
struct Codes {
    feature: usize,
    /// The feature's first line.
    first: u32,
    kind: CodeKind,
}

#[derive(Debug)]
enum CodeKind {
    /// The gap between thresholds; then zero; then NaN.
    Number { thresholds: Vec<f64> },
    /// The category; then what no split knows.
    Category { categories: u32 },
}

impl Codes {
    /// How many codes there are.
    fn count(&self) -> usize {
        match &self.kind {
            CodeKind::Number { thresholds } => thresholds.len() + 3,
            CodeKind::Category { categories } => *categories as usize + 1,
        }
    }

    /// The line of a value.
    #[inline]
    fn line(&self, value: f64) -> u32 {
        let value = flat_zero(value);
        self.first
            + match &self.kind {
                CodeKind::Number { thresholds } => {
                    let gaps = thresholds.len() as u32 + 1;
                    if value == 0.0 {
                        gaps
                    } else if value.is_nan() {
                        gaps + 1
                    } else {
                        below(thresholds, value)
                    }
                }
                CodeKind::Category { categories } => {
                    category_of(value).map_or(*categories, |category| category.min(*categories))
                }
            }
    }

    /// Whether a code goes left at a test on this feature.
    fn goes_left(&self, code: usize, test: &Test, words: &[u32]) -> bool {
        match &self.kind {
            CodeKind::Number { thresholds } => match code.checked_sub(thresholds.len() + 1) {
                Some(0) => test.goes_left(0.0, words),
                Some(_) => test.goes_left(f64::NAN, words),
                // The gap's upper end stands for the gap. It is never itself missing: a threshold that is zero has zero
                // as its upper end, but zero has its own code.
                None => match test {
                    Test::Number { threshold, .. } => thresholds.get(code).is_some_and(|end| end <= threshold),
                    Test::Category { .. } => false,
                },
            },
            CodeKind::Category { .. } => test.goes_left(code as f64, words),
        }
    }
}

/// How many of the rising `thresholds` are below `value`, by halving without branches.
#[inline]
fn below(thresholds: &[f64], value: f64) -> u32 {
    let mut base = 0;
    let mut size = thresholds.len();
    while size > 1 {
        let half = size / 2;
        base += if thresholds[base + half - 1] < value { half } else { 0 };
        size -= half;
    }
    (base + usize::from(size == 1 && thresholds[base] < value)) as u32
}

impl<M: Mask, const TREES: usize> LeafMasks<M, TREES> {
    fn build(forest: &Forest) -> Option<Self> {
        let codes = codes(forest)?;
        let lines = codes.iter().map(Codes::count).sum::<usize>();
        let runs = forest.trees.len().div_ceil(TREES);
        if lines.checked_mul(runs)?.checked_mul(LINE_BYTES)? > BYTES_MAX {
            return None;
        }
        let runs = forest
            .trees
            .chunks(TREES)
            .map(|trees| Run::build(trees, &codes, lines))
            .collect();
        Some(Self { codes, runs })
    }

    fn raw(&self, matrix: &Matrix) -> Vec<f64> {
        let mut scores = vec![0.0; matrix.rows()];
        let width = self.codes.len();
        let mut lines = vec![0_u32; BLOCK_ROWS * width];
        for (block, scores) in scores.chunks_mut(BLOCK_ROWS).enumerate() {
            let first = block * BLOCK_ROWS * matrix.columns();
            let values = &matrix.values()[first..first + scores.len() * matrix.columns()];
            for (at, codes) in self.codes.iter().enumerate() {
                let column = values.iter().skip(codes.feature).step_by(matrix.columns());
                for (line, value) in lines.iter_mut().skip(at).step_by(width).zip(column) {
                    *line = codes.line(*value);
                }
            }
            for run in &self.runs {
                run.add(&lines[..scores.len() * width], width, scores);
            }
        }
        scores
    }
}

impl<M: Mask, const TREES: usize> Run<M, TREES> {
    fn build(trees: &[Tree], codes: &[Codes], lines: usize) -> Self {
        let mut run = Self {
            lines: vec![Line([M::OPEN; TREES]); lines],
            leaves: vec![0.0; TREES * M::LEAVES],
            trees: trees.len(),
        };
        for (at, tree) in trees.iter().enumerate() {
            run.leaves[at * M::LEAVES..][..tree.leaf_values.len()].copy_from_slice(&tree.leaf_values);
            let under = leaves_under(tree);
            for codes in codes {
                for code in 0..codes.count() {
                    let mut open = u128::MAX;
                    for node in tree.nodes.iter().filter(|node| node.feature == codes.feature) {
                        let left = codes.goes_left(code, &node.test, &tree.words);
                        open &= !under(if left { node.right } else { node.left });
                    }
                    run.lines[codes.first as usize + code].0[at] = M::from_bits(open);
                }
            }
        }
        run
    }

    /// Adds the trees of this run to the scores of rows whose lines are `lines`, `width` a row. Four rows at a time, so
    /// that one row's chain of additions does not hold up the next.
    fn add(&self, lines: &[u32], width: usize, scores: &mut [f64]) {
        if width == 0 {
            // No split anywhere: every tree is one leaf.
            for score in scores {
                (0..self.trees).for_each(|tree| *score += self.leaves[tree * M::LEAVES]);
            }
            return;
        }
        let mut four_lines = lines.chunks_exact(ROWS * width);
        let mut four_scores = scores.chunks_exact_mut(ROWS);
        for (lines, scores) in four_lines.by_ref().zip(four_scores.by_ref()) {
            let open: [[M; TREES]; ROWS] = std::array::from_fn(|row| self.open(&lines[row * width..(row + 1) * width]));
            let mut sums: [f64; ROWS] = std::array::from_fn(|row| scores[row]);
            for (tree, leaves) in self.leaves.chunks_exact(M::LEAVES).take(self.trees).enumerate() {
                for row in 0..ROWS {
                    sums[row] += leaves[open[row][tree].leaf() % M::LEAVES];
                }
            }
            scores.copy_from_slice(&sums);
        }
        let rest = four_lines.remainder().chunks_exact(width);
        for (lines, score) in rest.zip(four_scores.into_remainder()) {
            let open = self.open(lines);
            for (tree, leaves) in self.leaves.chunks_exact(M::LEAVES).take(self.trees).enumerate() {
                *score += leaves[open[tree].leaf() % M::LEAVES];
            }
        }
    }

    #[inline]
    fn open(&self, lines: &[u32]) -> [M; TREES] {
        let mut open = [M::OPEN; TREES];
        for &line in lines {
            let line = &self.lines[line as usize].0;
            for (open, masked) in open.iter_mut().zip(line) {
                *open &= *masked;
            }
        }
        open
    }
}

/// The leaves under each child, as bits.
fn leaves_under(tree: &Tree) -> impl Fn(i32) -> u128 {
    let mut under = vec![0_u128; tree.nodes.len()];
    for (at, node) in tree.nodes.iter().enumerate().rev() {
        for child in [node.left, node.right] {
            // A child's number is above its parent's, so it is already known.
            under[at] |= if child >= 0 { under[child as usize] } else { 1 << !child };
        }
    }
    move |child| if child >= 0 { under[child as usize] } else { 1 << !child }
}

/// The codes of every feature in use; `None` where one is split both as a number and by category.
fn codes(forest: &Forest) -> Option<Vec<Codes>> {
    let mut all = Vec::new();
    let mut first = 0_usize;
    for feature in 0..forest.columns() {
        let mut thresholds = Vec::new();
        let mut words_max = 0;
        for tree in &forest.trees {
            for node in tree.nodes.iter().filter(|node| node.feature == feature) {
                match &node.test {
                    Test::Number { threshold, .. } => thresholds.push(*threshold),
                    Test::Category { words } => words_max = words_max.max(words.len()),
                }
            }
        }
        if thresholds.is_empty() && words_max == 0 {
            continue;
        }
        if !thresholds.is_empty() && words_max > 0 {
            return None;
        }
        let kind = if words_max > 0 {
            CodeKind::Category {
                categories: u32::try_from(words_max.checked_mul(32)?).ok()?,
            }
        } else {
            thresholds.sort_by(f64::total_cmp);
            thresholds.dedup();
            CodeKind::Number { thresholds }
        };
        let codes = Codes {
            feature,
            first: u32::try_from(first).ok()?,
            kind,
        };
        first += codes.count();
        all.push(codes);
    }
    Some(all)
}

#[cfg(test)]
#[path = "leaf_masks_tests.rs"]
mod tests;
