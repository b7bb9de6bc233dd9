//! Versions: the same bytes for the same rows, refused when damaged, and scores that add up from them.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, StringArray};
use muster_batch::{Cause, FeatureFrame};
use muster_model::{Error, Model, ModelFiles, TrainOptions, Trained, train};
use muster_spec::{ModelVersion, Offset, SourceId};

use crate::frames::{frame, ordinals, recut, spec};

const ROWS: usize = 3_000;

fn options() -> TrainOptions {
    TrainOptions {
        pipeline: "job-change".into(),
        pipeline_text: "version: 1\n".into(),
        reference: b"{}\n".to_vec(),
        fold_seeds: 2,
        baselines: true,
        threads: 2,
    }
}

fn trained() -> &'static Trained {
    static TRAINED: LazyLock<Trained> =
        LazyLock::new(|| train(&frame(ROWS, 1), &spec(), &ordinals(), &options()).unwrap());
    &TRAINED
}

fn loaded() -> Model {
    Model::load(&trained().files, &trained().version).unwrap()
}

#[test]
fn training_again_gives_other_bytes() {
    let again = train(&frame(ROWS, 1), &spec(), &ordinals(), &options()).unwrap();
    assert_eq!(again.version, trained().version);
    assert_eq!(again.files, trained().files);
}

#[test]
fn batches_cut_elsewhere_give_other_bytes() {
    let cut = recut(&frame(ROWS, 1), &[1, 2, 1_000, 1_001, 2_999]);
    let again = train(
        &cut,
        &spec(),
        &ordinals(),
        &TrainOptions {
            threads: 1,
            ..options()
        },
    )
    .unwrap();
    assert_eq!(again.files, trained().files);
}

#[test]
fn another_row_gives_the_same_version() {
    let other = train(&frame(ROWS, 2), &spec(), &ordinals(), &options()).unwrap();
    assert_ne!(other.version, trained().version);
}

#[test]
fn a_version_lacks_a_file_or_a_measure() {
    let names: Vec<&str> = trained().files.iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "card.md",
            "encoder.json",
            "features.json",
            "golden.json",
            "metrics.json",
            "model.txt",
            "pipeline.yaml",
            "reference.json"
        ]
    );
    let metrics = &trained().metrics;
    assert_eq!((metrics.rows, metrics.unlabelled), (ROWS as u64, 0));
    assert_eq!(metrics.out_of_fold.seeds, [42, 43]);
    let confusion = metrics.out_of_fold.measures.confusion;
    let sum = confusion.true_positive + confusion.false_positive + confusion.true_negative + confusion.false_negative;
    assert_eq!(sum, ROWS as u64);
    assert_eq!(metrics.held_out.rows, ROWS as u64 / 5);
    let mean = metrics.out_of_fold.auc_by_seed.iter().sum::<f64>() / 2.0;
    assert!((metrics.out_of_fold.auc_mean - mean).abs() < 1e-15);
    // The rows' best possible order is known from how they are made; chance is 0.5.
    for (name, measures) in [
        ("boosted", &metrics.out_of_fold.measures),
        ("held out", &metrics.held_out),
        ("logistic", metrics.baselines.logistic.as_ref().unwrap()),
        ("random forest", metrics.baselines.random_forest.as_ref().unwrap()),
    ] {
        assert!(measures.auc > 0.75 && measures.auc < 0.95, "{name}: {}", measures.auc);
        assert!(measures.log_loss < 0.65, "{name}: {}", measures.log_loss);
    }
    assert_eq!(metrics.importance.len(), 5);
    assert!(metrics.importance.iter().all(|feature| feature.gain >= 0.0));
    let card = std::str::from_utf8(trained().files.get("card.md").unwrap()).unwrap();
    for wanted in [
        "job-change",
        "3000 labelled rows",
        "`city` | categorical | 29 levels",
        "Caveats",
    ] {
        assert!(card.contains(wanted), "`{wanted}` is not on the card:\n{card}");
    }
}

#[test]
fn a_version_holds_a_rows_values() {
    // Entities and the exact values of numbers are people's; levels and ranges are not.
    let columns = frame(ROWS, 1).features;
    let index = columns
        .column_by_name("index")
        .unwrap()
        .as_any()
        .downcast_ref::<Float64Array>()
        .unwrap()
        .clone();
    let golden = std::str::from_utf8(trained().files.get("golden.json").unwrap()).unwrap();
    for row in 0..200 {
        let bits = format!("{:016x}", index.value(row).to_bits());
        assert!(!golden.contains(&bits), "row {row} is among the golden rows");
    }
}

