//! The counts of a batch while it grows.
//!
//! Used by the batch writer. Bounded: a few sample offsets a rule, ranges instead of single offsets and rows.

use muster_batch::{FileRows, JudgedBatch, RawBatch, RuleLists};
use muster_spec::Contract;

use super::sealed::RuleCount;

/// Sample offsets kept a rule.
const SAMPLE_MAX: usize = 10;

#[derive(Default)]
pub(super) struct Tally {
    pub(super) received: u64,
    pub(super) good: u64,
    pub(super) bad: u64,
    pub(super) duplicates: u64,
    pub(super) tombstones: u64,
    pub(super) event_times: Option<(i64, i64)>,
    pub(super) duplicate_offsets: Vec<(i64, i64)>,
    counts: Vec<u64>,
    samples: Vec<Vec<i64>>,
    file_rows: Vec<FileRows>,
}

impl Tally {
    pub(super) fn new(contract: &Contract) -> Self {
        Self {
            counts: vec![0; contract.rules.len()],
            samples: vec![Vec::new(); contract.rules.len()],
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, judged: &JudgedBatch, records: &RawBatch) {
        self.received += records.len() as u64;
        self.good += judged.good_records.len() as u64;
        self.bad += judged.bad_records.len() as u64;
        self.duplicates += judged.duplicates.len() as u64;
        self.tombstones += judged.tombstones.len() as u64;
        self.event_times = join(self.event_times, bounds(&judged.good_event_times));
        for &record in &judged.duplicates {
            add_offset(&mut self.duplicate_offsets, records.offsets[record as usize]);
        }
        for (total, count) in self.counts.iter_mut().zip(&judged.counts) {
            *total += count;
        }
        self.sample(&judged.violations, &judged.bad_records, records);
        self.sample(&judged.warnings, &judged.bad_records, records);
        self.file_rows.extend_from_slice(&judged.keys.file_rows);
    }

    fn sample(&mut self, lists: &RuleLists, bad_records: &[u32], records: &RawBatch) {
        for (row, &record) in bad_records.iter().enumerate() {
            for rule in lists.get(row) {
                let sample = &mut self.samples[usize::from(rule.0)];
                if sample.len() < SAMPLE_MAX {
                    sample.push(records.offsets[record as usize]);
                }
            }
        }
    }

    pub(super) fn rules(&self, contract: &Contract) -> Vec<RuleCount> {
        let counted = contract.rules.iter().zip(&self.counts).zip(&self.samples);
        counted
            .filter(|((_, rows), _)| **rows > 0)
            .map(|((rule, rows), sample)| RuleCount {
                rule: rule.id.clone(),
                severity: rule.severity,
                rows: *rows,
                sample: sample.clone(),
            })
            .collect()
    }

    /// The rows of files, taken out: there is one a record.
    pub(super) fn take_file_rows(&mut self) -> Vec<FileRows> {
        joined(std::mem::take(&mut self.file_rows))
    }
}

/// Least and greatest event time; `i64::MIN` stands for none.
pub(super) fn bounds(event_times: &[i64]) -> Option<(i64, i64)> {
    let mut known = event_times.iter().copied().filter(|&time| time != i64::MIN);
    let first = known.next()?;
    Some(known.fold((first, first), |(least, greatest), time| {
        (least.min(time), greatest.max(time))
    }))
}

pub(super) fn join(one: Option<(i64, i64)>, other: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (one, other) {
        (Some((least, greatest)), Some((lower, upper))) => Some((least.min(lower), greatest.max(upper))),
        (known, None) | (None, known) => known,
    }
}

/// Adds an offset to rising half-open ranges.
fn add_offset(ranges: &mut Vec<(i64, i64)>, offset: i64) {
    match ranges.last_mut() {
        Some((_, to)) if *to == offset => *to += 1,
        _ => ranges.push((offset, offset + 1)),
    }
}

/// Sorts ranges and joins those that meet or overlap.
pub(crate) fn joined(mut ranges: Vec<FileRows>) -> Vec<FileRows> {
    ranges.sort_unstable();
    let mut out: Vec<FileRows> = Vec::new();
    for range in ranges.into_iter().filter(|range| range.from < range.to) {
        match out.last_mut() {
            Some(last) if last.file == range.file && range.from <= last.to => last.to = last.to.max(range.to),
            _ => out.push(range),
        }
    }
    out
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
