//! The arguments of `muster compact` and `muster retain`.

use std::time::Duration;

use clap::Args;

use super::options::{DatabaseArgs, duration};

pub(super) const COMPACT_HELP: &str = "\
Examples:
  muster compact
  muster compact hr.candidate --older-than 10m --dry-run
  muster compact --small-bytes 4000000 --merged-bytes-max 64000000 --format json

One pass: files of good rows, bad records and keys that are smaller than --small-bytes become larger ones, of one source and \
one day each. Ingest and scoring go on meanwhile. Exit code 0 when all of it was merged, 1 when files were left as they were \
because one of them is damaged or others were at work on them.";

pub(super) const RETAIN_HELP: &str = "\
Examples:
  muster retain --older-than 90d --dry-run
  muster retain --older-than 90d --contract hr.candidate

Rows of batches that were committed longer ago go, and features that were scored longer ago; their counts, violations and \
predictions stay. Rows that a pipeline is still to score, or that are still to be published as dead letters, stay too unless \
--awaited is given. Exit code 0, whether rows stayed or not.";

/// `muster compact`
#[derive(Args, Debug)]
pub struct CompactArgs {
    /// The contracts whose files are merged; all of them unless named.
    #[arg(value_name = "CONTRACT")]
    pub contracts: Vec<String>,
    /// Only files of batches that were committed longer ago: `30s`, `10m`, `2h`, `1d`.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub older_than: Duration,
    /// Only files that are smaller.
    #[arg(long, value_name = "BYTES", default_value_t = 16 * 1024 * 1024)]
    pub small_bytes: u64,
    /// How large a merged file becomes at most.
    #[arg(long, value_name = "BYTES", default_value_t = 128 * 1024 * 1024)]
    pub merged_bytes_max: u64,
    /// Only say what would be merged.
    #[arg(long)]
    pub dry_run: bool,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster retain`
#[derive(Args, Debug)]
pub struct RetainArgs {
    /// How long rows are kept: `12h`, `90d`.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub older_than: Duration,
    /// Only rows of this contract, which need not be in the project any more.
    #[arg(long, value_name = "NAME")]
    pub contract: Option<String>,
    /// Also rows that are still to be scored or to be published as dead letters; they never will be.
    #[arg(long)]
    pub awaited: bool,
    /// Only say what would go.
    #[arg(long)]
    pub dry_run: bool,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
