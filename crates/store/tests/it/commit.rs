//! The commit and its fences on a real PostgreSQL.

use std::collections::HashSet;
use std::sync::Arc;

use muster_batch::{Alert, AlertState, FileRows};
use muster_spec::{FileSha, Offset, Revision};
use muster_store::ledger::commit::{Attempt, Fence, Outcome, Resolved, Statistic};

use crate::support::{Fixture, partition, sealed, to_commit, topic_id};

#[tokio::test]
async fn a_commit_makes_everything_visible_together() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    assert_eq!(
        (source.next_offset, source.revision, source.incarnation),
        (None, Revision(0), 0)
    );
    let mut batch = to_commit(sealed(&fixture.contract, &source, 5, 25, 3));
    batch.sealed.duplicate_offsets = vec![(6, 8), (20, 21)];
    batch.sealed.file_rows = vec![rows(1, 0, 10), rows(1, 12, 20), rows(2, 3, 4)];
    batch.statistics = vec![statistic("bad_ratio", "", 0.15), statistic("mean", "page", f64::NAN)];
    batch.alerts = vec![alert()];
    let outcomes = fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap();
    let Outcome::Committed { version, delta, .. } = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    assert_eq!((*version, delta.from, delta.to), (1, Offset(5), Offset(25)));

    let row = fixture
        .owner()
        .await
        .query_one(
            "SELECT b.received, b.good, b.bad, b.duplicate_offsets::text, s.next_offset, s.first_offset,
               (SELECT count(*) FROM files WHERE batch_id = b.id AND version_added = 1),
               (SELECT string_agg(rule_id || rows || sample_offsets::text, ';') FROM violations WHERE batch_id = b.id),
               (SELECT string_agg(measure || value, ';') FROM batch_statistics WHERE batch_id = b.id),
               (SELECT string_agg(rows::text, ';' ORDER BY file_sha256) FROM batch_file_rows WHERE batch_id = b.id),
               (SELECT string_agg(fingerprint || tenant, ';') FROM alerts WHERE batch_id = b.id),
               b.event_time_max::text, b.tenant
             FROM batches b JOIN sources s ON s.id = b.source_id",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(
        (row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)),
        (20, 17, 3)
    );
    assert_eq!(row.get::<_, &str>(3), "{[6,8),[20,21)}");
    assert_eq!((row.get::<_, i64>(4), row.get::<_, i64>(5)), (25, 5));
    assert_eq!(row.get::<_, i64>(6), 3);
    assert_eq!(row.get::<_, &str>(7), "visitor_id.required3{5}");
    assert_eq!(row.get::<_, &str>(8), "bad_ratio0.15");
    assert_eq!(row.get::<_, &str>(9), "{[0,10),[12,20)};{[3,4)}");
    assert_eq!(row.get::<_, &str>(10), "contract/test.visit/bad_ratiodefault");
    assert_eq!(row.get::<_, &str>(11), "1970-01-01 00:00:25+00");
    assert_eq!(row.get::<_, &str>(12), "default");
    fixture.adds_up().await;
}

fn rows(file: u8, from: u64, to: u64) -> FileRows {
    FileRows {
        file: FileSha([file; 32]),
        from,
        to,
    }
}

fn statistic(measure: &str, field: &str, value: f64) -> Statistic {
    Statistic {
        measure: measure.into(),
        field: field.into(),
        value,
    }
}

pub fn alert() -> Alert {
    Alert {
        fingerprint: "contract/test.visit/bad_ratio".into(),
        condition: "bad_ratio".into(),
        about: "test.visit".into(),
        state: AlertState::Firing,
        measured: Some(0.15),
        threshold: Some(0.1),
        window: "[5, 25)".into(),
        target: None,
    }
}

#[tokio::test]
async fn event_times_at_the_ends_of_time_are_kept() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    let bounds = [
        (i64::MIN + 1, i64::MAX),
        (-62_135_596_800_000_000, 253_402_300_799_999_999),
        (-1, -1),
    ];
    for (from, (least, greatest)) in (0..).zip(bounds) {
        let mut batch = to_commit(sealed(&fixture.contract, &source, from, from + 1, 0));
        batch.sealed.event_times = Some((least, greatest));
        for file in &mut batch.sealed.files {
            file.event_times = Some((least, greatest));
        }
        let outcomes = fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap();
        assert!(outcomes[0].is_committed(), "{outcomes:?}");
    }
    let texts = "SELECT string_agg(event_time_min || ' ' || event_time_max, '; ' ORDER BY id) FROM batches";
    let row = fixture.owner().await.query_one(texts, &[]).await.unwrap();
    assert_eq!(
        row.get::<_, &str>(0),
        "-infinity infinity; 0001-01-01 00:00:00+00 9999-12-31 23:59:59.999999+00; \
         1969-12-31 23:59:59.999999+00 1969-12-31 23:59:59.999999+00"
    );
}

