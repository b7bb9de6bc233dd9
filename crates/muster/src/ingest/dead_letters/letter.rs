//! A bad file's rows as the records they are published as.
//!
//! Used by the projection alone. Key and payload go out as they came, and so do the headers; after them come the
//! position the record had, the revision it was judged against and the ids of the rules it broke. Rule ids only: what
//! was wrong with which value is for the bad file, which fewer people may read.
//!
//! A record that carries another topic's `muster-origin-topic` was published from there before, and somebody ingests
//! the dead-letter topic: it is judged and kept like any record and not published again. So its first origin stays the
//! only one, and no ring of contracts can send it round. A dead letter that was put back into its own topic is a new
//! record at a new position, and is published as such.

use std::borrow::Cow;
use std::ops::Range;

use arrow::array::{Array, AsArray, BinaryArray, Int64Array, ListArray, RecordBatch};
use arrow::datatypes::Int64Type;
use muster_batch::headers::encoded_headers;
use muster_store::ledger::dead_letters::DueBadFile;

/// The topic a record came from.
const TOPIC: &str = "muster-origin-topic";
/// That topic's identity: one that is deleted and made again has another.
const TOPIC_ID: &str = "muster-origin-topic-id";
const PARTITION: &str = "muster-origin-partition";
const OFFSET: &str = "muster-origin-offset";
/// The source's revision that the verdict was judged against.
const REVISION: &str = "muster-revision";
/// The ids of the rules that were broken, with commas between.
const REASONS: &str = "muster-reasons";
const OWN: [&str; 6] = [TOPIC, TOPIC_ID, PARTITION, OFFSET, REVISION, REASONS];

/// What is read of a bad file.
pub const COLUMNS: [&str; 5] = ["_offset", "_key", "_headers", "_payload", "_violations"];

/// A header as it is published.
pub type Header<'a> = (&'a str, Option<Cow<'a, [u8]>>);

/// What all records of a file have in common.
pub struct Origin {
    topic: String,
    topic_id: String,
    partition: String,
    revision: String,
}

impl Origin {
    /// A file's.
    pub fn of(due: &DueBadFile) -> Self {
        Self {
            topic: due.topic.to_string(),
            topic_id: due.topic_id.to_string(),
            partition: due.partition.to_string(),
            revision: due.revision.0.to_string(),
        }
    }
}

/// Rows of a bad file.
pub struct Letters<'a> {
    offsets: &'a Int64Array,
    keys: &'a BinaryArray,
    headers: &'a BinaryArray,
    payloads: &'a BinaryArray,
    violations: &'a ListArray,
}

impl<'a> Letters<'a> {
    /// The rows of a batch; `None` where its columns are not a bad file's.
    pub fn read(rows: &'a RecordBatch) -> Option<Self> {
        let bytes = |name: &str| rows.column_by_name(name)?.as_binary_opt::<i32>();
        let violations = rows.column_by_name("_violations")?.as_list_opt::<i32>()?;
        violations.values().as_string_opt::<i32>()?;
        Some(Self {
            offsets: rows.column_by_name("_offset")?.as_primitive_opt::<Int64Type>()?,
            keys: bytes("_key")?,
            headers: bytes("_headers")?,
            payloads: bytes("_payload")?,
            violations,
        })
    }

    /// The rows' numbers.
    pub fn rows(&self) -> Range<usize> {
        0..self.offsets.len()
    }

    /// A record's offset; they rise.
    pub fn offset(&self, row: usize) -> i64 {
        self.offsets.value(row)
    }

    /// The last record's offset.
    pub fn last_offset(&self) -> i64 {
        self.offsets.values().last().copied().unwrap_or_default()
    }

    /// A record's key.
    pub fn key(&self, row: usize) -> Option<&'a [u8]> {
        value(self.keys, row)
    }

    /// A record's payload.
    pub fn payload(&self, row: usize) -> Option<&'a [u8]> {
        value(self.payloads, row)
    }

    /// The headers a record is published with; `None` where it is a dead letter of another topic.
    pub fn headers<'b>(&self, row: usize, origin: &'b Origin) -> Option<Vec<Header<'b>>>
    where
        'a: 'b,
    {
        let came_with = || encoded_headers(value(self.headers, row).unwrap_or_default());
        let first = came_with().find(|(name, _)| *name == TOPIC);
        if first.is_some_and(|(_, topic)| topic != Some(origin.topic.as_bytes())) {
            return None;
        }
        let mut headers: Vec<Header<'b>> = came_with()
            .filter(|(name, _)| !OWN.contains(name))
            .map(|(name, value)| (name, value.map(Cow::Borrowed)))
            .collect();
        let offset = self.offset(row).to_string();
        for (name, text) in [
            (TOPIC, Cow::Borrowed(origin.topic.as_bytes())),
            (TOPIC_ID, Cow::Borrowed(origin.topic_id.as_bytes())),
            (PARTITION, Cow::Borrowed(origin.partition.as_bytes())),
            (OFFSET, Cow::Owned(offset.into_bytes())),
            (REVISION, Cow::Borrowed(origin.revision.as_bytes())),
            (REASONS, Cow::Owned(self.reasons(row).into_bytes())),
        ] {
            headers.push((name, Some(text)));
        }
        Some(headers)
    }

    fn reasons(&self, row: usize) -> String {
        let listed = self.violations.value(row);
        let ids: Vec<&str> = listed.as_string::<i32>().iter().flatten().collect();
        ids.join(",")
    }
}

fn value(column: &BinaryArray, row: usize) -> Option<&[u8]> {
    column.is_valid(row).then(|| column.value(row))
}

#[cfg(test)]
#[path = "letter_tests.rs"]
mod tests;
