//! Records of one source as they came from Kafka.
//!
//! Made by `stream`, consumed by decode. Its delta covers every offset up to the last record: offsets that hold no
//! record (aborted, compacted, control) are covered and not received.

use std::sync::Arc;

use muster_spec::{OffsetDelta, SourceId};

use crate::{BytesColumn, Headers};

/// Records of one source, in offset order. All columns have one entry a record.
#[derive(Clone, Debug)]
pub struct RawBatch {
    /// The source, as the ledger numbers it.
    pub source: SourceId,
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// From the next offset at the time of receiving to the last record's offset + 1.
    pub delta: OffsetDelta,
    /// Each record's offset, rising.
    pub offsets: Vec<i64>,
    /// Each record's timestamp, milliseconds since 1970-01-01 UTC; -1 where the record has none.
    pub timestamps: Vec<i64>,
    /// Each record's payload; null for a tombstone.
    pub payloads: BytesColumn,
    /// Each record's key.
    pub keys: BytesColumn,
    /// Each record's headers.
    pub headers: Headers,
}

impl RawBatch {
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// How many bytes payloads, keys and headers take.
    pub fn byte_len(&self) -> usize {
        self.payloads.byte_len() + self.keys.byte_len() + self.headers.byte_len()
    }
}
