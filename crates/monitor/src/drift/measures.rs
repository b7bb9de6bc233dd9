//! How far two counted distributions are apart. Pure functions of counts, never NaN.
//!
//! Used by [`super::verdict`]. A distribution is the number of rows in each cell, training's and a window's in the same
//! cells. Half a row is added to every cell where a logarithm needs it (Jeffreys 1946, as the prior of a multinomial), so
//! that an empty cell neither divides by zero nor decides alone.

/// Rows added to each cell.
const SMOOTHING: f64 = 0.5;

/// The population stability index (Siddiqi, *Credit Risk Scorecards*, 2006): the sum over cells of
/// `(q - p) * ln(q / p)`, `p` training's share and `q` the window's, both smoothed. It is the divergence of Jeffreys
/// (1946), symmetric, 0 for equal shares. `None` where either has no row.
pub fn psi(training: &[u64], window: &[u64]) -> Option<f64> {
    if is_empty(training) || is_empty(window) {
        return None;
    }
    let pairs = smoothed(training).zip(smoothed(window));
    Some(pairs.map(|(p, q)| (q - p) * (q / p).ln()).sum())
}

/// What the index is on the average where nothing drifts: `(cells - 1) * (1 / n + 1 / N)` for `n` rows in the window and
/// `N` in training, as `n * N / (n + N)` times the index tends to a chi-square of `cells - 1` degrees (Yurdakul and
/// Naranjo, *Statistical properties of the population stability index*, 2020).
pub fn psi_expected(training: &[u64], window: &[u64]) -> Option<f64> {
    if is_empty(training) || is_empty(window) {
        return None;
    }
    let cells = training.len() as f64;
    Some((cells - 1.0) / effective_rows(total(training), total(window)))
}

/// The window's relative entropy (Kullback and Leibler 1951): the sum of `q * ln(q / p)`, `p` training's smoothed share
/// and `q` the window's. 0 where the window has no row.
pub fn entropy(training: &[u64], window: &[u64]) -> f64 {
    let rows = total(window).max(1) as f64;
    let shares = window.iter().map(|count| *count as f64 / rows);
    let pairs = smoothed(training).zip(shares).filter(|(_, q)| *q > 0.0);
    // Smoothing may bring it a hair below 0.
    pairs.map(|(p, q)| q * (q / p).ln()).sum::<f64>().max(0.0)
}

/// Kolmogorov and Smirnov's distance at the edges of the cells: the greatest difference between the shares of rows up to
/// an edge. The distance over all values is never below it, and above it by no more than the largest cell's share, the
/// lesser of training's and the window's: within a cell the two functions can part by no more. `None` where either has no
/// row.
pub fn ks(training: &[u64], window: &[u64]) -> Option<f64> {
    if is_empty(training) || is_empty(window) {
        return None;
    }
    let (all, rows) = (total(training) as f64, total(window) as f64);
    let (mut below, mut below_window, mut distance) = (0, 0, 0.0_f64);
    for (count, count_window) in training.iter().zip(window) {
        below += count;
        below_window += count_window;
        distance = distance.max((below as f64 / all - below_window as f64 / rows).abs());
    }
    Some(distance)
}

/// How many rows a comparison of two samples is worth: that of one sample of so many with what is known exactly.
pub(super) fn effective_rows(training: u64, window: u64) -> f64 {
    let (all, rows) = (training as f64, window as f64);
    if all + rows == 0.0 {
        0.0
    } else {
        all * rows / (all + rows)
    }
}

pub(super) fn total(counts: &[u64]) -> u64 {
    counts.iter().sum()
}

fn is_empty(counts: &[u64]) -> bool {
    counts.iter().all(|count| *count == 0)
}

/// The share of each cell with [`SMOOTHING`] rows more in it.
fn smoothed(counts: &[u64]) -> impl Iterator<Item = f64> {
    let all = total(counts) as f64 + SMOOTHING * counts.len() as f64;
    counts.iter().map(move |count| (*count as f64 + SMOOTHING) / all)
}

#[cfg(test)]
#[path = "measures_tests.rs"]
mod tests;
