//! What a batch leaves behind for the uniqueness and duplicate checks of later batches.
//!
//! Made by judge, sealed into a small key file beside the good and bad ones, read back when a source is assigned. Key
//! state is derived from these and never stored otherwise.

use muster_spec::FileSha;

/// Fingerprints of accepted keys and of delivered events. All columns have one entry a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyEntries {
    /// What the fingerprint is of.
    pub kinds: Vec<KeyKind>,
    /// The fingerprint: xxh3-128 of the key's canonical bytes, seeded by the rule's id; 0 for [`KeyKind::WATERMARK`].
    pub fingerprints: Vec<u128>,
    /// Event time, microseconds since 1970-01-01 UTC; `i64::MIN` for a row of a file without times.
    pub event_times: Vec<i64>,
    /// The record's offset.
    pub offsets: Vec<i64>,
    /// xxh3-64 of the payload for events, 0 for unique keys.
    pub payload_hashes: Vec<u64>,
    /// Rows of published files that this batch holds, whatever their verdict.
    pub file_rows: Vec<FileRows>,
}

/// What a fingerprint is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// The value that a `unique` rule looks at: the rule's number.
    Unique(u16),
    /// An event id.
    Event,
}

impl KeyKind {
    /// No key: the entry's event time is the greatest of the source's good rows so far. One a batch that raised it, so
    /// that the windows of a rebuilt state end where those of the lost one did.
    pub const WATERMARK: Self = Self::Unique(u16::MAX);
}

/// A range of a published file's rows, [from, to).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileRows {
    /// The file.
    pub file: FileSha,
    /// The first row.
    pub from: u64,
    /// One past the last row.
    pub to: u64,
}

impl KeyEntries {
    /// How many fingerprints there are.
    pub fn len(&self) -> usize {
        self.fingerprints.len()
    }

    /// Whether there is no fingerprint.
    pub fn is_empty(&self) -> bool {
        self.fingerprints.is_empty()
    }

    /// Adds a fingerprint.
    pub fn push(&mut self, kind: KeyKind, fingerprint: u128, event_time: i64, offset: i64, payload_hash: u64) {
        self.kinds.push(kind);
        self.fingerprints.push(fingerprint);
        self.event_times.push(event_time);
        self.offsets.push(offset);
        self.payload_hashes.push(payload_hash);
    }
}
