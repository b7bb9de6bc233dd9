//! Tests of the file beside this one: the plain walk is the oracle.

use proptest::prelude::*;

use super::*;
use crate::data;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn tables_and_walk_differ() {
    for (leaves, wanted) in [
        (2, "narrow"),
        (16, "narrow"),
        (17, "middle"),
        (32, "middle"),
        (33, "wide"),
        (64, "wide"),
        (65, "widest"),
        (128, "widest"),
    ] {
        let parameters = format!("num_leaves={leaves} min_data_in_leaf=1 min_sum_hessian_in_leaf=0");
        let text = data::train(1_500, leaves, &parameters, 37).text().unwrap();
        let forest = Forest::parse(&text).unwrap();
        let word = match forest.tables.as_ref().expect("the forest is small") {
            Tables::Narrow(_) => "narrow",
            Tables::Middle(_) => "middle",
            Tables::Wide(_) => "wide",
            Tables::Widest(_) => "widest",
        };
        assert_eq!((forest.leaves_max(), word), (leaves as usize, wanted));
        for rows in [1, 2, 3, 4, 5, 255, 256, 257, 1_023] {
            let matrix = data::awkward(&text, rows, leaves);
            assert_eq!(
                bits(&forest.raw(&matrix).unwrap()),
                bits(&forest.walk(&matrix)),
                "{leaves} leaves, {rows} rows"
            );
        }
    }
}

#[test]
fn no_rows_are_a_panic() {
    let text = data::train(500, 1, "num_leaves=4", 3).text().unwrap();
    let matrix = Matrix::new(Vec::new(), data::COLUMNS);
    assert!(Forest::parse(&text).unwrap().raw(&matrix).unwrap().is_empty());
}

proptest! {
    #[test]
    fn a_gap_is_counted_wrong(mut thresholds in proptest::collection::vec(-9_i32..9, 0..20), value in -10_i32..10) {
        thresholds.sort_unstable();
        thresholds.dedup();
        let thresholds: Vec<f64> = thresholds.into_iter().map(f64::from).collect();
        let value = f64::from(value) * 0.5;
        let counted = thresholds.iter().filter(|threshold| **threshold < value).count();
        prop_assert_eq!(below(&thresholds, value) as usize, counted);
    }
}
