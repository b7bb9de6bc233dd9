//! Reads what a pipeline says about drift: the window, the limits, how often a false alarm may come.
//!
//! Called by the pipeline reader. What is left out is as usual.

use super::report::{Keys, Report};
use super::shapes::{DRIFT, DRIFT_LIMITS};
use super::tree::Node;
use crate::pipeline::{Drift, DriftLimits};

/// A population stability index is small; above this nothing would ever be said.
const PSI_MAX: f64 = 100.0;

/// A likelihood that is said to be none could not be held.
const FALSE_ALARMS_LEAST: f64 = 1e-9;

pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Drift {
    let usual = Drift::default();
    let Some(keys) = report.keys(node, &DRIFT) else {
        return usual;
    };
    let window = keys.get("window").and_then(|node| report.duration(node));
    let min_rows = keys.get("min_rows").and_then(|node| report.whole(node, 1));
    let false_alarms = keys
        .get("false_alarms")
        .and_then(|node| report.number_within(node, FALSE_ALARMS_LEAST, 0.5));
    let to = keys.get("to").and_then(|node| report.text(node));
    Drift {
        window: window.unwrap_or(usual.window),
        min_rows: min_rows.unwrap_or(usual.min_rows),
        psi: limits(&keys, "psi", PSI_MAX, usual.psi, report),
        ks: limits(&keys, "ks", 1.0, usual.ks, report),
        missing: limits(&keys, "missing", 1.0, usual.missing, report),
        new_levels: limits(&keys, "new_levels", 1.0, usual.new_levels, report),
        false_alarms: false_alarms.unwrap_or(usual.false_alarms),
        to: to.map(str::to_owned),
    }
}

fn limits(keys: &Keys<'_>, name: &str, most: f64, usual: DriftLimits, report: &mut Report<'_>) -> DriftLimits {
    let Some(keys) = keys.get(name).and_then(|node| report.keys(node, &DRIFT_LIMITS)) else {
        return usual;
    };
    let mut limit = |name| keys.get(name).and_then(|node| report.number_within(node, 0.0, most));
    let (Some(warn), Some(alert)) = (limit("warn"), limit("alert")) else {
        return usual;
    };
    if warn > alert {
        report.say(keys.place_of("warn"), "`warn` is greater than `alert`");
    }
    DriftLimits { warn, alert }
}
