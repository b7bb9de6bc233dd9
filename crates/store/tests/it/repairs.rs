//! Commits of rows that were judged again, and what fences them, on a real PostgreSQL.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use muster_batch::FileKind;
use muster_spec::Offset;
use muster_spec::{BatchId, OffsetDelta, Revision};
use muster_store::files::sweep::{find, remove};
use muster_store::ledger::bad_files::BadFilter;
use muster_store::ledger::commit::{Attempt, Outcome};
use muster_store::ledger::repairs::{NewRepair, Repair, RepairCommit, RepairFence, RepairKind, RepairOutcome};
use muster_store::ledger::sources::Assigned;
use muster_store::{BatchWriter, FileStore, FolderStore, Sealed};

use crate::support::{Fate, Fixture, judged, sealed, to_commit, topic_id};

const LEASE: Duration = Duration::from_mins(1);

/// A source with one batch, offsets 0 to 20, of which the first five are bad.
async fn with_bad() -> (Fixture, Assigned) {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "w").await.remove(0);
    let batch = to_commit(sealed(&fixture.contract, &source, 0, 20, 5));
    assert!(fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap()[0].is_committed());
    (fixture, source)
}

async fn begin(fixture: &Fixture, lease: Duration) -> Repair {
    let repair = NewRepair {
        contract: fixture.contract.name.clone(),
        contract_version: fixture.contract.version.clone(),
        kind: RepairKind::Repair,
        author: "ann".into(),
        reason: "a test".into(),
        rule: Some("visitor_id.required".into()),
        fields: vec!["visitor_id".into()],
    };
    fixture.ingest.begin_repair(&repair, "w", lease).await.unwrap()
}

/// Rows at these offsets made good, judged against the source as it is now.
async fn commit_of(fixture: &Fixture, source: &Assigned, repair: Repair, good: &[i64], bad: &[i64]) -> RepairCommit {
    let stem = format!("repair-{}-{}", uuid::Uuid::new_v4(), repair.token);
    let mut sealed: Sealed = sealed(&fixture.contract, source, 0, good.len().max(1) as i64, 0);
    for file in &mut sealed.files {
        file.path = format!("good-data/test.visit/{stem}.{}", file.kind.word());
        file.token = repair.token;
    }
    let mut patch = sealed.files[0].clone();
    patch.kind = FileKind::Patch;
    patch.path = format!("bad-data/test.visit/{stem}.patch");
    sealed.files.push(patch);
    if good.is_empty() {
        sealed.files.retain(|file| file.kind == FileKind::Patch);
    }
    sealed.good = good.len() as u64;
    sealed.token = repair.token;
    sealed.delta = OffsetDelta::new(Offset(0), Offset(0));
    RepairCommit {
        repair,
        kind: RepairKind::Repair,
        sealed,
        against: fixture.ingest.judged_against(source.source).await.unwrap(),
        keyed: true,
        good: good.to_vec(),
        still_bad: bad.to_vec(),
        rules_left: BTreeMap::from([("visitor_id.required".to_owned(), bad.len() as u64)]),
    }
}

async fn send(fixture: &Fixture, batch: &RepairCommit) -> RepairOutcome {
    fixture
        .ingest
        .commit_repair(Attempt::new(), batch, LEASE)
        .await
        .unwrap()
}

fn fenced(fence: RepairFence) -> RepairOutcome {
    RepairOutcome::Fenced(fence)
}

