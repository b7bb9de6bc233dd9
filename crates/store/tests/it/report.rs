//! What a quality report asks of the ledger: of a batch, of a day, and of nothing else.

use chrono::{DateTime, NaiveDate};
use muster_spec::BatchId;
use muster_store::ledger::commit::{Attempt, Statistic};
use muster_store::ledger::counts::Counts;
use muster_store::ledger::report::{BrokenAt, MeasuredOver, Scope};

use crate::support::{Fixture, sealed, to_commit, topic_id};

/// Four batches of ten records each, 0 to 3 of them bad; the first was committed on the day before.
async fn fixture() -> (Fixture, NaiveDate) {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    for at in 0..4 {
        let mut batch = to_commit(sealed(&fixture.contract, &source, at * 10, at * 10 + 10, at as u64));
        batch.statistics.push(Statistic {
            measure: "bad_ratio".to_owned(),
            field: String::new(),
            value: at as f64 / 10.0,
        });
        assert!(fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap()[0].is_committed());
    }
    // Midnight is the next day's, whatever zone a session is in.
    let times = [
        "2026-11-19 23:59:59.999999+00",
        "2026-11-20 00:00:00+00",
        "2026-11-20 13:30:00+00",
        "2026-11-20 23:59:59.999999+00",
    ];
    let owner = fixture.owner().await;
    for (at, time) in times.iter().enumerate() {
        let sql = format!(
            "UPDATE batches SET committed_at = '{time}' WHERE from_offset = {};
             INSERT INTO contracts (name) VALUES ('other') ON CONFLICT DO NOTHING",
            at * 10
        );
        owner.batch_execute(&sql).await.unwrap();
    }
    (fixture, NaiveDate::from_ymd_opt(2026, 11, 20).unwrap())
}

fn counts(batches: u64, bad: u64) -> Counts {
    Counts {
        received: batches * 10,
        good: batches * 10 - bad,
        bad,
        ..Counts::default()
    }
}

async fn batch_at(fixture: &Fixture, from: i64) -> BatchId {
    let sql = format!("SELECT id FROM batches WHERE from_offset = {from}");
    BatchId(fixture.number(&sql).await)
}

#[tokio::test]
async fn a_day_is_its_batches_by_the_clock_of_utc() {
    let (fixture, day) = fixture().await;
    let (ledger, name) = (&fixture.score, &fixture.contract.name);
    let scope = Scope::Day(day);
    assert_eq!(ledger.reported_counts(name, &scope).await.unwrap(), (3, counts(3, 6)));
    let hours = ledger.reported_hours(name, &scope).await.unwrap();
    assert_eq!(hours, [(0, counts(1, 1)), (13, counts(1, 2)), (23, counts(1, 3))]);
    let rules = ledger.reported_rules(name, &scope).await.unwrap();
    let told: Vec<_> = rules
        .iter()
        .map(|rule| (&*rule.rule, rule.is_warning, rule.hour, rule.rows))
        .collect();
    let due = [(0, 1), (13, 2), (23, 3)].map(|(hour, rows)| ("visitor_id.required", false, hour, rows));
    assert_eq!(told, due);
    let files = ledger.reported_files(name, &scope).await.unwrap();
    let rows = |good: bool| -> u64 {
        files
            .iter()
            .filter(|file| file.is_good == good)
            .map(|file| file.file.rows)
            .sum()
    };
    assert_eq!((files.len(), rows(true), rows(false)), (6, 24, 6));
    let versions = ledger.reported_versions(name, &scope).await.unwrap();
    assert_eq!(versions, [fixture.contract.version.as_str()]);
    let positions = ledger.reported_positions(name, &scope, 2).await.unwrap();
    let at = |offset| BrokenAt {
        rule: "visitor_id.required".to_owned(),
        topic: fixture.contract.topic.clone(),
        partition: 0,
        offset,
    };
    assert_eq!(positions, [at(10), at(20)]);

    let empty = Scope::Day(day.succ_opt().unwrap());
    assert_eq!(
        ledger.reported_counts(name, &empty).await.unwrap(),
        (0, Counts::default())
    );
    let other = "other".into();
    assert_eq!(
        ledger.reported_counts(&other, &scope).await.unwrap(),
        (0, Counts::default())
    );
}

