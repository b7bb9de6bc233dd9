//! `muster replay`: stored bad rows judged again under the contract as it is now.

use std::path::Path;

use muster_store::ledger::bad_files::BadFilter;

use super::bad::{author, mend};
use crate::cli::ReplayArgs;
use crate::exit::Exit;
use crate::output::Output;
use crate::project::Project;
use crate::repairing::Task;

/// Judges them again and brings those that are good now to the good side.
pub async fn run(folder: &Path, args: &ReplayArgs, output: Output) -> anyhow::Result<Exit> {
    let task = Task {
        contract: Project::load_contract(folder, &args.contract)?,
        filter: BadFilter {
            rule: None,
            from: args.from,
            to: args.to,
        },
        patch: None,
        author: author(args.author.as_deref())?,
        reason: args.reason.clone(),
        dry_run: args.dry_run,
    };
    mend(folder, task, &args.database, output).await?;
    Ok(Exit::Fine)
}
