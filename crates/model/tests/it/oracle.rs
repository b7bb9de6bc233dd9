//! Our evaluator and reasons against LightGBM's own, on models that use what can go wrong.

use std::sync::Arc;

use muster_model::ffi::{Booster, Output};
use muster_model::{Forest, Reasons};

use crate::data;

/// Name, parameters, rounds.
const MODELS: [(&str, &str, u32); 19] = [
    ("plain", "num_leaves=15", 30),
    ("many trees", "num_leaves=15 learning_rate=0.03", 120),
    ("two leaves", "num_leaves=2", 33),
    (
        "sixteen leaves fill the narrow word",
        "num_leaves=16 min_data_in_leaf=1",
        40,
    ),
    ("middle words", "num_leaves=31 min_data_in_leaf=2", 25),
    ("wide words", "num_leaves=64 min_data_in_leaf=1", 20),
    ("widest words", "num_leaves=100 min_data_in_leaf=1", 10),
    (
        "too many leaves for words",
        "num_leaves=200 min_data_in_leaf=1 max_bin=1000",
        5,
    ),
    ("zero as missing", "zero_as_missing=true num_leaves=15", 30),
    ("nothing missing", "use_missing=false num_leaves=15", 30),
    (
        "sampled rows and columns",
        "bagging_fraction=0.7 bagging_freq=1 feature_fraction=0.5 lambda_l2=5",
        40,
    ),
    (
        "random forest",
        "boosting=rf bagging_fraction=0.6 bagging_freq=1 feature_fraction=0.7 num_leaves=31",
        25,
    ),
    ("dropped trees", "boosting=dart drop_rate=0.3 num_leaves=15", 30),
    ("another slope", "sigmoid=2.5 num_leaves=15", 20),
    ("no average first", "boost_from_average=false num_leaves=15", 20),
    ("weighted", "scale_pos_weight=3 num_leaves=15", 20),
    ("random thresholds", "extra_trees=true num_leaves=15", 30),
    ("one category at a time", "max_cat_to_onehot=100 num_leaves=15", 30),
    ("nothing to split", "min_data_in_leaf=100000", 5),
];

fn models() -> impl Iterator<Item = (&'static str, Booster, String)> {
    MODELS.iter().enumerate().map(|(seed, (name, parameters, iterations))| {
        let booster = data::train(2_500, seed as u64, parameters, *iterations);
        let text = booster.text().unwrap();
        (*name, booster, text)
    })
}

#[test]
fn a_probability_differs_from_lightgbm_in_a_bit() {
    for (name, booster, text) in models() {
        let forest = Forest::parse(&text).unwrap();
        let matrix = data::awkward(&text, 3_001, 77);
        let theirs = booster.predict(&matrix, Output::Probability).unwrap();
        let ours = forest.probabilities(&matrix).unwrap();
        for (row, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
            assert_eq!(
                theirs.to_bits(),
                ours.to_bits(),
                "{name}, row {row}: {theirs} and {ours}"
            );
        }
    }
}

#[test]
fn a_raw_score_differs_from_lightgbm_in_a_bit() {
    for (name, booster, text) in models().filter(|(name, ..)| *name != "random forest") {
        let matrix = data::awkward(&text, 1_000, 78);
        let theirs = booster.predict(&matrix, Output::Raw).unwrap();
        let ours = Forest::parse(&text).unwrap().raw(&matrix).unwrap();
        assert!(
            theirs
                .iter()
                .zip(&ours)
                .all(|(theirs, ours)| theirs.to_bits() == ours.to_bits()),
            "{name}"
        );
    }
}

#[test]
fn text_and_library_lose_something_on_the_way() {
    for (name, booster, text) in models() {
        let loaded = Booster::load(&text).unwrap();
        let matrix = data::awkward(&text, 500, 79);
        let before = booster.predict(&matrix, Output::Probability).unwrap();
        assert_eq!(before, loaded.predict(&matrix, Output::Probability).unwrap(), "{name}");
    }
}

