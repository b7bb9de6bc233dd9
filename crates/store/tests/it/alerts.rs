//! The way of alerts through the outbox, on a real PostgreSQL: each told once, storms as one message, ends told where
//! their beginnings were, several senders at once, a sender that dies.

use std::collections::BTreeMap;
use std::time::Duration;

use muster_batch::{Alert, AlertState};
use muster_spec::AlertTarget;
use muster_store::Ledger;
use muster_store::ledger::alert_messages::{TakenMessage, Trouble, TryEnd};

use crate::support::{Fixture, topic_id};

const LEASE: Duration = Duration::from_mins(1);

/// A target that is told at once and as often as it can be.
fn target(name: &str, more: &str) -> AlertTarget {
    let yaml = format!("version: 1\nkind: slack\nurl: {{ env: U }}\nlimits: {{ messages_per_minute: 600 }}\n{more}");
    let mut target = muster_spec::read::target(name, "alerts/t.yaml", &yaml).unwrap();
    target.grouping.wait = Duration::ZERO;
    target.grouping.interval = Duration::ZERO;
    target
}

fn alert(about: &str, condition: &str, state: AlertState) -> Alert {
    Alert {
        fingerprint: format!("contract/{about}/{condition}"),
        condition: condition.to_owned(),
        about: about.to_owned(),
        state,
        measured: Some(0.2),
        threshold: Some(0.1),
        window: "[0,10)".to_owned(),
        target: None,
    }
}

const FIRING: AlertState = AlertState::Firing;
const RESOLVED: AlertState = AlertState::Resolved;

fn trouble() -> Trouble {
    Trouble {
        failure: "server_error",
        why: "answered 500".to_owned(),
    }
}

/// Takes a message, waiting out the pause between two of a target.
async fn take(ledger: &Ledger, target: &AlertTarget) -> Option<TakenMessage> {
    for _ in 0..4 {
        if let Some(taken) = ledger.take_alert_message(target, "test", LEASE).await.unwrap() {
            return Some(taken);
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    None
}

async fn deliver(ledger: &Ledger, target: &AlertTarget) -> Option<TakenMessage> {
    let taken = take(ledger, target).await?;
    assert!(ledger.end_alert_try(&taken, &TryEnd::Delivered).await.unwrap());
    Some(taken)
}

async fn raise(ledger: &Ledger, targets: &[&AlertTarget], alerts: &[Alert]) {
    ledger.raise(alerts).await.unwrap();
    ledger.assign_alerts(targets.iter().copied(), 100_000).await.unwrap();
}

/// An hour passes, for everything that waits.
async fn pass_an_hour(fixture: &Fixture) {
    let passed = "UPDATE alert_messages SET next_try_at = next_try_at - interval '1 hour',
          leased_until = leased_until - interval '1 hour';
        UPDATE alert_targets SET not_before = not_before - interval '1 hour';
        UPDATE alert_deliveries SET raised_at = raised_at - interval '1 hour';
        UPDATE alert_conditions SET told_at = told_at - interval '1 hour'";
    fixture.owner().await.batch_execute(passed).await.unwrap();
}

fn states(taken: &TakenMessage) -> Vec<AlertState> {
    taken.message.alerts.iter().map(|raised| raised.alert.state).collect()
}

#[tokio::test]
async fn a_storm_is_one_message_and_no_alert_is_told_twice_or_not_at_all() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ingest;
    let target = target("people", "");
    let storm: Vec<Alert> = (0..10_000)
        .map(|_| alert("hr.candidate", "bad_ratio", FIRING))
        .collect();
    ledger.raise(&storm).await.unwrap();
    let mut assigned = 0;
    loop {
        let now = ledger.assign_alerts([&target].into_iter(), 3_000).await.unwrap();
        if now == 0 {
            break;
        }
        assigned += now;
    }
    assert_eq!(assigned, 10_000);
    let taken = deliver(ledger, &target).await.unwrap();
    let ids: Vec<i64> = taken.message.alerts.iter().map(|raised| raised.id).collect();
    assert_eq!(ids, (1..=10_000).collect::<Vec<i64>>());
    assert_eq!(taken.message.group, "about=hr.candidate condition=bad_ratio");
    assert!(deliver(ledger, &target).await.is_none(), "nothing is left");
    assert_eq!(fixture.ingest.health().await.unwrap().alerts_due, 0);
}

#[tokio::test]
async fn what_is_known_to_be_wrong_is_told_again_only_after_a_while() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ingest;
    let target = target("people", "");
    raise(ledger, &[&target], &[alert("a", "bad_ratio", FIRING)]).await;
    assert!(deliver(ledger, &target).await.is_some());
    for _ in 0..3 {
        raise(ledger, &[&target], &[alert("a", "bad_ratio", FIRING)]).await;
    }
    assert!(deliver(ledger, &target).await.is_none(), "it was told a moment ago");
    raise(ledger, &[&target], &[alert("b", "bad_ratio", FIRING)]).await;
    let other = deliver(ledger, &target).await.unwrap();
    assert_eq!(other.message.group, "about=b condition=bad_ratio");
    for _ in 0..4 {
        assert!(deliver(ledger, &target).await.is_none());
        pass_an_hour(&fixture).await;
    }
    let reminder = deliver(ledger, &target).await.unwrap();
    assert_eq!(reminder.message.alerts.len(), 3, "each alert once");
}

