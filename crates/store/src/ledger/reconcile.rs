//! The identity: received = good + bad + duplicate + tombstone, by first verdict, held against deltas and files.
//!
//! Printed by `muster reconcile`, watched by a metric. The counts are summed over a topic's incarnations; what does
//! not add up is said in a line each.

use serde::Serialize;
use tokio_postgres::Row;

use super::Ledger;
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

/// What became of records, by first verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records received.
    pub received: u64,
    /// Good rows.
    pub good: u64,
    /// Bad records.
    pub bad: u64,
    /// Delivered before.
    pub duplicate: u64,
    /// With a null payload.
    pub tombstone: u64,
    /// Bad ones made good since.
    pub repaired: u64,
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.good += other.good;
        self.bad += other.bad;
        self.duplicate += other.duplicate;
        self.tombstone += other.tombstone;
        self.repaired += other.repaired;
    }

    /// Bad over good and bad; `None` where nothing was judged.
    pub fn bad_ratio(&self) -> Option<f64> {
        let judged = self.good + self.bad;
        (judged > 0).then(|| self.bad as f64 / judged as f64)
    }

    /// Reads six columns from this one on, in the order of the fields.
    pub(super) fn read(row: &Row, first: usize) -> Self {
        let count = |column: usize| row.get::<_, i64>(first + column) as u64;
        Self {
            received: count(0),
            good: count(1),
            bad: count(2),
            duplicate: count(3),
            tombstone: count(4),
            repaired: count(5),
        }
    }
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
