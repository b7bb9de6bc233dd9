//! Sweeping: only what can never be listed goes.

use std::fs;
use std::sync::Arc;

use muster_spec::Offset;
use muster_store::files::sweep::{Verdict, find, remove};
use muster_store::ledger::commit::Attempt;
use muster_store::{BatchWriter, FileStore, FolderStore};

use crate::support::{Fate, Fixture, judged, to_commit, token, topic_id};

#[tokio::test]
async fn a_zombies_files_go_and_listed_pending_and_unknown_ones_stay() {
    let fixture = Fixture::new().await;
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn FileStore> = Arc::new(FolderStore::new(folder.path()));
    let topic = topic_id();
    let contract = Arc::clone(&fixture.contract);
    let write = |source, token, from: i64| {
        let mut writer =
            BatchWriter::new(Arc::clone(&store), Arc::clone(&contract), source, token, Offset(from)).unwrap();
        writer
            .push(&judged(&contract, source, from, &[Fate::Good(from, 1)]))
            .unwrap();
        writer
    };

    // Listed: sealed and committed. Its token is superseded later, which changes nothing.
    let zombie = fixture.assign(topic, 1, "zombie").await.remove(0);
    let listed = write(zombie.source, zombie.token, 0).seal(&|_| ()).unwrap();
    let outcomes = fixture
        .ingest
        .commit(Attempt::new(), &[to_commit(listed.clone())])
        .await
        .unwrap();
    assert!(outcomes[0].is_committed());
    // Sealed and never committed, and a temporary file of a killed process.
    let orphan = write(zombie.source, zombie.token, 1).seal(&|_| ()).unwrap();
    let temporary = format!(
        "good-data/test.visit/.s{}-2-{}.good.77-0.tmp",
        zombie.source, zombie.token
    );
    fs::write(folder.path().join(&temporary), "PAR1").unwrap();
    // Before the token passes on all of that may still be committed.
    let found = find(&*store).unwrap();
    let verdicts = fixture.ingest.judge_files(&found).await.unwrap();
    assert_eq!(
        verdicts.iter().filter(|verdict| **verdict == Verdict::Pending).count(),
        3
    );
    assert_eq!(
        remove(&*store, &found, &verdicts).unwrap().deleted,
        Vec::<String>::new()
    );

    let holder = fixture.assign(topic, 1, "holder").await.remove(0);
    let pending = write(holder.source, holder.token, 1).seal(&|_| ()).unwrap();
    // A restored ledger has never heard of this token.
    let stranger = write(holder.source, token(), 1).seal(&|_| ()).unwrap();
    fs::write(folder.path().join("good-data/README"), "not ours").unwrap();

    let found = find(&*store).unwrap();
    let verdicts = fixture.ingest.judge_files(&found).await.unwrap();
    let swept = remove(&*store, &found, &verdicts).unwrap();
    let mut dead: Vec<String> = orphan.files.iter().map(|file| file.path.clone()).collect();
    dead.push(temporary);
    dead.sort();
    assert_eq!(swept.deleted, dead);
    let unknown: Vec<String> = stranger.files.iter().map(|file| file.path.clone()).collect();
    let mut told = swept.unknown.clone();
    told.sort();
    let mut expected = unknown.clone();
    expected.sort();
    assert_eq!(told, expected);
    let left = store.list("good-data").unwrap();
    for file in listed.files.iter().chain(&pending.files).chain(&stranger.files) {
        assert!(left.contains(&file.path), "{}", file.path);
    }
    assert!(left.contains(&"good-data/README".to_owned()));
    let again = find(&*store).unwrap();
    let verdicts = fixture.ingest.judge_files(&again).await.unwrap();
    assert_eq!(
        remove(&*store, &again, &verdicts).unwrap().deleted,
        Vec::<String>::new()
    );
}
