//! Alert targets that are in order, and targets that others name and that do not exist.

use std::time::Duration;

use muster_spec::read;
use muster_spec::target::{GroupBy, HeldIn, TargetKind};

use crate::folder::{folder, target, told};

fn read_target(yaml: &str) -> muster_spec::AlertTarget {
    read::target("t", "alerts/t.yaml", yaml).unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

#[test]
fn a_target_that_says_little_has_bounds_all_the_same() {
    let target = read_target("version: 1\nkind: teams\nurl: { env: TEAMS_URL }\n");
    assert_eq!(target.kind, TargetKind::Teams);
    assert_eq!(target.url, HeldIn::Env("TEAMS_URL".into()));
    assert_eq!(target.grouping.by, [GroupBy::About, GroupBy::Condition]);
    assert!(target.limits.messages_per_minute > 0 && target.limits.alerts_max > 0);
    assert!(
        target.limits.body_bytes_max <= 21_000,
        "Teams was seen to cut larger cards"
    );
    assert!(target.allow_hosts.is_empty(), "nothing private is reached unasked");
    assert!(target.resolved);
}

#[test]
fn what_a_target_says_is_taken() {
    let target = read_target(
        "version: 1
kind: webhook
url: { file: secrets/url }
secrets: [{ env: NEW }, { file: /run/secrets/old }]
allow_hosts: [Alert-Manager, 127.0.0.1, '::1']
group: { by: [], wait: 1s, interval: 2m, repeat: 1d }
limits: { messages_per_minute: 60, alerts_max: 5, body_bytes_max: 4000 }
resolved: false
",
    );
    assert_eq!(target.url, HeldIn::File("secrets/url".into()));
    assert_eq!(
        target.secrets,
        [HeldIn::Env("NEW".into()), HeldIn::File("/run/secrets/old".into())]
    );
    assert_eq!(target.allow_hosts, ["alert-manager", "127.0.0.1", "::1"]);
    assert!(target.grouping.by.is_empty());
    assert_eq!(target.grouping.wait, Duration::from_secs(1));
    assert_eq!(target.grouping.interval, Duration::from_mins(2));
    assert_eq!(target.grouping.repeat, Duration::from_hours(24));
    assert_eq!(
        (
            target.limits.messages_per_minute,
            target.limits.alerts_max,
            target.limits.body_bytes_max,
            target.resolved
        ),
        (60, 5, 4000, false)
    );
}

#[test]
fn the_shipped_target_reads() {
    let target = target(&folder("../../alerts"), "data-quality", "data-quality.yaml");
    assert_eq!(target.unwrap().name.as_str(), "data-quality");
}

#[test]
fn a_target_that_nobody_made_is_told_where_it_is_named() {
    let contract = "expectations:\n  - { id: bad_ratio, max: 0.1, alert: data-qualty }\n  - { id: rows, min: 1 }\n";
    let pipeline = "alerts:\n  - { id: rate, when: 'positive_rate > 0.6', to: elsewhere }\n";
    let found = |yaml, targets: &[&str]| told(&read::unknown_targets("f.yaml", yaml, targets));
    let known = ["data-quality", "people"];
    assert_eq!(
        found(contract, &known),
        "f.yaml:2:39: unknown alert target `data-qualty`\n  hint: did you mean `data-quality`?\n"
    );
    assert_eq!(
        found(pipeline, &known),
        "f.yaml:2:50: unknown alert target `elsewhere`\n  hint: known: `data-quality`, `people`\n"
    );
    assert_eq!(
        found(pipeline, &[]),
        "f.yaml:2:50: unknown alert target `elsewhere`: the project has none\n  hint: make `alerts/elsewhere.yaml`\n"
    );
    assert_eq!(read::unknown_targets("f.yaml", contract, &["data-qualty"]), []);
}
