//! The arguments of `muster validate`, `muster publish` and `muster generate`: files of rows.

use std::path::PathBuf;

use clap::Args;

use super::options::{DatabaseArgs, FileFormat, KafkaArgs, TextArgs};

/// `muster validate`
#[derive(Args, Debug)]
pub struct ValidateArgs {
    /// A CSV, JSON lines, Parquet or Avro file; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What the file is; without it, what its name ends in says so, and all else is CSV.
    #[arg(long, value_name = "KIND")]
    pub input_format: Option<FileFormat>,
    /// The contract to hold it against.
    #[arg(long, value_name = "NAME")]
    pub contract: String,
    /// Where `good.parquet`, `bad.parquet` and `violations.json` go.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Also write `report.html` and `report.json` there.
    #[arg(long)]
    pub report: bool,
    /// How the file is written.
    #[command(flatten)]
    pub text: TextArgs,
}

/// `muster publish`
#[derive(Args, Debug)]
pub struct PublishArgs {
    /// CSV or JSONL files.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The contract whose topic they go to.
    #[arg(long, value_name = "NAME")]
    pub contract: String,
    /// Make the topic with this many partitions if it is missing.
    #[arg(long, value_name = "N")]
    pub partitions: Option<i32>,
    /// Rows a second at most.
    #[arg(long, value_name = "N")]
    pub rate: Option<u32>,
    /// Publish the rows in a random order.
    #[arg(long)]
    pub shuffle: bool,
    /// The seed of that order.
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,
    /// Publish only the rows that the ledger does not hold yet.
    #[arg(long)]
    pub resume: bool,
    /// How the files are written.
    #[command(flatten)]
    pub text: TextArgs,
    /// Kafka.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The ledger, asked by `--resume`.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster generate`
#[derive(Args, Debug)]
pub struct GenerateArgs {
    /// What to make; `hr.candidate` is what there is.
    #[arg(value_name = "CONTRACT")]
    pub contract: String,
    /// How many rows.
    #[arg(long, value_name = "N", default_value_t = 5000)]
    pub rows: u64,
    /// The share of rows that get a fault, 0 to 1.
    #[arg(long, value_name = "R", default_value_t = 0.1)]
    pub faults: f64,
    /// The seed: the same seed makes the same bytes.
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,
    /// The folder that gets `CONTRACT.csv` and `CONTRACT.truth.csv`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
}
