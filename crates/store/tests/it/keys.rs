//! Key rebuilds: which files matter, and which rows of published files are held.

use std::time::Duration;

use muster_batch::FileRows;
use muster_spec::FileSha;
use muster_store::ledger::commit::Attempt;
use muster_store::ledger::sources::Assigned;

use crate::support::{Fixture, partition, sealed, to_commit, topic_id};

const HOUR: i64 = 3_600_000_000;

/// Commits a batch of one row whose keys and good rows lie between these event times.
async fn commit(fixture: &Fixture, source: &Assigned, from: i64, times: Option<(i64, i64)>) -> String {
    let mut sealed = sealed(&fixture.contract, source, from, from + 1, 0);
    sealed.event_times = times;
    for file in &mut sealed.files {
        file.event_times = times;
    }
    let path = sealed.files[1].path.clone();
    assert!(
        fixture
            .ingest
            .commit(Attempt::new(), &[to_commit(sealed)])
            .await
            .unwrap()[0]
            .is_committed()
    );
    path
}

async fn to_load(fixture: &Fixture, source: &Assigned, within: Option<Duration>) -> (Vec<String>, Option<i64>) {
    let keys = fixture.ingest.keys_to_load(source.source, within).await.unwrap();
    let paths = keys.files.iter().map(|key| key.file.path.clone()).collect();
    (paths, keys.greatest_event_time)
}

#[tokio::test]
async fn only_files_that_reach_into_twice_the_window_are_loaded() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    let hour = Some(Duration::from_hours(1));
    assert_eq!(to_load(&fixture, &source, hour).await, (vec![], None));
    // Out of order: the newest event came first.
    let newest = commit(&fixture, &source, 0, Some((9 * HOUR, 10 * HOUR))).await;
    let at_the_edge = commit(&fixture, &source, 1, Some((0, 8 * HOUR))).await;
    let too_old = commit(&fixture, &source, 2, Some((0, 8 * HOUR - 1))).await;
    let timeless = commit(&fixture, &source, 3, None).await;
    let (paths, greatest) = to_load(&fixture, &source, hour).await;
    assert_eq!(paths, vec![newest.clone(), at_the_edge.clone(), timeless.clone()]);
    assert_eq!(greatest, Some(10 * HOUR));
    let all = vec![newest, at_the_edge, too_old, timeless];
    assert_eq!(to_load(&fixture, &source, None).await.0, all);
    assert_eq!(to_load(&fixture, &source, Some(Duration::MAX)).await.0, all);
}

#[tokio::test]
async fn partitions_that_were_added_load_the_others_until_a_window_has_passed() {
    let fixture = Fixture::new().await;
    let topic = topic_id();
    let hour = Some(Duration::from_hours(1));
    // Two workers take the first two partitions one after the other: that is no growth.
    let one = fixture
        .ingest
        .assign("a", &[partition(&fixture.contract, topic, 0, 2)])
        .await
        .unwrap()
        .remove(0);
    let two = fixture
        .ingest
        .assign("b", &[partition(&fixture.contract, topic, 1, 2)])
        .await
        .unwrap()
        .remove(0);
    let of_one = commit(&fixture, &one, 0, Some((0, 10 * HOUR))).await;
    let of_two = commit(&fixture, &two, 0, Some((0, 9 * HOUR))).await;
    assert_eq!(to_load(&fixture, &one, hour).await.0, vec![of_one.clone()]);

    let three = fixture
        .ingest
        .assign("c", &[partition(&fixture.contract, topic, 2, 3)])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        to_load(&fixture, &three, hour).await.0,
        vec![of_one.clone(), of_two.clone()]
    );
    assert_eq!(
        to_load(&fixture, &one, hour).await.0,
        vec![of_one.clone(), of_two.clone()]
    );
    // The new partition moves on by event time: at twelve hours the bound is where growth was, then past it.
    let edge = commit(&fixture, &three, 0, Some((12 * HOUR, 12 * HOUR))).await;
    assert_eq!(
        to_load(&fixture, &three, hour).await.0,
        vec![of_one.clone(), edge.clone()]
    );
    let past = commit(&fixture, &three, 1, Some((12 * HOUR + 1, 12 * HOUR + 1))).await;
    assert_eq!(
        to_load(&fixture, &three, hour).await.0,
        vec![edge.clone(), past.clone()]
    );
    let all = vec![of_one, of_two, edge, past];
    assert_eq!(
        to_load(&fixture, &one, hour).await.0,
        all,
        "partition 0 has not come that far"
    );
}

