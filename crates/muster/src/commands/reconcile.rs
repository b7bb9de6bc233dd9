//! `muster reconcile`: received = good + bad + duplicate + tombstone, for every topic and partition.

use std::fmt::Write as _;
use std::path::Path;

use muster_store::Role;
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
    let counts = |row: &muster_store::ledger::reconcile::ReconcileRow| {
        [
            row.received,
            row.good,
            row.bad,
            row.duplicate,
            row.tombstone,
            row.repaired,
        ]
    };
    let line = |topic: &str, partition: String, counts: [u64; 6]| {
        let [received, good, bad, duplicate, tombstone, repaired] = counts.map(|count| count.to_string());
        vec![
            topic.to_owned(),
            partition,
            received,
            "=".into(),
            good,
            bad,
            duplicate,
            tombstone,
            repaired,
        ]
    };
    let mut total = [0; 6];
    let mut lines = Vec::new();
    let (idle, rows): (Vec<_>, Vec<_>) = reconciled.rows.iter().partition(|row| row.received == 0);
    for row in rows {
        for (sum, count) in total.iter_mut().zip(counts(row)) {
            *sum += count;
        }
        lines.push(line(&row.topic, row.partition.to_string(), counts(row)));
    }
    lines.push(line("all", String::new(), total));
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
