//! The arguments of `muster report`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;

use super::options::{DatabaseArgs, LinkArgs};

const EXAMPLES: &str = "\
Examples:
  muster report --contract hr.candidate
  muster report --contract hr.candidate --day 2026-11-20 --out reports
  muster report --contract hr.candidate --batch 12 --out batch-12.html
  muster report --contract hr.candidate --format json

The exit code is 1 when an expectation was not met.";

/// `muster report`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// The contract.
    #[arg(long, value_name = "NAME")]
    pub contract: String,
    /// What was committed on this day, in UTC; the last day with batches unless told.
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "batch")]
    pub day: Option<NaiveDate>,
    /// One batch, by its number.
    #[arg(long, value_name = "ID")]
    pub batch: Option<i64>,
    /// A folder, or a file that ends in `.html`; the JSON goes beside it. With `--format json` nothing is written unless
    /// told.
    #[arg(long, value_name = "DIR/FILE")]
    pub out: Option<PathBuf>,
    /// What the report leads to.
    #[command(flatten)]
    pub link: LinkArgs,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
