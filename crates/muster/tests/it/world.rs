//! What a test works in: a project folder with one contract and one pipeline, a topic of its own on the broker that
//! tests share, and a ledger of its own.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use muster_sandbox::postgres::fresh_database;
use muster_spec::Contract;
use muster_stream::{Connection, Topics};
use tempfile::TempDir;

use crate::program::{Ended, Program, muster, run};

pub const CONTRACT: &str = "school.visit";
pub const PIPELINE: &str = "return";
/// A member that does not answer is dead after this; the default would make each fault test ten seconds longer.
pub const SESSION: Duration = Duration::from_secs(2);

const SCHEMA: &str = include_str!("world/visit.avsc");
const YAML: &str = include_str!("world/visit.contract.yaml");
const PIPELINE_YAML: &str = include_str!("world/return.yaml");
const VIEW: &str = include_str!("world/return.sql");

pub struct World {
    pub folder: TempDir,
    pub topic: String,
    pub brokers: String,
    pub database_url: String,
    pub contract: Arc<Contract>,
}

impl World {
    /// A new one on the shared broker; `None`, said loudly, where there is no real Kafka.
    pub fn new(name: &str, partitions: i32) -> Option<Self> {
        Some(Self::on(muster_sandbox::kafka::broker_for_tests()?, name, partitions))
    }

    pub fn on(brokers: String, name: &str, partitions: i32) -> Self {
        Self::with(brokers, fresh_database("muster_it").unwrap(), name, partitions)
    }

    /// A new one on the shared broker whose contract has these parts of its text replaced.
    pub fn altered(name: &str, partitions: i32, parts: &[(&str, &str)]) -> Option<Self> {
        let brokers = muster_sandbox::kafka::broker_for_tests()?;
        let database_url = fresh_database("muster_it").unwrap();
        let yaml = parts.iter().fold(YAML.to_owned(), |yaml, (from, to)| {
            assert!(yaml.contains(from), "the contract has no `{from}`");
            yaml.replace(from, to)
        });
        Some(Self::made(brokers, database_url, name, partitions, &yaml))
    }

    /// A new one with this broker and this ledger, which is made.
    pub fn with(brokers: String, database_url: String, name: &str, partitions: i32) -> Self {
        Self::made(brokers, database_url, name, partitions, YAML)
    }

    fn made(brokers: String, database_url: String, name: &str, partitions: i32, yaml: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let topic = format!("it.{name}.{}.{count}", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let yaml = yaml.replace("TOPIC", &topic);
        for (path, text) in [
            ("schemas/visit.avsc", SCHEMA),
            ("schemas/school.visit.contract.yaml", yaml.as_str()),
            ("pipelines/return.yaml", PIPELINE_YAML),
            ("pipelines/return.sql", VIEW),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let settings = format!(
            "session.timeout.ms={}\nheartbeat.interval.ms=300\ntopic.metadata.refresh.interval.ms=2000\n",
            SESSION.as_millis()
        );
        std::fs::write(folder.path().join("kafka.properties"), settings).unwrap();
        let open = |file: &str| (file == "visit.avsc").then(|| SCHEMA.to_owned());
        let contract = muster_spec::read::contract(CONTRACT, "schemas/school.visit.contract.yaml", &yaml, &open);
        let world = Self {
            folder,
            topic,
            brokers,
            database_url,
            contract: Arc::new(contract.unwrap()),
        };
        world.make_topic(partitions);
        world.run(&["migrate"]).with_code(0);
        world
    }

    /// Makes the topic where it is missing. Its dead-letter topic is made by the program.
    pub fn make_topic(&self, partitions: i32) {
        let topics = Topics::new(&Connection::new(&self.brokers)).unwrap();
        let limit = Duration::from_secs(30);
        topics.ensure(&self.topic, Some(partitions), limit).unwrap();
    }

    pub fn dead_topic(&self) -> String {
        format!("{}.dead", self.topic)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The command in this world.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = muster();
        command.args(arguments).arg("--project").arg(self.path());
        command
            .env("DATABASE_URL", &self.database_url)
            .env("KAFKA_BROKERS", &self.brokers);
        command.env("KAFKA_CONFIG_FILE", self.path().join("kafka.properties"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments))
    }

    pub fn start(&self, arguments: &[&str]) -> Program {
        Program::start(self.command(arguments))
    }

    /// The same with failpoints set, as the environment variable writes them.
    pub fn start_failing(&self, arguments: &[&str], failpoints: &str) -> Program {
        let mut command = self.command(arguments);
        command.env("FAILPOINTS", failpoints);
        Program::start(command)
    }

    /// `ingest` that stays up, sealing often, with HTTP on a port of its own.
    pub fn ingest(&self) -> Program {
        self.start(&INGEST)
    }

    /// The one value that a statement gives.
    pub fn ask(&self, statement: &str) -> String {
        let copied = format!("COPY ({statement}) TO STDOUT");
        let answer = self.run(&["psql", "-c", &copied]).with_code(0).output;
        // COPY's text form doubles backslashes.
        answer.trim_end_matches('\n').replace("\\\\", "\\")
    }

    /// Runs a statement that gives nothing.
    pub fn order(&self, statement: &str) {
        self.run(&["psql", "-c", statement]).with_code(0);
    }

    /// How many records the ledger holds.
    pub fn received(&self) -> u64 {
        self.ask("SELECT coalesce(sum(received), 0) FROM batches")
            .parse()
            .unwrap()
    }

    /// Waits until the ledger holds this many records.
    pub fn wait_received(&self, records: u64, limit: Duration) {
        let begun = std::time::Instant::now();
        loop {
            let received = self.received();
            if received >= records {
                return;
            }
            assert!(
                begun.elapsed() < limit,
                "{received} of {records} records are in the ledger after {limit:?}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// `ingest` that stays up and seals often.
pub const INGEST: [&str; 7] = ["ingest", "--seal-secs", "0.2", "--http", "127.0.0.1:0", "--log", "info"];

/// Says loudly that something is not tested here.
#[expect(clippy::print_stderr, reason = "a test that does not run must be heard")]
pub fn without(what: &str) {
    eprintln!("\n*** NOT TESTED HERE, for want of {what} ***\n");
}
