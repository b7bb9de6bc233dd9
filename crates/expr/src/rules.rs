//! All rules of a contract over a batch of rows.
//!
//! Made once a contract and worker, used by the judge for each batch. Each step answers for whole columns; when it
//! panics, the batch is halved until the rows that do it stand alone, so that one poisonous value costs its own row and
//! nothing else. Violations that hold on nothing are never stored: a batch without a broken rule allocates nothing
//! that grows with its rows.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{Array, AsArray, RecordBatch};
use muster_spec::{Contract, Problem, RuleNumber};

use crate::numbers::NumberCheck;
use crate::sql::SqlRule;
use crate::text::{TextCheck, TextColumn};
use crate::{RowSet, compile};

/// The compiled rules of a contract. Remembers verdicts on short texts between batches; each worker has its own.
#[derive(Clone, Debug)]
pub struct Rules {
    steps: Vec<Step>,
}

/// A value that was there and is no value of its field's type: the row's cell is null, and the field's rules are not
/// judged for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unparsed {
    /// The row in the batch.
    pub row: u32,
    /// The field in the contract.
    pub field: usize,
}

/// Which rows break which rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Broken {
    /// Rules that at least one row breaks, by rising number, each with its rows.
    pub rules: Vec<(RuleNumber, RowSet)>,
    /// Rows on which a rule panicked; `None` where none did.
    pub panicked: Option<RowSet>,
}

/// What is done in one go.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A value is there.
    Present { field: usize, rule: RuleNumber },
    /// A number's check.
    Number {
        field: usize,
        rule: RuleNumber,
        check: NumberCheck,
    },
    /// All checks of a text column.
    Text { field: usize, column: TextColumn },
    /// An SQL rule.
    Sql(SqlRule),
}

enum Outcome {
    Done,
    /// The rule could not be evaluated on some row.
    Failed(RuleNumber),
    Panicked,
}

impl Rules {
    /// Compiles a contract's rules.
    ///
    /// Errors: every rule that does not fit its field or does not compile, at its place in the contract's file.
    pub fn compile(contract: &Contract) -> Result<Self, Vec<Problem>> {
        let steps = compile::steps(contract)?;
        Ok(Self { steps })
    }

    /// Every rule on every row. `rows` has the contract's fields; `unparsed` names the cells that are null because
    /// their value did not parse.
    pub fn judge(&mut self, rows: &RecordBatch, unparsed: &[Unparsed]) -> Broken {
        let mut broken = Broken::default();
        if rows.num_rows() == 0 {
            return broken;
        }
        for step in &mut self.steps {
            let before = broken.rules.len();
            if !matches!(attempt(step, rows, &mut broken.rules), Outcome::Done) {
                broken.rules.truncate(before);
                isolate(step, rows, &mut broken);
            }
            for (_, set) in &mut broken.rules[before..] {
                let cells = unparsed.iter().filter(|cell| step.reads(cell.field));
                cells.for_each(|cell| set.remove(cell.row as usize));
            }
        }
        if !unparsed.is_empty() {
            broken.rules.retain(|(_, set)| !set.is_empty());
        }
        broken.rules.sort_by_key(|(rule, _)| *rule);
        broken
    }

    /// These rules and one that panics on a text, to test that it costs that row only.
    #[doc(hidden)]
    #[must_use]
    pub fn panicking_on(mut self, field: usize, text: &str) -> Self {
        let check = TextCheck::Panics(text.as_bytes().into());
        self.steps.push(Step::Text {
            field,
            column: TextColumn::new(vec![(check, RuleNumber(0))]),
        });
        self
    }
}

impl Step {
    /// Whether it judges by this field's value.
    fn reads(&self, at: usize) -> bool {
        match self {
            Self::Present { field, .. } | Self::Number { field, .. } | Self::Text { field, .. } => *field == at,
            Self::Sql(rule) => rule.reads(at),
        }
    }

    fn run(&mut self, rows: &RecordBatch, into: &mut Vec<(RuleNumber, RowSet)>) -> Outcome {
        match self {
            Self::Present { field, rule } => {
                let set = RowSet::nulls_of(rows.column(*field).nulls());
                into.extend(set.map(|set| (*rule, set)));
            }
            Self::Number { field, rule, check } => {
                into.extend(check.broken(rows.column(*field)).map(|set| (*rule, set)));
            }
            Self::Text { field, column } => column.broken(rows.column(*field).as_string(), into),
            Self::Sql(rule) => match rule.broken(rows) {
                Ok(set) => into.extend(set.map(|set| (rule.number, set))),
                Err(_) => return Outcome::Failed(rule.number),
            },
        }
        Outcome::Done
    }
}

fn attempt(step: &mut Step, rows: &RecordBatch, into: &mut Vec<(RuleNumber, RowSet)>) -> Outcome {
    // A step that unwinds leaves nothing behind but a verdict it did not remember.
    catch_unwind(AssertUnwindSafe(|| step.run(rows, into))).unwrap_or(Outcome::Panicked)
}

/// Runs a step that did not end well on ever smaller parts, until the rows at fault stand alone: a row on which the
/// rule cannot be evaluated breaks it, one on which it panics is set apart.
fn isolate(step: &mut Step, rows: &RecordBatch, broken: &mut Broken) {
    let count = rows.num_rows();
    let mut sets: Vec<(RuleNumber, RowSet)> = Vec::new();
    let mut parts = vec![(0, count)];
    while let Some((from, length)) = parts.pop() {
        let mut found = Vec::new();
        match attempt(step, &rows.slice(from, length), &mut found) {
            Outcome::Done => {
                for (rule, part) in found {
                    set_of(&mut sets, rule, count).extend_at(from, &part);
                }
            }
            _ if length > 1 => {
                let half = length / 2;
                parts.extend([(from, half), (from + half, length - half)]);
            }
            Outcome::Failed(rule) => set_of(&mut sets, rule, count).insert(from),
            Outcome::Panicked => {
                let panicked = broken.panicked.get_or_insert_with(|| RowSet::empty(count));
                panicked.insert(from);
            }
        }
    }
    broken.rules.extend(sets);
}

fn set_of(sets: &mut Vec<(RuleNumber, RowSet)>, rule: RuleNumber, rows: usize) -> &mut RowSet {
    let at = sets.iter().position(|(known, _)| *known == rule).unwrap_or_else(|| {
        sets.push((rule, RowSet::empty(rows)));
        sets.len() - 1
    });
    &mut sets[at].1
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
