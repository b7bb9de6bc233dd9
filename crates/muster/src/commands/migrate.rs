//! `muster migrate`: brings the ledger's tables up to date, as their owner.

use std::path::Path;

use anyhow::Context;
use muster_store::ledger::migrate::migrate;
use serde_json::json;

use crate::cli::MigrateArgs;
use crate::exit::Exit;
use crate::output::Output;
use crate::servers::Database;

/// Migrates and says what was applied.
pub async fn run(folder: &Path, args: &MigrateArgs, output: Output) -> anyhow::Result<Exit> {
    let database = Database::open(folder, &args.database).await?;
    let migrated = migrate(&database.settings)
        .await
        .context("could not migrate the ledger")?;
    output.json(&json!({ "applied": migrated.applied, "version": migrated.version }))?;
    output.text(&match migrated.applied.len() {
        0 => format!("the ledger is up to date at migration {}", migrated.version),
        applied => format!("applied {applied} migrations, the ledger is at {}", migrated.version),
    })?;
    database.close().await;
    Ok(Exit::Fine)
}
