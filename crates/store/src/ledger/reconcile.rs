//! The identity: received = good + bad + duplicate + tombstone, by first verdict, held against deltas and files.
//!
//! Printed by `muster reconcile`, watched by a metric. The counts are summed over a topic's incarnations; what does
//! not add up is said in a line each.

use serde::Serialize;

use super::Ledger;
use crate::error::Error;

/// What a topic's partition received and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReconcileRow {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Records received.
    pub received: u64,
    /// Good by first verdict.
    pub good: u64,
    /// Bad by first verdict.
    pub bad: u64,
    /// Delivered before.
    pub duplicate: u64,
    /// With a null payload.
    pub tombstone: u64,
    /// Bad ones made good since.
    pub repaired: u64,
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
        let mut session = self.session("reconcile").await?;
        let rows = session.rows(include_str!("reconcile.sql"), &[]).await?;
        let faults = session.rows(include_str!("reconcile_faults.sql"), &[]).await?;
        let count = |row: &tokio_postgres::Row, column: usize| row.get::<_, i64>(column) as u64;
        Ok(Reconciled {
            rows: rows
                .iter()
                .map(|row| ReconcileRow {
                    topic: row.get(0),
                    partition: row.get(1),
                    received: count(row, 2),
                    good: count(row, 3),
                    bad: count(row, 4),
                    duplicate: count(row, 5),
                    tombstone: count(row, 6),
                    repaired: count(row, 7),
                })
                .collect(),
            faults: faults.iter().map(|row| row.get(0)).collect(),
        })
    }
}
