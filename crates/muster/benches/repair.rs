//! Repair and replay of rows of the shipped contract `hr.candidate`: `cargo bench -p muster --bench repair`.
//!
//! A fresh project gets a million bad rows and some good ones, judged, sealed and committed in this process; its contract
//! asks for unique keys. `muster bad repair` sets a field of each by SQL, and in another project `muster replay` judges
//! them by a contract that was loosened; each as a program, from its start to its end, with the most memory it held.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_batch::{BytesColumn, Headers, RawBatch};
use muster_contract::decode::{Decoder, TextWriter};
use muster_contract::judge::Judge;
use muster_sandbox::postgres::fresh_database;
use muster_spec::{Contract, Offset, OffsetDelta, Revision, TopicId, all_text_schema, schema_id};
use muster_store::ledger::commit::{Attempt, BatchCommit};
use muster_store::ledger::migrate::migrate;
use muster_store::ledger::sources::{Assigned, Partition};
use muster_store::{BatchWriter, FileStore, FolderStore, Ledger, Role, Settings};

use figures::{Clock, Spent};

#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../tests/bench/figures.rs"]
mod figures;

const BAD: usize = 1_000_000;
/// One row in so many is good.
const GOOD_EVERY: usize = 6;
const BATCH_ROWS: usize = 200_000;
const PARTITIONS: i32 = 4;
const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas");
const NAME: &str = "hr.candidate";

fn main() {
    let mend = "company_size = CASE company_size WHEN 'Oct-49' THEN '10/49' ELSE company_size END";
    let repair = [
        "bad",
        "repair",
        "--contract",
        NAME,
        "--rule",
        "company_size.level",
        "--set",
        mend,
    ];
    let repair = [&repair[..], &["--reason", "bench", "--author", "bench"]].concat();
    let world = World::new();
    tell("repair", &world, &repair);
    let world = World::new();
    world.loosen();
    tell("replay", &world, &["replay", "--contract", NAME, "--author", "bench"]);
}

#[expect(clippy::print_stdout, reason = "figures are a bench's output")]
fn tell(stage: &str, world: &World, arguments: &[&str]) {
    let (spent, peak_mib) = world.run(arguments);
    figures::tell(stage, "bad rows to good ones, unique keys", spent, None);
    println!("    {peak_mib} MiB at most");
}

