//! Tests of the file beside this one: the definition itself, over all orders of features, is the oracle.

use super::*;
use crate::data;
use crate::ffi::{Booster, Dataset, Output};

/// What a tree expects of a row when only the features in `known` are known: the recursion that defines path-dependent
/// contributions.
fn expectation(tree: &Tree, child: i32, row: &[f64], known: u32) -> f64 {
    if child < 0 {
        return tree.leaf_values[!child as usize];
    }
    let node = &tree.nodes[child as usize];
    if known >> node.feature & 1 == 1 {
        let left = node.test.goes_left(flat_zero(row[node.feature]), &tree.words);
        return expectation(tree, if left { node.left } else { node.right }, row, known);
    }
    let of = |child: i32| f64::from(tree.count(child)) / f64::from(node.count) * expectation(tree, child, row, known);
    of(node.left) + of(node.right)
}

fn factorial(number: u32) -> f64 {
    (1..=number).map(f64::from).product()
}

/// Shapley's value by its definition: the mean over all sets of other features of what the feature adds.
fn shapley(tree: &Tree, row: &[f64], feature: usize) -> f64 {
    let features = row.len() as u32;
    let others = (0..1_u32 << features).filter(|set| set >> feature & 1 == 0);
    others
        .map(|set| {
            let size = set.count_ones();
            let weight = factorial(size) * factorial(features - size - 1) / factorial(features);
            weight * (expectation(tree, 0, row, set | 1 << feature) - expectation(tree, 0, row, set))
        })
        .sum()
}

#[test]
fn a_contribution_is_not_the_mean_over_all_orders() {
    let text = data::train(2_000, 3, "num_leaves=25 min_data_in_leaf=5", 4)
        .text()
        .unwrap();
    let forest = Arc::new(Forest::parse(&text).unwrap());
    let matrix = data::awkward(&text, 20, 4);
    let contributions = Reasons::new(forest.clone()).contributions(&matrix).unwrap();
    for row in 0..matrix.rows() {
        for feature in 0..data::COLUMNS {
            let exact: f64 = forest
                .trees
                .iter()
                .map(|tree| shapley(tree, matrix.row(row), feature))
                .sum();
            let ours = contributions[row * (data::COLUMNS + 1) + feature];
            assert!(
                (exact - ours).abs() < 1e-12,
                "row {row}, feature {feature}: {exact} and {ours}"
            );
        }
    }
}

#[test]
fn a_feature_without_splits_contributes() {
    let text = data::train(2_000, 3, "num_leaves=15", 10).text().unwrap();
    let forest = Arc::new(Forest::parse(&text).unwrap());
    let matrix = data::awkward(&text, 50, 5);
    let contributions = Reasons::new(forest).contributions(&matrix).unwrap();
    // The last feature of the table is constant.
    assert!(
        contributions
            .chunks(data::COLUMNS + 1)
            .all(|row| row[data::COLUMNS - 1] == 0.0)
    );
}

#[test]
fn a_path_of_many_features_spoils_what_is_kept() {
    let (columns, rows) = (24, 3_000);
    let mut stream = data::Stream::new(6);
    let matrix = Matrix::new((0..rows * columns).map(|_| stream.unit()).collect(), columns);
    let labels: Vec<f32> = (0..rows)
        .map(|row| f32::from(u8::from(matrix.row(row).iter().sum::<f64>() > 12.0)))
        .collect();
    let names: Vec<String> = (0..columns).map(|column| format!("feature_{column}")).collect();
    let parameters = "objective=binary num_threads=1 verbosity=-1 num_leaves=60 min_data_in_leaf=2 \
        feature_fraction_bynode=0.1 extra_trees=true";
    let dataset = Dataset::new(&matrix, &labels, &names, parameters).unwrap();
    let booster = Booster::train(dataset, columns, parameters, 12).unwrap();
    let reasons = Reasons::new(Arc::new(Forest::parse(&booster.text().unwrap()).unwrap()));
    let mixed = |paths: &Paths| {
        let many = paths.leaves.iter().filter(|leaf| leaf.pattern.is_none()).count();
        many > 0 && many < paths.leaves.len()
    };
    assert!(reasons.trees.iter().any(mixed), "no tree has paths of both kinds");
    let some = matrix.take(&(0..400).collect::<Vec<_>>());
    let theirs = booster.predict(&some, Output::Contributions).unwrap();
    let ours = reasons.contributions(&some).unwrap();
    for (at, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
        assert!((theirs - ours).abs() < 1e-10, "number {at}: {theirs} and {ours}");
    }
    let alone = reasons.contributions(&some.take(&[399])).unwrap();
    let bits = |shares: &[f64]| shares.iter().map(|share| share.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&alone), bits(&ours[399 * (columns + 1)..]));
}