#[tokio::test]
async fn a_zombies_commit_fails_on_its_token_and_the_others_go_in() {
    let fixture = Fixture::new().await;
    let topic = topic_id();
    let zombie = fixture.assign(topic, 3, "zombie").await;
    let holder = fixture
        .ingest
        .assign("holder", &[partition(&fixture.contract, topic, 1, 3)])
        .await
        .unwrap();
    let batches: Vec<_> = zombie
        .iter()
        .map(|source| to_commit(sealed(&fixture.contract, source, 0, 10, 0)))
        .collect();
    let outcomes = fixture.ingest.commit(Attempt::new(), &batches).await.unwrap();
    let fenced: Vec<_> = outcomes.iter().filter(|outcome| !outcome.is_committed()).collect();
    assert_eq!(fenced.len(), 1);
    assert!(matches!(
        fenced[0],
        Outcome::Fenced { source, fence: Fence::Token, next_offset: None, .. } if *source == zombie[1].source
    ));
    assert_eq!(fixture.number("SELECT count(*) FROM batches").await, 2);
    assert_eq!(fixture.number("SELECT count(*) FROM files").await, 4);
    let batch = to_commit(sealed(&fixture.contract, &holder[0], 0, 7, 1));
    assert!(fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap()[0].is_committed());
    fixture.adds_up().await;
}

#[tokio::test]
async fn a_batch_that_does_not_begin_at_the_next_offset_is_fenced() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    let commit = async |from, to| {
        let batch = to_commit(sealed(&fixture.contract, &source, from, to, 0));
        fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap().remove(0)
    };
    assert!(
        commit(100, 110).await.is_committed(),
        "a new source begins wherever its log does"
    );
    for (from, to) in [(100, 110), (105, 120), (111, 120), (0, 5)] {
        let outcome = commit(from, to).await;
        assert!(
            matches!(
                outcome,
                Outcome::Fenced {
                    fence: Fence::Offset,
                    next_offset: Some(Offset(110)),
                    ..
                }
            ),
            "{from}..{to}: {outcome:?}"
        );
    }
    assert!(commit(110, 120).await.is_committed());
    fixture.adds_up().await;
}

#[tokio::test]
async fn a_batch_judged_against_another_revision_is_fenced() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    fixture
        .owner()
        .await
        .batch_execute("UPDATE sources SET revision = 1")
        .await
        .unwrap();
    let mut batch = to_commit(sealed(&fixture.contract, &source, 0, 10, 0));
    let outcome = fixture
        .ingest
        .commit(Attempt::new(), std::slice::from_ref(&batch))
        .await
        .unwrap()
        .remove(0);
    assert!(matches!(
        outcome,
        Outcome::Fenced {
            fence: Fence::Revision,
            revision: Some(Revision(1)),
            ..
        }
    ));
    batch.revision = Revision(1);
    assert!(fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap()[0].is_committed());
}

#[tokio::test]
async fn consecutive_batches_of_one_source_go_in_together_or_fail_from_the_first() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    let batch = |from, to| to_commit(sealed(&fixture.contract, &source, from, to, 0));
    let outcomes = fixture
        .ingest
        .commit(Attempt::new(), &[batch(10, 20), batch(0, 10)])
        .await
        .unwrap();
    assert!(outcomes.iter().all(Outcome::is_committed), "{outcomes:?}");
    let outcomes = fixture
        .ingest
        .commit(Attempt::new(), &[batch(21, 30), batch(30, 40)])
        .await
        .unwrap();
    assert!(outcomes.iter().all(|outcome| !outcome.is_committed()), "{outcomes:?}");
    fixture.adds_up().await;
}

#[tokio::test]
async fn the_same_attempt_twice_is_done_once_and_answers_the_same() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    let attempt = Attempt::new();
    let batch = to_commit(sealed(&fixture.contract, &source, 0, 10, 2));
    let first = fixture
        .ingest
        .commit(attempt, std::slice::from_ref(&batch))
        .await
        .unwrap();
    let second = fixture.ingest.commit(attempt, &[batch]).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(fixture.number("SELECT count(*) FROM batches").await, 1);
    let resolved = fixture
        .ingest
        .resolve(attempt, &[(source.source, source.token)], "a")
        .await
        .unwrap();
    assert_eq!(resolved, Resolved::Happened(first));
}

#[tokio::test]
async fn an_absent_attempt_can_never_come_after_it_was_resolved() {
    let fixture = Fixture::new().await;
    let topic = topic_id();
    let sources = fixture.assign(topic, 2, "a").await;
    // The second source passes on before the first attempt is resolved.
    let other = fixture
        .ingest
        .assign("b", &[partition(&fixture.contract, topic, 1, 2)])
        .await
        .unwrap()
        .remove(0);
    let attempt = Attempt::new();
    let held: Vec<_> = sources.iter().map(|source| (source.source, source.token)).collect();
    let Resolved::Never(raised) = fixture.ingest.resolve(attempt, &held, "a").await.unwrap() else {
        panic!("nothing was committed")
    };
    assert_eq!(raised.len(), 1);
    assert_eq!(raised[0].source, sources[0].source);
    assert_ne!(raised[0].token, sources[0].token);
    // The attempt arrives after all.
    let late: Vec<_> = sources
        .iter()
        .map(|source| to_commit(sealed(&fixture.contract, source, 0, 10, 0)))
        .collect();
    let outcomes = fixture.ingest.commit(attempt, &late).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(
        outcome,
        Outcome::Fenced {
            fence: Fence::Token,
            ..
        }
    )));
    // Both go on under the tokens they hold.
    let mut source = sources[0].clone();
    source.token = raised[0].token;
    for holder in [&source, &other] {
        let batch = to_commit(sealed(&fixture.contract, holder, 0, 10, 0));
        assert!(fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap()[0].is_committed());
    }
    fixture.adds_up().await;
}

