//! Sealing judged rows and committing what was sealed: `cargo bench -p muster --bench seal`.
//!
//! Rows as they come from a topic of the shipped contract `hr.candidate`, one in twenty bad, judged before the clock
//! starts. Sealing is all of it: good, bad and key file, hashed, synced, read back, named. Its peer writes the good rows
//! alone into one Parquet file with the writer's defaults, and syncs it. A commit is one statement to a private
//! PostgreSQL that loses nothing; its rows are those of the batch.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use muster_batch::{BytesColumn, Headers, JudgedBatch, RawBatch};
use muster_contract::decode::{Decoder, TextWriter};
use muster_contract::judge::Judge;
use muster_sandbox::Private;
use muster_spec::{Contract, Offset, OffsetDelta, Revision, SourceId, Token, TopicId};
use muster_store::ledger::commit::{Attempt, BatchCommit, Outcome};
use muster_store::ledger::migrate::migrate;
use muster_store::ledger::sources::Partition;
use muster_store::{BatchWriter, FolderStore, Ledger, Role, Sealed, Settings};
use parquet::arrow::ArrowWriter;
use uuid::Uuid;

use figures::{Clock, Spent};

#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../tests/bench/figures.rs"]
mod figures;

const BATCH_ROWS: usize = 8_192;
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

/// The contract that ships with the repository.
fn shipped() -> Contract {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/");
    let open = |file: &str| std::fs::read_to_string(format!("{folder}{file}")).ok();
    let yaml = open("hr.candidate.contract.yaml").expect("the contract ships with the repository");
    muster_spec::read::contract("hr.candidate", "hr.candidate.contract.yaml", &yaml, &open)
        .expect("the shipped contract is one")
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

fn records(contract: &Contract, from: usize) -> RawBatch {
    let mut writer = TextWriter::new(muster_spec::schema_id(&muster_spec::all_text_schema(contract)));
    let (mut payloads, mut keys, mut headers) = (BytesColumn::default(), BytesColumn::default(), Headers::default());
    for row in from..from + BATCH_ROWS {
        let cells = cells(row);
        let cells: Vec<Option<&[u8]>> = cells
            .iter()
            .map(|cell| Some(cell.as_bytes()).filter(|cell| !cell.is_empty()))
            .collect();
        payloads.push(Some(writer.write(cells.iter().copied())));
        keys.push(cells[0]);
        headers.push(std::iter::empty());
    }
    let offsets: Vec<i64> = (from as i64..(from + BATCH_ROWS) as i64).collect();
    RawBatch {
        source: SourceId(1),
        topic: contract.topic.as_str().into(),
        partition: 0,
        delta: OffsetDelta::new(Offset(from as i64), Offset((from + BATCH_ROWS) as i64)),
        timestamps: offsets.iter().map(|offset| 1_700_000_000_000 + offset / 100).collect(),
        offsets,
        payloads,
        keys,
        headers,
    }
}

/// The cells of a row in the contract's order; every twentieth has a city that is written wrongly.
fn cells(row: usize) -> [String; 15] {
    let drawn = |by: usize| (row.wrapping_mul(31).wrapping_add(by)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let pick = |by: usize, of: &[&str]| of[drawn(by) % of.len()].to_owned();
    let city = if row.is_multiple_of(20) { "City" } else { "city" };
    [
        (row + 1).to_string(),
        format!("{city}_{}", drawn(0) % 180 + 1),
        format!("0.{:03}", drawn(1) % 1000),
        pick(2, &["Male", "Female", "Other", ""]),
        pick(3, &["Has relevent experience", "No relevent experience"]),
        pick(4, &["no_enrollment", "Full time course", "Part time course", ""]),
        pick(5, &["Graduate", "Masters", "Phd"]),
        pick(
            6,
            &["STEM", "Humanities", "Business Degree", "Arts", "Other", "No Major", ""],
        ),
        pick(7, &["<1", "1", "2", "3", "4", "5", "6", "9", "12", "15", "18", ">20"]),
        pick(
            8,
            &["<10", "10/49", "50-99", "100-500", "500-999", "1000-4999", "10000+", ""],
        ),
        pick(9, &["Pvt Ltd", "Public Sector", "NGO", "Funded Startup", "Other", ""]),
        pick(10, &["never", "1", "2", "3", "4", ">4", ""]),
        (drawn(11) % 336 + 1).to_string(),
        String::new(),
        (drawn(12) % 2).to_string(),
    ]
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