#[tokio::test]
async fn news_waits_for_company_and_a_group_for_its_interval() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ingest;
    let mut target = target("people", "");
    target.grouping.wait = Duration::from_mins(1);
    raise(ledger, &[&target], &[alert("a", "bad_ratio", FIRING)]).await;
    let early = ledger.take_alert_message(&target, "test", LEASE).await.unwrap();
    assert!(early.is_none(), "it waits for more");
    raise(ledger, &[&target], &[alert("a", "bad_ratio", FIRING)]).await;
    pass_an_hour(&fixture).await;
    assert_eq!(deliver(ledger, &target).await.unwrap().message.alerts.len(), 2);
    target.grouping.wait = Duration::ZERO;
    target.grouping.interval = Duration::from_mins(5);
    raise(ledger, &[&target], &[alert("a", "bad_ratio", RESOLVED)]).await;
    assert!(
        deliver(ledger, &target).await.is_none(),
        "the group was told a moment ago"
    );
    target.grouping.interval = Duration::ZERO;
    assert!(deliver(ledger, &target).await.is_some());
}

#[tokio::test]
async fn that_something_is_over_is_told_once_and_only_to_whom_it_was_told_before() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ingest;
    let (told, deaf) = (target("told", ""), target("deaf", "resolved: false\n"));
    let both = [&told, &deaf];
    raise(ledger, &both, &[alert("a", "bad_ratio", RESOLVED)]).await;
    assert_eq!(fixture.number("SELECT count(*) FROM alerts").await, 0, "it never began");
    raise(ledger, &both, &[alert("a", "bad_ratio", FIRING)]).await;
    assert!(deliver(ledger, &told).await.is_some() && deliver(ledger, &deaf).await.is_some());
    for _ in 0..3 {
        raise(ledger, &both, &[alert("a", "bad_ratio", RESOLVED)]).await;
    }
    assert_eq!(states(&deliver(ledger, &told).await.unwrap()), [RESOLVED]);
    assert!(deliver(ledger, &told).await.is_none());
    assert!(deliver(ledger, &deaf).await.is_none(), "it does not want to know");
    raise(ledger, &both, &[alert("a", "bad_ratio", FIRING)]).await;
    assert_eq!(
        states(&deliver(ledger, &told).await.unwrap()),
        [FIRING],
        "a new beginning"
    );
    assert_eq!(states(&deliver(ledger, &deaf).await.unwrap()), [FIRING], "for both");
    assert_eq!(ledger.health().await.unwrap().alerts_due, 0);
}

#[tokio::test]
async fn a_source_that_goes_on_ends_the_alert_of_its_pause() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ingest;
    let target = target("people", "");
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    let topic = &source.topic;
    let paused = Alert {
        fingerprint: format!("source/{topic}/0/stop_above"),
        ..alert("test.visit", "stop_above", FIRING)
    };
    let other = Alert {
        fingerprint: format!("source/{topic}/01/stop_above"),
        ..paused.clone()
    };
    ledger.raise(&[other]).await.unwrap();
    ledger
        .pause(source.source, Some(source.token), "stop_above", &[paused])
        .await
        .unwrap();
    assert!(ledger.resume(source.source, None).await.unwrap());
    raise(ledger, &[&target], &[]).await;
    let taken = deliver(ledger, &target).await.unwrap();
    let found: Vec<(&str, AlertState)> = taken
        .message
        .alerts
        .iter()
        .map(|raised| (raised.alert.fingerprint.rsplit('/').nth(1).unwrap(), raised.alert.state))
        .collect();
    assert_eq!(found, [("01", FIRING), ("0", FIRING), ("0", RESOLVED)]);
}

