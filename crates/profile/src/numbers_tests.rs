//! Numbers split by a label, against what is counted by hand.

use super::{Numbers, UNLABELLED};

fn of(values: impl IntoIterator<Item = (f64, usize)>) -> Numbers {
    let mut numbers = Numbers::default();
    values.into_iter().for_each(|(value, label)| numbers.add(value, label));
    numbers
}

#[test]
fn quantiles_are_exact_for_few_values_and_near_for_many() {
    let few = of((1..=100).map(|value| (f64::from(value), UNLABELLED)));
    assert_eq!(
        [0.25, 0.5, 0.75, 1.0].map(|at| few.sorted().quantile(at)),
        [25.0, 50.0, 75.0, 100.0].map(Some)
    );
    let many = of((1..=100_000).map(|value| (f64::from(value), UNLABELLED)));
    for at in [0.01, 0.25, 0.5, 0.75, 0.99] {
        let (found, due) = (many.sorted().quantile(at).unwrap(), at * 100_000.0);
        assert!((found - due).abs() <= 0.01 * due, "{at}: {found}");
    }
    assert_eq!(many.range(), Some((1.0, 100_000.0)), "the ends are exact");
    assert!((many.mean().unwrap() - 50_000.5).abs() < 1e-6);
    assert!((many.deviation().unwrap() - 28_867.66).abs() < 0.01);
}

#[test]
fn the_area_under_the_curve_counts_equal_values_half() {
    let auc = |values: &[(f64, usize)]| of(values.iter().copied()).sorted().auc();
    assert_eq!(auc(&[(1.0, 0), (2.0, 0), (3.0, 1)]), Some(1.0));
    assert_eq!(auc(&[(3.0, 0), (2.0, 0), (1.0, 1)]), Some(0.0));
    assert_eq!(auc(&[(1.0, 0), (1.0, 1)]), Some(0.5));
    assert_eq!(auc(&[(1.0, 0), (2.0, 1), (2.0, 0), (3.0, 1)]), Some(0.875));
    assert_eq!(
        auc(&[(1.0, 0), (2.0, UNLABELLED)]),
        None,
        "without both labels nothing is told"
    );
}

#[test]
fn an_outlier_is_far_from_the_quartiles_and_nothing_is_where_half_is_one_value() {
    let mut values: Vec<(f64, usize)> = (0..100).map(|value| (f64::from(value), UNLABELLED)).collect();
    assert_eq!(of(values.clone()).sorted().outliers().map(|(_, _, rows)| rows), Some(0));
    values.push((9_999.0, UNLABELLED));
    let (low, high, rows) = of(values).sorted().outliers().unwrap();
    assert!(low < 0.0 && high < 9_999.0 && rows == 1);
    let same = of((0..100).map(|value| (if value == 7 { 5.0 } else { 0.0 }, UNLABELLED)));
    assert_eq!(same.sorted().outliers(), None);
}

#[test]
fn a_histogram_holds_every_row() {
    let numbers = of((0..1000).map(|value| (f64::from(value), UNLABELLED)));
    let bins = numbers.sorted().histogram(100.0, 900.0, 8);
    assert_eq!(bins.iter().sum::<u64>(), 1000);
    assert_eq!(
        bins,
        [200, 100, 100, 100, 100, 100, 100, 200],
        "what lies outside is in the first and last"
    );
}
