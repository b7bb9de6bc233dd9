//! The arguments of `muster models`.

use clap::{Args, Subcommand};

use super::options::DatabaseArgs;

const HELP: &str = "\
Examples:
  muster models list
  muster models show job-change@champion
  muster models promote a2bfcdb71c11";

/// `muster models`
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct ModelsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: ModelsAction,
}

/// What can be done with model versions.
#[derive(Debug, Subcommand)]
pub enum ModelsAction {
    /// All versions, newest first.
    #[command(after_help = "Examples:\n  muster models list\n  muster models list job-change --format json")]
    List {
        /// Only this pipeline's.
        pipeline: Option<String>,
        /// The ledger.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// One version's card, metrics and features.
    #[command(after_help = "Examples:\n  muster models show job-change@champion\n  muster models show a2bfcdb71c11")]
    Show {
        /// The version, its first digits or `PIPELINE@champion`.
        version: String,
        /// The ledger.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Make a version the champion: it scores new rows from now on.
    #[command(after_help = "Examples:\n  muster models promote a2bfcdb71c11")]
    Promote {
        /// The version or its first digits.
        version: String,
        /// The ledger.
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

impl ModelsAction {
    /// Where the ledger is.
    pub fn database(&self) -> &DatabaseArgs {
        match self {
            Self::List { database, .. } | Self::Show { database, .. } | Self::Promote { database, .. } => database,
        }
    }
}
