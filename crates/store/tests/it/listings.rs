//! What is listed: good files in training order, dead letters that are due, open readers.

use muster_spec::Offset;
use muster_store::ledger::dead_letters::DueBadFile;
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
    let name = &fixture.contract.name;
    let due = |files: &[DueBadFile]| -> Vec<(i64, i64)> { files.iter().map(|file| (file.from.0, file.to.0)).collect() };
    let files = fixture.ingest.due_bad_files(name, 10).await.unwrap();
    assert_eq!(due(&files), vec![(0, 10), (10, 20), (20, 30)]);
    fixture
        .ingest
        .advance_dead_letters(source.source, Offset(14))
        .await
        .unwrap();
    fixture
        .ingest
        .advance_dead_letters(source.source, Offset(10))
        .await
        .unwrap();
    assert_eq!(
        due(&fixture.ingest.due_bad_files(name, 1).await.unwrap()),
        vec![(14, 20)]
    );
    fixture
        .ingest
        .advance_dead_letters(source.source, Offset(30))
        .await
        .unwrap();
    assert!(fixture.ingest.due_bad_files(name, 10).await.unwrap().is_empty());
    let rules = fixture.ingest.broken_rules(Some(name)).await.unwrap();
    assert_eq!(
        (rules[0].rule.as_str(), rules[0].rows, rules[0].is_warning),
        ("visitor_id.required", 6, false)
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
