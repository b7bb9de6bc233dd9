//! Sealing judged rows and committing what was sealed: `cargo bench -p muster --bench seal`.
//!
//! Rows as they come from a topic of the shipped contract `hr.candidate`, one in twenty bad, judged before the clock
//! starts. Sealing is all of it: good, bad and key file, hashed, synced, read back, named. Its peer writes the good rows
//! alone into one Parquet file with the writer's defaults, and syncs it. A commit is one statement to a private
//! PostgreSQL that loses nothing; its rows are those of the batch.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use muster_batch::JudgedBatch;
use muster_contract::decode::Decoder;
use muster_contract::judge::Judge;
use muster_sandbox::Private;
use muster_spec::{Contract, Offset, OffsetDelta, Revision, SourceId, Token, TopicId};
use muster_store::ledger::commit::{Attempt, BatchCommit, Outcome};
use muster_store::ledger::migrate::migrate;
use muster_store::ledger::sources::Partition;
use muster_store::{BatchWriter, FolderStore, Ledger, Role, Sealed, Settings};
use parquet::arrow::ArrowWriter;
use uuid::Uuid;

use candidates::{BATCH_ROWS, records, shipped};
use figures::{Clock, Spent};

#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../tests/bench/figures.rs"]
mod figures;

mod candidates;

const BATCHES: usize = 24;
const ROUNDS: usize = 5;
const COMMITS: usize = 60;

fn main() {
    let contract = Arc::new(shipped());
    let folder = tempfile::tempdir().expect("a folder");
    let batches = (figures::rows(BATCHES * BATCH_ROWS) / BATCH_ROWS).max(1);
    let judged = judged(&contract, batches);
    figures::compare(
        "seal",
        "15 fields, a twentieth bad, keys, hashed, synced, read back",
        "parquet's ArrowWriter, good rows alone, no compression",
        ROUNDS,
        || seal(folder.path(), &contract, &judged, SourceId(1), Token(Uuid::nil())).0,
        || write_bare(folder.path(), &judged),
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime
        .expect("a runtime")
        .block_on(commit(folder.path(), &contract, &judged));
}

fn judged(contract: &Arc<Contract>, batches: usize) -> Vec<JudgedBatch> {
    let decoder = Decoder::new(Arc::clone(contract)).expect("the contract is sound");
    let mut judge = Judge::new(Arc::clone(contract)).expect("the rules compile");
    let mut keys = judge.key_state();
    let batches = (0..batches).map(|at| records(contract, at * BATCH_ROWS));
    batches
        .map(|records| judge.judge(decoder.decode(records), &mut keys))
        .collect()
}

/// Seals the batches for a source; the files are deleted again.
fn seal(
    folder: &Path,
    contract: &Arc<Contract>,
    judged: &[JudgedBatch],
    source: SourceId,
    token: Token,
) -> (Spent, Sealed) {
    let store = Arc::new(FolderStore::new(folder));
    let files = Arc::clone(&store) as Arc<dyn muster_store::FileStore>;
    let writer = BatchWriter::new(files, Arc::clone(contract), source, token, Offset(0));
    let mut writer = writer.expect("a writer");
    let mut sealed = None;
    let spent = Spent::of(Clock::Thread, || {
        for batch in judged {
            writer.push(batch).expect("the batch is taken");
        }
        let rows = writer.rows();
        sealed = Some(writer.seal(&|_| ()).expect("sealed"));
        rows
    });
    let sealed = sealed.expect("sealed");
    sealed.clone().discard(&*store).expect("deleted");
    (spent, sealed)
}

fn write_bare(folder: &Path, judged: &[JudgedBatch]) -> Spent {
    let good: Vec<&RecordBatch> = judged.iter().map(|batch| &batch.good).collect();
    Spent::of(Clock::Thread, || {
        let file = std::fs::File::create(folder.join("bare.parquet")).expect("a file");
        let mut writer = ArrowWriter::try_new(&file, good[0].schema(), None).expect("a writer");
        for rows in &good {
            writer.write(rows).expect("written");
        }
        writer.close().expect("closed");
        file.sync_all().expect("synced");
        good.iter().map(|rows| rows.num_rows() as u64).sum()
    })
}

/// One batch a statement, each after the one before.
async fn commit(folder: &Path, contract: &Arc<Contract>, judged: &[JudgedBatch]) {
    let cluster = Private::start_or_join(folder).expect("a PostgreSQL");
    let settings = Settings::new(cluster.url());
    migrate(&settings).await.expect("migrates");
    let ledger = Ledger::new(&settings, Role::Ingest).expect("an address");
    ledger.keep_contract(contract).await.expect("keeps the contract");
    let wanted = Partition {
        contract: contract.name.clone(),
        topic: contract.topic.as_str().into(),
        topic_id: TopicId(Uuid::new_v4()),
        partition: 0,
        partitions: 1,
    };
    let assigned = ledger.assign("bench", &[wanted]).await.expect("assigned");
    let (_, sealed) = seal(folder, contract, judged, assigned[0].source, assigned[0].token);
    let rows = sealed.received as i64;
    let mut spent = Vec::new();
    for at in 0..figures::rounds(COMMITS) as i64 {
        let mut sealed = sealed.clone();
        sealed.delta = OffsetDelta::new(Offset(at * rows), Offset((at + 1) * rows));
        for file in &mut sealed.files {
            file.path = format!("{at}-{}", file.path);
        }
        let batch = BatchCommit {
            sealed,
            revision: Revision(0),
            statistics: Vec::new(),
            alerts: Vec::new(),
            drift: Vec::new(),
        };
        let (begun, cpu_begun) = (std::time::Instant::now(), Clock::Process.secs());
        let outcomes = ledger.commit(Attempt::new(), &[batch]).await.expect("an answer");
        assert!(matches!(outcomes[0], Outcome::Committed { .. }), "{outcomes:?}");
        spent.push(Spent {
            rows: rows as u64,
            wall_secs: begun.elapsed().as_secs_f64(),
            cpu_secs: Clock::Process.secs() - cpu_begun,
        });
    }
    // A commit takes less CPU than the clock shows: the mean of all of them.
    let mut commit = Spent::median(&spent);
    commit.cpu_secs = spent.iter().map(|spent| spent.cpu_secs).sum::<f64>() / spent.len() as f64;
    figures::tell(
        "commit",
        &format!("a statement, one batch of {rows} rows"),
        commit,
        None,
    );
}
