//! How likely chance alone brings what was measured.
//!
//! Used by [`super::verdict`]. An index of 0.1 means much in a million rows and nothing in a hundred: with 10 cells it
//! is what 90 rows bring on the average where nothing drifts. The bounds here hold for few rows and for rare cells too,
//! where the chi-square of a textbook does not.

/// At most so likely is a window's relative entropy to training, or a greater one, without drift: for `rows` rows in
/// `cells` cells, `exp(-t) * (e * t / d)^d` with `t = rows * entropy` and `d = cells - 1` (Agrawal, *Finite-sample
/// concentration of the multinomial in relative entropy*, 2020, theorem 1.2). It holds for any shares, without an
/// assumption of how many rows a cell has. Training is a sample too: `rows` is what both are worth together.
pub fn of_entropy(entropy: f64, rows: f64, cells: usize) -> f64 {
    let (far, degrees) = (rows * entropy, cells.saturating_sub(1) as f64);
    if cells < 2 || far <= degrees {
        return 1.0;
    }
    (degrees * (1.0 + (far / degrees).ln()) - far).exp().min(1.0)
}

/// The chance of a Kolmogorov-Smirnov distance of at least this between a sample of `rows` and what it is drawn from:
/// `2 * sum((-1)^(k-1) * exp(-2 k^2 x^2))` (Kolmogorov 1933) at `x = distance * (sqrt(rows) + 0.12 + 0.11 / sqrt(rows))`
/// (Stephens 1970). Held against a distance at a few edges it is too large, never too small.
pub fn kolmogorov(distance: f64, rows: f64) -> f64 {
    let root = rows.sqrt();
    if root == 0.0 {
        return 1.0;
    }
    let x = distance * (root + 0.12 + 0.11 / root);
    // Below this it is 1 to the last digit, and the sum does not settle.
    if x < 0.2 {
        return 1.0;
    }
    let term = |k: i32| f64::from(if k % 2 == 1 { 2 } else { -2 }) * (-2.0 * f64::from(k * k) * x * x).exp();
    (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
#[path = "chance_tests.rs"]
mod tests;
