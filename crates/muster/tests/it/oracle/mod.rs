//! The oracle: who produces numbered events knows what must become of each; who checks finds each exactly there.
//!
//! [`Producer`] writes records of every kind, good and bad, at places it keeps in its [`Log`]. [`check`] reads ledger and
//! sealed files and accounts for every record of the log exactly once as good, bad, duplicate or tombstone, for every
//! statistic by a recount, for every prediction by its row, and for every bad record by its dead letters.

mod check;
mod dead_letters;
mod planted;
mod produce;

pub use check::{check, predictions};
pub use produce::{Log, Producer};

/// What must become of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Good,
    /// The rules it breaks, warnings not among them.
    Bad(Vec<String>),
    Duplicate,
    Tombstone,
    /// Deleted from the log before anybody could receive it.
    Lost,
}

/// A record that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The event's number.
    pub number: u64,
    pub outcome: Outcome,
    /// Its payload, where it is bad: it must be kept as it was.
    pub payload: Vec<u8>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Whether it was bad and must have been made good since.
    pub repaired: bool,
}
