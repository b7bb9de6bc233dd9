//! Windows of drift on a real PostgreSQL: added to with commits, looked at once, told of once.

use futures_util::future::join_all;
use muster_batch::{Alert, AlertState, DriftCounts, DriftMeasure, DriftState, FeatureDrift, Measurement};
use muster_spec::ModelVersion;
use muster_store::ledger::commit::{Attempt, BatchCommit};
use muster_store::ledger::drift::DriftWindow;
use muster_store::ledger::sources::Assigned;

use crate::scoring::{model, pipeline};
use crate::support::{Fixture, sealed, to_commit, topic_id};

/// A window that no test sees the end of.
const LONG: u64 = 10 * 365 * 86_400;

fn version() -> ModelVersion {
    model('a').version
}

fn counts(window_secs: u64, counts: &[i64], new_levels: &[i64]) -> DriftCounts {
    DriftCounts {
        pipeline: pipeline(),
        model: version(),
        window_secs,
        rows: counts.iter().sum::<i64>() as u64,
        counts: counts.to_vec(),
        new_levels: new_levels.to_vec(),
    }
}

fn batch(fixture: &Fixture, source: &Assigned, from: i64, drift: DriftCounts) -> BatchCommit {
    let mut batch = to_commit(sealed(&fixture.contract, source, from, from + 10, 2));
    batch.drift = vec![drift];
    batch
}

async fn with_model(partitions: i32) -> (Fixture, Vec<Assigned>) {
    let fixture = Fixture::new().await;
    let sources = fixture.assign(topic_id(), partitions, "a").await;
    fixture.score.keep_model(&model('a')).await.unwrap();
    (fixture, sources)
}

async fn windows(fixture: &Fixture) -> Vec<DriftWindow> {
    fixture.ingest.drift_windows(&pipeline(), &version()).await.unwrap()
}

fn found(state: DriftState) -> FeatureDrift {
    let measured = Measurement {
        value: 0.3,
        threshold: 0.25,
        chance: 1e-6,
        state,
    };
    FeatureDrift {
        feature: "page".into(),
        state,
        worst: (state == DriftState::Alert).then_some((DriftMeasure::Psi, measured)),
        rows: 8,
        psi: Some(measured),
        psi_expected: Some(0.05),
        ks: None,
        missing: measured,
        missing_ratio: 0.1,
        new_levels: None,
        new_levels_distinct: 0,
    }
}

fn alert(state: AlertState) -> Alert {
    Alert {
        fingerprint: "pipeline/visits/drift/page".into(),
        condition: "drift".into(),
        state,
        ..crate::commit::alert()
    }
}

/// Writes a look down; whether it was the first.
async fn put(fixture: &Fixture, window: &DriftWindow, state: DriftState, alerts: &[Alert]) -> bool {
    let (pipeline, version, found) = (pipeline(), version(), [found(state)]);
    let put = fixture.ingest.put_drift(&pipeline, &version, window, &found, alerts);
    put.await.unwrap()
}

#[tokio::test]
async fn batches_of_a_window_are_counted_twice_or_one_is_lost() {
    let (fixture, sources) = with_model(2).await;
    let attempt = Attempt::new();
    let first = [
        batch(&fixture, &sources[0], 0, counts(LONG, &[1, 0, 3, 4], &[0b01, 8])),
        batch(&fixture, &sources[1], 0, counts(LONG, &[0, 2, 0, 5], &[0b11, i64::MIN])),
    ];
    // The answer of the first try is lost.
    for _ in 0..2 {
        fixture.ingest.commit(attempt, &first).await.unwrap();
    }
    // One that is fenced off adds nothing, and neither does one without good rows.
    let mut fenced = batch(&fixture, &sources[0], 10, counts(LONG, &[9, 9, 9, 9], &[0, 0]));
    fenced.sealed.token = crate::support::token();
    let empty = batch(&fixture, &sources[1], 10, counts(LONG, &[0, 0, 0, 0], &[0, 0]));
    let outcomes = fixture.ingest.commit(Attempt::new(), &[fenced, empty]).await.unwrap();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_committed()).count(), 1);
    let found = windows(&fixture).await;
    let [window] = &found[..] else { panic!("{found:?}") };
    assert_eq!((window.rows, window.looks, window.is_over), (15, 0, false));
    assert_eq!(window.counts, [1, 2, 3, 9]);
    assert_eq!(window.new_levels, [0b11, i64::MIN | 8]);
    assert_eq!(fixture.number("SELECT batches FROM drift_windows").await, 2);
    fixture.adds_up().await;
}

