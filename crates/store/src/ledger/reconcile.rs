//! The identity: received = good + bad + duplicate + tombstone, by first verdict, held against deltas and files.
//!
//! Printed by `muster reconcile`, watched by a metric. The counts are summed over a topic's incarnations; what does
//! not add up is said in a line each.

use serde::Serialize;

use super::Ledger;
use super::counts::{Counts, SUMS};
use crate::error::Error;

/// What a topic's partition received and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReconcileRow {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// What became of its records.
    #[serde(flatten)]
    pub counts: Counts,
}

/// The whole account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// One row a topic and partition, in that order.
    pub rows: Vec<ReconcileRow>,
    /// What does not add up, a line each; empty when all does.
    pub faults: Vec<String>,
}

impl Ledger {
    /// Adds everything up.
    pub async fn reconcile(&self) -> Result<Reconciled, Error> {
        // Summed over the topic's incarnations; sources without a batch count nothing.
        let sums = format!(
            "SELECT sources.topic, sources.partition, {SUMS}
             FROM sources LEFT JOIN batches ON batches.source_id = sources.id
             GROUP BY sources.topic, sources.partition ORDER BY sources.topic, sources.partition"
        );
        let mut session = self.session("reconcile").await?;
        let rows = session.rows(&sums, &[]).await?;
        let faults = session.rows(include_str!("reconcile_faults.sql"), &[]).await?;
        Ok(Reconciled {
            rows: rows
                .iter()
                .map(|row| ReconcileRow {
                    topic: row.get(0),
                    partition: row.get(1),
                    counts: Counts::read(row, 2),
                })
                .collect(),
            faults: faults.iter().map(|row| row.get(0)).collect(),
        })
    }
}
