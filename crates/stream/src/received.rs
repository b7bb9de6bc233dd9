//! What the receiver hands to the rest of the process, in order, over one bounded channel.

use std::sync::Arc;

use muster_batch::RawBatch;
use muster_spec::{Offset, SourceId, TopicId};

use crate::Error;

/// How many [`Received`] wait between receiving and decoding unless configured otherwise.
pub const RECEIVED_CAPACITY: usize = 8;

/// What comes out of the receiver.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every event is a batch")]
pub enum Received {
    /// Records of one source.
    Batch {
        /// The records and their delta.
        batch: RawBatch,
        /// The generation they were received in: a batch of an earlier one is to be dropped.
        generation: u64,
    },
    /// Every record before `next` was handed out: the source's log was read to its end. Offsets between the last delta
    /// and `next` hold no record.
    CaughtUp {
        /// The source.
        source: SourceId,
        /// The generation.
        generation: u64,
        /// The offset that the next record will have at least.
        next: Offset,
    },
    /// The log no longer holds the offset that comes next. The source receives nothing until
    /// [`crate::Receiver::retake`], which asks the assigner again.
    Gap {
        /// The source.
        source: SourceId,
        /// The generation.
        generation: u64,
        /// The offset that should come next.
        expected: Offset,
        /// The first offset the log holds.
        first: Offset,
        /// One past the last offset the log holds; below `expected` when the log was cut short.
        high_watermark: Offset,
    },
    /// A topic was deleted and made again. Its partitions are being taken again under the new id, as new sources.
    TopicRecreated {
        /// The topic.
        topic: Arc<str>,
        /// The id its sources had.
        was: TopicId,
        /// The id it has now.
        now: TopicId,
    },
    /// A topic is not there any more. Its sources wait; when it comes back it is recreated.
    TopicGone {
        /// The topic.
        topic: Arc<str>,
        /// The id its sources had.
        was: TopicId,
    },
    /// Something around us failed. The receiver goes on and tries again by itself; the same trouble is told at most
    /// every ten seconds.
    Trouble(Error),
    /// Everything received before [`crate::Receiver::drain`] has been handed out.
    Drained,
    /// The client can not go on: the last event. The caller ends or starts another receiver.
    Failed(Error),
}

/// How far behind a source is, as far as its fetches tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The source.
    pub source: SourceId,
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset that comes next.
    pub next: Offset,
    /// One past the last offset of the log at the last fetch; `None` before the first.
    pub high_watermark: Option<Offset>,
    /// Whether the source is being fetched. Where it is not, the watermark is old: ask [`crate::Topics::watermarks`].
    pub fetching: bool,
}

impl Lag {
    /// How many offsets are still to come; `None` while the log's end is not known.
    pub fn offsets(&self) -> Option<i64> {
        self.high_watermark.map(|high| (high.0 - self.next.0).max(0))
    }
}