#[test]
fn contributions_differ_from_lightgbm() {
    for (name, booster, text) in models() {
        let forest = Arc::new(Forest::parse(&text).unwrap());
        let matrix = data::awkward(&text, 300, 80);
        let theirs = booster.predict(&matrix, Output::Contributions).unwrap();
        let ours = Reasons::new(forest.clone()).contributions(&matrix).unwrap();
        assert_eq!(theirs.len(), ours.len(), "{name}");
        // LightGBM gives the sum over an averaged forest's trees, we the mean.
        let scale = if name == "random forest" {
            forest.trees() as f64
        } else {
            1.0
        };
        for (at, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
            let difference = (theirs - ours * scale).abs();
            assert!(difference < 1e-10, "{name}, number {at}: {theirs} and {ours}");
        }
    }
}

#[test]
fn contributions_do_not_add_up_to_the_score() {
    for (name, _, text) in models() {
        let forest = Arc::new(Forest::parse(&text).unwrap());
        let matrix = data::awkward(&text, 5_000, 81);
        let raw = forest.raw(&matrix).unwrap();
        let contributions = Reasons::new(forest).contributions(&matrix).unwrap();
        for (row, (raw, shares)) in raw.iter().zip(contributions.chunks(data::COLUMNS + 1)).enumerate() {
            let sum: f64 = shares.iter().sum();
            assert!((sum - raw).abs() < 1e-9, "{name}, row {row}: {sum} and {raw}");
        }
    }
}

#[test]
fn a_rows_answer_depends_on_its_neighbours() {
    let text = data::train(2_500, 5, "num_leaves=15", 40).text().unwrap();
    let forest = Arc::new(Forest::parse(&text).unwrap());
    let reasons = Reasons::new(forest.clone());
    let matrix = data::awkward(&text, 700, 82);
    let (raw, contributions) = (forest.raw(&matrix).unwrap(), reasons.contributions(&matrix).unwrap());
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    for row in 0..matrix.rows() {
        let alone = matrix.take(&[row]);
        assert_eq!(bits(&forest.raw(&alone).unwrap()), bits(&raw[row..=row]));
        let shares = &contributions[row * 9..(row + 1) * 9];
        assert_eq!(bits(&reasons.contributions(&alone).unwrap()), bits(shares), "row {row}");
    }
}

#[test]
fn categories_are_trained_on_as_numbers() {
    let text = data::train(2_500, 6, "num_leaves=15", 30).text().unwrap();
    let sets: u32 = text
        .lines()
        .filter_map(|line| line.strip_prefix("num_cat="))
        .map(|count| count.parse::<u32>().unwrap())
        .sum();
    assert!(sets > 0, "no split is on a set of categories");
    assert_eq!(Forest::parse(&text).unwrap().category_splits(), sets as usize);
}

#[test]
fn a_forest_cannot_be_shared_between_threads() {
    let text = data::train(2_500, 7, "num_leaves=15", 30).text().unwrap();
    let forest = Arc::new(Forest::parse(&text).unwrap());
    let matrix = data::awkward(&text, 2_000, 83);
    let once = forest.raw(&matrix).unwrap();
    let all: Vec<Vec<f64>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| forest.raw(&matrix).unwrap())).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert!(all.iter().all(|scores| *scores == once));
}

#[test]
fn a_matrix_of_another_width_is_scored() {
    let text = data::train(2_500, 8, "num_leaves=15", 3).text().unwrap();
    let narrow = muster_model::Matrix::new(vec![0.0; 14], 7);
    let forest = Arc::new(Forest::parse(&text).unwrap());
    assert!(forest.raw(&narrow).is_err());
    assert!(Reasons::new(forest).contributions(&narrow).is_err());
    assert!(Booster::load(&text).unwrap().predict(&narrow, Output::Raw).is_err());
}
