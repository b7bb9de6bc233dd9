//! How many different values there are, in bounded memory.
//!
//! Used by [`super::expectations`], by [`super::profile`] and for tables that have no contract yet. Up to 65,536 different values the count is exact but for colliding 64-bit hashes;
//! beyond, it is estimated by `HyperLogLog` (Flajolet and others 2007) with 2^14 registers: a standard error of 0.8 %.
//! Both are the same however the values were cut into batches.

use std::collections::HashSet;

use arrow::array::Array;

use super::fingerprint::{self, NO_KEY};

/// Above this many different values registers are kept: 16 KiB instead of half a megabyte.
const EXACT_MAX: usize = 65_536;

const REGISTER_BITS: u32 = 14;
const REGISTERS: usize = 1 << REGISTER_BITS;

/// Hashes of values, or registers over them.
#[derive(Clone, Debug)]
pub enum Distinct {
    /// Few enough to count.
    Exact(HashSet<u64>),
    /// The longest runs of zeros that hashes of each register begin with.
    Registers(Box<[u8]>),
}

impl Distinct {
    /// No value yet.
    #[expect(clippy::new_without_default, reason = "nothing asks for a default")]
    pub fn new() -> Self {
        Self::Exact(HashSet::new())
    }

    /// Adds a value by its hash.
    pub fn add(&mut self, hash: u64) {
        match self {
            Self::Exact(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
                    let hashes = std::mem::take(hashes);
                    *self = Self::Registers(vec![0; REGISTERS].into());
                    for hash in hashes {
                        self.add(hash);
                    }
                }
            }
            Self::Registers(registers) => {
                let register = &mut registers[(hash >> (64 - REGISTER_BITS)) as usize];
                let zeros = (hash << REGISTER_BITS | 1 << (REGISTER_BITS - 1)).leading_zeros() as u8;
                *register = (*register).max(zeros + 1);
            }
        }
    }

    /// Whether the count is exact.
    pub fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }

    /// How many different values were added.
    pub fn count(&self) -> f64 {
        match self {
            Self::Exact(hashes) => hashes.len() as f64,
            Self::Registers(registers) => {
                let count = REGISTERS as f64;
                let alpha = 0.7213 / (1.0 + 1.079 / count);
                let sum: f64 = registers
                    .iter()
                    .map(|register| 0.5_f64.powi(i32::from(*register)))
                    .sum();
                (alpha * count * count / sum).round()
            }
        }
    }
}

/// The hashes of a column's values, those of nulls left out.
pub fn hashes(column: &dyn Array, into: &mut Vec<u64>) {
    let mut fingerprints = Vec::new();
    fingerprint::of_column(column, 0, &mut fingerprints);
    into.clear();
    // Equal neighbours are common, and looking at each once is much of the cost.
    fingerprints.dedup();
    let values = fingerprints.into_iter().filter(|fingerprint| *fingerprint != NO_KEY);
    into.extend(values.map(|fingerprint| fingerprint as u64));
}