struct World {
    folder: tempfile::TempDir,
    database_url: String,
    rows: usize,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("schemas")).expect("a folder");
        for file in ["hr.candidate.avsc", "hr.candidate.contract.yaml"] {
            std::fs::copy(Path::new(SCHEMAS).join(file), folder.path().join("schemas").join(file)).expect("copies");
        }
        let world = Self {
            database_url: fresh_database("bench").expect("a PostgreSQL"),
            rows: figures::rows(BAD),
            folder,
        };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(world.fill());
        world
    }

    fn loosen(&self) {
        let file = self.folder.path().join("schemas/hr.candidate.contract.yaml");
        let text = std::fs::read_to_string(&file).expect("reads");
        std::fs::write(
            &file,
            text.replace("[\"<10\", \"10/49\"", "[\"<10\", \"Oct-49\", \"10/49\""),
        )
        .expect("writes");
    }

    fn contract(&self) -> Arc<Contract> {
        let schemas = self.folder.path().join("schemas");
        let open = |name: &str| std::fs::read_to_string(schemas.join(name)).ok();
        let yaml = open("hr.candidate.contract.yaml").expect("reads");
        let contract = muster_spec::read::contract(NAME, "schemas/hr.candidate.contract.yaml", &yaml, &open);
        Arc::new(contract.unwrap_or_else(|problems| panic!("{problems:?}")))
    }

    /// Commits the rows, spread over partitions and over two days of event time.
    async fn fill(&self) {
        let mut settings = Settings::new(&self.database_url);
        settings.answer = Duration::from_mins(2);
        migrate(&settings).await.expect("migrates");
        let ledger = Ledger::new(&settings, Role::Ingest).expect("an address");
        let contract = self.contract();
        ledger.keep_contract(&contract).await.expect("keeps");
        let topic_id = TopicId(uuid::Uuid::new_v4());
        let partition = |partition| Partition {
            contract: contract.name.clone(),
            topic: contract.topic.as_str().into(),
            topic_id,
            partition,
            partitions: PARTITIONS,
        };
        let partitions: Vec<Partition> = (0..PARTITIONS).map(partition).collect();
        let sources = ledger.assign("bench", &partitions).await.expect("assigns");
        let store: Arc<dyn FileStore> = Arc::new(FolderStore::new(self.folder.path()));
        let all = self.rows * GOOD_EVERY / (GOOD_EVERY - 1);
        for source in &sources {
            let decoder = Decoder::new(Arc::clone(&contract)).expect("decodes");
            let mut judge = Judge::new(Arc::clone(&contract)).expect("compiles");
            let mut keys = judge.key_state();
            let mut text = TextWriter::new(schema_id(&all_text_schema(&contract)));
            let mine: Vec<usize> = (0..all)
                .filter(|row| row % sources.len() == source.partition as usize)
                .collect();
            for (at, rows) in mine.chunks(BATCH_ROWS).enumerate() {
                let from = (at * BATCH_ROWS) as i64;
                let judged = judge.judge(decoder.decode(records(source, &mut text, from, rows)), &mut keys);
                let writer = BatchWriter::new(
                    Arc::clone(&store),
                    Arc::clone(&contract),
                    source.source,
                    source.token,
                    Offset(from),
                );
                let mut writer = writer.expect("a batch");
                writer.push(&judged).expect("writes");
                let commit = BatchCommit {
                    sealed: writer.seal(&|_| ()).expect("seals"),
                    revision: Revision(0),
                    statistics: Vec::new(),
                    alerts: Vec::new(),
                    drift: Vec::new(),
                };
                let outcomes = ledger.commit(Attempt::new(), &[commit]).await.expect("commits");
                assert!(outcomes[0].is_committed(), "{outcomes:?}");
            }
        }
    }

    /// Runs a command on all bad rows: its time and the most MiB that were resident.
    fn run(&self, arguments: &[&str]) -> (Spent, u64) {
        let begun = Instant::now();
        let cpu_begun = Clock::Children.secs();
        let child = Command::new(env!("CARGO_BIN_EXE_muster"))
            .args(arguments)
            .args(["--format", "json", "--project"])
            .arg(self.folder.path())
            .env("DATABASE_URL", &self.database_url)
            .stdout(Stdio::piped())
            .spawn();
        let child = child.expect("the program starts");
        let status = format!("/proc/{}/status", child.id());
        let watching = std::thread::spawn(move || {
            let mut peak_kib = 0;
            while let Ok(told) = std::fs::read_to_string(&status) {
                let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                // A process that has ended and was not waited for has no memory.
                let Some(line) = line else { break };
                peak_kib = line.trim().trim_end_matches(" kB").parse().unwrap_or(peak_kib);
                std::thread::sleep(Duration::from_millis(10));
            }
            peak_kib
        });
        let ended = child.wait_with_output().expect("it ends");
        let wall_secs = begun.elapsed().as_secs_f64();
        let peak_kib: u64 = watching.join().expect("it watched");
        let told: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("it tells what came of it");
        assert_eq!(told["good"], self.rows, "{told}");
        let spent = Spent {
            rows: self.rows as u64,
            wall_secs,
            cpu_secs: Clock::Children.secs() - cpu_begun,
        };
        (spent, peak_kib >> 10)
    }
}

/// Published rows with these numbers, at offsets from `from` on; one in [`GOOD_EVERY`] is good.
fn records(source: &Assigned, text: &mut TextWriter, from: i64, rows: &[usize]) -> RawBatch {
    let mut records = RawBatch {
        source: source.source,
        topic: source.topic.clone(),
        partition: source.partition,
        delta: OffsetDelta::new(Offset(from), Offset(from + rows.len() as i64)),
        offsets: (from..from + rows.len() as i64).collect(),
        timestamps: rows.iter().map(|row| 1_760_000_000_000 + *row as i64 * 150).collect(),
        payloads: BytesColumn::default(),
        keys: BytesColumn::default(),
        headers: Headers::default(),
    };
    for row in rows {
        let id = (row + 1).to_string();
        let size = if row % GOOD_EVERY == 0 { "10/49" } else { "Oct-49" };
        let cells = [
            &*id,
            "city_103",
            "0.92",
            "Male",
            "Has relevent experience",
            "no_enrollment",
            "Graduate",
            "STEM",
            ">20",
            size,
            "Pvt Ltd",
            "1",
            "36",
            "",
            "1",
        ];
        let cells = cells
            .iter()
            .map(|cell| Some(cell.as_bytes()).filter(|cell| !cell.is_empty()));
        records.payloads.push(Some(text.write(cells)));
        records.keys.push(Some(id.as_bytes()));
        records.headers.push(std::iter::empty());
    }
    records
}