#[tokio::test]
async fn a_file_that_is_listed_twice_undoes_the_whole_commit() {
    let fixture = Fixture::new().await;
    let sources = fixture.assign(topic_id(), 2, "a").await;
    let mut batches: Vec<_> = sources
        .iter()
        .map(|source| to_commit(sealed(&fixture.contract, source, 0, 10, 0)))
        .collect();
    batches[1].sealed.files = batches[0].sealed.files.clone();
    let refused = fixture.ingest.commit(Attempt::new(), &batches).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(
        fixture
            .number("SELECT count(*) + (SELECT count(*) FROM attempts) FROM batches")
            .await,
        0
    );
    assert_eq!(
        fixture
            .number("SELECT count(*) FROM sources WHERE next_offset IS NOT NULL")
            .await,
        0
    );
}

#[tokio::test]
async fn counts_that_do_not_add_up_are_refused() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    let mut batch = to_commit(sealed(&fixture.contract, &source, 0, 10, 0));
    batch.sealed.received += 1;
    let refused = fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap_err();
    assert_eq!(refused.domain(), muster_store::Domain::Internal, "{refused}");
    assert!(!refused.retry());
}

#[tokio::test]
async fn many_workers_at_once_neither_deadlock_nor_lose_an_order() {
    const WORKERS: usize = 6;
    const ROUNDS: i64 = 12;
    let fixture = Fixture::new().await;
    let topics = [topic_id(), topic_id()];
    let mut held = Vec::new();
    for topic in topics {
        held.extend(fixture.assign(topic, WORKERS as i32, "a").await);
    }
    // Each worker commits two sources, in the other's order.
    let tasks = (0..WORKERS).map(|worker| {
        let (ingest, contract) = (fixture.ingest.clone(), Arc::clone(&fixture.contract));
        let mut mine = [held[worker].clone(), held[2 * WORKERS - 1 - worker].clone()];
        tokio::spawn(async move {
            let mut versions = Vec::new();
            for round in 0..ROUNDS {
                mine.reverse();
                let batches: Vec<_> = mine
                    .iter()
                    .map(|source| to_commit(sealed(&contract, source, round * 5, round * 5 + 5, 1)))
                    .collect();
                for outcome in ingest.commit(Attempt::new(), &batches).await.unwrap() {
                    let Outcome::Committed { version, .. } = outcome else {
                        panic!("{outcome:?}")
                    };
                    versions.push(version);
                }
            }
            versions
        })
    });
    let mut versions = HashSet::new();
    for task in tasks.collect::<Vec<_>>() {
        versions.extend(task.await.unwrap());
    }
    let commits = WORKERS as i64 * ROUNDS;
    assert_eq!(
        versions,
        (1..=commits).collect::<HashSet<_>>(),
        "each commit takes one version, none is skipped"
    );
    assert_eq!(fixture.number("SELECT count(*) FROM batches").await, 2 * commits);
    fixture.adds_up().await;
}

#[tokio::test]
async fn assigning_against_commits_never_lets_both_win() {
    let fixture = Fixture::new().await;
    let topic = topic_id();
    let first = fixture.assign(topic, 4, "a").await;
    for round in 0..10 {
        let holders = if round == 0 {
            first.clone()
        } else {
            fixture.assign(topic, 4, "a").await
        };
        let from = holders[0].next_offset.map_or(0, |offset| offset.0);
        let old: Vec<_> = holders
            .iter()
            .map(|source| {
                let from = source.next_offset.map_or(from, |offset| offset.0);
                to_commit(sealed(&fixture.contract, source, from, from + 3, 0))
            })
            .collect();
        let (assigned, committed) = tokio::join!(
            fixture.assign(topic, 4, "b"),
            fixture.ingest.commit(Attempt::new(), &old)
        );
        for outcome in committed.unwrap() {
            let now = assigned
                .iter()
                .find(|source| source.source == outcome.source())
                .unwrap();
            let before = old
                .iter()
                .find(|batch| batch.sealed.source == outcome.source())
                .unwrap();
            let expected = if outcome.is_committed() {
                before.sealed.delta.to
            } else {
                before.sealed.delta.from
            };
            let read_on = now.next_offset.unwrap_or(before.sealed.delta.from);
            assert_eq!(
                read_on, expected,
                "round {round}: the new holder reads on from what was committed"
            );
        }
    }
    fixture.adds_up().await;
}
