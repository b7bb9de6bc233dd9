//! Merging and retention: rows lie elsewhere or are gone, and nothing that was counted, marked or read changes.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use muster_batch::{DataFile, FileKind};
use muster_spec::{BatchId, Offset, Token};
use muster_store::files::sweep::{Verdict, find};
use muster_store::files::{ListedFile, Merging, open, read_keys};
use muster_store::ledger::commit::Attempt;
use muster_store::ledger::compaction::{Small, SmallFile, SmallFiles};
use muster_store::ledger::report::Scope;
use muster_store::ledger::sources::Assigned;
use muster_store::{BatchWriter, FileStore, FolderStore};
use tempfile::TempDir;

use crate::scoring::{LEASE, model, slot, take};
use crate::support::{Fate, Fixture, SCHEMA, YAML, judged, to_commit, topic_id};

const ALL: Small = Small {
    bytes: u64::MAX,
    age: Duration::ZERO,
};
const BATCHES: i64 = 6;
const SECOND: i64 = 1_000_000;

/// A source with batches of seven good and three bad records each, sealed for real.
struct House {
    fixture: Fixture,
    folder: TempDir,
    store: Arc<dyn FileStore>,
    source: Assigned,
}

impl House {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn FileStore> = Arc::new(FolderStore::new(folder.path()));
        let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
        let house = Self {
            fixture,
            folder,
            store,
            source,
        };
        for at in 0..BATCHES {
            house.ingest(at * 10).await;
        }
        house
    }

    async fn ingest(&self, from: i64) {
        let (store, contract) = (Arc::clone(&self.store), Arc::clone(&self.fixture.contract));
        let (source, token) = (self.source.source, self.source.token);
        let fates: Vec<Fate> = (from..from + 10)
            .map(|at| match at % 10 {
                0 | 4 | 9 => Fate::Bad(vec!["visitor_id.required"], None),
                _ => Fate::Good(at, at * SECOND),
            })
            .collect();
        let mut writer = BatchWriter::new(store, Arc::clone(&contract), source, token, Offset(from)).unwrap();
        writer.push(&judged(&contract, source, from, &fates)).unwrap();
        let batch = to_commit(writer.seal(&|_| ()).unwrap());
        let outcomes = self.fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap();
        assert!(outcomes[0].is_committed());
    }

    async fn small(&self) -> Vec<(SmallFiles, Vec<SmallFile>)> {
        let (ledger, name) = (&self.fixture.ingest, &self.fixture.contract.name);
        let mut all = Vec::new();
        for place in ledger.small_files(name, ALL).await.unwrap() {
            let files = ledger.small_files_of(name, &place, ALL).await.unwrap();
            all.push((place, files));
        }
        all
    }

    async fn token(&self) -> Token {
        let (ledger, name) = (&self.fixture.ingest, &self.fixture.contract.name);
        let taken = ledger.take_merging(name, &[self.source.source], "m").await.unwrap();
        taken[&self.source.source]
    }

    /// Writes one file of these, without listing it.
    fn write(&self, kind: FileKind, files: &[SmallFile], token: Token) -> (Vec<i64>, DataFile) {
        let listings = || files.iter().flat_map(|file| &file.listings);
        let parts: Vec<ListedFile> = listings().map(|(.., file)| file.clone()).collect();
        let merging = Merging {
            kind,
            contract: &self.fixture.contract,
            source: self.source.source,
            first_batch: files[0].listings[0].1,
            token,
            parts: &parts,
        };
        let written = merging.seal(&self.store, &|_| ()).unwrap().unwrap();
        (listings().map(|(id, ..)| *id).collect(), written)
    }

    /// Merges everything of each kind into one file.
    async fn merge(&self) {
        let token = self.token().await;
        for (place, files) in self.small().await {
            let (ids, file) = self.write(place.kind, &files, token);
            assert!(self.fixture.ingest.merge_files(&ids, &file).await.unwrap());
        }
        self.fixture.ingest.end_merging(&[token]).await.unwrap();
    }

    fn offsets(&self, file: &ListedFile) -> Vec<i64> {
        let rows = open(&*self.store, file, Some(&["_offset"])).unwrap();
        let offsets = |rows: RecordBatch| rows["_offset"].as_primitive::<Int64Type>().values().to_vec();
        rows.flat_map(|rows| offsets(rows.unwrap())).collect()
    }

    /// Each batch's offsets in its listed files, good and bad.
    async fn rows(&self) -> Vec<(BatchId, Vec<i64>, Vec<i64>)> {
        let ledger = &self.fixture.ingest;
        let mut rows = Vec::new();
        let sql = "SELECT id FROM batches ORDER BY from_offset";
        for row in self.fixture.owner().await.query(sql, &[]).await.unwrap() {
            let batch = BatchId(row.get(0));
            let scope = Scope::Batch(batch);
            let files = ledger.reported_files(&self.fixture.contract.name, &scope);
            let files = files.await.unwrap();
            let of = |good: bool| {
                let of_kind = files.iter().filter(|file| file.is_good == good);
                of_kind.flat_map(|file| self.offsets(&file.file)).collect()
            };
            rows.push((batch, of(true), of(false)));
        }
        rows
    }

    async fn deletable(&self) -> Vec<String> {
        let files = self.fixture.ingest.deletable_files(100).await.unwrap();
        let mut paths: Vec<String> = files.into_iter().map(|file| file.path).collect();
        paths.sort();
        paths
    }

    /// Lets the ledger believe that all of it is as old as this.
    async fn age(&self, interval: &str) {
        let sql = format!("UPDATE batches SET committed_at = committed_at - interval '{interval}'");
        self.fixture.owner().await.batch_execute(&sql).await.unwrap();
    }
}

