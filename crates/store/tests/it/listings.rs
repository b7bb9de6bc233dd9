//! What is listed: good files in training order, dead letters that are due, open readers.

use muster_batch::Alert;
use muster_spec::Offset;
use muster_store::ledger::dead_letters::DeadLetterLease;
use muster_store::ledger::good_files::GoodFile;

use crate::scoring::{LEASE, commit, with_batches};
use crate::support::{Fixture, topic_id};

#[tokio::test]
async fn good_files_are_listed_by_topic_partition_incarnation_and_offset_at_a_version() {
    let fixture = Fixture::new().await;
    let topics = [topic_id(), topic_id()];
    let first = fixture.assign(topics[0], 2, "a").await;
    commit(&fixture, &first[1], 0, 0).await;
    commit(&fixture, &first[0], 0, 0).await;
    commit(&fixture, &first[0], 10, 10).await;
    commit(&fixture, &first[0], 20, 0).await;
    let second = fixture.assign(topics[1], 2, "a").await;
    commit(&fixture, &second[0], 0, 0).await;
    let name = &fixture.contract.name;
    let version = fixture.score.contract_version(name).await.unwrap();
    assert_eq!(version, 5);
    let places = |files: Vec<GoodFile>| -> Vec<(i32, u32, i64)> {
        files
            .iter()
            .map(|file| (file.partition, file.incarnation, file.delta.unwrap().from.0))
            .collect()
    };
    let all = fixture.score.good_files(name, version).await.unwrap();
    assert_eq!(places(all), vec![(0, 0, 0), (0, 0, 20), (0, 1, 0), (1, 0, 0)]);
    let before = fixture.score.good_files(name, 2).await.unwrap();
    assert_eq!(places(before), vec![(0, 0, 0), (1, 0, 0)]);
    // A superseded file stays in the lists of versions before its removal.
    fixture
        .owner()
        .await
        .batch_execute("UPDATE files SET version_removed = 5 WHERE kind = 'good' AND version_added = 4")
        .await
        .unwrap();
    assert_eq!(places(fixture.score.good_files(name, 4).await.unwrap()).len(), 3);
    let now = fixture.score.good_files(name, 5).await.unwrap();
    assert_eq!(places(now), vec![(0, 0, 0), (0, 1, 0), (1, 0, 0)]);
}

#[tokio::test]
async fn dead_letters_are_due_until_their_cursor_passed_and_it_never_goes_back() {
    let (fixture, source) = with_batches(3).await;
    let (ledger, name) = (&fixture.ingest, &fixture.contract.name);
    let due = async |count: u32| -> Vec<(i64, i64)> {
        let files = ledger.due_bad_files(source.source, count).await.unwrap();
        files.iter().map(|file| (file.from.0, file.to.0)).collect()
    };
    let left = async || ledger.due_dead_letters(name).await.unwrap().records;
    assert_eq!(due(10).await, vec![(0, 10), (10, 20), (20, 30)]);
    assert_eq!(left().await, 6);
    let held = take_dead_letters(&fixture, "a").await.unwrap();
    assert!(ledger.advance_dead_letters(held, Offset(14), LEASE).await.unwrap());
    assert!(ledger.advance_dead_letters(held, Offset(10), LEASE).await.unwrap());
    assert_eq!(due(1).await, vec![(14, 20)]);
    assert_eq!(left().await, 4, "a file that was begun counts whole");
    assert!(ledger.advance_dead_letters(held, Offset(30), LEASE).await.unwrap());
    assert_eq!(due(10).await, vec![]);
    ledger.release_dead_letters(held).await.unwrap();
    assert_eq!(take_dead_letters(&fixture, "a").await, None, "nothing is due");
    let rules = ledger.broken_rules(Some(name)).await.unwrap();
    assert_eq!(
        (rules[0].rule.as_str(), rules[0].rows, rules[0].is_warning),
        ("visitor_id.required", 6, false)
    );
}

