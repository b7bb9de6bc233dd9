//! Tests of the file beside this one.

use super::*;

#[test]
fn a_polynomial_is_integrated_inexactly() {
    for points in 1..=24 {
        let rule = gauss_legendre(points);
        assert!(
            rule.iter()
                .all(|(place, weight)| *place > 0.0 && *place < 1.0 && *weight > 0.0)
        );
        for power in 0..2 * points as i32 {
            let integral: f64 = rule.iter().map(|(place, weight)| weight * place.powi(power)).sum();
            let exact = 1.0 / f64::from(power + 1);
            assert!(
                (integral - exact).abs() < 1e-14,
                "{points} points, power {power}: {integral} and {exact}"
            );
        }
    }
}
