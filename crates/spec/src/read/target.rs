//! Reads an alert target: kind, where address and secrets come from, grouping, limits.
//!
//! Called by `crate::read`. A secret that stands in the file itself is a problem, whose message does not repeat it.

use super::contract::version;
use super::report::Report;
use super::shapes::{GROUP, HELD_IN, LIMITS, TARGET};
use super::tree::{self, Node, Value};
use crate::ids::TargetName;
use crate::target::{AlertTarget, GroupBy, Grouping, HeldIn, Limits, TargetKind};
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_mins(5);
const REPEAT: Duration = Duration::from_hours(4);
const MESSAGES_PER_MINUTE: u32 = 6;
const ALERTS_MAX: u64 = 10_000;
/// A body that holds no alert at all needs this much.
const BODY_BYTES_LEAST: u64 = 4_000;
/// The current secret, and the one before it or after it.
const SECRETS_MAX: usize = 2;

const KINDS: [(&str, TargetKind); 3] = [
    ("webhook", TargetKind::Webhook),
    ("slack", TargetKind::Slack),
    ("teams", TargetKind::Teams),
];

pub(super) fn read(name: &str, yaml: &str, report: &mut Report<'_>) -> Option<AlertTarget> {
    let root = tree::parse(yaml, report)?;
    let keys = report.keys(&root, &TARGET)?;
    version(&keys, report);
    let kind = keys.get("kind").and_then(|node| report.word(node, &KINDS));
    let url = keys.get("url").and_then(|node| held_in(node, "an address", report));
    let secrets = keys.get("secrets").map(|node| secrets(node, report));
    match (kind, &secrets) {
        (Some(TargetKind::Webhook), None) => {
            let hint = "`secrets: [{ env: NAME }]`, a text of the form `whsec_` and base64";
            report.hint(root.place, "a webhook is signed and lacks the key `secrets`", hint);
        }
        (Some(TargetKind::Slack | TargetKind::Teams), Some(_)) => {
            report.say(
                keys.place_of("secrets"),
                "only a webhook is signed: it alone has `secrets`",
            );
        }
        _ => {}
    }
    let allow_hosts = keys.get("allow_hosts").map(|node| hosts(node, report));
    let grouping = keys
        .get("group")
        .map_or_else(default_grouping, |node| grouping(node, report));
    let resolved = keys.get("resolved").map_or(Some(true), |node| report.flag(node));
    let limits = limits(keys.get("limits"), kind.unwrap_or(TargetKind::Webhook), report);
    Some(AlertTarget {
        name: TargetName::from(name),
        kind: kind?,
        url: url?,
        secrets: secrets.unwrap_or_default(),
        allow_hosts: allow_hosts.unwrap_or_default(),
        grouping,
        limits,
        resolved: resolved?,
    })
}

fn secrets(node: &Node, report: &mut Report<'_>) -> Vec<HeldIn> {
    let items = report.list(node).unwrap_or_default();
    if items.is_empty() || items.len() > SECRETS_MAX {
        report.say(node.place, "a webhook has one secret, or two while they are exchanged");
    }
    items
        .iter()
        .filter_map(|item| held_in(item, "a secret", report))
        .collect()
}

/// `{ env: NAME }` or `{ file: PATH }`.
fn held_in(node: &Node, what: &str, report: &mut Report<'_>) -> Option<HeldIn> {
    const HINT: &str = "say what holds it: `{ env: NAME }` or `{ file: PATH }`";
    if matches!(node.value, Value::Scalar { .. }) {
        report.hint(node.place, format!("{what} does not stand in the file itself"), HINT);
        return None;
    }
    let keys = report.keys(node, &HELD_IN)?;
    match (keys.get("env"), keys.get("file")) {
        (Some(name), None) => environment(name, report),
        (None, Some(path)) => report.text(path).map(|path| HeldIn::File(path.to_owned())),
        _ => {
            report.hint(node.place, format!("{what} is held in one place"), HINT);
            None
        }
    }
}

fn environment(node: &Node, report: &mut Report<'_>) -> Option<HeldIn> {
    let text = report.text(node)?;
    let fits =
        text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !text.starts_with(|c: char| c.is_ascii_digit());
    if fits {
        return Some(HeldIn::Env(text.to_owned()));
    }
    // What stands here by mistake may be the secret.
    report.hint(
        node.place,
        "this is no name of an environment variable",
        "letters, digits and `_`: `MUSTER_ALERTS_URL`",
    );
    None
}