#[test]
fn a_written_version_is_read_as_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = trained().files.write(folder.path()).unwrap();
    assert_eq!(path, folder.path().join(trained().version.as_str()));
    assert_eq!(ModelFiles::read(&path, &trained().version).unwrap(), trained().files);
    // Written again, it is the same one; no draft is left behind.
    trained().files.write(folder.path()).unwrap();
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, [trained().version.as_str()]);
}

#[test]
fn a_damaged_version_scores() {
    for (name, bytes) in trained().files.iter() {
        let folder = tempfile::tempdir().unwrap();
        let path = trained().files.write(folder.path()).unwrap();
        let mut damages = vec![bytes[..bytes.len() - 1].to_vec(), Vec::new()];
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1;
            damages.push(flipped);
        }
        for damage in damages {
            std::fs::write(path.join(name), damage).unwrap();
            let error = ModelFiles::read(&path, &trained().version).unwrap_err();
            assert!(
                matches!(&error, Error::Version { what, .. } if what.contains("altered")),
                "{name}: {error}"
            );
        }
        std::fs::remove_file(path.join(name)).unwrap();
        assert!(
            matches!(ModelFiles::read(&path, &trained().version), Err(Error::File { .. })),
            "{name}"
        );
    }
}

#[test]
fn a_swapped_version_scores() {
    let folder = tempfile::tempdir().unwrap();
    let other = train(&frame(ROWS, 3), &spec(), &ordinals(), &options()).unwrap();
    let path = other.files.write(folder.path()).unwrap();
    assert!(ModelFiles::read(&path, &trained().version).is_err());
    assert!(Model::load(&other.files, &trained().version).is_err());
    assert!(Model::load(&ModelFiles::default(), &trained().version).is_err());
    assert!(ModelFiles::read(folder.path(), &ModelVersion::from("0")).is_err());
}

#[test]
fn a_score_is_not_what_its_reasons_add_up_to() {
    let (model, frame) = (loaded(), frame(500, 9));
    let scores = model.score(&frame).unwrap();
    let rows: Vec<usize> = (0..500).rev().step_by(7).collect();
    let explained = model.explain(&frame, &rows).unwrap();
    assert_eq!(
        (explained.base, explained.contributions.len()),
        (model.base(), rows.len())
    );
    for (row, shares) in rows.iter().zip(&explained.contributions) {
        assert_eq!(shares.len(), model.feature_names().len());
        let raw = explained.base + shares.iter().sum::<f64>();
        let given = 1.0 / (1.0 + (-raw).exp());
        assert!(
            (given - scores[*row]).abs() < 1e-12,
            "row {row}: {given} and {}",
            scores[*row]
        );
    }
}

#[test]
fn a_prediction_is_another_rows() {
    let (model, frame) = (loaded(), frame(300, 9));
    let band = |score: f64| -> Arc<str> { if score >= 0.5 { "looking" } else { "staying" }.into() };
    let predictions = model.predictions(&frame, &band, &|band| band == "looking").unwrap();
    let scores = model.score(&frame).unwrap();
    let rows: Vec<usize> = (0..300).collect();
    let explained = model.explain(&frame, &rows).unwrap();
    let mut bands = BTreeSet::new();
    for (row, prediction) in predictions.iter().enumerate() {
        assert_eq!(prediction.score.to_bits(), scores[row].to_bits());
        assert_eq!(prediction.entity, Some(row.to_string()));
        assert_eq!(prediction.cause, Cause::Row(SourceId(1), Offset(row as i64)));
        assert_eq!(prediction.model, trained().version);
        bands.insert(prediction.band.clone());
        assert_eq!(prediction.reasons.is_some(), prediction.score >= 0.5);
        let Some(reasons) = &prediction.reasons else { continue };
        assert_eq!(reasons.len(), 5);
        assert!(
            reasons
                .windows(2)
                .all(|pair| pair[0].contribution.abs() >= pair[1].contribution.abs())
        );
        for reason in reasons {
            let at = model
                .feature_names()
                .iter()
                .position(|name| *name == reason.feature)
                .unwrap();
            assert_eq!(
                reason.contribution.to_bits(),
                explained.contributions[row][at].to_bits()
            );
        }
    }
    assert_eq!(bands.len(), 2, "the sample has rows of both bands");
}