#[tokio::test]
async fn more_groups_than_messages_a_minute_share_one_message() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ingest;
    let mut target = target("people", "");
    target.limits.messages_per_minute = 20;
    let alerts: Vec<Alert> = (0..200).map(|at| alert(&format!("c{at}"), "rows", FIRING)).collect();
    raise(ledger, &[&target], &alerts).await;
    let taken = deliver(ledger, &target).await.unwrap();
    assert_eq!((taken.message.alerts.len(), taken.message.group.as_str()), (200, ""));
    raise(ledger, &[&target], &[alert("new", "rows", FIRING)]).await;
    let soon = ledger.take_alert_message(&target, "test", LEASE).await.unwrap();
    assert!(soon.is_none(), "three seconds must pass");
    let owner = fixture.owner().await;
    let until: f64 = owner
        .query_one(
            "SELECT extract(epoch FROM not_before - clock_timestamp())::float8 FROM alert_targets",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!((1.0..3.0).contains(&until), "{until} s");
}

#[tokio::test]
async fn senders_at_once_never_hold_the_same_message_and_lose_none() {
    let fixture = Fixture::new().await;
    let target = target("people", "");
    let conditions = 20;
    let alerts: Vec<Alert> = (0..400)
        .map(|at| alert(&format!("c{}", at % conditions), "rows", FIRING))
        .collect();
    fixture.ingest.raise(&alerts).await.unwrap();
    let owner = fixture.owner().await;
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (ledger, target) = (fixture.ingest.clone(), target.clone());
        senders.spawn(async move {
            let mut held = Vec::new();
            let begun = std::time::Instant::now();
            while begun.elapsed() < Duration::from_secs(4) {
                ledger.assign_alerts([&target].into_iter(), 50).await.unwrap();
                if let Some(taken) = ledger.take_alert_message(&target, "test", LEASE).await.unwrap() {
                    assert!(ledger.end_alert_try(&taken, &TryEnd::Delivered).await.unwrap());
                    held.extend(taken.message.alerts.iter().map(|raised| raised.id));
                } else if ledger.health().await.unwrap().alerts_due == 0 {
                    break;
                } else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            held
        });
    }
    // What was known to be wrong is not told again for hours: here it is, at once.
    let mut target_told = BTreeMap::new();
    while let Some(held) = senders.join_next().await {
        for id in held.unwrap() {
            *target_told.entry(id).or_insert(0) += 1;
        }
    }
    let late = owner
        .query("SELECT alert_id FROM alert_deliveries WHERE message_id IS NULL", &[])
        .await
        .unwrap();
    assert!(target_told.values().all(|&times| times == 1), "{target_told:?}");
    assert_eq!(target_told.len() + late.len(), 400);
    assert!(target_told.len() >= conditions, "each condition is told at least once");
}

#[tokio::test]
async fn a_message_of_a_sender_that_died_is_tried_by_another_under_the_same_id() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ingest;
    let target = target("people", "");
    raise(ledger, &[&target], &[alert("a", "bad_ratio", FIRING)]).await;
    let dead = take(ledger, &target).await.unwrap();
    assert!(take(ledger, &target).await.is_none(), "the lease holds");
    pass_an_hour(&fixture).await;
    let living = take(ledger, &target).await.unwrap();
    assert_eq!(living.message, dead.message);
    assert_eq!((dead.tries, living.tries), (1, 2));
    let late = ledger.end_alert_try(&dead, &TryEnd::Delivered).await.unwrap();
    assert!(!late, "the message has passed on");
    assert!(ledger.end_alert_try(&living, &TryEnd::Delivered).await.unwrap());
    assert!(
        !ledger.end_alert_try(&living, &TryEnd::Delivered).await.unwrap(),
        "it ends once"
    );
}

