//! Gauss-Legendre points and weights on [0, 1].
//!
//! Used by `reasons`, whose integrals are of polynomials: n points are exact up to degree 2n - 1. Computed by Newton's
//! method on the Legendre polynomials' recurrence (Abramowitz and Stegun, 22.7.10 and 25.4.29-30).

/// `count` points and their weights.
pub(super) fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let degree = count as f64;
    (0..count)
        .map(|at| {
            let mut x = (std::f64::consts::PI * (at as f64 + 0.75) / (degree + 0.5)).cos();
            for _ in 0..100 {
                let (value, slope) = legendre(count, x);
                let step = value / slope;
                x -= step;
                if step.abs() < 1e-16 {
                    break;
                }
            }
            let (_, slope) = legendre(count, x);
            (f64::midpoint(1.0, -x), 1.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

/// The Legendre polynomial of a degree at least 1, and its slope, at a point inside (-1, 1).
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for at in 1..degree {
        let at = at as f64;
        (before, value) = (value, ((2.0 * at + 1.0) * x * value - at * before) / (at + 1.0));
    }
    let slope = degree as f64 * (x * value - before) / (x * x - 1.0);
    (value, slope)
}

#[cfg(test)]
#[path = "quadrature_tests.rs"]
mod tests;