#[tokio::test]
async fn merged_files_hold_every_row_of_each_batch_once_in_order_with_its_bounds() {
    let house = House::new().await;
    let (ledger, name) = (&house.fixture.ingest, &house.fixture.contract.name);
    let before = (house.rows().await, ledger.contract_version(name).await.unwrap());
    let good = ledger.good_files(name, before.1).await.unwrap();
    let bounds: Vec<_> = good.iter().map(|file| (file.batch, file.event_times)).collect();
    let keys = ledger.keys_to_load(house.source.source, None).await.unwrap();
    let small = house.small().await;
    let kinds: Vec<_> = small.iter().map(|(place, files)| (place.kind, files.len())).collect();
    let each = BATCHES as usize;
    assert_eq!(
        kinds,
        [(FileKind::Bad, each), (FileKind::Good, each), (FileKind::Keys, each)]
    );
    house.merge().await;

    assert_eq!(house.small().await, [], "one file of a kind is left");
    assert_eq!(house.rows().await, before.0);
    house.fixture.adds_up().await;
    let now = ledger.contract_version(name).await.unwrap();
    let merged = ledger.good_files(name, now).await.unwrap();
    assert_eq!(
        merged
            .iter()
            .map(|file| (file.batch, file.event_times))
            .collect::<Vec<_>>(),
        bounds
    );
    assert!(merged.iter().all(|file| file.file.path == merged[0].file.path));
    assert_eq!(merged[2].file.first_row, 14);
    // At a version before, what was listed then.
    assert_eq!(ledger.good_files(name, before.1).await.unwrap(), good);

    let restore = |files: &[muster_store::ledger::keys::KeyFile]| {
        let read = |file: &muster_store::ledger::keys::KeyFile| {
            let entries = read_keys(&*house.store, &file.file, &house.fixture.contract).unwrap();
            let with_offset = entries.fingerprints.into_iter().zip(entries.offsets);
            with_offset.collect::<Vec<_>>()
        };
        files.iter().flat_map(read).collect::<Vec<_>>()
    };
    let loaded = ledger.keys_to_load(house.source.source, None).await.unwrap();
    assert_eq!(loaded.files.len(), 1, "neighbours in one file are opened once");
    assert_eq!(restore(&loaded.files), restore(&keys.files));
    // What can not decide any more is left out of a merged file too.
    let reach = Duration::from_secs(10);
    let late = ledger.keys_to_load(house.source.source, Some(reach)).await.unwrap();
    assert!(late.files[0].file.first_row > 0, "{late:?}");

    // Merged again with what came later.
    house.ingest(BATCHES * 10).await;
    house.merge().await;
    let again = ledger.good_files(name, i64::MAX).await.unwrap();
    assert_eq!(again.len(), each + 1);
    assert!(
        again
            .iter()
            .all(|file| file.file.path == again[0].file.path && file.file.file_rows == 49)
    );
    house.fixture.adds_up().await;
}