#[tokio::test]
async fn a_repair_counts_once_beside_the_first_verdicts_and_tells_its_story() {
    let (fixture, source) = with_bad().await;
    let repair = begin(&fixture, LEASE).await;
    let batch = commit_of(&fixture, &source, repair, &[0, 1, 3], &[2]).await;
    let attempt = Attempt::new();
    let first = fixture.ingest.commit_repair(attempt, &batch, LEASE).await.unwrap();
    let again = fixture.ingest.commit_repair(attempt, &batch, LEASE).await.unwrap();
    assert!(
        matches!(first, RepairOutcome::Committed { version: 2, .. }),
        "{first:?}"
    );
    assert_eq!(first, again, "an answer that was lost is asked for again");
    let reconciled = fixture.ingest.reconcile().await.unwrap();
    assert_eq!(reconciled.faults, Vec::<String>::new());
    let row = reconciled.rows[0].counts;
    assert_eq!((row.received, row.good, row.bad, row.repaired), (20, 15, 5, 3));
    assert_eq!(
        fixture.ingest.repaired_rows(source.source, None).await.unwrap(),
        [(0, 2), (3, 4)]
    );
    let against = fixture.ingest.judged_against(source.source).await.unwrap();
    assert_eq!((against.revision, against.next_offset), (Revision(1), Some(Offset(20))));

    let story = |offset| fixture.ingest.repairs_of(source.source, Offset(offset));
    let (good, bad, never) = (
        story(3).await.unwrap(),
        story(2).await.unwrap(),
        story(4).await.unwrap(),
    );
    assert_eq!((good.len(), bad.len(), never.len()), (1, 1, 0));
    assert!(good[0].good && !bad[0].good);
    assert_eq!((good[0].author.as_str(), good[0].reason.as_str()), ("ann", "a test"));
    assert!(good[0].patch.as_ref().unwrap().path.contains(".patch"));
    let filter = BadFilter {
        rule: Some("page.length".into()),
        ..BadFilter::default()
    };
    assert!(
        fixture
            .ingest
            .bad_files(&fixture.contract.name, &filter)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        fixture
            .ingest
            .bad_files(&fixture.contract.name, &BadFilter::default())
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn what_was_judged_against_other_verdicts_or_keys_is_fenced_off() {
    let (fixture, source) = with_bad().await;
    let repair = begin(&fixture, LEASE).await;
    let other = begin(&fixture, LEASE).await;
    let mine = commit_of(&fixture, &source, repair, &[0, 1], &[]).await;
    let theirs = commit_of(&fixture, &source, other, &[1, 2], &[]).await;
    assert!(matches!(send(&fixture, &theirs).await, RepairOutcome::Committed { .. }));
    assert_eq!(send(&fixture, &mine).await, fenced(RepairFence::Revision));
    // As if it had looked at the revision and not at the rows.
    let blind = commit_of(&fixture, &source, repair, &[0, 1], &[]).await;
    assert_eq!(send(&fixture, &blind).await, fenced(RepairFence::Verdict));
    let blind = commit_of(&fixture, &source, repair, &[0], &[2]).await;
    assert_eq!(send(&fixture, &blind).await, fenced(RepairFence::Verdict));

    let mut keyed = commit_of(&fixture, &source, repair, &[0], &[]).await;
    let mut unkeyed = commit_of(&fixture, &source, repair, &[3], &[]).await;
    let mut next = to_commit(sealed(&fixture.contract, &source, 20, 30, 0));
    next.revision = Revision(1);
    assert!(fixture.ingest.commit(Attempt::new(), &[next]).await.unwrap()[0].is_committed());
    assert_eq!(send(&fixture, &keyed).await, fenced(RepairFence::Offset));
    keyed.against = fixture.ingest.judged_against(source.source).await.unwrap();
    assert!(matches!(send(&fixture, &keyed).await, RepairOutcome::Committed { .. }));
    unkeyed.keyed = false;
    unkeyed.against.revision = Revision(2);
    assert!(
        matches!(send(&fixture, &unkeyed).await, RepairOutcome::Committed { .. }),
        "no key is asked for"
    );
    fixture.adds_up().await;
}

#[tokio::test]
async fn a_worker_judges_again_what_it_judged_before_a_repair_and_tries_in_vain_change_nothing() {
    let (fixture, source) = with_bad().await;
    let repair = begin(&fixture, LEASE).await;
    let in_vain = commit_of(&fixture, &source, repair, &[], &[0, 1]).await;
    assert!(matches!(
        send(&fixture, &in_vain).await,
        RepairOutcome::Committed { .. }
    ));
    let fine = to_commit(sealed(&fixture.contract, &source, 20, 30, 0));
    let outcomes = fixture.ingest.commit(Attempt::new(), &[fine]).await.unwrap();
    assert!(outcomes[0].is_committed(), "no verdict has changed: {outcomes:?}");
    let made_good = commit_of(&fixture, &source, repair, &[0], &[]).await;
    assert!(matches!(
        send(&fixture, &made_good).await,
        RepairOutcome::Committed { .. }
    ));
    let stale = to_commit(sealed(&fixture.contract, &source, 30, 40, 0));
    let outcomes = fixture.ingest.commit(Attempt::new(), &[stale]).await.unwrap();
    assert!(matches!(outcomes[0], Outcome::Fenced { .. }), "{outcomes:?}");
}

#[tokio::test]
async fn files_of_a_repair_that_died_are_swept_when_another_begins_and_its_late_commit_is_refused() {
    let (fixture, source) = with_bad().await;
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn FileStore> = Arc::new(FolderStore::new(folder.path()));
    let dead = begin(&fixture, Duration::ZERO).await;
    let contract = Arc::clone(&fixture.contract);
    let mut writer =
        BatchWriter::of_repair(Arc::clone(&store), Arc::clone(&contract), source.source, dead.token, 1).unwrap();
    writer
        .push(&judged(
            &contract,
            source.source,
            0,
            &[Fate::Good(1, 1), Fate::Bad(vec!["visitor_id.required"], None)],
        ))
        .unwrap();
    let left = writer.seal(&|_| ()).unwrap();
    let kinds: Vec<FileKind> = left.files.iter().map(|file| file.kind).collect();
    assert_eq!(
        kinds,
        [FileKind::Good, FileKind::Keys],
        "what is bad still stays where it is"
    );
    let swept = async || {
        let found = find(&*store).unwrap();
        let verdicts = fixture.ingest.judge_files(&found).await.unwrap();
        remove(&*store, &found, &verdicts).unwrap().deleted.len()
    };
    assert_eq!(swept().await, 0, "it may still commit");
    let late = commit_of(&fixture, &source, dead, &[0], &[]).await;
    let live = begin(&fixture, LEASE).await;
    assert_eq!(swept().await, 2);
    assert_eq!(send(&fixture, &late).await, fenced(RepairFence::Token));
    let alive = commit_of(&fixture, &source, live, &[0], &[]).await;
    assert!(matches!(send(&fixture, &alive).await, RepairOutcome::Committed { .. }));
    fixture.ingest.end_repair(live).await.unwrap();
    let ended = commit_of(&fixture, &source, live, &[1], &[]).await;
    assert_eq!(send(&fixture, &ended).await, fenced(RepairFence::Token));
}

#[tokio::test]
async fn repaired_rows_are_listed_as_good_and_reconcile_tells_when_they_do_not_add_up() {
    let (fixture, source) = with_bad().await;
    let repair = begin(&fixture, LEASE).await;
    let batch = commit_of(&fixture, &source, repair, &[0, 1], &[2]).await;
    let RepairOutcome::Committed { batch: id, .. } = send(&fixture, &batch).await else {
        panic!("it is fenced off")
    };
    let files = fixture.score.good_files_of(id).await.unwrap();
    assert_eq!(
        files
            .iter()
            .map(|file| (file.file.rows, file.delta))
            .collect::<Vec<_>>(),
        [(2, None)]
    );
    fixture.adds_up().await;
    let owner = fixture.owner().await;
    for (fault, said) in [
        (format!("UPDATE batches SET repaired = 9 WHERE id = {}", id.0), 2),
        (format!("UPDATE batches SET repaired = 2 WHERE id = {}", id.0), 0),
        (
            "INSERT INTO repaired_rows (batch_id, repair_id, source_id, good, still_bad)
               SELECT (SELECT min(id) FROM batches), repair_id, source_id, '{[1,3)}', '{}' FROM repaired_rows"
                .to_owned(),
            1,
        ),
    ] {
        owner.batch_execute(&fault).await.unwrap();
        let faults = fixture.ingest.reconcile().await.unwrap().faults;
        assert_eq!(faults.len(), said, "{fault}: {faults:?}");
    }
    assert_ne!(id, BatchId(0));
}
