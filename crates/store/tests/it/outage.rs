//! The wire is cut, freezes, or the server dies, exactly at the commit.

use std::time::{Duration, Instant};

use muster_store::ledger::commit::{Attempt, Resolved};
use muster_store::{Domain, Error, Ledger, Role, Settings};

use crate::proxy::{Proxy, Wire};
use crate::support::{Fixture, sealed, to_commit, topic_id};

fn impatient(address: &str) -> Settings {
    let mut settings = Settings::new(address);
    settings.answer = Duration::from_millis(600);
    settings.connect = Duration::from_millis(600);
    settings
}

#[tokio::test]
async fn a_commit_cut_anywhere_is_resolved_to_exactly_what_happened() {
    let fixture = Fixture::new().await;
    let topic = topic_id();
    let proxy = Proxy::start(&fixture.settings.address);
    let ledger = Ledger::new(&impatient(&proxy.address), Role::Ingest).unwrap();
    let mut from = 0;
    let cases = [
        (Wire::CutRequests, false),
        (Wire::CutAnswers, true),
        (Wire::SwallowAnswers, true),
        (Wire::Frozen, false),
    ];
    for (wire, happened) in cases {
        let source = fixture.assign(topic, 1, "a").await.remove(0);
        ledger.ping().await.unwrap();
        let attempt = Attempt::new();
        let batch = to_commit(sealed(&fixture.contract, &source, from, from + 10, 2));
        // The statement is prepared by a first commit that fails its fence, so that the cut falls on the commit itself.
        let behind = to_commit(sealed(&fixture.contract, &source, from + 1, from + 2, 0));
        if from > 0 {
            assert!(!ledger.commit(Attempt::new(), &[behind]).await.unwrap()[0].is_committed());
        }
        proxy.set(wire);
        let begun = Instant::now();
        let lost = ledger.commit(attempt, &[batch]).await.unwrap_err();
        assert!(
            matches!(lost, Error::OutcomeUnknown { attempt: told, .. } if told == attempt.0),
            "{wire:?}: {lost}"
        );
        assert_eq!(lost.domain(), Domain::Environment);
        assert!(begun.elapsed() < Duration::from_secs(5), "{wire:?}: bounded");
        let still = ledger.resolve(attempt, &[(source.source, source.token)], "a").await;
        assert!(matches!(still, Err(Error::Unreachable { .. })), "{wire:?}: {still:?}");

        proxy.set(Wire::Whole);
        let happened_here = happened && from > 0;
        match ledger
            .resolve(attempt, &[(source.source, source.token)], "a")
            .await
            .unwrap()
        {
            Resolved::Happened(outcomes) => {
                assert!(happened_here, "{wire:?}");
                assert!(outcomes[0].is_committed());
                from += 10;
            }
            Resolved::Never(raised) => {
                assert!(!happened_here, "{wire:?}");
                let mut again = source.clone();
                again.token = raised[0].token;
                let batch = to_commit(sealed(&fixture.contract, &again, from, from + 10, 2));
                assert!(ledger.commit(Attempt::new(), &[batch]).await.unwrap()[0].is_committed());
                from += 10;
            }
        }
        fixture.adds_up().await;
    }
    let reconciled = fixture.ingest.reconcile().await.unwrap();
    assert_eq!(reconciled.rows[0].counts.received, 40);
}

#[tokio::test]
async fn a_commit_under_way_is_waited_for_before_it_is_called_absent() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    // Something holds the contract's counter: the commit has its source's lock and waits.
    let owner = fixture.owner().await;
    owner
        .batch_execute("BEGIN; UPDATE contracts SET version = version")
        .await
        .unwrap();
    let attempt = Attempt::new();
    let batch = to_commit(sealed(&fixture.contract, &source, 0, 10, 0));
    let ingest = fixture.ingest.clone();
    let committing = tokio::spawn(async move { ingest.commit(attempt, &[batch]).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let held = [(source.source, source.token)];
    let resolving = fixture.ingest.resolve(attempt, &held, "a");
    let (resolved, ()) = tokio::join!(resolving, async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        owner.batch_execute("ROLLBACK").await.unwrap();
    });
    let outcomes = committing.await.unwrap().unwrap();
    assert_eq!(resolved.unwrap(), Resolved::Happened(outcomes));
}

#[tokio::test]
async fn a_held_lock_ends_in_a_refusal_that_may_be_tried_again() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    let owner = fixture.owner().await;
    owner
        .batch_execute("BEGIN; UPDATE sources SET worker = worker")
        .await
        .unwrap();
    let mut settings = fixture.settings.clone();
    settings.lock = Duration::from_millis(200);
    let ledger = Ledger::new(&settings, Role::Ingest).unwrap();
    let batch = to_commit(sealed(&fixture.contract, &source, 0, 10, 0));
    let attempt = Attempt::new();
    let refused = ledger.commit(attempt, std::slice::from_ref(&batch)).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Refused { code, .. } if code.code() == "55P03"),
        "{refused}"
    );
    assert!(refused.retry());
    owner.batch_execute("ROLLBACK").await.unwrap();
    assert!(ledger.commit(attempt, &[batch]).await.unwrap()[0].is_committed());
}

#[tokio::test]
async fn an_empty_pool_is_waited_for_and_then_told() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    let owner = fixture.owner().await;
    owner
        .batch_execute("BEGIN; UPDATE sources SET worker = worker")
        .await
        .unwrap();
    let mut settings = fixture.settings.clone();
    settings.connections_max = 1;
    settings.connect = Duration::from_millis(200);
    settings.lock = Duration::from_millis(800);
    let ledger = Ledger::new(&settings, Role::Ingest).unwrap();
    let batch = to_commit(sealed(&fixture.contract, &source, 0, 10, 0));
    let busy = ledger.clone();
    let committing = tokio::spawn(async move { busy.commit(Attempt::new(), &[batch]).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let error = ledger.ping().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }) && error.retry(), "{error}");
    assert!(committing.await.unwrap().is_err());
    ledger.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_is_the_environments_trouble_and_what_was_committed_stays() {
    let mut server = muster_sandbox::postgres::Temporary::start().expect("a PostgreSQL");
    let settings = impatient(server.url());
    muster_store::ledger::migrate::migrate(&settings).await.unwrap();
    let ledger = Ledger::new(&settings, Role::Ingest).unwrap();
    let contract = crate::support::contract();
    ledger.keep_contract(&contract).await.unwrap();
    let wanted = [crate::support::partition(&contract, topic_id(), 0, 1)];
    let source = ledger.assign("a", &wanted).await.unwrap().remove(0);
    let batch = to_commit(sealed(&contract, &source, 0, 10, 0));
    assert!(ledger.commit(Attempt::new(), &[batch]).await.unwrap()[0].is_committed());

    server.kill().expect("killed");
    let attempt = Attempt::new();
    let next = to_commit(sealed(&contract, &source, 10, 20, 0));
    let lost = ledger.commit(attempt, std::slice::from_ref(&next)).await.unwrap_err();
    assert_eq!(lost.domain(), Domain::Environment, "{lost}");
    server.restart().expect("starts again");
    let resolved = ledger
        .resolve(attempt, &[(source.source, source.token)], "a")
        .await
        .unwrap();
    let Resolved::Never(raised) = resolved else {
        panic!("the server was gone")
    };
    assert_eq!(raised[0].next_offset.map(|offset| offset.0), Some(10));
    assert!(ledger.reconcile().await.unwrap().faults.is_empty());
}
