//! The arguments of `muster bad` and `muster replay`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::options::DatabaseArgs;

const LIST_HELP: &str = "\
Examples:
  muster bad list --contract hr.candidate
  muster bad list --contract hr.candidate --rule company_size.level --day 2026-11-20 --count 100";

const SHOW_HELP: &str = "Examples:\n  muster bad show hr.candidate.v1/0/4711 --contract hr.candidate";

const EXPORT_HELP: &str = "\
Examples:
  muster bad export --contract hr.candidate --rule city.format --out cities.csv

The file is what `muster bad repair --patch` reads: change cells, leave lines out. A masked cell changes nothing.";

const REPAIR_HELP: &str = "\
Examples:
  muster bad repair --contract hr.candidate --rule company_size.level --reason 'Excel made dates of levels' \\
    --set \"company_size = CASE company_size WHEN 'Oct-49' THEN '10/49' ELSE company_size END\" --dry-run
  muster bad repair --contract hr.candidate --set \"training_hours = replace(_text.training_hours, 'h', '')\" --reason units
  muster bad repair --contract hr.candidate --patch cities.csv --reason 'asked the source'

Each repair begins with the record as it came, which stays in its bad file. In --set a field is its typed value, and \
_text.FIELD what stood there as text. Rows that the patch leaves as they are stay as they are. The exit code is 0 however \
many rows stay bad.";

const REPLAY_HELP: &str = "\
Examples:
  muster replay --contract hr.candidate
  muster replay --contract hr.candidate --from 2026-11-01 --to 2026-11-20";

/// `muster bad`
#[derive(Args, Debug)]
pub struct BadArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: BadAction,
}

/// What can be done with bad rows.
#[derive(Debug, Subcommand)]
pub enum BadAction {
    /// Bad rows and the rules they broke.
    #[command(after_help = LIST_HELP)]
    List {
        /// Which rows.
        #[command(flatten)]
        rows: BadRowsArgs,
        /// Rows at most.
        #[arg(long, value_name = "N", default_value_t = 20)]
        count: u64,
        /// Also those that are good by now.
        #[arg(long)]
        repaired: bool,
        /// The ledger.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// One bad row: why it is bad, and what became of it.
    #[command(after_help = SHOW_HELP)]
    Show {
        /// Where it is.
        #[arg(value_name = "TOPIC/PARTITION/OFFSET")]
        position: String,
        /// Its contract.
        #[arg(long, value_name = "NAME")]
        contract: String,
        /// The ledger.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Write rows that are bad still to a file, for people to mend.
    #[command(after_help = EXPORT_HELP)]
    Export {
        /// Which rows.
        #[command(flatten)]
        rows: BadRowsArgs,
        /// The file, CSV or `.jsonl`.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Write personal values too, which are masked otherwise.
        #[arg(long)]
        personal: bool,
        /// The ledger.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Change bad rows, judge them again, and bring those that are good then to the good side.
    #[command(after_help = REPAIR_HELP)]
    Repair(RepairArgs),
}

/// Which bad rows.
#[derive(Args, Clone, Debug)]
pub struct BadRowsArgs {
    /// Their contract.
    #[arg(long, value_name = "NAME")]
    pub contract: String,
    /// Only those that broke this rule.
    #[arg(long, value_name = "ID")]
    pub rule: Option<String>,
    /// Only what was committed on this day, in UTC.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub day: Option<NaiveDate>,
}

/// `muster bad repair`
#[derive(Args, Debug)]
pub struct RepairArgs {
    /// Which rows.
    #[command(flatten)]
    pub rows: BadRowsArgs,
    /// What a field becomes, in SQL over the row; may be given several times.
    #[arg(long, value_name = "FIELD = EXPRESSION", required_unless_present = "patch")]
    pub set: Vec<String>,
    /// A CSV or JSON lines file of rows, by position or key, and the cells to set.
    #[arg(long, value_name = "FILE", conflicts_with = "set")]
    pub patch: Option<PathBuf>,
    /// Why, for those who read the ledger later: no personal values.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who repairs; who is logged in unless told.
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// Only say what would come of it.
    #[arg(long)]
    pub dry_run: bool,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster replay`
#[derive(Args, Debug)]
#[command(after_help = REPLAY_HELP)]
pub struct ReplayArgs {
    /// The contract.
    #[arg(long, value_name = "NAME")]
    pub contract: String,
    /// Only what was committed on this day or later, in UTC.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Option<NaiveDate>,
    /// Only what was committed on this day or before.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: Option<NaiveDate>,
    /// Why; `replay` unless told.
    #[arg(long, value_name = "TEXT", default_value = "replay")]
    pub reason: String,
    /// Who replays; who is logged in unless told.
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// Only say what would come of it.
    #[arg(long)]
    pub dry_run: bool,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
