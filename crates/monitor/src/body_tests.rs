//! Tests of the file beside this one: budgets, totals, and that every alert can be accounted for.

use std::time::Duration;

use muster_batch::{Alert, AlertState, RaisedAlert};
use muster_spec::target::{Grouping, HeldIn, Limits};
use muster_spec::{BatchId, TargetName};

use super::*;

const KINDS: [TargetKind; 3] = [TargetKind::Webhook, TargetKind::Slack, TargetKind::Teams];

fn target(kind: TargetKind, body_bytes_max: u64) -> AlertTarget {
    AlertTarget {
        name: TargetName::from("data-quality"),
        kind,
        url: HeldIn::Env("URL".into()),
        secrets: Vec::new(),
        allow_hosts: Vec::new(),
        grouping: Grouping {
            by: Vec::new(),
            wait: Duration::from_secs(30),
            interval: Duration::from_mins(1),
            repeat: Duration::from_hours(4),
        },
        limits: Limits {
            messages_per_minute: 6,
            alerts_max: 10_000,
            body_bytes_max,
        },
        resolved: true,
    }
}

fn raised(id: i64, about: &str, condition: &str, state: AlertState) -> RaisedAlert {
    RaisedAlert {
        id,
        alert: Alert {
            fingerprint: format!("contract/{about}/{condition}"),
            condition: condition.to_owned(),
            about: about.to_owned(),
            state,
            measured: Some(0.25),
            threshold: Some(0.1),
            window: "hr.candidate.v1 partition 0 [0,100)".to_owned(),
            target: None,
        },
        batch: Some(BatchId(id)),
        run: None,
        raised_at: 1_700_000_000_000_000 + id,
    }
}

fn message(alerts: Vec<RaisedAlert>) -> AlertMessage {
    AlertMessage {
        id: "msg_0123456789abcdef0123456789abcdef".to_owned(),
        target: TargetName::from("data-quality"),
        group: "about=hr.candidate".to_owned(),
        made_at: 1_700_000_000_000_000,
        alerts,
    }
}

fn json(body: &Body) -> Value {
    serde_json::from_str(&body.text).unwrap()
}