fn hosts(node: &Node, report: &mut Report<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    for item in report.list(node).unwrap_or_default() {
        let Some(text) = report.written(item) else { continue };
        let is_address = text.contains("::") && text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
        let is_name = text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        if is_address || is_name {
            hosts.push(text.to_ascii_lowercase());
        } else {
            let hint = "a name or an address as it stands in the URL, without scheme, port and path: `alertmanager`";
            report.hint(item.place, format!("`{text}` is no host"), hint);
        }
    }
    hosts
}

fn default_grouping() -> Grouping {
    Grouping {
        by: vec![GroupBy::About, GroupBy::Condition],
        wait: WAIT,
        interval: INTERVAL,
        repeat: REPEAT,
    }
}

fn grouping(node: &Node, report: &mut Report<'_>) -> Grouping {
    let usual = default_grouping();
    let Some(keys) = report.keys(node, &GROUP) else {
        return usual;
    };
    let by = keys.get("by").map(|node| {
        let words = [GroupBy::About, GroupBy::Condition].map(|by| (by.word(), by));
        let mut by: Vec<GroupBy> = Vec::new();
        for item in report.list(node).unwrap_or_default() {
            let Some(word) = report.word(item, &words) else {
                continue;
            };
            if by.contains(&word) {
                report.say(item.place, format!("`{}` stands twice", word.word()));
            } else {
                by.push(word);
            }
        }
        by
    });
    let mut duration = |key| keys.get(key).and_then(|node| report.duration(node));
    let (wait, interval, repeat) = (duration("wait"), duration("interval"), duration("repeat"));
    Grouping {
        by: by.unwrap_or(usual.by),
        wait: wait.unwrap_or(usual.wait),
        interval: interval.unwrap_or(usual.interval),
        repeat: repeat.unwrap_or(usual.repeat),
    }
}

fn limits(node: Option<&Node>, kind: TargetKind, report: &mut Report<'_>) -> Limits {
    let keys = node.and_then(|node| report.keys(node, &LIMITS));
    let mut whole = |key, least, most: u64| {
        let node = keys.as_ref().and_then(|keys| keys.get(key))?;
        let found = report.whole(node, least)?;
        if found > most {
            report.say(node.place, format!("expected a whole number of at most {most}"));
            return None;
        }
        Some(found)
    };
    let messages = whole("messages_per_minute", 1, 600);
    let alerts = whole("alerts_max", 1, 100_000);
    let bytes = whole("body_bytes_max", BODY_BYTES_LEAST, 1_000_000);
    Limits {
        messages_per_minute: messages.map_or(MESSAGES_PER_MINUTE, |messages| messages as u32),
        alerts_max: alerts.unwrap_or(ALERTS_MAX),
        body_bytes_max: bytes.unwrap_or_else(|| kind.body_bytes_max()),
    }
}

/// Where a contract or pipeline names a target that there is not: `expectations[].alert`, `alerts[].to`, `drift.to`.
pub(super) fn unknown(yaml: &str, targets: &[&str], report: &mut Report<'_>) -> Option<()> {
    const NAMED: [(&str, &str); 3] = [("expectations", "alert"), ("alerts", "to"), ("drift", "to")];
    let root = tree::parse(yaml, report)?;
    for (part, key) in NAMED {
        let Some(part) = under(&root, part) else { continue };
        let items = match &part.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(part),
        };
        for node in items.iter().filter_map(|item| under(item, key)) {
            let Value::Scalar { text, .. } = &node.value else {
                continue;
            };
            if targets.is_empty() {
                let hint = format!("make `alerts/{text}.yaml`");
                report.hint(
                    node.place,
                    format!("unknown alert target `{text}`: the project has none"),
                    hint,
                );
            } else if !targets.contains(&text.as_str()) {
                report.unknown(node.place, "alert target", text, targets.iter().copied());
            }
        }
    }
    Some(())
}

fn under<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries
        .iter()
        .find(|(found, _)| found.text == key)
        .map(|(_, node)| node)
}
