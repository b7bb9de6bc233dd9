//! What became of records, by first verdict, summed over batches.
//!
//! Read by the account, by reports and by whoever looks on, always by the same sums.

use serde::Serialize;
use tokio_postgres::Row;

/// The sums over `batches`, in the order of [`Counts`]; nulls where there is no batch.
pub(super) const SUMS: &str = "sum(received)::bigint, sum(good)::bigint, sum(bad)::bigint, sum(duplicate)::bigint,
    sum(tombstone)::bigint, sum(repaired)::bigint";

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

    /// Reads the columns of [`SUMS`] from this one on; nothing is counted where they are null.
    pub(super) fn read(row: &Row, first: usize) -> Self {
        let count = |column: usize| row.get::<_, Option<i64>>(first + column).unwrap_or(0) as u64;
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
