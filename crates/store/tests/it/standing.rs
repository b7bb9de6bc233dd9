//! Looking on: counts that are added up batch by batch are those of the whole, whoever commits meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use muster_batch::{Alert, AlertState};
use muster_store::ledger::commit::Attempt;
use muster_store::ledger::counts::Counts;
use muster_store::ledger::standing::Standing;
use muster_store::{Ledger, Role};

use crate::scoring::{LEASE, predictions, slot, take, with_batches, write};
use crate::support::{Fixture, sealed, to_commit, topic_id};

/// What the account says of every partition.
async fn account(ledger: &Ledger) -> Vec<(String, i32, Counts)> {
    let rows = ledger.reconcile().await.unwrap().rows.into_iter();
    rows.map(|row| (row.topic, row.partition, row.counts)).collect()
}

fn counted(standing: &Standing) -> Vec<(String, i32, Counts)> {
    let sources = standing.sources.iter();
    sources
        .map(|((topic, partition), source)| (topic.clone(), *partition, source.counts))
        .collect()
}

fn reader(fixture: &Fixture) -> Ledger {
    Ledger::new(&fixture.settings, Role::Read).unwrap()
}

#[tokio::test]
async fn counts_added_up_while_workers_commit_are_those_of_the_account() {
    let fixture = Fixture::new().await;
    let topic = topic_id();
    let sources = fixture.assign(topic, 4, "a").await;
    let (reader, done) = (reader(&fixture), AtomicBool::new(false));
    let commits = async {
        let workers = sources.iter().map(|source| {
            let fixture = &fixture;
            async move {
                for at in 0..25 {
                    let batch = to_commit(sealed(&fixture.contract, source, at * 10, at * 10 + 10, at as u64 % 3));
                    fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap();
                }
            }
        });
        futures_util::future::join_all(workers).await;
        done.store(true, Ordering::SeqCst);
    };
    let looking = async {
        let mut standing = Standing::default();
        let (mut looks, mut before) = (0_u64, 0);
        while !done.load(Ordering::SeqCst) {
            reader.look(&mut standing).await.unwrap();
            let received: u64 = counted(&standing).iter().map(|(_, _, counts)| counts.received).sum();
            assert!(received >= before, "{received} after {before}");
            (before, looks) = (received, looks + 1);
        }
        reader.look(&mut standing).await.unwrap();
        (standing, looks)
    };
    let ((), (mut standing, looks)) = tokio::join!(commits, looking);
    assert!(looks > 3, "it looked {looks} times only");
    assert_eq!(counted(&standing), account(&reader).await);
    let mut whole = Standing::default();
    reader.look(&mut whole).await.unwrap();
    assert_eq!(counted(&whole), counted(&standing), "at one go");
    let first = &standing.sources[&(fixture.contract.topic.clone(), 0)];
    assert_eq!(first.received_lately, 250);
    assert_eq!((first.next_offset, first.worker.as_deref()), (Some(250), Some("a")));
    assert!(first.committed_at.is_some() && first.newest_event.is_some());

    // Made again, the topic goes on being counted under its name, and stands as the new one does.
    let again = fixture.assign(topic_id(), 4, "b").await;
    let batch = to_commit(sealed(&fixture.contract, &again[2], 0, 7, 7));
    fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap();
    reader.look(&mut standing).await.unwrap();
    assert_eq!(counted(&standing), account(&reader).await);
    let third = &standing.sources[&(fixture.contract.topic.clone(), 2)];
    assert_eq!(
        (third.next_offset, third.worker.as_deref(), third.counts.received),
        (Some(7), Some("b"), 257)
    );
}

#[tokio::test]
async fn what_is_paused_or_firing_is_told_with_its_reason_until_it_is_over() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    let reader = reader(&fixture);
    let alert = |condition: &str, state| Alert {
        fingerprint: format!("contract/test.visit/{condition}"),
        condition: condition.to_owned(),
        about: "test.visit".to_owned(),
        state,
        measured: Some(0.2),
        threshold: Some(0.1),
        window: "[0,10)".to_owned(),
        target: None,
    };
    let paused = Alert {
        fingerprint: format!("source/{}/0/gap", fixture.contract.topic),
        ..alert("gap", AlertState::Firing)
    };
    let reason = "gap: the log begins at 9 and 3 comes next";
    fixture
        .ingest
        .pause(source.source, None, reason, &[paused])
        .await
        .unwrap();
    for _ in 0..3 {
        fixture
            .ingest
            .raise(&[alert("bad_ratio", AlertState::Firing)])
            .await
            .unwrap();
    }
    let mut standing = Standing::default();
    reader.look(&mut standing).await.unwrap();
    let place = (fixture.contract.topic.clone(), 0);
    assert_eq!(standing.sources[&place].paused.as_deref(), Some(reason));
    assert!(standing.sources[&place].paused_at.is_some());
    let firing = |standing: &Standing| -> Vec<String> {
        standing.firing.iter().map(|firing| firing.condition.clone()).collect()
    };
    assert_eq!(firing(&standing), ["bad_ratio", "gap"], "each once, the latest first");

    fixture
        .ingest
        .raise(&[alert("bad_ratio", AlertState::Resolved)])
        .await
        .unwrap();
    fixture.ingest.resume(source.source, None).await.unwrap();
    reader.look(&mut standing).await.unwrap();
    assert_eq!(standing.sources[&place].paused, None);
    assert_eq!(firing(&standing), Vec::<String>::new());
}

#[tokio::test]
async fn a_pipelines_last_run_is_told_while_it_works_and_when_it_is_done() {
    let (fixture, _) = with_batches(2).await;
    let reader = reader(&fixture);
    fixture.score.open_run(&slot(&fixture, 0)).await.unwrap();
    let mut standing = Standing::default();
    reader.look(&mut standing).await.unwrap();
    let last = standing.pipelines[0].last.clone().unwrap();
    assert_eq!((last.state.word(), last.predictions), ("open", 0));
    while let Some(claim) = take(&fixture, "a", LEASE).await {
        write(&fixture, &claim, &predictions(&claim, 8)).await.unwrap();
    }
    reader.look(&mut standing).await.unwrap();
    let last = standing.pipelines[0].last.clone().unwrap();
    assert_eq!((last.state.word(), last.predictions), ("done", 16));
    let later = fixture.score.open_run(&slot(&fixture, 1)).await.unwrap();
    assert_eq!(later.state.word(), "skipped", "nothing is new");
    reader.look(&mut standing).await.unwrap();
    let [pipeline] = &standing.pipelines[..] else {
        panic!("{:?}", standing.pipelines)
    };
    assert_eq!(pipeline.last.as_ref(), Some(&last), "who skipped did nothing");
    assert_eq!(pipeline.last_slot, Some(slot(&fixture, 1).at));
    assert!(last.took.as_secs() < 60);
}