#[tokio::test]
async fn commits_of_several_workers_at_once_lose_counts() {
    let (fixture, sources) = with_model(6).await;
    let commits = sources.iter().map(|source| {
        let fixture = &fixture;
        async move {
            for at in 0..10 {
                let batch = batch(
                    fixture,
                    source,
                    at * 10,
                    counts(LONG, &[1, 2], &[1 << source.partition]),
                );
                let outcomes = fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap();
                assert!(outcomes[0].is_committed());
            }
        }
    });
    join_all(commits).await;
    let window = windows(&fixture).await.remove(0);
    assert_eq!(
        (window.rows, window.counts, window.new_levels),
        (180, vec![60, 120], vec![0b11_1111])
    );
}

#[tokio::test]
async fn a_look_is_written_twice_or_a_feature_told_of_twice() {
    let (fixture, sources) = with_model(1).await;
    let commit = async |from: i64| {
        let batch = batch(&fixture, &sources[0], from, counts(LONG, &[3, 5], &[0]));
        fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap();
    };
    commit(0).await;
    let window = windows(&fixture).await.remove(0);
    let firing = [alert(AlertState::Firing)];
    assert!(put(&fixture, &window, DriftState::Alert, &firing).await);
    assert!(
        !put(&fixture, &window, DriftState::Alert, &firing).await,
        "another process looked before"
    );
    assert!(windows(&fixture).await.is_empty(), "nothing came since");
    commit(10).await;
    let again = windows(&fixture).await.remove(0);
    assert_eq!((again.looks, again.looked_rows, again.rows), (1, 8, 16));
    assert_eq!(again.told, ["page"]);
    let seen = fixture.ingest.drift_seen(&pipeline(), &version()).await.unwrap();
    assert_eq!(
        (seen[0].feature.as_str(), seen[0].level(), seen[0].psi),
        ("page", 2, Some(0.3))
    );

    let over = [alert(AlertState::Resolved)];
    assert!(put(&fixture, &again, DriftState::Fine, &over).await);
    assert_eq!(
        fixture
            .number("SELECT count(*) FROM alerts WHERE state = 'firing'")
            .await,
        1
    );
    assert_eq!(
        fixture
            .number("SELECT count(*) FROM alerts WHERE state = 'resolved'")
            .await,
        1
    );
    assert_eq!(
        fixture.number("SELECT count(*) FROM drift").await,
        1,
        "a row a feature and window"
    );
    let seen = fixture.ingest.drift_seen(&pipeline(), &version()).await.unwrap();
    assert_eq!((seen[0].state.as_str(), seen[0].level()), ("fine", 0));
}

#[tokio::test]
async fn a_window_that_is_late_speaks_over_a_later_one_or_few_rows_hide_what_was_seen() {
    let (fixture, sources) = with_model(1).await;
    let commit = async |from: i64| {
        let batch = batch(&fixture, &sources[0], from, counts(1, &[3, 5], &[0]));
        fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap();
    };
    commit(0).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    commit(10).await;
    let found_windows = windows(&fixture).await;
    let [early, late] = &found_windows[..] else {
        panic!("{found_windows:?}")
    };
    assert!(early.is_over && early.began_at < late.began_at);
    assert!(put(&fixture, late, DriftState::Few, &[]).await);
    assert!(put(&fixture, early, DriftState::Alert, &[alert(AlertState::Firing)]).await);
    assert_eq!(fixture.number("SELECT count(*) FROM alerts").await, 0);
    // Of the later one nothing can be told: what is known is the earlier one.
    let seen = fixture.ingest.drift_seen(&pipeline(), &version()).await.unwrap();
    assert_eq!(seen[0].state, "alert");
}
