//! What the receiver asks its caller when the group gives or takes partitions.
//!
//! Implemented by the wiring over the ledger: raise the tokens, read the next offsets. Called on the receiver's thread
//! before the group hears an answer, so both calls must be short and bounded.

use std::sync::Arc;

use muster_spec::{Offset, SourceId, TopicId};

/// A partition as the group gave it, at one assignment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartitionRef {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The topic's id when the partition was taken.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: i32,
    /// How many partitions the topic had when this one was taken.
    pub partitions: i32,
    /// Rises with every time this process takes partitions; batches carry it.
    pub generation: u64,
}

/// Where a source starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// At the first record the log holds, for a source the ledger does not know. Its first delta starts at offset 0.
    Earliest,
    /// At the ledger's next offset. When the log no longer holds it, a gap is reported and nothing is skipped.
    Offset(Offset),
}

/// What the caller says of one partition it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The ledger's number of (topic, topic id, partition).
    pub source: SourceId,
    /// Where to start.
    pub next: StartAt,
    /// Whether to fetch nothing until [`crate::Receiver::resume`]: while keys are rebuilt, or where the ledger says so.
    pub paused: bool,
}

/// A partition that is held, with the source it was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The partition, its topic's id and the generation.
    pub partition: PartitionRef,
    /// The ledger's number.
    pub source: SourceId,
}

/// The caller could not take the partitions. The receiver leaves the group and comes back later.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct AssignError {
    /// Why, without any value of a person.
    pub reason: String,
}

impl AssignError {
    /// An error with its reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// The caller's side of a rebalance. Both calls are made on the receiver's thread.
pub trait Assigner: Send + Sync {
    /// Takes partitions: raises their tokens and says where each starts, one [`Start`] a partition in the same order.
    /// Must return within seconds: while it runs, no record is received.
    fn assign(&self, partitions: &[PartitionRef]) -> Result<Vec<Start>, AssignError>;

    /// Gives partitions up: when this returns, no batch of these generations may be committed any more. Rows not yet
    /// sealed are dropped. `lost` says that another member may hold them already.
    fn revoke(&self, partitions: &[Taken], lost: bool);
}