#[tokio::test]
async fn whoever_lost_the_right_to_merge_or_a_part_of_it_lists_nothing_and_leaves_nothing_behind() {
    let house = House::new().await;
    let ledger = &house.fixture.ingest;
    let (zombie, small) = (house.token().await, house.small().await);
    let (ids, orphan) = house.write(FileKind::Good, &small[1].1, zombie);
    let verdict = async |path: &str| {
        let found = find(&*house.store).unwrap();
        let verdicts = ledger.judge_files(&found).await.unwrap();
        let at = found.iter().position(|file| file.path == path).unwrap();
        verdicts[at]
    };
    assert_eq!(verdict(&orphan.path).await, Verdict::Pending);
    let holder = house.token().await;
    assert!(!ledger.merge_files(&ids, &orphan).await.unwrap());
    assert_eq!(verdict(&orphan.path).await, Verdict::Dead, "it can be swept");

    let (ids, first) = house.write(FileKind::Good, &small[1].1, holder);
    assert!(ledger.merge_files(&ids, &first).await.unwrap());
    assert!(!ledger.merge_files(&ids, &first).await.unwrap(), "its parts are merged");
    assert_eq!(verdict(&first.path).await, Verdict::Listed);
    // A file with fewer rows than what it is to stand for is refused whatever its writer believes.
    let (ids, whole) = house.write(FileKind::Bad, &small[0].1, holder);
    let short = DataFile {
        rows: whole.rows - 1,
        ..whole
    };
    assert!(ledger.merge_files(&ids, &short).await.is_err());
    ledger.end_merging(&[holder]).await.unwrap();
    assert!(!ledger.merge_files(&ids, &short).await.unwrap());
    house.fixture.adds_up().await;
}

#[tokio::test]
async fn a_removed_file_goes_when_no_reader_run_or_claim_can_be_in_the_middle_of_it() {
    let house = House::new().await;
    let (fixture, name) = (&house.fixture, &house.fixture.contract.name);
    let (ledger, score) = (&fixture.ingest, &fixture.score);
    score.keep_model(&model('a')).await.unwrap();
    let files = 3 * BATCHES as usize;

    // A reader that came before: nothing goes until it is closed or its lease has run out.
    let reader = score.open_reader(name, "r", LEASE).await.unwrap();
    house.merge().await;
    assert_eq!(house.deletable().await.len(), 0);
    assert_eq!(ledger.removed_files().await.unwrap(), files as u64);
    let late = score.open_reader(name, "r", LEASE).await.unwrap();
    score.close_reader(reader).await.unwrap();
    assert_eq!(house.deletable().await.len(), files, "who came later does not see them");
    score.close_reader(late).await.unwrap();
    let reader = score.open_reader(name, "r", LEASE).await.unwrap();
    assert!(score.extend_reader(reader, Duration::ZERO).await.unwrap());
    assert!(!score.extend_reader(reader, LEASE).await.unwrap(), "it had run out");
    let gone = house.deletable().await;
    for path in &gone {
        house.store.remove(path).unwrap();
    }
    ledger
        .note_deleted(&gone.iter().map(String::as_str).collect::<Vec<_>>())
        .await
        .unwrap();
    assert_eq!(
        (house.deletable().await.len(), ledger.removed_files().await.unwrap()),
        (0, 0)
    );
    assert_eq!(find(&*house.store).unwrap().len(), 3);

    // A run that is open, and a claim whose run failed while its scorer still works.
    score.open_run(&slot(fixture, 0)).await.unwrap();
    let claim = take(fixture, "s", LEASE).await.unwrap();
    let run = claim.run;
    house.ingest(BATCHES * 10).await;
    let owner = fixture.owner().await;
    let held = "UPDATE claims SET state = 'failed', ended_at = now() WHERE token IS NULL";
    owner.batch_execute(held).await.unwrap();
    let sql = format!(
        "SELECT retain_files('{name}', array(SELECT id FROM files WHERE batch_id = {}), true)",
        claim.batch
    );
    owner.batch_execute(&sql).await.unwrap();
    house.age("1 day").await;
    let past = ledger
        .past_files(Some(name), Duration::from_mins(1), true)
        .await
        .unwrap();
    for past in &past {
        ledger.retain_files(name, &past.listings, true).await.unwrap();
    }
    let merged_good = claim.files[0].file.path.clone();
    assert!(!house.deletable().await.contains(&merged_good), "its run is open");
    assert!(score.fail_run(run, "x", &[]).await.unwrap());
    assert!(!house.deletable().await.contains(&merged_good), "its claim is held");
    assert!(score.release_claim(&claim, false).await.unwrap());
    assert!(house.deletable().await.contains(&merged_good));
}

