//! The arguments of `muster verify`.

use clap::Args;

use super::options::DatabaseArgs;

const EXAMPLES: &str = "\
Examples:
  muster verify --files
  muster verify --files --contract hr.candidate --format json
  muster verify --run 12

The exit code is 1 when something is not what it was.";

/// `muster verify`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// Compute a run's predictions again, from the features that were stored and the model that was, and compare bits.
    #[arg(long, value_name = "ID", required_unless_present = "files")]
    pub run: Option<i64>,
    /// Hold every sealed file and every model against its sha-256.
    #[arg(long)]
    pub files: bool,
    /// With `--files`, only those of this contract's rows.
    #[arg(long, value_name = "NAME", requires = "files")]
    pub contract: Option<String>,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}
