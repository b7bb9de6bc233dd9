//! The command line: what can be asked, and where the process finds its servers.
//!
//! Read by `main` alone. Settings of the process are flags and environment variables, never in a project's files; every
//! secret also has a `_FILE` form.

mod alerts;
mod bad;
mod contact;
mod contract;
mod files;
mod housekeeping;
mod models;
mod options;
mod report;
mod trace;
mod verify;
mod watching;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use alerts::{AlertsAction, AlertsArgs, MessageStateName};
pub use bad::{BadAction, BadArgs, BadRowsArgs, RepairArgs, ReplayArgs};
pub use contact::{CompletionsArgs, DoctorArgs, InitArgs, ManArgs, ProfileArgs};
pub use contract::{BacktestArgs, ContractAction, ContractArgs, RulesAction, RulesArgs};
pub use files::{GenerateArgs, PublishArgs, ValidateArgs};
pub use housekeeping::{CompactArgs, RetainArgs};
pub use models::{ModelsAction, ModelsArgs};
pub use options::{
    DatabaseArgs, FileFormat, From, GroupProtocol, HttpArgs, IngestOptions, KafkaArgs, LinkArgs, ScoreOptions, TextArgs,
};
pub use report::ReportArgs;
pub use trace::{TraceArgs, Traced};
pub use verify::VerifyArgs;
pub use watching::{TapArgs, TopArgs};

/// Events that pass muster get scored.
///
/// Source systems publish events to Kafka. Muster holds each against a contract, splits good rows from bad, scores
/// the good ones with a model and writes predictions with their reasons to PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "muster", version, propagate_version = true, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// The project folder: `schemas/`, `pipelines/`, `alerts/`, `raw-data/`.
    #[arg(long, global = true, default_value = ".", value_name = "DIR", env = "MUSTER_PROJECT")]
    pub project: PathBuf,
    /// How results are written to standard output.
    #[arg(long, global = true, default_value = "text", value_name = "FORMAT")]
    pub format: OutputFormat,
    /// Which log lines go to standard error, in tracing's words: `info`, `muster=debug`.
    #[arg(
        long,
        global = true,
        default_value = "warn",
        value_name = "FILTER",
        env = "MUSTER_LOG"
    )]
    pub log: String,
    /// How log lines are written.
    #[arg(
        long,
        global = true,
        default_value = "text",
        value_name = "FORMAT",
        env = "MUSTER_LOG_FORMAT"
    )]
    pub log_format: OutputFormat,
}

const EXIT_CODES: &str = "\
Examples:
  muster demo --once --project people
  muster init --from leavers.csv --project people
  muster doctor --project people

Exit codes: 0 fine; 1 a finding (bad rows in `validate`, problems in `check`, sums that do not add up, batches that
another scorer still holds); 2 could not work; 3 ended with a source paused.";

const PUBLISH_HELP: &str = "\
Examples:
  muster publish candidates.csv --contract hr.candidate --partitions 4
  muster publish candidates.csv --contract hr.candidate --resume

SIGTERM or Ctrl-C stops it within 30 seconds, a second one ends at once; --resume publishes the rest.";

const SCORE_HELP: &str = "\
Examples:
  muster score
  muster score job-change --once
  muster score --once --wait-secs 0 --format json

With --once the exit code is 0 when everything new was scored or parked, 1 when other scorers still hold batches, 2 when
a run failed.";