#[tokio::test]
async fn rows_past_their_age_go_and_what_was_counted_stays() {
    let house = House::new().await;
    let (fixture, name) = (&house.fixture, &house.fixture.contract.name);
    let ledger = &fixture.ingest;
    let before = ledger.reconcile().await.unwrap();
    house.merge().await;
    house.age("100 days").await;
    house.ingest(BATCHES * 10).await;
    let age = Duration::from_hours(90 * 24);
    let past = ledger.past_files(None, age, false).await.unwrap();
    let told: Vec<_> = past
        .iter()
        .map(|past| (past.kind.as_str(), past.files, past.rows))
        .collect();
    assert_eq!(told, [("bad", 1, 18), ("good", 1, 42)]);

    // A pipeline that has begun to score the contract and has not come so far holds its rows, unless it is told otherwise;
    // so do dead letters that are being published.
    fixture.score.keep_model(&model('a')).await.unwrap();
    fixture.score.open_run(&slot(fixture, 0)).await.unwrap();
    ledger.take_dead_letters(name, "d", LEASE).await.unwrap().unwrap();
    let past = ledger.past_files(None, age, false).await.unwrap();
    let told: Vec<_> = past.iter().map(|past| (past.rows, past.awaited_rows)).collect();
    assert_eq!(told, [(0, 18), (0, 42)]);
    let all = ledger.past_files(None, age, true).await.unwrap();
    for past in &all {
        assert_eq!(ledger.retain_files(name, &past.listings, false).await.unwrap(), 0);
        assert_eq!(
            ledger.retain_files(name, &past.listings, true).await.unwrap(),
            past.listings.len() as u64
        );
        assert_eq!(
            ledger.retain_files(name, &past.listings, true).await.unwrap(),
            0,
            "once"
        );
    }
    fixture.adds_up().await;
    let after = ledger.reconcile().await.unwrap();
    assert_eq!(after.rows[0].counts.good, before.rows[0].counts.good + 7);
    let rows = house.rows().await;
    assert_eq!(
        rows.iter().map(|(_, good, bad)| good.len() + bad.len()).sum::<usize>(),
        10,
        "the young ones"
    );
    let batch = Scope::Batch(rows[0].0);
    assert_eq!(ledger.reported_removed(name, &batch).await.unwrap(), 10);
    // Keys decide by event time: they are kept.
    let keys = ledger.keys_to_load(house.source.source, None).await.unwrap();
    assert_eq!(keys.files.iter().map(|keys| keys.file.rows).sum::<u64>(), 2 * 49);
    // A claim on what is gone finds no files: nothing is scored twice or made up.
    let claim = take(fixture, "s", LEASE).await.unwrap();
    assert_eq!(claim.files, []);
    drop(house.folder);
}

#[tokio::test]
async fn files_from_before_a_field_became_a_unique_number_are_merged_as_they_are() {
    let house = House::new().await;
    let schema = SCHEMA.replace(
        r#""page", "type": ["null", "string"]"#,
        r#""page", "type": ["null", "long"]"#,
    );
    let yaml = YAML.replace(
        "page.length, field: page, length: [1, 20], severity: warn",
        "page.unique, field: page, unique: { within: 1h, keys_max: 1000 }",
    );
    let open = |name: &str| (name == "test.visit.avsc").then(|| schema.clone());
    let now = muster_spec::read::contract("test.visit", "schemas/test.visit.contract.yaml", &yaml, &open).unwrap();
    let token = house.token().await;
    for (place, files) in house.small().await {
        let parts: Vec<ListedFile> = files
            .iter()
            .flat_map(|file| file.listings.iter().map(|(.., part)| part.clone()))
            .collect();
        let merging = Merging {
            kind: place.kind,
            contract: &now,
            source: house.source.source,
            first_batch: files[0].listings[0].1,
            token,
            parts: &parts,
        };
        let merged = merging.seal(&house.store, &|_| ()).unwrap().unwrap();
        assert_eq!(merged.rows, parts.iter().map(|part| part.rows).sum::<u64>());
    }
}
