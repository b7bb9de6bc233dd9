//! Drift as alerts: one condition a feature of a pipeline.
//!
//! Called by `muster` with what a look at a window found, written to the ledger in the same statement.

use muster_batch::{Alert, AlertState, DriftMeasure, DriftState, FeatureDrift};
use muster_spec::PipelineName;

/// The condition's name.
const CONDITION: &str = "drift";

/// The alerts that a look calls for: a feature is told of once a window, however often the window is looked at (`told` are
/// those it was told of), and that it drifts no more with the first look that says so. A window of too few rows says
/// nothing. `since` says in words when the window began.
pub fn alerts(
    pipeline: &PipelineName,
    targets: &[Option<String>],
    found: &[FeatureDrift],
    told: &[String],
    since: &str,
) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for drift in found {
        let state = match drift.state {
            DriftState::Alert if told.contains(&drift.feature) => continue,
            DriftState::Alert => AlertState::Firing,
            DriftState::Fine | DriftState::Warn => AlertState::Resolved,
            DriftState::Few => continue,
        };
        let measured = drift.worst.or_else(|| Some((DriftMeasure::Psi, drift.psi?)));
        let by = measured.map_or("", |(measure, _)| measure.word());
        let alert = |target: &Option<String>| Alert {
            fingerprint: format!("pipeline/{pipeline}/{CONDITION}/{}", drift.feature),
            condition: CONDITION.to_owned(),
            about: pipeline.to_string(),
            state,
            measured: measured.map(|(_, measured)| measured.value),
            threshold: measured.map(|(_, measured)| measured.threshold),
            window: format!("{by} of {} over {} rows since {since}", drift.feature, drift.rows),
            target: target.clone(),
        };
        alerts.extend(targets.iter().map(alert));
    }
    alerts
}

#[cfg(test)]
#[path = "alerts_tests.rs"]
mod tests;
