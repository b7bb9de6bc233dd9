//! `muster retain`: rows that are past their age go, what they counted stays.

use std::path::Path;
use std::sync::Arc;

use muster_spec::ContractName;
use muster_store::files::FileStore;
use muster_store::{FolderStore, Role};
use serde_json::json;

use crate::cli::RetainArgs;
use crate::exit::Exit;
use crate::housekeeping::deleting::finish;
use crate::housekeeping::retaining::{Retained, Retaining};
use crate::output::{Output, table};
use crate::servers::Database;

/// Removes what is past its age, deletes what nobody reads any more and says both.
pub async fn run(folder: &Path, args: &RetainArgs, output: Output) -> anyhow::Result<Exit> {
    let database = Database::open(folder, &args.database).await?;
    let ledger = database.ledger(Role::Ingest).await?;
    let files: Arc<dyn FileStore> = Arc::new(FolderStore::new(folder));
    let contract = args.contract.as_deref().map(ContractName::from);
    let retaining = Retaining {
        ledger: &ledger,
        contract: contract.as_ref(),
        age: args.older_than,
        awaited: args.awaited,
    };
    let retained = retaining.run(args.dry_run).await?;
    let (deleted, held) = finish(&ledger, &files, args.dry_run).await?;
    output.json(&json!({ "dry_run": args.dry_run, "retain": retained, "deleted": deleted, "held_files": held }))?;
    output.text(&told(&retained, args.dry_run))?;
    output.text(&deleted.told(held))?;
    database.close().await;
    Ok(Exit::Fine)
}

fn told(retained: &[Retained], dry: bool) -> String {
    if retained.is_empty() {
        return "No rows are past their age.".to_owned();
    }
    let header = ["contract", "kind", "files", "rows", "rows that stay", "oldest"];
    let line = |retained: &Retained| {
        vec![
            retained.contract.clone(),
            retained.kind.clone(),
            retained.files.to_string(),
            retained.rows.to_string(),
            retained.awaited_rows.to_string(),
            retained.oldest.clone(),
        ]
    };
    let mut text = table(&header, &[2, 3, 4], retained.iter().map(line));
    if retained.iter().any(|retained| retained.awaited_rows > 0) {
        text.push_str("\nRows that stay are still to be scored, or to be published as dead letters.");
    }
    if dry {
        text.push_str("\nNothing was done.");
    }
    text
}
