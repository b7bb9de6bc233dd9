//! A contract's own `tests:`: each row given, judged alone, and the rules it broke beside those it was to break.
//!
//! Called by `muster test`. A given value is read as a record's would be: text where the field is none is parsed
//! strictly, a number is its text, an omitted field is its default or null, a name that is no field breaks `columns`.
//! Each row is judged with an empty key state, so `unique` never breaks here.

use std::sync::Arc;

use muster_batch::{BytesColumn, DecodedBatch, Finding, Headers, Origin, RawBatch};
use muster_spec::contract::ContractTest;
use muster_spec::{Check, Contract, Field, FieldKind, Offset, OffsetDelta, Problem, RuleNumber, SourceId, TextFormat};
use serde_json::Value as Json;

use super::Judge;
use crate::decode::columns::Columns;
use crate::decode::slot::Slot;
use crate::text::Parser;

/// What came of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOutcome {
    /// Where the test is in the contract's file, line and column from 1.
    pub place: (usize, usize),
    /// The ids of the rules it was to break, sorted.
    pub expected: Vec<String>,
    /// The ids of the rules it broke, warnings included, sorted.
    pub actual: Vec<String>,
}

impl TestOutcome {
    /// Whether the row broke exactly the rules it was to break.
    pub fn passed(&self) -> bool {
        self.expected == self.actual
    }
}

/// Runs a contract's tests.
///
/// Errors: the contract's rules do not compile.
pub fn run_tests(contract: &Contract) -> Result<Vec<TestOutcome>, Vec<Problem>> {
    let mut judge = Judge::new(Arc::new(contract.clone()))?;
    Ok(contract.tests.iter().map(|test| run(&mut judge, test)).collect())
}

fn run(judge: &mut Judge, test: &ContractTest) -> TestOutcome {
    let contract = Arc::clone(judge.contract());
    let mut keys = judge.key_state();
    let judged = judge.judge(row(&contract, &test.given), &mut keys);
    let broken = judged.counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let mut actual: Vec<String> = broken.map(|(at, _)| contract.rules[at].id.clone()).collect();
    let mut expected = test.expect.clone();
    actual.sort_unstable();
    expected.sort_unstable();
    expected.dedup();
    TestOutcome {
        place: test.place,
        expected,
        actual,
    }
}

/// The given object as a batch of one row.
fn row(contract: &Contract, given: &Json) -> DecodedBatch {
    let texts: Vec<Value> = contract.fields.iter().map(|field| Value::of(field, given)).collect();
    let mut findings = Vec::new();
    if has_unknown(contract, given)
        && let Some(rule) = contract.built_in(&Check::Columns, None)
    {
        findings.push(rule);
    }
    let read = contract
        .fields
        .iter()
        .zip(&texts)
        .enumerate()
        .map(|(at, (field, value))| {
            value.slot(field, &contract.text_format).unwrap_or_else(|| {
                findings.extend(contract.built_in(&Check::Type, Some(at)));
                Slot::Null
            })
        });
    let slots: Vec<Slot<'_>> = read.collect();
    let mut columns = Columns::new(contract, 1);
    columns.push(&slots);
    let finding = |rule: RuleNumber| Finding { row: 0, rule };
    DecodedBatch {
        origin: Origin::Records(record(contract, given)),
        rows: columns.finish(),
        record_of_row: vec![0],
        refused: Vec::new(),
        findings: findings.into_iter().map(finding).collect(),
        tombstones: Vec::new(),
    }
}

fn record(contract: &Contract, given: &Json) -> RawBatch {
    let mut payloads = BytesColumn::default();
    payloads.push(Some(given.to_string().as_bytes()));
    let mut keys = BytesColumn::default();
    keys.push(None);
    let mut headers = Headers::default();
    headers.push(std::iter::empty());
    RawBatch {
        source: SourceId(0),
        topic: contract.topic.as_str().into(),
        partition: 0,
        delta: OffsetDelta::new(Offset(0), Offset(1)),
        offsets: vec![0],
        timestamps: vec![-1],
        payloads,
        keys,
        headers,
    }
}

/// Whether the object has a name that no field goes by.
fn has_unknown(contract: &Contract, given: &Json) -> bool {
    let known = |name: &String| {
        let goes_by = |field: &Field| field.name == *name || field.source == *name || field.path.first() == Some(name);
        contract.fields.iter().any(goes_by)
    };
    given.as_object().is_some_and(|object| !object.keys().all(known))
}

/// A field's given value.
enum Value {
    Null,
    Whole(i64),
    /// A number's or truth value's own text, whatever the contract's text format.
    Plain(String),
    Text(String),
    /// A list or an object: no value of any field.
    Other,
}

impl Value {
    fn of(field: &Field, given: &Json) -> Self {
        let nested = || field.path.iter().try_fold(given, |inner, name| inner.get(name));
        let named = given
            .get(&field.name)
            .or_else(|| given.get(&field.source))
            .or_else(nested);
        match named.or(field.default.as_ref()) {
            None | Some(Json::Null) => Self::Null,
            Some(Json::String(text)) => Self::Text(text.clone()),
            Some(Json::Bool(truth)) => Self::Plain(truth.to_string()),
            Some(Json::Number(number)) => match (&field.kind, number.as_i64()) {
                (FieldKind::Date | FieldKind::TimestampMillis | FieldKind::TimestampMicros, Some(whole)) => {
                    Self::Whole(whole)
                }
                _ => Self::Plain(number.to_string()),
            },
            Some(Json::Array(_) | Json::Object(_)) => Self::Other,
        }
    }

    /// The value as the field's; `None` where it is none.
    fn slot(&self, field: &Field, format: &TextFormat) -> Option<Slot<'_>> {
        match self {
            Self::Null => Some(Slot::Null),
            Self::Whole(whole) if field.kind == FieldKind::Date => i32::try_from(*whole).ok().map(Slot::Int),
            Self::Whole(whole) => Some(Slot::Long(*whole)),
            Self::Plain(text) => Parser::new(field, &TextFormat::default()).parse(text),
            Self::Text(text) => Parser::new(field, format).parse(text),
            Self::Other => None,
        }
    }
}

#[cfg(test)]
#[path = "contract_tests_tests.rs"]
mod tests;
