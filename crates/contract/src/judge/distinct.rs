//! How many different values there are, in bounded memory.
//!
//! Used by [`super::expectations`] and [`super::profile`]. Up to 65,536 different values the count is exact but for colliding 64-bit hashes;
//! beyond, it is estimated by `HyperLogLog` (Flajolet and others 2007) with 2^14 registers: a standard error of 0.8 %.
//! Both are the same however the values were cut into batches.

use std::collections::HashSet;

/// Above this many different values registers are kept: 16 KiB instead of half a megabyte.
const EXACT_MAX: usize = 65_536;

const REGISTER_BITS: u32 = 14;
const REGISTERS: usize = 1 << REGISTER_BITS;

/// Hashes of values, or registers over them.
#[derive(Clone, Debug)]
pub(super) enum Distinct {
    Exact(HashSet<u64>),
    Registers(Box<[u8]>),
}

impl Distinct {
    pub(super) fn new() -> Self {
        Self::Exact(HashSet::new())
    }

    /// Adds a value by its hash.
    pub(super) fn add(&mut self, hash: u64) {
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
    pub(super) fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }

    /// How many different values were added.
    pub(super) fn count(&self) -> f64 {
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