fn rows(file: u8, from: u64, to: u64) -> FileRows {
    FileRows {
        file: FileSha([file; 32]),
        from,
        to,
    }
}

#[tokio::test]
async fn held_rows_of_a_file_are_joined_over_batches_and_partitions() {
    let fixture = Fixture::new().await;
    let topic = topic_id();
    let sources = fixture.assign(topic, 2, "a").await;
    let held = [
        (&sources[0], 0, vec![rows(1, 0, 10), rows(2, 0, 1)]),
        (&sources[0], 1, vec![rows(1, 12, 20)]),
        (&sources[1], 0, vec![rows(1, 10, 11), rows(1, 20, 30)]),
    ];
    for (source, from, file_rows) in held {
        let mut sealed = sealed(&fixture.contract, source, from, from + 1, 0);
        sealed.file_rows = file_rows;
        fixture
            .ingest
            .commit(Attempt::new(), &[to_commit(sealed)])
            .await
            .unwrap();
    }
    let name = &fixture.contract.name;
    let of_file = fixture.ingest.file_rows_held(name, FileSha([1; 32])).await.unwrap();
    assert_eq!(of_file, vec![rows(1, 0, 11), rows(1, 12, 30)]);
    assert_eq!(
        fixture.ingest.file_rows_held(name, FileSha([9; 32])).await.unwrap(),
        vec![]
    );
    assert_eq!(
        fixture
            .ingest
            .file_rows_held(&"other".into(), FileSha([1; 32]))
            .await
            .unwrap(),
        vec![]
    );
    let mine = fixture.ingest.file_rows_of(sources[0].source).await.unwrap();
    assert_eq!(mine, vec![rows(1, 0, 10), rows(1, 12, 20), rows(2, 0, 1)]);
    // When the topic grows, a row may come again in another partition.
    fixture.assign(topic, 3, "a").await;
    let all = fixture.ingest.file_rows_of(sources[0].source).await.unwrap();
    assert_eq!(all, vec![rows(1, 0, 11), rows(1, 12, 30), rows(2, 0, 1)]);
}

#[tokio::test]
async fn rows_of_a_file_that_are_spread_over_partitions_come_back_as_they_were() {
    let fixture = Fixture::new().await;
    let sources = fixture.assign(topic_id(), 2, "a").await;
    // The first source holds every even row and then a run, the second the odd rows.
    let spread = |first: u64| (first..200_000).step_by(2).map(|row| rows(1, row, row + 1));
    let even: Vec<FileRows> = spread(0).chain([rows(1, 250_000, 400_000)]).collect();
    for (source, held) in [(&sources[0], even.clone()), (&sources[1], spread(1).collect())] {
        let mut sealed = sealed(&fixture.contract, source, 0, 1, 0);
        sealed.file_rows = held;
        fixture
            .ingest
            .commit(Attempt::new(), &[to_commit(sealed)])
            .await
            .unwrap();
    }
    assert_eq!(fixture.number("SELECT count(*) FROM batch_file_blocks").await, 8);
    assert_eq!(fixture.ingest.file_rows_of(sources[0].source).await.unwrap(), even);
    let name = &fixture.contract.name;
    let of_file = fixture.ingest.file_rows_held(name, FileSha([1; 32])).await.unwrap();
    assert_eq!(of_file, vec![rows(1, 0, 200_000), rows(1, 250_000, 400_000)]);
    fixture.adds_up().await;
}