#[test]
fn features_that_do_not_fit_are_scored() {
    let model = loaded();
    let good = frame(10, 9);
    let other_view = FeatureFrame {
        view_version: "cd".repeat(32),
        ..good.clone()
    };
    let fewer = FeatureFrame {
        features: good.features.project(&[0, 1, 2, 3]).unwrap(),
        ..good.clone()
    };
    let no_positions = FeatureFrame {
        positions: Vec::new(),
        ..good.clone()
    };
    for frame in [&other_view, &fewer] {
        assert!(matches!(model.score(frame), Err(Error::Signature(_))));
    }
    let any = |_: f64| -> Arc<str> { "all".into() };
    assert!(matches!(
        model.predictions(&no_positions, &any, &|_| true),
        Err(Error::Signature(_))
    ));
    assert!(model.score(&good).is_ok());
}

#[test]
fn no_rows_are_an_error_in_scoring() {
    let none = frame(0, 9);
    assert!(loaded().score(&none).unwrap().is_empty());
    assert!(
        loaded()
            .predictions(&none, &|_| "all".into(), &|_| true)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_label_written_another_way_is_another_label() {
    let whole = frame(ROWS, 1);
    let labels = whole.label.clone().unwrap();
    let numbers = labels.as_any().downcast_ref::<Int64Array>().unwrap();
    let doubles: ArrayRef = Arc::new(
        numbers
            .iter()
            .map(|label| label.map(|label| label as f64))
            .collect::<Float64Array>(),
    );
    let texts: ArrayRef = Arc::new(
        numbers
            .iter()
            .map(|label| label.map(|label| label.to_string()))
            .collect::<StringArray>(),
    );
    for label in [doubles, texts] {
        let again = train(
            &FeatureFrame {
                label: Some(label),
                ..whole.clone()
            },
            &spec(),
            &ordinals(),
            &options(),
        )
        .unwrap();
        assert_eq!(again.version, trained().version);
    }
}

#[test]
fn rows_without_a_label_are_trained_on() {
    let mut partly = frame(ROWS, 1);
    let labels = partly.label.clone().unwrap();
    let numbers = labels.as_any().downcast_ref::<Int64Array>().unwrap();
    let first: Int64Array = (0..ROWS).map(|row| (row < 2_000).then(|| numbers.value(row))).collect();
    partly.label = Some(Arc::new(first));
    let partly = train(&partly, &spec(), &ordinals(), &options()).unwrap();
    let mut cut = frame(ROWS, 1);
    cut.features = cut.features.slice(0, 2_000);
    cut.label = cut.label.map(|label| label.slice(0, 2_000));
    let cut = train(&cut, &spec(), &ordinals(), &options()).unwrap();
    assert_eq!(partly.files.get("model.txt"), cut.files.get("model.txt"));
    assert_eq!((partly.metrics.rows, partly.metrics.unlabelled), (2_000, 1_000));
}

#[test]
fn rows_that_cannot_be_trained_on_are() {
    let whole = frame(200, 1);
    let label = |label: Vec<Option<i64>>| -> Option<ArrayRef> { Some(Arc::new(Int64Array::from(label))) };
    let cases = [
        (
            FeatureFrame {
                label: None,
                ..whole.clone()
            },
            "have no label",
        ),
        (
            FeatureFrame {
                label: label(vec![Some(1); 200]),
                ..whole.clone()
            },
            "need as many of each kind",
        ),
        (
            FeatureFrame {
                label: label(vec![Some(0); 200]),
                ..whole.clone()
            },
            "need as many of each kind",
        ),
        (
            FeatureFrame {
                label: label(vec![None; 200]),
                ..whole.clone()
            },
            "need as many of each kind",
        ),
        (
            FeatureFrame {
                label: label(vec![Some(1); 199]),
                ..whole.clone()
            },
            "not as many as the rows",
        ),
        (frame(0, 1), "need as many of each kind"),
    ];
    for (frame, wanted) in cases {
        let error = train(&frame, &spec(), &ordinals(), &options()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn few_rows_are_an_error_in_training() {
    let trained = train(&frame(60, 1), &spec(), &ordinals(), &options()).unwrap();
    let model = Model::load(&trained.files, &trained.version).unwrap();
    assert_eq!(model.score(&frame(5, 2)).unwrap().len(), 5);
}
