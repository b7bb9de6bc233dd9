//! The body for programs: version 4 of Alertmanager's webhook, with the message's id, totals and alert ids beside it.
//!
//! Whoever reads Alertmanager's bodies reads these.

use muster_batch::AlertState;
use serde_json::{Map, Value, json};

use crate::body::Given;
use crate::digest::{Entry, moment};

/// What Alertmanager writes where an alert has no end.
const NO_END: &str = "0001-01-01T00:00:00Z";

pub(crate) fn render(given: &Given<'_>, shown: usize) -> Value {
    let digest = given.digest;
    let message = digest.message;
    let mut shared = Map::new();
    for (label, value) in [
        ("about", digest.shared(|raised| &raised.alert.about)),
        ("alertname", digest.shared(|raised| &raised.alert.condition)),
    ] {
        if let Some(value) = value {
            shared.insert(label.to_owned(), value.into());
        }
    }
    let link = given.link.unwrap_or_default();
    let of_entry = |entry| alert(entry, &given.report(entry).unwrap_or_default());
    let alerts: Vec<Value> = digest.entries[..shown].iter().map(of_entry).collect();
    json!({
        "version": "4",
        "groupKey": message.group,
        "truncatedAlerts": digest.entries.len() - shown,
        "status": digest.state().word(),
        "receiver": given.target.name.as_str(),
        "groupLabels": shared,
        "commonLabels": shared,
        "commonAnnotations": { "summary": digest.headline() },
        "externalURL": link,
        "messageId": message.id,
        "madeAt": moment(message.made_at),
        "totals": {
            "alerts": message.alerts.len(),
            "firing": digest.firing,
            "resolved": digest.entries.len() - digest.firing,
        },
        "alertIds": given.ids.0,
        "truncatedAlertIds": given.ids.1,
        "alerts": alerts,
    })
}

fn alert(entry: &Entry<'_>, report: &str) -> Value {
    let raised = entry.last;
    let alert = &raised.alert;
    let mut labels = json!({ "alertname": alert.condition, "about": alert.about });
    if let Some(batch) = raised.batch {
        labels["batch"] = batch.to_string().into();
    }
    if let Some(run) = raised.run {
        labels["run"] = run.to_string().into();
    }
    let ends = match entry.state() {
        AlertState::Firing => NO_END.to_owned(),
        AlertState::Resolved => moment(raised.raised_at),
    };
    json!({
        "status": entry.state().word(),
        "labels": labels,
        "annotations": { "summary": entry.line() },
        "startsAt": moment(entry.first.raised_at),
        "endsAt": ends,
        "generatorURL": report,
        "fingerprint": alert.fingerprint,
        "measured": alert.measured,
        "threshold": alert.threshold,
        "window": alert.window,
        "alerts": entry.alerts,
    })
}
