//! Sources between commits: incarnations, pauses, gaps; what each role may do; schemas.

use muster_spec::Offset;
use muster_store::ledger::commit::{Attempt, Fence, Outcome};
use muster_store::{Ledger, Role};

use crate::commit::alert;
use crate::support::{Fixture, partition, sealed, to_commit, topic_id};

#[tokio::test]
async fn a_topic_made_again_is_a_new_source_and_counts_with_the_old_one() {
    let fixture = Fixture::new().await;
    for (incarnation, records) in [(0, 10), (1, 4)] {
        let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
        assert_eq!((source.incarnation, source.next_offset), (incarnation, None));
        let batch = to_commit(sealed(&fixture.contract, &source, 0, records, 1));
        assert!(fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap()[0].is_committed());
    }
    let reconciled = fixture.ingest.reconcile().await.unwrap();
    assert_eq!(reconciled.faults, Vec::<String>::new());
    assert_eq!(reconciled.rows.len(), 1);
    assert_eq!(
        (reconciled.rows[0].counts.received, reconciled.rows[0].counts.bad),
        (14, 2)
    );
}

#[tokio::test]
async fn a_paused_source_keeps_its_first_reason_until_it_is_resumed() {
    let fixture = Fixture::new().await;
    let topic = topic_id();
    let source = fixture.assign(topic, 1, "a").await.remove(0);
    let stranger = Some(crate::support::token());
    assert!(
        !fixture
            .ingest
            .pause(source.source, stranger, "stop_above", &[alert()])
            .await
            .unwrap()
    );
    assert!(
        fixture
            .ingest
            .pause(source.source, Some(source.token), "stop_above", &[alert()])
            .await
            .unwrap()
    );
    assert!(
        fixture
            .ingest
            .pause(source.source, Some(source.token), "gap", &[alert()])
            .await
            .unwrap()
    );
    assert_eq!(fixture.number("SELECT count(*) FROM alerts").await, 1);
    // A commit that was under way goes in; the pause is about reading on.
    let batch = to_commit(sealed(&fixture.contract, &source, 0, 10, 0));
    assert!(fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap()[0].is_committed());
    let again = fixture.assign(topic, 1, "b").await.remove(0);
    assert_eq!(again.paused.as_deref(), Some("stop_above"));
    assert!(fixture.ingest.resume(source.source, None).await.unwrap());
    assert!(!fixture.ingest.resume(source.source, None).await.unwrap());
    assert_eq!(fixture.assign(topic, 1, "b").await[0].paused, None);
}

#[tokio::test]
async fn offsets_that_are_gone_are_recorded_as_a_gap_and_the_holder_is_fenced() {
    let fixture = Fixture::new().await;
    let topic = topic_id();
    let source = fixture.assign(topic, 1, "a").await.remove(0);
    let batch = to_commit(sealed(&fixture.contract, &source, 0, 10, 0));
    fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap();
    fixture
        .ingest
        .pause(source.source, None, "offsets 10 to 50 are gone", &[])
        .await
        .unwrap();
    assert!(fixture.ingest.resume(source.source, Some(Offset(50))).await.unwrap());
    let late = to_commit(sealed(&fixture.contract, &source, 10, 20, 0));
    let outcome = fixture.ingest.commit(Attempt::new(), &[late]).await.unwrap().remove(0);
    assert!(
        matches!(
            outcome,
            Outcome::Fenced {
                fence: Fence::Token,
                ..
            }
        ),
        "{outcome:?}"
    );
    let again = fixture.assign(topic, 1, "a").await.remove(0);
    assert_eq!((again.next_offset, again.paused.as_deref()), (Some(Offset(50)), None));
    let batch = to_commit(sealed(&fixture.contract, &again, 50, 60, 0));
    assert!(fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap()[0].is_committed());
    fixture.adds_up().await;
}

#[tokio::test]
async fn each_role_does_its_own_work_and_no_other() {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    let batch = to_commit(sealed(&fixture.contract, &source, 0, 10, 0));
    let reader = Ledger::new(&fixture.settings, Role::Read).unwrap();
    for ledger in [&reader, &fixture.score] {
        let refused = ledger
            .commit(Attempt::new(), std::slice::from_ref(&batch))
            .await
            .unwrap_err();
        assert_eq!(refused.domain(), muster_store::Domain::User, "{refused}");
    }
    assert!(reader.reconcile().await.unwrap().faults.is_empty());
    assert_eq!(reader.sources().await.unwrap().len(), 1);
    let refused = reader.raise(&[alert()]).await.unwrap_err();
    assert!(refused.to_string().contains("42501"), "{refused}");
}

#[tokio::test]
async fn a_schema_id_never_changes_its_text() {
    let fixture = Fixture::new().await;
    let id = muster_spec::SchemaId(7);
    for _ in 0..2 {
        fixture
            .ingest
            .keep_schema("http://registry", id, "\"string\"")
            .await
            .unwrap();
    }
    fixture.ingest.keep_schema("", id, "\"long\"").await.unwrap();
    let refused = fixture
        .ingest
        .keep_schema("http://registry", id, "\"long\"")
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("http://registry"), "{refused}");
    assert_eq!(
        fixture.ingest.schema("", id).await.unwrap().as_deref(),
        Some("\"long\"")
    );
    assert_eq!(fixture.ingest.schema("", muster_spec::SchemaId(8)).await.unwrap(), None);
    assert_eq!(
        fixture.ingest.schemas("http://registry").await.unwrap(),
        vec![(id, "\"string\"".to_owned())]
    );
}

#[tokio::test]
async fn workers_that_meet_new_and_old_topics_at_once_number_them_the_same() {
    let fixture = Fixture::new().await;
    for _ in 0..8 {
        let (old, new) = (topic_id(), topic_id());
        fixture.assign(old, 2, "a").await;
        let wanted: Vec<_> = [old, new]
            .iter()
            .flat_map(|topic| (0..2).map(|at| partition(&fixture.contract, *topic, at, 2)))
            .collect();
        let takes = (0..4).map(|worker| {
            let (ingest, wanted) = (fixture.ingest.clone(), wanted.clone());
            tokio::spawn(async move { ingest.assign(&format!("worker-{worker}"), &wanted).await })
        });
        for take in takes.collect::<Vec<_>>() {
            let assigned = take.await.unwrap().unwrap();
            let of = |topic| {
                assigned
                    .iter()
                    .find(|source| source.topic_id == topic)
                    .unwrap()
                    .incarnation
            };
            assert_eq!(of(new), of(old) + 1);
        }
    }
    assert_eq!(
        fixture
            .number("SELECT count(*) FROM tokens WHERE superseded_at IS NULL")
            .await,
        32
    );
    assert_eq!(fixture.number("SELECT count(*) FROM sources").await, 32);
}
