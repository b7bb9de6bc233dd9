//! Records of one source on their way into a batch: copied once, from the fetched bytes into columns.
//!
//! Owned by a lane. The delta of each batch starts where the one before ended, so that offsets without a record are
//! covered; a batch without a record is never made.

use std::sync::Arc;
use std::time::Instant;

use muster_batch::{BytesColumn, Headers, RawBatch};
use muster_spec::{Offset, OffsetDelta, SourceId};

use crate::ffi::Record;

/// When a batch is full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) rows_max: usize,
    pub(crate) bytes_max: usize,
}

/// The open batch of one source.
#[derive(Debug)]
pub(crate) struct Collector {
    source: SourceId,
    topic: Arc<str>,
    partition: i32,
    limits: Limits,
    /// Where the open batch's delta starts.
    from: i64,
    /// One past the last record's offset, or `from`.
    next: i64,
    opened: Option<Instant>,
    offsets: Vec<i64>,
    timestamps: Vec<i64>,
    payloads: BytesColumn,
    keys: BytesColumn,
    headers: Headers,
}

impl Collector {
    /// A collector whose first delta starts at `next`.
    pub(crate) fn new(source: SourceId, topic: Arc<str>, partition: i32, next: i64, limits: Limits) -> Self {
        Self {
            source,
            topic,
            partition,
            limits,
            from: next,
            next,
            opened: None,
            offsets: Vec::new(),
            timestamps: Vec::new(),
            payloads: BytesColumn::default(),
            keys: BytesColumn::default(),
            headers: Headers::default(),
        }
    }

    /// Whose records are collected.
    pub(crate) fn source(&self) -> SourceId {
        self.source
    }

    /// The offset that comes next.
    pub(crate) fn next(&self) -> i64 {
        self.next
    }

    /// When the open batch got its first record.
    pub(crate) fn opened(&self) -> Option<Instant> {
        self.opened
    }

    /// Adds a record; says whether the batch is now full. A record before the next offset was handed out already, as
    /// happens when a rebalance pauses a partition while it is read, and is passed over.
    pub(crate) fn push<'a>(
        &mut self,
        now: Instant,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
        headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
    ) -> bool {
        if offset < self.next {
            tracing::debug!(source = %self.source, offset, next = self.next, "a record came a second time");
            return false;
        }
        self.opened.get_or_insert(now);
        self.offsets.push(offset);
        self.timestamps.push(timestamp);
        self.payloads.push(payload);
        self.keys.push(key);
        self.headers.push(headers);
        self.next = offset + 1;
        self.offsets.len() >= self.limits.rows_max || self.byte_len() >= self.limits.bytes_max
    }

    /// Adds a record as it was fetched; says whether the batch is now full.
    pub(crate) fn take(&mut self, now: Instant, record: &Record<'_>) -> bool {
        self.push(
            now,
            record.offset(),
            record.timestamp(),
            record.key(),
            record.payload(),
            record.headers(),
        )
    }

    /// The open batch, if it has a record. Room for the next one is made as large as this one was.
    pub(crate) fn close(&mut self) -> Option<RawBatch> {
        self.opened.take()?;
        let rows = self.offsets.len();
        let payload_bytes = self.payloads.byte_len();
        let key_bytes = self.keys.byte_len();
        let delta = OffsetDelta::new(Offset(self.from), Offset(self.next));
        self.from = self.next;
        Some(RawBatch {
            source: self.source,
            topic: self.topic.clone(),
            partition: self.partition,
            delta,
            offsets: std::mem::replace(&mut self.offsets, Vec::with_capacity(rows)),
            timestamps: std::mem::replace(&mut self.timestamps, Vec::with_capacity(rows)),
            payloads: std::mem::replace(&mut self.payloads, BytesColumn::with_capacity(rows, payload_bytes)),
            keys: std::mem::replace(&mut self.keys, BytesColumn::with_capacity(rows, key_bytes)),
            headers: std::mem::take(&mut self.headers),
        })
    }

    fn byte_len(&self) -> usize {
        self.payloads.byte_len() + self.keys.byte_len() + self.headers.byte_len()
    }
}

#[cfg(test)]
#[path = "collector_tests.rs"]
mod tests;
