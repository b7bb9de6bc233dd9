//! `muster compact`: small files become larger ones, once.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use muster_store::files::FileStore;
use muster_store::ledger::compaction::Small;
use muster_store::{FolderStore, Role};
use serde_json::json;

use crate::cli::CompactArgs;
use crate::exit::Exit;
use crate::housekeeping::compacting::{Compacting, Merged};
use crate::housekeeping::deleting::finish;
use crate::output::{Output, table};
use crate::project::Project;
use crate::servers::Database;

/// Merges what is small, deletes what nobody reads any more and says both.
pub async fn run(folder: &Path, args: &CompactArgs, output: Output) -> anyhow::Result<Exit> {
    let contracts = Project::load_contracts(folder, &args.contracts)?;
    let database = Database::open(folder, &args.database).await?;
    let files: Arc<dyn FileStore> = Arc::new(FolderStore::new(folder));
    let compacting = Compacting {
        ledger: database.ledger(Role::Ingest).await?,
        files: Arc::clone(&files),
        small: Small {
            bytes: args.small_bytes,
            age: args.older_than,
        },
        merged_bytes_max: args.merged_bytes_max,
    };
    let mut merged = Vec::new();
    for contract in &contracts {
        merged.extend(if args.dry_run {
            compacting.plan(contract).await?
        } else {
            compacting.merge(contract).await?
        });
    }
    let (deleted, held) = finish(&compacting.ledger, &files, args.dry_run).await?;
    output.json(&json!({ "dry_run": args.dry_run, "compact": merged, "deleted": deleted, "held_files": held }))?;
    output.text(&told(&merged, args.dry_run))?;
    output.text(&deleted.told(held))?;
    database.close().await;
    let is_whole = merged.iter().all(|merged| merged.left.is_empty());
    Ok(if is_whole { Exit::Fine } else { Exit::Finding })
}

fn told(merged: &[Merged], dry: bool) -> String {
    if merged.is_empty() {
        return "No small files to merge.".to_owned();
    }
    let header = [
        "topic",
        "partition",
        "day",
        "kind",
        "files",
        "into",
        "rows",
        "bytes before",
        "bytes after",
    ];
    let line = |merged: &Merged| {
        vec![
            merged.topic.clone(),
            merged.partition.to_string(),
            merged.day.clone(),
            merged.kind.to_owned(),
            merged.files.to_string(),
            merged.into.to_string(),
            merged.rows.to_string(),
            merged.bytes_before.to_string(),
            merged.bytes_after.map(|bytes| bytes.to_string()).unwrap_or_default(),
        ]
    };
    let mut text = table(&header, &[1, 4, 5, 6, 7, 8], merged.iter().map(line));
    for merged in merged {
        for why in &merged.left {
            let (kind, topic, partition) = (merged.kind, &merged.topic, merged.partition);
            let _ = write!(
                text,
                "\nLeft as they are, {kind} files of {topic} partition {partition}: {why}"
            );
        }
    }
    if dry {
        text.push_str("\nNothing was done.");
    }
    text
}
