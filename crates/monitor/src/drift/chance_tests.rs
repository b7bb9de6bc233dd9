//! Tests of the chances: Kolmogorov's against scipy 1.17.1 (`scipy.special.kolmogorov(x)`), the bound of relative entropy
//! against exact probabilities.

use super::*;

#[test]
fn kolmogorovs_chance_is_another_than_scipy_gives() {
    let cases = [
        (0.1, 100.0, 0.256_221_185_070_104_05),
        (0.05, 1000.0, 0.012_958_845_703_741_699),
        (0.2, 200.0, 1.683_386_682_330_356_7e-7),
        (0.01, 50.0, 1.0),
        (0.136, 100.0, 0.044_886_509_575_881_764),
    ];
    for (distance, rows, theirs) in cases {
        let ours = kolmogorov(distance, rows);
        assert!(
            (ours - theirs).abs() <= 1e-12 * theirs,
            "{distance}, {rows}: {ours} and {theirs}"
        );
    }
    assert_eq!((kolmogorov(0.5, 0.0), kolmogorov(0.0, 1e6)), (1.0, 1.0));
}

/// The chance of each number of rows in the first of two cells, `share` of them expected.
fn binomial(rows: u32, share: f64) -> Vec<f64> {
    let mut chance = (1.0 - share).powi(rows as i32);
    let mut chances = vec![chance];
    for one in 1..=rows {
        chance *= f64::from(rows - one + 1) / f64::from(one) * share / (1.0 - share);
        chances.push(chance);
    }
    chances
}

#[test]
fn the_bound_is_below_the_exact_chance() {
    let relative = |share: f64, of: f64| if share == 0.0 { 0.0 } else { share * (share / of).ln() };
    for (rows, share) in [(20, 0.5), (50, 0.3), (200, 0.05), (200, 0.001), (400, 0.2)] {
        let chances = binomial(rows, share);
        let entropy = |one: usize| {
            let found = one as f64 / f64::from(rows);
            relative(found, share) + relative(1.0 - found, 1.0 - share)
        };
        for one in 0..=rows as usize {
            let far = entropy(one);
            let exact: f64 = (0..=rows as usize)
                .filter(|other| entropy(*other) >= far - 1e-12)
                .map(|other| chances[other])
                .sum();
            let bound = of_entropy(far, f64::from(rows), 2);
            assert!(
                exact <= bound * (1.0 + 1e-9),
                "{one} of {rows} at {share}: {exact} over {bound}"
            );
        }
    }
}

#[test]
fn a_chance_grows_with_distance_or_leaves_0_to_1() {
    for cells in [2, 3, 10, 64] {
        let chances: Vec<f64> = (0..200)
            .map(|step| of_entropy(f64::from(step) * 0.01, 200.0, cells))
            .collect();
        assert!(chances.is_sorted_by(|one, other| one >= other), "{cells} cells");
        assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)));
        assert!(
            (chances[0] - 1.0).abs() < 1e-12 && chances[199] < 1e-20,
            "{cells} cells"
        );
    }
    assert_eq!((of_entropy(9.0, 1e6, 1), of_entropy(9.0, 0.0, 5)), (1.0, 1.0));
}