/// How something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs: one JSON value.
    Json,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at a CSV or Parquet file and write contract, schema, feature view and pipeline for it.
    #[command(after_help = contact::INIT_HELP)]
    Init(InitArgs),
    /// Say what is in a CSV or Parquet file: a table here, a page to look at, JSON for programs.
    #[command(after_help = contact::PROFILE_HELP)]
    Profile(ProfileArgs),
    /// Read all contracts, pipelines and alert targets and report every problem with its place.
    #[command(after_help = "Examples:\n  muster check --project people\n  muster check --json-schema contract")]
    Check(CheckArgs),
    /// Run the tests written in the contracts, without Kafka.
    #[command(after_help = "Examples:\n  muster test\n  muster test hr.candidate")]
    Test(TestArgs),
    /// Judge a file by a contract, without Kafka.
    #[command(
        after_help = "Examples:\n  muster validate candidates.csv --contract hr.candidate --out checked --report"
    )]
    Validate(ValidateArgs),
    /// Publish a file's rows as events.
    #[command(after_help = PUBLISH_HELP)]
    Publish(PublishArgs),
    /// Make sample rows with known faults and a truth file.
    #[command(after_help = "Examples:\n  muster generate hr.candidate --rows 5000 --faults 0.1 --seed 7 --out sample")]
    Generate(GenerateArgs),
    /// Take events from Kafka, judge, split, seal and account for them.
    #[command(
        after_help = "Examples:\n  muster ingest --brokers localhost:9092\n  muster ingest --watch --http 127.0.0.1:8001"
    )]
    Ingest(IngestArgs),
    /// Train a pipeline's model on labelled good rows.
    #[command(after_help = "Examples:\n  muster train job-change\n  muster train job-change --fold-seeds 10")]
    Train(TrainArgs),
    /// Score good rows that are new, on the pipelines' schedules.
    #[command(after_help = SCORE_HELP)]
    Score(ScoreArgs),
    /// Ingest, score, send alerts and answer HTTP in one process.
    #[command(after_help = "Examples:\n  muster serve --brokers localhost:9092 --http 0.0.0.0:8000")]
    Serve(ServeArgs),
    /// The whole of it on this machine: publish `raw-data/`, ingest, train, score, show.
    ///
    /// In a new folder, or one that has only `raw-data/`, the shipped project is laid out first.
    #[command(
        after_help = "Examples:\n  muster demo --once\n  muster demo --once --brokers localhost:9092 --format json"
    )]
    Demo(DemoArgs),
    /// Print received = good + bad + duplicate + tombstone for every topic and partition.
    #[command(after_help = "Examples:\n  muster reconcile\n  muster reconcile --format json")]
    Reconcile(DatabaseArgs),
    /// Let a paused source go on.
    #[command(after_help = "Examples:\n  muster resume --topic hr.candidate.v1 --partition 0\n  muster resume --all")]
    Resume(ResumeArgs),
    /// Show, export and repair bad rows.
    #[command(
        after_help = "Examples:\n  muster bad list --contract hr.candidate\n  muster bad show hr.candidate.v1/0/17 --contract hr.candidate"
    )]
    Bad(BadArgs),
    /// Judge stored bad rows again, under the contract as it is now.
    Replay(ReplayArgs),
    /// Say what a change of a contract breaks.
    Contract(ContractArgs),
    /// Try changed rules on stored rows.
    Rules(RulesArgs),
    /// Merge small files into larger ones while ingest and scoring run.
    #[command(after_help = housekeeping::COMPACT_HELP)]
    Compact(CompactArgs),
    /// Let rows go that are past their age; counts and predictions stay.
    #[command(after_help = housekeeping::RETAIN_HELP)]
    Retain(RetainArgs),
    /// Watch topics, rates, lag, good and bad, runs and alerts on the terminal.
    #[command(after_help = watching::TOP_HELP)]
    Top(TopArgs),
    /// Watch verdicts as records arrive, personal fields masked.
    #[command(after_help = watching::TAP_HELP)]
    Tap(TapArgs),
    /// Follow a record from Kafka to its prediction, or back.
    Trace(TraceArgs),
    /// Hold files against their sha-256, or a run's predictions against what they come to again.
    Verify(VerifyArgs),
    /// List, show and promote model versions.
    Models(ModelsArgs),
    /// List, send again and test what people are told.
    #[command(after_help = "Examples:\n  muster alerts list\n  muster alerts test data-quality --print")]
    Alerts(AlertsArgs),
    /// Say what was wrong in a batch or on a day: a page for people, JSON for programs.
    Report(ReportArgs),
    /// Bring the ledger's tables up to date; the only command that connects as their owner.
    #[command(after_help = "Examples:\n  muster migrate --database-url postgres://owner@db.example/people")]
    Migrate(MigrateArgs),
    /// Open psql on the ledger, or run one statement.
    #[command(after_help = "Examples:\n  muster psql\n  muster psql -c 'select * from batches'")]
    Psql(PsqlArgs),
    /// Look at brokers, registry, database, folders, clock, versions and limits, and say what to do.
    #[command(after_help = contact::DOCTOR_HELP)]
    Doctor(DoctorArgs),
    /// Print what completes commands and flags in a shell.
    #[command(after_help = contact::COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
    /// Write the manual's pages.
    #[command(after_help = contact::MAN_HELP)]
    Man(ManArgs),
}

/// `muster check`
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Print the JSON Schema of a file kind instead, for editors.
    #[arg(long, value_name = "KIND")]
    pub json_schema: Option<FileKind>,
}

