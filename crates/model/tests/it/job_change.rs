//! The public job-change file, where it is at hand: `MUSTER_JOB_CHANGE_CSV` names it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use muster_batch::FeatureFrame;
use muster_model::ffi::{Booster, Output};
use muster_model::{Encoder, Forest, Model, Reasons, TrainOptions, train};
use muster_spec::pipeline::{ModelKind, ModelSpec};
use muster_spec::{Offset, SourceId};

const CATEGORICAL: [&str; 4] = ["city", "gender", "major_discipline", "company_type"];

const ORDINAL: [(&str, &[&str]); 6] = [
    (
        "relevent_experience",
        &["No relevent experience", "Has relevent experience"],
    ),
    (
        "enrolled_university",
        &["no_enrollment", "Part time course", "Full time course"],
    ),
    (
        "education_level",
        &["Primary School", "High School", "Graduate", "Masters", "Phd"],
    ),
    (
        "experience",
        &[
            "<1", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18",
            "19", "20", ">20",
        ],
    ),
    (
        "company_size",
        &[
            "<10",
            "10/49",
            "50-99",
            "100-500",
            "500-999",
            "1000-4999",
            "5000-9999",
            "10000+",
        ],
    ),
    ("last_new_job", &["never", "1", "2", "3", "4", ">4"]),
];

const PARAMETERS: [(&str, &str); 10] = [
    ("learning_rate", "0.02"),
    ("num_iterations", "300"),
    ("num_leaves", "15"),
    ("feature_fraction", "0.5"),
    ("bagging_fraction", "0.8"),
    ("bagging_freq", "1"),
    ("min_data_in_leaf", "40"),
    ("lambda_l2", "5"),
    ("cat_smooth", "20"),
    ("min_data_per_group", "50"),
];

/// The file's rows that keep the contract, or a word and nothing.
#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
fn frame() -> Option<FeatureFrame> {
    let Ok(path) = std::env::var("MUSTER_JOB_CHANGE_CSV") else {
        eprintln!("skipped: MUSTER_JOB_CHANGE_CSV does not name the job-change file");
        return None;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines
        .map(|line| line.split(',').collect::<Vec<_>>())
        .filter(|row| !["Oct-49", "10000"].contains(&row[9]))
        .collect();
    let cells = |name: &str| {
        let at = header.iter().position(|column| *column == name).unwrap();
        rows.iter()
            .map(move |row| Some(row[at]).filter(|cell| !cell.is_empty()))
    };
    let columns = header[1..header.len() - 1].iter().map(|name| {
        let column: ArrayRef = match *name {
            "city_development_index" => Arc::new(
                cells(name)
                    .map(|cell| cell.map(|cell| cell.parse::<f64>().unwrap()))
                    .collect::<Float64Array>(),
            ),
            "training_hours" => Arc::new(
                cells(name)
                    .map(|cell| cell.map(|cell| cell.parse::<i32>().unwrap()))
                    .collect::<Int32Array>(),
            ),
            _ => Arc::new(cells(name).collect::<StringArray>()),
        };
        (*name, column, true)
    });
    Some(FeatureFrame {
        entities: cells("enrollee_id").map(|cell| cell.map(str::to_owned)).collect(),
        as_of: vec![i64::MIN; rows.len()],
        positions: (0..rows.len()).map(|row| (SourceId(1), Offset(row as i64))).collect(),
        features: RecordBatch::try_from_iter_with_nullable(columns).unwrap(),
        label: Some(Arc::new(cells("target").collect::<StringArray>())),
        view_version: "0".repeat(64),
    })
}

fn spec() -> ModelSpec {
    ModelSpec {
        kind: ModelKind::Lightgbm,
        label: "target".into(),
        positive: "1".into(),
        categorical: CATEGORICAL.map(String::from).into(),
        ordinal: ORDINAL.map(|(name, _)| name.into()).into(),
        params: PARAMETERS.map(|(name, value)| (name.into(), value.into())).into(),
        seed: 42,
        folds: 5,
    }
}

fn ordinals() -> BTreeMap<String, Vec<String>> {
    let levels = |levels: &[&str]| levels.iter().map(|level| (*level).to_owned()).collect();
    ORDINAL
        .iter()
        .map(|(name, all)| ((*name).to_owned(), levels(all)))
        .collect()
}

#[test]
fn real_rows_are_scored_worse_than_known() {
    let Some(frame) = frame() else { return };
    assert_eq!(frame.features.num_rows(), 15_668);
    let trained = train(&frame, &spec(), &ordinals(), &TrainOptions::default()).unwrap();
    let metrics = &trained.metrics;
    eprintln!("AUC by seed: {:?}", metrics.out_of_fold.auc_by_seed);
    assert_eq!(metrics.out_of_fold.seeds.len(), 5);
    assert!(
        metrics.out_of_fold.auc_mean >= 0.802,
        "{}",
        metrics.out_of_fold.auc_mean
    );
    assert!(metrics.out_of_fold.measures.auc > metrics.baselines.logistic.as_ref().unwrap().auc);
    assert!(metrics.out_of_fold.measures.auc > metrics.baselines.random_forest.as_ref().unwrap().auc);

    let text = std::str::from_utf8(trained.files.get("model.txt").unwrap()).unwrap();
    let forest = Arc::new(Forest::parse(text).unwrap());
    assert!(forest.category_splits() > 0);
    let encoder = Encoder::from_json(trained.files.get("encoder.json").unwrap()).unwrap();
    let matrix = encoder.encode(&frame.features).unwrap();
    let booster = Booster::load(text).unwrap();
    let theirs = booster.predict(&matrix, Output::Probability).unwrap();
    let ours = Model::load(&trained.files, &trained.version)
        .unwrap()
        .score(&frame)
        .unwrap();
    assert!(
        theirs
            .iter()
            .zip(&ours)
            .all(|(theirs, ours)| theirs.to_bits() == ours.to_bits())
    );

    let some = matrix.take(&(0..matrix.rows()).step_by(31).collect::<Vec<_>>());
    let theirs = booster.predict(&some, Output::Contributions).unwrap();
    let ours = Reasons::new(forest).contributions(&some).unwrap();
    assert!(
        theirs
            .iter()
            .zip(&ours)
            .all(|(theirs, ours)| (theirs - ours).abs() < 1e-10)
    );
}