async fn take_dead_letters(fixture: &Fixture, worker: &str) -> Option<DeadLetterLease> {
    let name = &fixture.contract.name;
    fixture.ingest.take_dead_letters(name, worker, LEASE).await.unwrap()
}

#[tokio::test]
async fn a_source_has_one_publisher_until_it_gives_it_back_or_its_lease_runs_out() {
    let (fixture, source) = with_batches(1).await;
    let ledger = &fixture.ingest;
    let first = take_dead_letters(&fixture, "a").await.unwrap();
    assert_eq!(first.source, source.source);
    assert_eq!(take_dead_letters(&fixture, "b").await, None, "somebody holds it");
    ledger.release_dead_letters(first).await.unwrap();
    let second = take_dead_letters(&fixture, "b").await.unwrap();
    assert!(!ledger.advance_dead_letters(first, Offset(10), LEASE).await.unwrap());
    // What giving back twice would do: nothing to another's lease.
    ledger.release_dead_letters(first).await.unwrap();
    assert_eq!(take_dead_letters(&fixture, "a").await, None);
    let owner = fixture.owner().await;
    let later = "UPDATE dead_letter_cursors SET leased_until = clock_timestamp() - interval '1 second'";
    owner.batch_execute(later).await.unwrap();
    let third = take_dead_letters(&fixture, "a").await.unwrap();
    assert!(!ledger.advance_dead_letters(second, Offset(10), LEASE).await.unwrap());
    assert!(ledger.advance_dead_letters(third, Offset(10), LEASE).await.unwrap());
}

#[tokio::test]
async fn a_source_that_cannot_be_published_rests_and_is_told_of_once() {
    let (fixture, _) = with_batches(1).await;
    let ledger = &fixture.ingest;
    let owner = fixture.owner().await;
    let alerts = async || {
        fixture
            .number("SELECT count(*) FROM alerts WHERE condition = 'dead_letters'")
            .await
    };
    for (fault, told) in [("it is gone", 1), ("it is gone", 1), ("it was altered", 2)] {
        let held = take_dead_letters(&fixture, "a").await.unwrap();
        let alert = Alert {
            fingerprint: "source/test.visit.v1/0/dead_letters".into(),
            condition: "dead_letters".into(),
            about: "test.visit".into(),
            state: muster_batch::AlertState::Firing,
            measured: None,
            threshold: None,
            window: "a file".into(),
            target: None,
        };
        ledger.rest_dead_letters(held, fault, LEASE, alert).await.unwrap();
        assert_eq!(alerts().await, told);
        assert_eq!(take_dead_letters(&fixture, "b").await, None, "it rests for everybody");
        let left = ledger.due_dead_letters(&fixture.contract.name).await.unwrap();
        assert_eq!((left.records, left.records_open), (2, 0));
        let later = "UPDATE dead_letter_cursors SET leased_until = clock_timestamp() - interval '1 second'";
        owner.batch_execute(later).await.unwrap();
    }
    let held = take_dead_letters(&fixture, "a").await.unwrap();
    assert!(ledger.advance_dead_letters(held, Offset(10), LEASE).await.unwrap());
    assert_eq!(
        fixture
            .number("SELECT count(*) FROM dead_letter_cursors WHERE fault IS NOT NULL")
            .await,
        0
    );
}

#[tokio::test]
async fn a_reader_holds_its_version_until_it_closes() {
    let (fixture, _) = with_batches(2).await;
    let name = &fixture.contract.name;
    let reader = fixture.score.open_reader(name, "train", LEASE).await.unwrap();
    assert_eq!(reader.version, 2);
    assert_eq!(fixture.number("SELECT count(*) FROM readers").await, 1);
    fixture.score.close_reader(reader).await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM readers").await, 0);
    assert!(
        fixture
            .score
            .open_reader(&"nothing".into(), "train", LEASE)
            .await
            .is_err()
    );
}