#[tokio::test]
async fn a_message_that_failed_comes_back_as_it_was_and_one_given_up_when_it_is_asked_for() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ingest;
    let target = target("people", "");
    raise(ledger, &[&target], &[alert("a", "bad_ratio", FIRING)]).await;
    let first = take(ledger, &target).await.unwrap();
    let again = TryEnd::Again {
        wait: Duration::from_mins(5),
        rest: Duration::ZERO,
        trouble: trouble(),
    };
    assert!(ledger.end_alert_try(&first, &again).await.unwrap());
    raise(ledger, &[&target], &[alert("a", "bad_ratio", FIRING)]).await;
    assert!(take(ledger, &target).await.is_none(), "it is tried later");
    pass_an_hour(&fixture).await;
    let second = take(ledger, &target).await.unwrap();
    assert_eq!(second.message, first.message, "no alert is added to it");
    let parked = TryEnd::Parked {
        disable: true,
        trouble: trouble(),
    };
    assert!(ledger.end_alert_try(&second, &parked).await.unwrap());
    raise(ledger, &[&target], &[alert("b", "bad_ratio", FIRING)]).await;
    assert!(take(ledger, &target).await.is_none(), "the target is disabled");
    let state = &ledger.alert_targets().await.unwrap()[0];
    assert_eq!((state.parked, state.open, state.waiting), (1, 0, 2));
    assert_eq!(state.disabled_reason.as_deref(), Some("answered 500"));
    let listed = ledger.alert_messages(Some("people"), Some("parked"), 10).await.unwrap();
    assert_eq!(listed[0].id, first.message.id);
    assert_eq!(listed[0].failure.as_deref(), Some("server_error"));

    assert_eq!(ledger.resend_alert_messages_of("people").await.unwrap(), 1);
    let third = deliver(ledger, &target).await.unwrap();
    assert_eq!(third.message, first.message);
    assert!(deliver(ledger, &target).await.is_some(), "what waited meanwhile");
    assert!(
        ledger.resend_alert_message(&first.message.id).await.unwrap(),
        "even one that was delivered"
    );
    assert_eq!(deliver(ledger, &target).await.unwrap().message.id, first.message.id);
    assert!(!ledger.resend_alert_message("msg_0").await.unwrap());
}

#[tokio::test]
async fn a_target_that_asked_for_time_is_left_alone() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ingest;
    let target = target("people", "");
    raise(ledger, &[&target], &[alert("a", "bad_ratio", FIRING)]).await;
    let taken = take(ledger, &target).await.unwrap();
    let rest = TryEnd::Again {
        wait: Duration::ZERO,
        rest: Duration::from_mins(1),
        trouble: trouble(),
    };
    assert!(ledger.end_alert_try(&taken, &rest).await.unwrap());
    raise(ledger, &[&target], &[alert("b", "bad_ratio", FIRING)]).await;
    assert!(take(ledger, &target).await.is_none());
}

#[tokio::test]
async fn an_alert_goes_to_the_target_it_names_or_to_all() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ingest;
    let (one, two, late) = (target("one", ""), target("two", ""), target("late", ""));
    let to = |name: &str| Alert {
        target: Some(name.to_owned()),
        ..alert(name, "rows", FIRING)
    };
    let alerts = [to("one"), to("late"), alert("everyone", "rows", FIRING)];
    raise(ledger, &[&one, &two], &alerts).await;
    let mut about = BTreeMap::new();
    for target in [&one, &two, &late] {
        while let Some(taken) = deliver(ledger, target).await {
            let told: &mut Vec<String> = about.entry(target.name.to_string()).or_default();
            told.push(taken.message.alerts[0].alert.about.clone());
        }
    }
    let expected: [(&str, &[&str]); 3] = [
        ("late", &["late"]),
        ("one", &["one", "everyone"]),
        ("two", &["everyone"]),
    ];
    let expected = expected.map(|(name, told)| (name.to_owned(), told.iter().map(ToString::to_string).collect()));
    assert_eq!(about, BTreeMap::from(expected));
}

#[tokio::test]
async fn another_tenants_alerts_are_nobodys_business() {
    let fixture = Fixture::new().await;
    let mut settings = fixture.settings.clone();
    settings.tenant = "other".into();
    let other = Ledger::new(&settings, muster_store::Role::Ingest).unwrap();
    let target = target("people", "");
    raise(&fixture.ingest, &[&target], &[alert("a", "rows", FIRING)]).await;
    assert_eq!(other.assign_alerts([&target].into_iter(), 10).await.unwrap(), 0);
    assert!(
        other
            .take_alert_message(&target, "test", LEASE)
            .await
            .unwrap()
            .is_none()
    );
    assert!(deliver(&fixture.ingest, &target).await.is_some());
    let role = Ledger::new(&fixture.settings, muster_store::Role::Read).unwrap();
    assert!(role.alert_messages(None, None, 5).await.unwrap().len() == 1);
    assert!(role.resend_alert_messages_of("people").await.is_err(), "readers read");
}
