//! Tests of schedules, the nights when clocks change among them.

use muster_spec::pipeline::Overlap;

use super::*;

fn slots(score: &str, timezone: &str) -> Slots {
    let schedule = Schedule {
        score: score.into(),
        timezone: timezone.into(),
        overlap: Overlap::Skip,
        catchup: Catchup::Latest,
    };
    Slots::new(&schedule).unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The next `count` slots, as text.
fn next(score: &str, timezone: &str, from: &str, count: usize) -> Vec<String> {
    let slots = slots(score, timezone);
    let mut at = utc(from);
    (0..count)
        .map(|_| {
            at = slots.after(at).unwrap();
            at.format("%dT%H:%MZ").to_string()
        })
        .collect()
}

#[test]
fn a_fixed_time_in_the_gap_runs_at_the_first_instant_after_it() {
    // Paris 2026-03-29: 02:00 becomes 03:00, which is 01:00 UTC.
    assert_eq!(
        next("30 2 * * *", "Europe/Paris", "2026-03-28T12:00:00Z", 2),
        ["29T01:00Z", "30T00:30Z"]
    );
    // New York 2026-03-08: 02:00 becomes 03:00, which is 07:00 UTC.
    assert_eq!(
        next("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2),
        ["08T07:00Z", "09T06:30Z"]
    );
}

#[test]
fn a_fixed_time_that_exists_twice_runs_once() {
    // Paris 2026-10-25: 03:00 becomes 02:00, 02:30 is 00:30 UTC and again 01:30 UTC.
    assert_eq!(
        next("30 2 * * *", "Europe/Paris", "2026-10-24T12:00:00Z", 2),
        ["25T00:30Z", "26T01:30Z"]
    );
    assert_eq!(
        next("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2),
        ["01T05:30Z", "02T06:30Z"]
    );
}

#[test]
fn a_step_follows_the_wall_through_both_nights() {
    let gap = next("*/30 * * * *", "Europe/Paris", "2026-03-29T00:15:00Z", 3);
    assert_eq!(gap, ["29T00:30Z", "29T01:00Z", "29T01:30Z"]);
    let overlap = next("*/30 * * * *", "Europe/Paris", "2026-10-25T00:15:00Z", 4);
    assert_eq!(overlap, ["25T00:30Z", "25T01:00Z", "25T01:30Z", "25T02:00Z"]);
}

#[test]
fn slots_missed_while_nobody_ran_follow_the_catchup() {
    let slots = slots("0 * * * *", "UTC");
    let (last, now) = (utc("2026-01-01T00:00:00Z"), utc("2026-01-01T06:10:00Z"));
    assert_eq!(
        slots.due(last, now, Catchup::Latest, 100),
        [utc("2026-01-01T06:00:00Z")]
    );
    assert_eq!(slots.due(last, now, Catchup::All, 100).len(), 6);
    assert_eq!(
        slots.due(last, now, Catchup::All, 2),
        [utc("2026-01-01T05:00:00Z"), utc("2026-01-01T06:00:00Z")]
    );
    assert!(slots.due(last, now, Catchup::None, 100).is_empty());
    assert_eq!(
        slots.due(last, utc("2026-01-01T06:00:30Z"), Catchup::None, 100),
        [utc("2026-01-01T06:00:00Z")]
    );
}

#[test]
fn what_is_no_schedule_is_refused_with_what_was_expected() {
    let of = |score: &str, timezone: &str| Schedule {
        score: score.into(),
        timezone: timezone.into(),
        overlap: Overlap::Skip,
        catchup: Catchup::Latest,
    };
    for (schedule, expected) in [
        (of("* * * *", "UTC"), ("score", "five cron fields", "`*/2 * * * *`")),
        (of("0 0 * * * *", "UTC"), ("score", "five cron fields", "`*/2 * * * *`")),
        (of("61 * * * *", "UTC"), ("score", "five cron fields", "`*/2 * * * *`")),
        (of("* * * * *", "Europe/Atlantis"), ("timezone", "time zone", "`")),
        (
            of("* * * * *", "europe/pairs"),
            ("timezone", "time zone", "did you mean `Europe/Paris`?"),
        ),
    ] {
        let Unreadable { key, message, hint } = Slots::new(&schedule).unwrap_err();
        assert_eq!(key, expected.0);
        assert!(message.contains(expected.1), "{message}");
        assert!(hint.contains(expected.2), "{hint}");
    }
}
