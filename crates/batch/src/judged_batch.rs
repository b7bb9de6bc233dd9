//! Verdicts: good rows, bad records with every violation, and what was neither.
//!
//! Made by `contract::judge`, consumed by seal and by the ledger's statistics. The identity holds by construction:
//! received = good + bad + duplicates + tombstones, each record in exactly one.

use arrow::array::RecordBatch;
use muster_spec::RuleNumber;

use crate::{KeyEntries, Origin, Refusal};

/// Judged records.
#[derive(Clone, Debug)]
pub struct JudgedBatch {
    /// What was judged: raw bytes of the bad records are read from here.
    pub origin: Origin,
    /// The contract's fields of the good rows.
    pub good: RecordBatch,
    /// For each good row, its record in `origin`; rising.
    pub good_records: Vec<u32>,
    /// For each good row, its event time in microseconds since 1970-01-01 UTC; `i64::MIN` where it has none.
    pub good_event_times: Vec<i64>,
    /// Records of the bad side, rising.
    pub bad_records: Vec<u32>,
    /// For each bad record, the rules of severity error it breaks.
    pub violations: RuleLists,
    /// For each bad record, the rules of severity warn it breaks.
    pub warnings: RuleLists,
    /// For each bad record, why it would not decode, if it would not.
    pub refusals: Vec<Option<Refusal>>,
    /// Records that were delivered before.
    pub duplicates: Vec<u32>,
    /// Records with a null payload.
    pub tombstones: Vec<u32>,
    /// How often each rule was broken, by rule number: violations of bad records, and warnings of all judged rows.
    pub counts: Vec<u64>,
    /// What the next batches must remember.
    pub keys: KeyEntries,
}

/// A list of rule numbers for each record, in one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleLists {
    /// All lists one after another.
    pub rules: Vec<RuleNumber>,
    /// Where each list ends.
    pub ends: Vec<u32>,
}

impl RuleLists {
    /// Adds a record's list.
    pub fn push(&mut self, rules: impl IntoIterator<Item = RuleNumber>) {
        self.rules.extend(rules);
        self.ends.push(self.rules.len() as u32);
    }

    /// The list of one record.
    pub fn get(&self, record: usize) -> &[RuleNumber] {
        let start = if record == 0 { 0 } else { self.ends[record - 1] as usize };
        &self.rules[start..self.ends[record] as usize]
    }

    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}