#[test]
fn a_program_that_reads_alertmanagers_bodies_reads_ours() {
    let alerts = vec![
        raised(7, "hr.candidate", "bad_ratio", AlertState::Firing),
        raised(8, "hr.candidate", "rows", AlertState::Firing),
        raised(9, "hr.candidate", "rows", AlertState::Resolved),
    ];
    let body = Body::render(
        &target(TargetKind::Webhook, 20_000),
        &message(alerts),
        Some("https://muster.example"),
    );
    let body = json(&body);
    for (key, expected) in [
        ("version", "4".into()),
        ("status", "firing".into()),
        ("receiver", "data-quality".into()),
        ("groupKey", "about=hr.candidate".into()),
        ("truncatedAlerts", 0.into()),
        ("externalURL", "https://muster.example".into()),
        ("alertIds", "7-9".into()),
        ("commonLabels", serde_json::json!({ "about": "hr.candidate" })),
        ("totals", serde_json::json!({ "alerts": 3, "firing": 1, "resolved": 1 })),
    ] {
        assert_eq!(body[key], expected, "{key}");
    }
    let alerts = body["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 2, "one a condition");
    assert_eq!(alerts[0]["status"], "firing");
    assert_eq!(alerts[0]["labels"]["alertname"], "bad_ratio");
    assert_eq!(alerts[0]["labels"]["batch"], "7");
    let report = "https://muster.example/reports/hr.candidate/batch/7";
    assert_eq!(alerts[0]["generatorURL"], report);
    assert_eq!(alerts[0]["startsAt"], "2023-11-14T22:13:20.000Z");
    assert_eq!(alerts[0]["endsAt"], "0001-01-01T00:00:00Z");
    assert_eq!(alerts[1]["status"], "resolved", "what is true at the end");
    assert_eq!(alerts[1]["alerts"], 2);
    assert_ne!(alerts[1]["endsAt"], "0001-01-01T00:00:00Z");
}

#[test]
fn a_storm_of_one_trouble_is_one_line_with_its_total() {
    let alerts = (1..=10_000)
        .map(|id| raised(id, "hr.candidate", "bad_ratio", AlertState::Firing))
        .collect();
    let message = message(alerts);
    for kind in KINDS {
        let body = Body::render(&target(kind, kind.body_bytes_max()), &message, None);
        assert_eq!((body.shown, body.truncated), (1, 0));
        assert!(body.text.len() < 3_000, "{} bytes", body.text.len());
        for told in ["10000", "1-10000"] {
            assert!(body.text.contains(told), "{told} is not told: {}", body.text);
        }
    }
}

#[test]
fn no_budget_is_exceeded_and_what_is_left_out_is_counted() {
    let name = "n".repeat(250);
    for conditions in [1, 3, 39, 40, 41, 500, 5_000] {
        let alerts = (0..conditions)
            .map(|id| raised(id * 2, &name, &format!("{name}{id}"), AlertState::Firing))
            .collect();
        let message = message(alerts);
        for kind in KINDS {
            for budget in [4_000, kind.body_bytes_max()] {
                let body = Body::render(&target(kind, budget), &message, Some("https://muster.example"));
                assert!(
                    body.text.len() as u64 <= budget,
                    "{kind:?}: {} of {budget} bytes for {conditions}",
                    body.text.len()
                );
                assert_eq!(body.shown + body.truncated, conditions as usize);
                let rest = match kind {
                    TargetKind::Webhook => json(&body)["truncatedAlerts"].as_u64().unwrap(),
                    _ if body.truncated == 0 => 0,
                    _ => {
                        let told = format!("and {} more conditions", body.truncated);
                        assert!(body.text.contains(&told), "{}", body.text);
                        body.truncated as u64
                    }
                };
                assert_eq!(rest, body.truncated as u64);
            }
        }
    }
}

#[test]
fn a_full_budget_is_used() {
    let alerts = (0..500)
        .map(|id| raised(id, "hr.candidate", &format!("rule_{id}"), AlertState::Firing))
        .collect();
    let body = Body::render(&target(TargetKind::Webhook, 20_000), &message(alerts), None);
    assert!(body.text.len() > 15_000, "{} bytes", body.text.len());
}

#[test]
fn ids_that_do_not_fit_are_counted() {
    let alerts = (0..5_000)
        .map(|id| raised(1_000_000 + id * 2, "hr.candidate", "bad_ratio", AlertState::Firing))
        .collect();
    let body = Body::render(&target(TargetKind::Webhook, 20_000), &message(alerts), None);
    let body = json(&body);
    let told = body["alertIds"].as_str().unwrap().split(',').count() as u64;
    assert_eq!(told + body["truncatedAlertIds"].as_u64().unwrap(), 5_000);
    assert_eq!(body["totals"]["alerts"], 5_000);
}

#[test]
fn a_name_cannot_make_a_link_or_a_mention() {
    let alerts = vec![raised(1, "<!channel>", "a_b*c*", AlertState::Firing)];
    let message = message(alerts);
    let slack = Body::render(&target(TargetKind::Slack, 12_000), &message, None);
    assert!(!slack.text.contains("<!channel>\",\"type\":\"mrkdwn"), "{}", slack.text);
    let sections: Vec<Value> = json(&slack)["blocks"].as_array().unwrap().clone();
    assert!(
        sections[1]["text"]["text"]
            .as_str()
            .unwrap()
            .contains("&lt;!channel&gt;")
    );
    let teams = json(&Body::render(&target(TargetKind::Teams, 21_000), &message, None));
    let line = &teams["attachments"][0]["content"]["body"][1]["text"];
    assert!(line.as_str().unwrap().contains(r"a\_b\*c\*"), "{line}");
}

#[test]
fn teams_is_given_an_adaptive_card_and_slack_a_text_for_notifications() {
    let message = message(vec![raised(1, "hr.candidate", "bad_ratio", AlertState::Resolved)]);
    let teams = json(&Body::render(
        &target(TargetKind::Teams, 21_000),
        &message,
        Some("https://muster.example"),
    ));
    let attachment = &teams["attachments"][0];
    assert_eq!(teams["type"], "message");
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(attachment["content"]["type"], "AdaptiveCard");
    assert_eq!(attachment["content"]["actions"][0]["url"], "https://muster.example");
    assert_eq!(attachment["content"]["body"][0]["color"], "good");
    let line = attachment["content"]["body"][1]["text"].as_str().unwrap();
    assert!(
        line.ends_with(" [report](https://muster.example/reports/hr.candidate/batch/1)"),
        "{line}"
    );
    let slack = json(&Body::render(
        &target(TargetKind::Slack, 12_000),
        &message,
        Some("https://muster.example"),
    ));
    let line = slack["blocks"][1]["text"]["text"].as_str().unwrap();
    assert!(
        line.ends_with(" <https://muster.example/reports/hr.candidate/batch/1|report>"),
        "{line}"
    );
    let slack = json(&Body::render(&target(TargetKind::Slack, 12_000), &message, None));
    assert_eq!(slack["text"], "hr.candidate: 1 resolved (1 alerts)");
    assert_eq!(
        slack["blocks"][1]["text"]["text"],
        ":white_check_mark: hr.candidate: bad_ratio is over, measured 0.25, limit 0.1 (hr.candidate.v1 partition 0 [0,100))"
    );
}
