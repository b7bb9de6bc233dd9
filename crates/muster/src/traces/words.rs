//! A trace as people read it on a terminal.
//!
//! Used by `muster trace`.

use std::fmt::Write as _;

use chrono::SecondsFormat;

use super::{Alert, Prediction, Reason, Repair, Row, Trace};

/// Reasons that are told of a prediction.
const REASONS_MAX: usize = 5;

/// What became of a record, a line a fact.
pub fn describe(trace: &Trace) -> String {
    let mut text = format!("{}: {}", trace.record, trace.verdict);
    if let Some(why) = &trace.why {
        let _ = write!(text, " ({why})");
    }
    if trace.incarnation > 0 {
        line(
            &mut text,
            "topic",
            &format!("{}, made again {} times", trace.topic_id, trace.incarnation),
        );
    }
    if let Some(batch) = &trace.batch {
        let version = batch.contract_version.get(..12).unwrap_or_default();
        let told = format!(
            "batch {}, {}, by {} {version} at revision {}",
            batch.batch, batch.committed_at, batch.contract, batch.revision
        );
        line(&mut text, "received", &told);
    }
    if let Some(sha256) = &trace.payload_sha256 {
        line(&mut text, "bytes", &format!("sha256 {sha256}"));
    }
    if let Some(kafka) = &trace.kafka {
        let told = match (&kafka.payload_sha256, &trace.payload_sha256) {
            (None, _) if kafka.state == "tombstone" => "a record without a value".to_owned(),
            (None, _) => match &kafka.why {
                Some(why) => format!("not asked: {why}"),
                None => "gone from its log".to_owned(),
            },
            (Some(there), Some(stored)) if there != stored => format!("sha256 {there}: not the bytes that are stored"),
            (Some(there), _) => format!("sha256 {there}"),
        };
        line(&mut text, "in Kafka", &told);
    }
    if !trace.violations.is_empty() {
        line(&mut text, "violations", &trace.violations.join(", "));
    }
    if !trace.warnings.is_empty() {
        line(&mut text, "warnings", &trace.warnings.join(", "));
    }
    if let Some(found) = &trace.row {
        row(&mut text, "row", found);
    }
    for repair in &trace.repairs {
        repaired(&mut text, repair);
    }
    for alert in &trace.alerts {
        line(&mut text, "alert", &alerted(alert));
    }
    for prediction in &trace.predictions {
        predicted(&mut text, prediction);
    }
    text
}

fn line(text: &mut String, name: &str, told: &str) {
    let _ = write!(text, "\n  {name:<11} {told}");
}

fn row(text: &mut String, name: &str, row: &Row) {
    line(text, name, &format!("sha256 {}", row.values_sha256));
    line(
        text,
        "file",
        &format!(
            "{} (sha256 {}…), row {} in group {}",
            row.file,
            &row.file_sha256[..12],
            row.row,
            row.row_group
        ),
    );
    let values = row.values.iter().map(|shown| match (&shown.value, shown.masked) {
        (Some(value), _) => format!("{}={value}", shown.name),
        (None, true) => format!("{}=•••", shown.name),
        (None, false) => format!("{}=", shown.name),
    });
    let values: Vec<String> = values.collect();
    if !values.is_empty() {
        line(text, "values", &values.join(" "));
    }
}

fn repaired(text: &mut String, repair: &Repair) {
    let step = &repair.step;
    let became = if step.good { "good" } else { "still bad" };
    let told = format!(
        "{} {} by {} ({}), {}: {became}",
        step.kind,
        step.repair,
        step.author,
        step.reason,
        step.committed_at.to_rfc3339_opts(SecondsFormat::Millis, true)
    );
    line(text, "repaired", &told);
    for change in &step.changes {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        line(
            text,
            "",
            &format!(
                "{}: {} became {}",
                change.field,
                value(&change.before),
                value(&change.after)
            ),
        );
    }
    if !step.rules_left.is_empty() {
        line(text, "", &format!("still breaks {}", step.rules_left.join(", ")));
    }
    if let Some(found) = &repair.row {
        row(text, "row", found);
    }
}

fn predicted(text: &mut String, prediction: &Prediction) {
    let _ = write!(text, "\nprediction/{}", prediction.id);
    let entity = prediction.entity.as_deref().unwrap_or("•••");
    let told = format!(
        "{} run {} ({}), entity {entity}, {}",
        prediction.pipeline, prediction.run, prediction.purpose, prediction.scored_at
    );
    line(text, "scored", &told);
    line(text, "model", &format!("sha256 {}", prediction.model_version));
    if let Some(features) = &prediction.features {
        row(text, "features", features);
    }
    line(text, "score", &format!("{} ({})", prediction.score, prediction.band));
    line(text, "reasons", &reasons(prediction.reasons.as_ref()));
    for alert in &prediction.alerts {
        line(text, "alert", &alerted(alert));
    }
}

fn reasons(reasons: Option<&Vec<Reason>>) -> String {
    let Some(reasons) = reasons else {
        return "made on demand".to_owned();
    };
    let told = reasons.iter().take(REASONS_MAX);
    let mut told: Vec<String> = told
        .map(|reason| format!("{} {:+.3}", reason.feature, reason.contribution))
        .collect();
    if reasons.len() > REASONS_MAX {
        told.push(format!("and {} more", reasons.len() - REASONS_MAX));
    }
    told.join(", ")
}

fn alerted(alert: &Alert) -> String {
    let measured = match (alert.measured, alert.threshold) {
        (Some(measured), Some(threshold)) => format!(", {measured} against {threshold}"),
        (Some(measured), None) => format!(", {measured}"),
        _ => String::new(),
    };
    format!(
        "{} of {} {}{measured}, over {}, {}",
        alert.condition, alert.about, alert.state, alert.measured_over, alert.raised_at
    )
}
