//! The arguments of `muster contract` and `muster rules`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::options::{DatabaseArgs, period};

const DIFF_EXAMPLES: &str = "\
Examples:
  muster contract diff hr.candidate ../next/schemas/hr.candidate.contract.yaml
  muster contract diff hr.candidate@latest hr.candidate
  muster contract diff hr.candidate@5f1c0e9a7d3b hr.candidate --format json

OLD and NEW are a file, the name of one of the project's contracts, or NAME@VERSION for a version that the ledger keeps, \
by its first digits or `latest`. The exit code is 1 when something breaks.";

const BACKTEST_EXAMPLES: &str = "\
Examples:
  muster rules backtest --contract ../next/schemas/hr.candidate.contract.yaml
  muster rules backtest --contract hr.candidate --since 7d --by city
  muster rules backtest --contract hr.candidate --max-flips 100 --format json

The exit code is 1 when more verdicts change than --max-flips allows.";

/// `muster contract`
#[derive(Args, Debug)]
#[command(after_help = DIFF_EXAMPLES)]
pub struct ContractArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ContractAction,
}

/// What can be done with contracts.
#[derive(Debug, Subcommand)]
pub enum ContractAction {
    /// Say what changes from one version of a contract to another, and what that breaks.
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(DiffArgs),
}

/// `muster contract diff`
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// The contract as it was.
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The contract as it is to be.
    #[arg(value_name = "NEW")]
    pub new: String,
    /// The ledger, asked for NAME@VERSION.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster rules`
#[derive(Args, Debug)]
#[command(after_help = BACKTEST_EXAMPLES)]
pub struct RulesArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: RulesAction,
}

/// What can be done with rules.
#[derive(Debug, Subcommand)]
pub enum RulesAction {
    /// Judge stored rows by a changed contract and say whose verdict changes.
    #[command(after_help = BACKTEST_EXAMPLES)]
    Backtest(BacktestArgs),
}

/// `muster rules backtest`
#[derive(Args, Debug)]
pub struct BacktestArgs {
    /// The changed contract: a file named `NAME.contract.yaml`, or the name of one of the project's.
    #[arg(long, value_name = "FILE")]
    pub contract: PathBuf,
    /// Rows that were committed in this time: `12h`, `30d`.
    #[arg(long, value_name = "PERIOD", default_value = "30d", value_parser = period)]
    pub since: Duration,
    /// Also count by the values of this column.
    #[arg(long, value_name = "COLUMN")]
    pub by: Option<String>,
    /// Count by a column that the contract does not call public, and print its values.
    #[arg(long, requires = "by")]
    pub show_personal: bool,
    /// How many verdicts may change.
    #[arg(long, value_name = "N")]
    pub max_flips: Option<u64>,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
