//! Tests of the file beside this one.

use muster_spec::pipeline::ModelKind;

use super::*;

fn spec(params: &[(&str, &str)]) -> ModelSpec {
    ModelSpec {
        kind: ModelKind::Lightgbm,
        label: "target".into(),
        positive: "1".into(),
        categorical: Vec::new(),
        ordinal: Vec::new(),
        params: params
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        seed: 42,
        folds: 5,
    }
}

#[test]
fn a_parameter_is_lost_or_not_ours_to_lose() {
    let parameters = Parameters::of(
        &spec(&[
            ("learning_rate", "0.03"),
            ("n_estimators", "300"),
            ("sub_feature", "0.5"),
        ]),
        &[1, 3],
    )
    .unwrap();
    assert_eq!(parameters.iterations, 300);
    assert_eq!(
        parameters.text,
        "objective=binary deterministic=true force_col_wise=true num_threads=1 verbosity=-1 seed=42 \
         categorical_feature=1,3 feature_fraction=0.5 learning_rate=0.03"
    );
}

#[test]
fn a_parameter_that_cannot_be_is_taken() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("learning_rat", "0.1")], "is none of LightGBM's"),
        (&[("objective", "regression")], "is set by Muster itself"),
        (&[("app", "regression")], "is set by Muster itself"),
        (&[("num_threads", "8")], "is set by Muster itself"),
        (&[("linear_tree", "true")], "is set by Muster itself"),
        (&[("input_model", "/etc/passwd")], "is set by Muster itself"),
        (&[("random_state", "1")], "is set by Muster itself"),
        (
            &[("learning_rate", "0.1 objective=regression")],
            "has a value with spaces",
        ),
        (&[("learning_rate", "")], "has a value with spaces"),
        (&[("learning_rate", "0.1"), ("eta", "0.2")], "is set twice"),
        (&[("num_iterations", "0")], "is no whole number"),
        (&[("num_iterations", "1e9")], "is no whole number"),
    ];
    for (params, wanted) in cases {
        let error = Parameters::of(&spec(params), &[]).unwrap_err().to_string();
        assert!(error.contains(wanted), "{params:?}: {error}");
    }
}

#[test]
fn lightgbm_does_not_know_what_may_be_set() {
    let names = main_names().unwrap();
    for name in SETTABLE {
        assert_eq!(names.get(name).map(String::as_str), Some(name));
    }
}
