//! Arguments of first contact: `init`, `profile`, `doctor`, `completions`, `man`.
//!
//! Part of [`super`].

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::{DatabaseArgs, KafkaArgs};

pub(super) const INIT_HELP: &str = "\
Examples:
  muster init --from leavers.csv --project people
  muster init --from leavers.csv --label Left --project people
  muster demo --once --project people

Nothing that is there is overwritten: a file of the same name ends it with exit code 2 and nothing written.";

pub(super) const PROFILE_HELP: &str = "\
Examples:
  muster profile leavers.csv
  muster profile leavers.csv --label Left --out leavers.html
  muster profile leavers.parquet --format json";

pub(super) const DOCTOR_HELP: &str = "\
Examples:
  muster doctor
  muster doctor --brokers localhost:9092 --database-url postgres://db.example/people
  muster doctor --format json

Exit codes: 0 all is well, warnings included; 1 something has to be done; 2 it could not look.";

pub(super) const COMPLETIONS_HELP: &str = "\
Examples:
  muster completions bash > /etc/bash_completion.d/muster
  muster completions zsh > ~/.zfunc/_muster
  muster completions fish > ~/.config/fish/completions/muster.fish";

pub(super) const MAN_HELP: &str = "\
Examples:
  muster man /usr/local/share/man/man1";

/// `muster init`
#[derive(Args, Debug)]
pub struct InitArgs {
    /// A CSV or Parquet file.
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// The column to learn; without it, one that looks like it.
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// What contract and pipeline are called; after the file unless told.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// `muster profile`
#[derive(Args, Debug)]
pub struct ProfileArgs {
    /// A CSV or Parquet file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The column that the others are held against; without it, one that looks like a label.
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// Where the page goes, and a `.json` beside it; `FILE.profile.html` in the current folder unless told.
    #[arg(long, value_name = "PAGE")]
    pub out: Option<PathBuf>,
}

/// `muster doctor`
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// How long each server may take to answer.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = super::options::secs)]
    pub wait_secs: f64,
    /// Kafka.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster completions`
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// `muster man`
#[derive(Args, Debug)]
pub struct ManArgs {
    /// The folder that gets a page for each command.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}