#[tokio::test]
async fn what_was_measured_is_held_against_the_ends_that_are_expected_now() {
    let (fixture, day) = fixture().await;
    let (ledger, name) = (&fixture.score, &fixture.contract.name);
    let ask = async |scope: &Scope, id: &str, ends| ledger.reported_measures(name, scope, id, ends).await.unwrap();
    let day = Scope::Day(day);
    let (least, greatest) = (Some(0.1), Some(0.3));
    let measured = |missed| MeasuredOver {
        batches: 3,
        missed,
        least,
        greatest,
    };
    assert_eq!(
        ask(&day, "bad_ratio", (None, Some(0.1))).await,
        measured(2),
        "an end is met"
    );
    assert_eq!(ask(&day, "bad_ratio", (Some(0.2), Some(0.25))).await, measured(2));
    assert_eq!(ask(&day, "bad_ratio", (None, None)).await, measured(0));
    assert_eq!(ask(&day, "rows", (Some(1.0), None)).await, MeasuredOver::default());
    let batch = Scope::Batch(batch_at(&fixture, 30).await);
    let of_one = ask(&batch, "bad_ratio", (None, Some(0.1))).await;
    assert_eq!((of_one.batches, of_one.missed, of_one.least), (1, 1, Some(0.3)));
}

#[tokio::test]
async fn a_batch_has_its_own_counts_and_its_neighbours() {
    let (fixture, day) = fixture().await;
    let (ledger, name) = (&fixture.score, &fixture.contract.name);
    let mut ids = Vec::new();
    for from in [0, 10, 20, 30] {
        ids.push(batch_at(&fixture, from).await);
    }
    let middle = ledger.reported_batch(name, ids[1]).await.unwrap().unwrap();
    assert_eq!(
        (middle.delta, middle.previous, middle.next),
        (Some((10, 20)), Some(ids[0]), Some(ids[2]))
    );
    assert_eq!(
        middle.committed_at,
        "2026-11-20T00:00:00Z".parse::<DateTime<chrono::Utc>>().unwrap()
    );
    let last = ledger.reported_batch(name, ids[3]).await.unwrap().unwrap();
    assert_eq!((last.previous, last.next), (Some(ids[2]), None));
    assert_eq!(
        ledger.reported_counts(name, &Scope::Batch(ids[3])).await.unwrap(),
        (1, counts(1, 3))
    );
    // Another contract's name does not open it.
    let other = "other".into();
    assert_eq!(ledger.reported_batch(&other, ids[3]).await.unwrap(), None);
    assert_eq!(ledger.reported_batch(name, BatchId(9_999)).await.unwrap(), None);

    let days = ledger.recent_days(name, None, 5).await.unwrap();
    let told: Vec<_> = days.iter().map(|recent| (recent.of, recent.counts)).collect();
    assert_eq!(told, [(day, counts(3, 6)), (day.pred_opt().unwrap(), counts(1, 0))]);
    assert_eq!(ledger.recent_days(name, day.pred_opt(), 5).await.unwrap().len(), 1);
    assert_eq!(ledger.next_day(name, day.pred_opt().unwrap()).await.unwrap(), Some(day));
    assert_eq!(ledger.next_day(name, day).await.unwrap(), None);
    let batches = ledger.recent_batches(name, 2).await.unwrap();
    let told: Vec<_> = batches.iter().map(|recent| (recent.of, recent.counts)).collect();
    assert_eq!(told, [(ids[3], counts(1, 3)), (ids[2], counts(1, 2))]);
}
