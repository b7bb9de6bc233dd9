//! `muster reconcile`: received = good + bad + duplicate + tombstone, for every topic and partition.

use std::fmt::Write as _;
use std::path::Path;

use muster_store::Role;
use muster_store::ledger::counts::Counts;
use muster_store::ledger::reconcile::Reconciled;
use serde_json::json;

use crate::cli::DatabaseArgs;
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::servers::Database;

/// Prints the account and what does not add up.
pub async fn run(folder: &Path, args: &DatabaseArgs, output: Output) -> anyhow::Result<Exit> {
    let database = Database::open(folder, args).await?;
    let reconciled = database.ledger(Role::Read).await?.reconcile().await?;
    output.json(&json!({ "reconcile": reconciled.rows, "faults": reconciled.faults }))?;
    output.text(&account(&reconciled))?;
    database.close().await;
    Ok(if reconciled.faults.is_empty() {
        Exit::Fine
    } else {
        Exit::Finding
    })
}

/// The account as people read it: a table, then a line for each fault.
pub fn account(reconciled: &Reconciled) -> String {
    let header = [
        "topic",
        "partition",
        "received",
        "=",
        "good",
        "+ bad",
        "+ duplicate",
        "+ tombstone",
        "repaired",
    ];
    let line = |topic: &str, partition: String, counts: &Counts| {
        vec![
            topic.to_owned(),
            partition,
            counts.received.to_string(),
            "=".into(),
            counts.good.to_string(),
            counts.bad.to_string(),
            counts.duplicate.to_string(),
            counts.tombstone.to_string(),
            counts.repaired.to_string(),
        ]
    };
    let mut total = Counts::default();
    let mut lines = Vec::new();
    let (idle, rows): (Vec<_>, Vec<_>) = reconciled.rows.iter().partition(|row| row.counts.received == 0);
    for row in rows {
        total.add(&row.counts);
        lines.push(line(&row.topic, row.partition.to_string(), &row.counts));
    }
    lines.push(line("all", String::new(), &total));
    let mut text = table(&header, &[1, 2, 4, 5, 6, 7, 8], lines);
    if !idle.is_empty() {
        let _ = write!(text, "\n{} more partitions received nothing.", idle.len());
    }
    if reconciled.faults.is_empty() {
        text.push_str("\nEverything adds up.");
    }
    for fault in &reconciled.faults {
        text.push_str("\nDoes not add up: ");
        text.push_str(fault);
    }
    text
}
