//! Which fold a row is in.
//!
//! Used by training. A fold depends on the seed, on the rows' order and on their labels, so never on how rows were cut
//! into batches; it must not change with a library either, so it is drawn by `ChaCha`, whose stream is specified
//! (RFC 8439, with 8 rounds), and by sorting alone.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// The fold of each row, 0 to `folds - 1`. Positive and negative rows are spread evenly, to within one row.
pub(super) fn stratified(labels: &[bool], folds: u32, seed: u64) -> Vec<u32> {
    let mut seed_bytes = [0; 32];
    seed_bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut stream = ChaCha8Rng::from_seed(seed_bytes);
    let mut order: Vec<(bool, u64, usize)> = labels
        .iter()
        .enumerate()
        .map(|(row, label)| (*label, stream.next_u64(), row))
        .collect();
    order.sort_unstable();
    let mut fold = vec![0; labels.len()];
    for (place, (_, _, row)) in order.into_iter().enumerate() {
        fold[row] = place as u32 % folds;
    }
    fold
}

#[cfg(test)]
#[path = "folds_tests.rs"]
mod tests;
