//! The identity, and each way in which a damaged ledger is told.

use muster_store::ledger::commit::Attempt;

use crate::support::{Fixture, sealed, to_commit, topic_id};

/// The tables' own checks refuse much of this: they go first.
const WITHOUT_CHECKS: &str = "DO $$ DECLARE it record; BEGIN
    FOR it IN SELECT conrelid::regclass AS held, conname FROM pg_constraint
      WHERE contype = 'c' AND conrelid IN ('batches'::regclass, 'sources'::regclass)
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', it.held, it.conname); END LOOP; END $$";

#[tokio::test]
async fn what_does_not_add_up_is_said() {
    let damages = [
        (
            "UPDATE sources SET next_offset = 31",
            "its next offset is 31 and its batches end at 30",
        ),
        (
            "UPDATE sources SET first_offset = 1",
            "its first offset is 1 and its batches begin at 0",
        ),
        (
            "UPDATE batches SET from_offset = 12 WHERE from_offset = 10",
            "offsets 10 to 12 are in no batch",
        ),
        (
            "UPDATE batches SET from_offset = 8 WHERE from_offset = 10",
            "offsets 8 to 10 are in two batches",
        ),
        (
            "UPDATE files SET rows = rows - 1 WHERE kind = 'good' AND path LIKE '%s1-10-%'",
            "8 good rows counted and 7 in listed files",
        ),
        (
            "UPDATE files SET rows = 9 WHERE kind = 'bad' AND path LIKE '%s1-0-%'",
            "2 bad records counted and 9 in listed",
        ),
        (
            "DELETE FROM files WHERE kind = 'bad' AND path LIKE '%s1-0-%'",
            "2 bad records counted and 0 in listed files",
        ),
        ("DELETE FROM violations", "2 bad records with 0 violations"),
        (
            "UPDATE batches SET received = 11 WHERE from_offset = 0",
            "received 11 is not good 8 + bad 2 + duplicate 0 + tombstone 0",
        ),
        (
            "INSERT INTO batch_file_rows SELECT id, source_id, contract, sha256('a'), '{[0,5)}' FROM batches",
            "10 rows of published files are held twice and only 0 records are duplicates",
        ),
        (
            "INSERT INTO batch_file_blocks SELECT id, source_id, contract, sha256('a'), 1, ('x' || repeat('f', 16384))::bit(65536)
               FROM batches WHERE from_offset < 20;
             INSERT INTO batch_file_rows SELECT id, source_id, contract, sha256('a'), '{[65530,65540),[131070,131080)}' FROM batches
               WHERE from_offset = 20",
            // A whole block twice, and six of twenty rows of ranges beside it.
            "65542 rows of published files are held twice and only 0 records are duplicates",
        ),
    ];
    for (damage, said) in damages {
        let fixture = Fixture::new().await;
        let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
        for from in [0, 10, 20] {
            let batch = to_commit(sealed(&fixture.contract, &source, from, from + 10, 2));
            fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap();
        }
        fixture.adds_up().await;
        let owner = fixture.owner().await;
        owner.batch_execute(WITHOUT_CHECKS).await.unwrap();
        owner.batch_execute(damage).await.expect(damage);
        let faults = fixture.ingest.reconcile().await.unwrap().faults;
        assert!(faults.iter().any(|fault| fault.contains(said)), "{damage}: {faults:?}");
    }
}

#[tokio::test]
async fn an_empty_ledger_adds_up() {
    let fixture = Fixture::new().await;
    let reconciled = fixture.ingest.reconcile().await.unwrap();
    assert_eq!((reconciled.rows.len(), reconciled.faults.len()), (0, 0));
    fixture.assign(topic_id(), 2, "a").await;
    let reconciled = fixture.ingest.reconcile().await.unwrap();
    assert_eq!(reconciled.rows.len(), 2);
    assert!(reconciled.rows.iter().all(|row| row.counts.received == 0));
    assert_eq!(reconciled.faults, Vec::<String>::new());
}
