//! Rows to verdicts: every rule on every row, uniqueness and redelivery against what came before.
//!
//! Called by `muster ingest` and `muster validate` for each decoded batch, one judge a worker and one [`KeyState`] a
//! source. Judging never fails and loses nothing: each record ends as good, bad, duplicate or tombstone, and cutting
//! the same records into other batches gives the same verdicts. A bad row keeps all its violations. Rules are judged a
//! column at a time; only what depends on earlier rows goes row by row, and only where the contract asks for it.

pub mod contract_tests;
pub mod distinct;
pub mod event_time;
pub mod expectations;
pub mod keys;
pub mod levels;
pub mod profile;
pub mod quantile;
pub mod stop_above;

#[cfg(test)]
mod again_tests;
mod file_rows;
mod fingerprint;
mod order;
#[cfg(test)]
mod test_batch;
mod verdict;
mod window;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use muster_batch::{DecodedBatch, JudgedBatch, KeyEntries};
use muster_expr::{RowSet, Rules, Unparsed};
use muster_spec::{Check, Contract, Problem, RuleNumber, Severity};

pub use contract_tests::{TestOutcome, run_tests};
pub use expectations::{Expectations, Measured};
pub use keys::{Full, KeyState};
pub use levels::Levels;
pub use profile::{FieldProfile, FieldValues, Profile};
pub use stop_above::BadRatio;

use order::Order;
use verdict::Verdicts;

/// Judges batches against one contract. Cloned for each worker: it remembers verdicts on texts it has seen.
#[derive(Clone, Debug)]
pub struct Judge {
    contract: Arc<Contract>,
    rules: Rules,
    order: Order,
    /// `record.undecodable`, under which a row goes on which a rule panicked.
    undecodable: RuleNumber,
    /// The fields of the `FIELD.type` rules, by rule number.
    typed_by: Vec<Option<usize>>,
}

impl Judge {
    /// Compiles a contract's rules.
    ///
    /// Errors: every rule that does not compile, at its place in the contract's file.
    pub fn new(contract: Arc<Contract>) -> Result<Self, Vec<Problem>> {
        let rules = Rules::compile(&contract)?;
        let typed_by = contract
            .rules
            .iter()
            .map(|rule| rule.field.filter(|_| rule.check == Check::Type));
        Ok(Self {
            rules,
            order: Order::new(&contract),
            undecodable: contract.built_in(&Check::Decodable, None).unwrap_or(RuleNumber(0)),
            typed_by: typed_by.collect(),
            contract,
        })
    }

    /// The contract that is judged by.
    pub fn contract(&self) -> &Arc<Contract> {
        &self.contract
    }

    /// The key state of a source that has no rows yet.
    pub fn key_state(&self) -> KeyState {
        KeyState::new(&self.contract)
    }

    /// The verdicts on a batch. `keys` is the state of the batch's source and takes up what the batch adds to it: where
    /// the batch is not committed, the state is thrown away with it.
    pub fn judge(&mut self, decoded: DecodedBatch, keys: &mut KeyState) -> JudgedBatch {
        let broken = self.rules.judge(&decoded.rows, &self.unparsed(&decoded));
        let mut verdicts = Verdicts::new(&self.contract, &decoded, broken, self.undecodable);
        let event_times = event_time::of_rows(&self.contract, &decoded);
        let mut entries = KeyEntries::default();
        if self.order.matters(&decoded) {
            self.order
                .judge(&decoded, &event_times, keys, &mut verdicts, &mut entries);
        }
        verdicts.finish(&self.contract, decoded, event_times, entries, self.order.conflict())
    }

    /// The verdicts on records that were judged before, as they are now. What was delivered before them was looked at
    /// then and is not again: rows in `conflicting` came under an event id that stood for another payload, and stay bad
    /// for as long as the contract asks. `keys` are those of everything accepted so far ([`KeyState::whole`]).
    pub fn judge_again(&mut self, decoded: DecodedBatch, conflicting: &RowSet, keys: &mut KeyState) -> JudgedBatch {
        let broken = self.rules.judge(&decoded.rows, &self.unparsed(&decoded));
        let mut verdicts = Verdicts::new(&self.contract, &decoded, broken, self.undecodable);
        if self.contract.event_id.is_some() {
            conflicting
                .iter()
                .for_each(|row| verdicts.breaks(row, self.order.conflict(), Severity::Error));
        }
        let event_times = event_time::of_rows(&self.contract, &decoded);
        let mut entries = KeyEntries::default();
        self.order
            .judge_again(&decoded, &event_times, keys, &mut verdicts, &mut entries);
        verdicts.finish(&self.contract, decoded, event_times, entries, self.order.conflict())
    }

    /// The fingerprints of the unique keys these rows have: accepted keys among them are all that can matter to them.
    pub fn keys_of(&self, rows: &RecordBatch) -> HashSet<u128> {
        self.order.keys_of(rows)
    }

    /// The rows' event times, microseconds since 1970-01-01 UTC; `i64::MIN` where a row has none.
    pub fn event_times(&self, decoded: &DecodedBatch) -> Vec<i64> {
        event_time::of_rows(&self.contract, decoded)
    }

    /// The rules of severity warn that rows break, by rising number, for whoever shows them row by row: of good rows
    /// verdicts only count them. Rules that look at earlier rows are left out.
    pub fn warnings(&mut self, decoded: &DecodedBatch) -> Vec<(RuleNumber, RowSet)> {
        let mut broken = self.rules.judge(&decoded.rows, &self.unparsed(decoded)).rules;
        broken.retain(|(rule, _)| self.contract.rules[usize::from(rule.0)].severity == Severity::Warn);
        broken
    }

    /// This judge with a rule that panics on a text, to test that it costs that row only.
    #[doc(hidden)]
    #[must_use]
    pub fn panicking_on(mut self, field: usize, text: &str) -> Self {
        self.rules = self.rules.panicking_on(field, text);
        self
    }

    fn unparsed(&self, decoded: &DecodedBatch) -> Vec<Unparsed> {
        let typed = decoded.findings.iter().filter_map(|finding| {
            let field = self.typed_by.get(usize::from(finding.rule.0)).copied().flatten()?;
            Some(Unparsed {
                row: finding.row,
                field,
            })
        });
        typed.collect()
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
