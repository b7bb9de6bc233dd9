//! Which records of bad files are meant, and a chunk of them in memory.
//!
//! Used by repair and replay, and by whoever shows bad rows.

use std::collections::HashSet;

use anyhow::Context;
use arrow::array::RecordBatch;
use muster_batch::{BytesColumn, Headers, RawBatch};
use muster_spec::{Offset, OffsetDelta};
use muster_store::files::{BadRecords, ListedFile};
use muster_store::ledger::bad_files::BadFile;

/// What is broken by an event's id that came with another payload.
const CONFLICT: &str = "event_id.conflict";

/// Which of a source's bad records are meant.
#[derive(Debug, Default)]
pub struct Selection {
    rule: Option<String>,
    /// Offsets that are good by now, as rising half-open ranges.
    repaired: Vec<(i64, i64)>,
    wanted: Option<HashSet<i64>>,
}

impl Selection {
    /// Those that broke `rule` and were not repaired; only these offsets where some are `wanted`.
    pub fn new(rule: Option<String>, repaired: Vec<(i64, i64)>, wanted: Option<HashSet<i64>>) -> Self {
        Self { rule, repaired, wanted }
    }

    /// Whether a record broke the rule that is asked for, whatever became of it.
    pub fn is_asked(&self, records: &BadRecords<'_>, record: usize) -> bool {
        let rule = self.rule.as_deref();
        rule.is_none_or(|rule| records.violations(record).any(|broken| broken == rule))
    }

    /// Whether a record was made good.
    pub fn is_repaired(&self, offset: i64) -> bool {
        is_in(&self.repaired, offset)
    }

    fn takes(&self, records: &BadRecords<'_>, record: usize) -> bool {
        let offset = records.offset(record);
        !self.is_repaired(offset)
            && self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&offset))
            && self.is_asked(records, record)
    }
}

/// Whether an offset lies in one of some rising half-open ranges.
pub fn is_in(ranges: &[(i64, i64)], offset: i64) -> bool {
    let after = ranges.partition_point(|(from, _)| *from <= offset);
    after > 0 && offset < ranges[after - 1].1
}

/// Bad records of one source, in offset order.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The records as they came.
    pub records: RawBatch,
    /// Those whose event id stood for another payload, rising.
    pub conflicting: Vec<u32>,
}

impl Chunk {
    /// None yet, of a file's source.
    pub fn of(file: &BadFile) -> Self {
        Self {
            records: RawBatch {
                source: file.source,
                topic: file.topic.clone(),
                partition: file.partition,
                delta: OffsetDelta::new(Offset(0), Offset(0)),
                offsets: Vec::new(),
                timestamps: Vec::new(),
                payloads: BytesColumn::default(),
                keys: BytesColumn::default(),
                headers: Headers::default(),
            },
            conflicting: Vec::new(),
        }
    }

    /// Adds the records of a bad file's rows that are meant.
    pub fn add(&mut self, rows: &RecordBatch, selection: &Selection, file: &ListedFile) -> anyhow::Result<()> {
        let records =
            BadRecords::read(rows).with_context(|| format!("`{}` has not the columns of a bad file", file.path))?;
        for record in (0..records.len()).filter(|&record| selection.takes(&records, record)) {
            if records.violations(record).any(|rule| rule == CONFLICT) {
                self.conflicting.push(self.records.len() as u32);
            }
            records.copy(record, &mut self.records);
        }
        Ok(())
    }

    /// Those that were not made good meanwhile.
    pub fn without(self, repaired: &[(i64, i64)]) -> Self {
        let old = &self.records;
        if !old.offsets.iter().any(|offset| is_in(repaired, *offset)) {
            return self;
        }
        let mut left = Self {
            records: RawBatch {
                topic: old.topic.clone(),
                offsets: Vec::new(),
                timestamps: Vec::new(),
                payloads: BytesColumn::default(),
                keys: BytesColumn::default(),
                headers: Headers::default(),
                ..*old
            },
            conflicting: Vec::new(),
        };
        for record in (0..old.len()).filter(|&record| !is_in(repaired, old.offsets[record])) {
            if self.conflicting.binary_search(&(record as u32)).is_ok() {
                left.conflicting.push(left.records.len() as u32);
            }
            left.records.offsets.push(old.offsets[record]);
            left.records.timestamps.push(old.timestamps[record]);
            left.records.payloads.push(old.payloads.get(record));
            left.records.keys.push(old.keys.get(record));
            left.records.headers.push(old.headers.iter(record));
        }
        left
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
