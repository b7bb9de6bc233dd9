//! What is known of each row and refused record of a batch while it is judged, and its verdict at the end.
//!
//! Used by [`super::Judge`]. Rules that something breaks are kept as sets of rows by rising rule number; lists of rule
//! numbers are written only for the records of the bad side.

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use muster_batch::{DecodedBatch, JudgedBatch, KeyEntries, Refusal, RuleLists};
use muster_expr::{Broken, RowSet};
use muster_spec::{Contract, RuleNumber, Severity};

/// A batch's rules as they are found broken.
pub(super) struct Verdicts {
    rules: Vec<(RuleNumber, RowSet)>,
    /// Rows that break a rule of severity error.
    bad: RowSet,
    panicked: Option<RowSet>,
    /// Rows and refused records that were delivered before.
    pub(super) duplicate_rows: Option<RowSet>,
    pub(super) duplicate_refused: Option<RowSet>,
    /// Refused records whose event id was delivered with another payload.
    pub(super) conflicting_refused: Option<RowSet>,
}

impl Verdicts {
    /// What the rules and decoding found.
    pub(super) fn new(contract: &Contract, decoded: &DecodedBatch, broken: Broken, undecodable: RuleNumber) -> Self {
        let rows = decoded.rows.num_rows();
        let mut verdicts = Self {
            rules: broken.rules,
            bad: RowSet::empty(rows),
            panicked: broken.panicked,
            duplicate_rows: None,
            duplicate_refused: None,
            conflicting_refused: None,
        };
        for finding in &decoded.findings {
            verdicts.set_of(finding.rule).insert(finding.row as usize);
        }
        if let Some(panicked) = verdicts.panicked.take() {
            verdicts.set_of(undecodable).extend(&panicked);
            verdicts.panicked = Some(panicked);
        }
        let errors = verdicts.rules.iter().filter(|(rule, _)| is_error(contract, *rule));
        errors.for_each(|(_, set)| verdicts.bad.extend(set));
        verdicts
    }

    /// Whether a row breaks a rule of severity error.
    #[inline]
    pub(super) fn is_bad(&self, row: usize) -> bool {
        self.bad.contains(row)
    }

    /// A row breaks a rule.
    pub(super) fn breaks(&mut self, row: usize, rule: RuleNumber, severity: Severity) {
        self.set_of(rule).insert(row);
        if severity == Severity::Error {
            self.bad.insert(row);
        }
    }

    fn set_of(&mut self, rule: RuleNumber) -> &mut RowSet {
        let at = self
            .rules
            .binary_search_by_key(&rule, |(known, _)| *known)
            .unwrap_or_else(|at| {
                self.rules.insert(at, (rule, RowSet::empty(self.bad.rows())));
                at
            });
        &mut self.rules[at].1
    }

    /// The batch with its verdicts.
    pub(super) fn finish(
        mut self,
        contract: &Contract,
        decoded: DecodedBatch,
        event_times: Vec<i64>,
        keys: KeyEntries,
        conflict: RuleNumber,
    ) -> JudgedBatch {
        let mut duplicates = Vec::new();
        if let Some(again) = &self.duplicate_rows {
            duplicates.extend(again.iter().map(|row| decoded.record_of_row[row]));
            self.rules.iter_mut().for_each(|(_, set)| set.subtract(again));
            self.bad.subtract(again);
        }
        if let Some(again) = &self.duplicate_refused {
            duplicates.extend(again.iter().map(|at| decoded.refused[at].record));
            duplicates.sort_unstable();
        }
        let mut counts = vec![0; contract.rules.len()];
        for (rule, set) in &self.rules {
            counts[usize::from(rule.0)] = set.count() as u64;
        }
        let mut bad = BadSide::default();
        self.bad_side(contract, &decoded, conflict, &mut bad, &mut counts);
        let (good, good_records, good_event_times) = self.good_side(decoded.rows, decoded.record_of_row, event_times);
        JudgedBatch {
            origin: decoded.origin,
            good,
            good_records,
            good_event_times,
            bad_records: bad.records,
            violations: bad.violations,
            warnings: bad.warnings,
            refusals: bad.refusals,
            duplicates,
            tombstones: decoded.tombstones,
            counts,
            keys,
        }
    }

    fn bad_side(
        &self,
        contract: &Contract,
        decoded: &DecodedBatch,
        conflict: RuleNumber,
        bad: &mut BadSide,
        counts: &mut [u64],
    ) {
        let errors: Vec<bool> = self.rules.iter().map(|(rule, _)| is_error(contract, *rule)).collect();
        let broken_by = |row: usize, error: bool| {
            let rules = self.rules.iter().zip(&errors);
            let rules = rules.filter(move |((_, set), is_error)| **is_error == error && set.contains(row));
            rules.map(|((rule, _), _)| *rule)
        };
        let mut rows = self.bad.iter().peekable();
        let mut refused = (0..decoded.refused.len())
            .filter(|at| !holds(self.duplicate_refused.as_ref(), *at))
            .peekable();
        loop {
            let row_first = match (rows.peek(), refused.peek()) {
                (None, None) => break,
                (Some(row), Some(at)) => decoded.record_of_row[*row] < decoded.refused[*at].record,
                (row, _) => row.is_some(),
            };
            if let Some(row) = rows.next_if(|_| row_first) {
                bad.records.push(decoded.record_of_row[row]);
                bad.violations.push(broken_by(row, true));
                bad.warnings.push(broken_by(row, false));
                bad.refusals
                    .push(holds(self.panicked.as_ref(), row).then_some(Refusal::RulePanic));
            } else if let Some(at) = refused.next() {
                let record = decoded.refused[at];
                let conflict = holds(self.conflicting_refused.as_ref(), at).then_some(conflict);
                let mut broken: Vec<RuleNumber> = [Some(record.rule), conflict].into_iter().flatten().collect();
                broken.sort_unstable();
                for rule in &broken {
                    counts[usize::from(rule.0)] += 1;
                }
                bad.records.push(record.record);
                bad.violations.push(broken);
                bad.warnings.push([]);
                bad.refusals.push(Some(record.reason));
            }
        }
    }

    /// The good rows: the batch itself where all are good.
    fn good_side(
        &self,
        rows: RecordBatch,
        mut records: Vec<u32>,
        mut event_times: Vec<i64>,
    ) -> (RecordBatch, Vec<u32>, Vec<i64>) {
        let mut out = self.bad.clone();
        if let Some(again) = &self.duplicate_rows {
            out.extend(again);
        }
        if out.is_empty() {
            return (rows, records, event_times);
        }
        let good: BooleanArray = out.complement();
        let kept = filter_record_batch(&rows, &good).expect("the filter has an entry for each row");
        keep(&mut records, &out);
        keep(&mut event_times, &out);
        (kept, records, event_times)
    }
}

#[derive(Default)]
struct BadSide {
    records: Vec<u32>,
    violations: RuleLists,
    warnings: RuleLists,
    refusals: Vec<Option<Refusal>>,
}

fn is_error(contract: &Contract, rule: RuleNumber) -> bool {
    contract.rules[usize::from(rule.0)].severity == Severity::Error
}

pub(super) fn holds(set: Option<&RowSet>, at: usize) -> bool {
    set.is_some_and(|set| set.contains(at))
}

fn keep<T>(values: &mut Vec<T>, out: &RowSet) {
    let mut row = 0;
    values.retain(|_| {
        row += 1;
        !out.contains(row - 1)
    });
}
