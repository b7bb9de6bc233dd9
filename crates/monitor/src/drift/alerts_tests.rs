//! Tests of drift as alerts.

use muster_batch::Measurement;

use super::*;

fn found(feature: &str, state: DriftState) -> FeatureDrift {
    let measured = Measurement {
        value: 0.4,
        threshold: 0.25,
        chance: 1e-9,
        state,
    };
    FeatureDrift {
        feature: feature.to_owned(),
        state,
        worst: (state >= DriftState::Warn).then_some((DriftMeasure::Ks, measured)),
        rows: 812,
        psi: Some(measured),
        psi_expected: Some(0.05),
        ks: Some(measured),
        missing: measured,
        missing_ratio: 0.1,
        new_levels: None,
        new_levels_distinct: 0,
    }
}

#[test]
fn a_feature_is_told_of_twice_in_a_window_or_a_warning_is_told() {
    let drifting = [
        found("city", DriftState::Alert),
        found("hours", DriftState::Alert),
        found("share", DriftState::Warn),
        found("size", DriftState::Fine),
        found("flag", DriftState::Few),
    ];
    let targets = [Some("people".to_owned()), Some("data".to_owned())];
    let made = alerts(
        &"job-change".into(),
        &targets,
        &drifting,
        &["hours".to_owned()],
        "09:00",
    );
    let told: Vec<_> = made
        .iter()
        .map(|alert| {
            (
                alert.fingerprint.as_str(),
                alert.state,
                alert.target.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("pipeline/job-change/drift/city", AlertState::Firing, "people"),
            ("pipeline/job-change/drift/city", AlertState::Firing, "data"),
            ("pipeline/job-change/drift/share", AlertState::Resolved, "people"),
            ("pipeline/job-change/drift/share", AlertState::Resolved, "data"),
            ("pipeline/job-change/drift/size", AlertState::Resolved, "people"),
            ("pipeline/job-change/drift/size", AlertState::Resolved, "data"),
        ]
    );
    let first = &made[0];
    assert_eq!((first.measured, first.threshold), (Some(0.4), Some(0.25)));
    assert_eq!(first.window, "ks of city over 812 rows since 09:00");
    assert_eq!(
        (first.condition.as_str(), first.about.as_str()),
        ("drift", "job-change")
    );
}