/// A kind of file a user writes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FileKind {
    /// `schemas/NAME.contract.yaml`
    Contract,
    /// `pipelines/NAME.yaml`
    Pipeline,
    /// `alerts/NAME.yaml`
    Target,
}

/// `muster test`
#[derive(Args, Debug)]
pub struct TestArgs {
    /// The contracts to test; all of them unless named.
    #[arg(value_name = "CONTRACT")]
    pub contracts: Vec<String>,
}

/// `muster ingest`
#[derive(Args, Debug)]
pub struct IngestArgs {
    /// Only these contracts' topics; all unless named.
    #[arg(value_name = "CONTRACT")]
    pub contracts: Vec<String>,
    /// Also publish what is dropped into `raw-data/CONTRACT/`.
    #[arg(long)]
    pub watch: bool,
    /// End when every partition was read to its end and committed.
    #[arg(long)]
    pub once: bool,
    /// HTTP.
    #[command(flatten)]
    pub http: HttpArgs,
    /// What reports lead to.
    #[command(flatten)]
    pub link: LinkArgs,
    /// How it ingests.
    #[command(flatten)]
    pub ingest: IngestOptions,
    /// Kafka.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster train`
#[derive(Args, Debug)]
pub struct TrainArgs {
    /// The pipeline.
    #[arg(value_name = "PIPELINE")]
    pub pipeline: String,
    /// How many fold seeds the out-of-fold AUC is the mean of.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub fold_seeds: u32,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster score`
#[derive(Args, Debug)]
pub struct ScoreArgs {
    /// Only these pipelines; all unless named.
    #[arg(value_name = "PIPELINE")]
    pub pipelines: Vec<String>,
    /// One pass now instead of the schedule, beside whatever run is at work.
    #[arg(long)]
    pub once: bool,
    /// With `--once`, how long to wait for batches that other scorers hold; those of a dead one are taken over when
    /// their lease runs out.
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = options::secs, requires = "once")]
    pub wait_secs: f64,
    /// How long SIGTERM or Ctrl-C lets the batch at work take to end; a second one ends at once.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = options::secs)]
    pub drain_secs: f64,
    /// How it scores.
    #[command(flatten)]
    pub score: ScoreOptions,
    /// HTTP.
    #[command(flatten)]
    pub http: HttpArgs,
    /// What reports lead to.
    #[command(flatten)]
    pub link: LinkArgs,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster serve`
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Also publish what is dropped into `raw-data/CONTRACT/`.
    #[arg(long)]
    pub watch: bool,
    /// HTTP.
    #[command(flatten)]
    pub http: HttpArgs,
    /// How it ingests.
    #[command(flatten)]
    pub ingest: IngestOptions,
    /// How it scores.
    #[command(flatten)]
    pub score: ScoreOptions,
    /// What messages and reports lead to.
    #[command(flatten)]
    pub link: LinkArgs,
    /// Kafka.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster demo`
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// End after one pass instead of staying up.
    #[arg(long)]
    pub once: bool,
    /// How many partitions a topic is made with.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub partitions: i32,
    /// HTTP.
    #[command(flatten)]
    pub http: HttpArgs,
    /// What reports lead to.
    #[command(flatten)]
    pub link: LinkArgs,
    /// How it ingests.
    #[command(flatten)]
    pub ingest: IngestOptions,
    /// How it scores.
    #[command(flatten)]
    pub score: ScoreOptions,
    /// Kafka; without brokers an in-process one is used.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster resume`
#[derive(Args, Debug)]
pub struct ResumeArgs {
    /// The topic.
    #[arg(long, value_name = "TOPIC", required_unless_present = "all")]
    pub topic: Option<String>,
    /// The partition; all of the topic's unless told.
    #[arg(long, value_name = "N", requires = "topic")]
    pub partition: Option<i32>,
    /// Every paused source.
    #[arg(long, conflicts_with = "topic")]
    pub all: bool,
    /// Kafka, asked where a log begins that no longer holds what comes next.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster migrate`
#[derive(Args, Debug)]
pub struct MigrateArgs {
    /// The ledger, as its owner.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster psql`
#[derive(Args, Debug)]
pub struct PsqlArgs {
    /// One statement instead of a session.
    #[arg(short, long, value_name = "SQL", allow_hyphen_values = true)]
    pub command: Option<String>,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
