//! What a repair sets, and what it changed: for the sealed patch and for people.
//!
//! Used by [`super::Mending`]. The sealed patch holds values as its bad file does; what people are shown has personal
//! values masked.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, StructArray,
};
use arrow::datatypes::{Field, Schema};
use muster_batch::{DecodedBatch, JudgedBatch, Origin, RawBatch};
use muster_contract::patch::{Change, NewValues, Patcher};
use muster_expr::{Assigned, Assignment, RowSet};
use muster_spec::{Contract, SourceId};
use serde::Serialize;

use super::cells::{Cell, Cells, Place};
use super::records_of;

/// Stands for a personal value.
pub const MASK: &str = "•••";
/// Rows that are shown as a sample.
pub const SAMPLE_MAX: usize = 5;
/// The key under which the sealed patch keeps the expressions.
const SET: &str = "muster.set";

/// What changes bad rows.
pub enum Patch {
    /// Expressions, each with its text.
    Set(Vec<(String, Assignment)>),
    /// Cells of a file, row by row.
    Cells(Cells),
}

/// A row with what changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Where it is: topic, partition, offset.
    pub position: String,
    /// What changes, a field each.
    pub changes: Vec<SampleChange>,
    /// The rules it still breaks; none where it is good.
    pub rules_left: Vec<String>,
}

/// What changes in a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SampleChange {
    /// The field.
    pub field: String,
    /// What stood there.
    pub before: Option<String>,
    /// What stands there then.
    pub after: Option<String>,
}

impl Patch {
    /// The fields that are set.
    pub fn fields(&self) -> Vec<usize> {
        match self {
            Self::Set(assignments) => assignments.iter().map(|(_, assignment)| assignment.field()).collect(),
            Self::Cells(cells) => cells.fields.clone(),
        }
    }

    /// The offsets of a source that a file names; `None` where rows are not named by position.
    pub(super) fn offsets(&self, source: SourceId) -> Option<HashSet<i64>> {
        match self {
            Self::Set(_) => None,
            Self::Cells(cells) => cells.offsets(source),
        }
    }

    /// What each field becomes.
    pub(super) fn values(
        &mut self,
        contract: &Contract,
        source: SourceId,
        decoded: &DecodedBatch,
        texts: &StructArray,
        patcher: &Patcher,
    ) -> Vec<NewValues> {
        match self {
            Self::Set(assignments) => assignments
                .iter()
                .map(|(_, assignment)| NewValues {
                    field: assignment.field(),
                    values: assignment.evaluate(&decoded.rows, texts),
                    kept: None,
                })
                .collect(),
            Self::Cells(cells) => {
                let keys = patcher.told(decoded, texts, contract.key);
                let meet = |row: usize| cells.meet(&place(decoded, source, &keys, row));
                let rows: Vec<Option<usize>> = (0..decoded.rows.num_rows()).map(meet).collect();
                let each = cells.fields.iter().enumerate();
                each.map(|(column, field)| cell_values(cells, column, *field, &rows))
                    .collect()
            }
        }
    }

    /// Rows of a file that name no bad row that was met.
    pub(super) fn unmet(&self) -> u64 {
        match self {
            Self::Set(_) => 0,
            Self::Cells(cells) => cells.unmet(),
        }
    }

    /// The expressions, for the sealed patch.
    fn set(&self) -> String {
        match self {
            Self::Set(assignments) => {
                let texts: Vec<&str> = assignments.iter().map(|(text, _)| text.as_str()).collect();
                texts.join("\n")
            }
            Self::Cells(_) => String::new(),
        }
    }
}

fn place<'a>(decoded: &DecodedBatch, source: SourceId, keys: &'a StringArray, row: usize) -> Place<'a> {
    let offset = match &decoded.origin {
        Origin::Records(records) => records.offsets[decoded.record_of_row[row] as usize],
        Origin::Lines(_) => -1,
    };
    Place {
        source,
        offset,
        key: keys.is_valid(row).then(|| keys.value(row)),
    }
}

fn cell_values(cells: &Cells, column: usize, field: usize, rows: &[Option<usize>]) -> NewValues {
    let mut kept = RowSet::empty(rows.len());
    let values = rows
        .iter()
        .enumerate()
        .map(|(at, row)| match row.map(|row| cells.cell(row, column)) {
            Some(Cell::Text(text)) => Some(text.as_str()),
            Some(Cell::Null) => None,
            Some(Cell::Kept) | None => {
                kept.insert(at);
                None
            }
        });
    let values: StringArray = values.collect();
    NewValues {
        field,
        values: Assigned {
            values: Arc::new(values),
            failed: None,
        },
        kept: Some(kept),
    }
}

/// The rows of a sealed patch: position, the rules that are left (none where the row is good), and of each field that
/// was set what stood there before and after.
pub(super) fn changes(
    contract: &Contract,
    patch: &Patch,
    judged: &JudgedBatch,
    records: &[u32],
    changes: &[Change],
) -> anyhow::Result<RecordBatch> {
    let all = records_of(judged);
    let left = rules_left(judged);
    let mut rules = ListBuilder::new(StringBuilder::new());
    for record in records {
        for rule in left.get(record).into_iter().flat_map(|row| judged.violations.get(*row)) {
            rules.values().append_value(contract.rule_id(*rule));
        }
        rules.append(true);
    }
    let offsets = records.iter().map(|record| all.offsets[*record as usize]);
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (
            "_source".into(),
            Arc::new(Int64Array::from_value(all.source.0, records.len())),
        ),
        (
            "_topic".into(),
            Arc::new(StringArray::from_iter_values(records.iter().map(|_| &*all.topic))),
        ),
        (
            "_partition".into(),
            Arc::new(Int32Array::from_value(all.partition, records.len())),
        ),
        ("_offset".into(), Arc::new(Int64Array::from_iter_values(offsets))),
        ("_violations".into(), Arc::new(rules.finish())),
    ];
    for change in changes {
        let name = &contract.fields[change.field].name;
        columns.push((format!("{name}.before"), Arc::new(change.before.clone())));
        columns.push((format!("{name}.after"), Arc::new(change.after.clone())));
    }
    let fields = columns
        .iter()
        .map(|(name, column)| Field::new(name, column.data_type().clone(), true));
    let told = HashMap::from([(SET.to_owned(), patch.set())]);
    let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), told);
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

/// For each record that is bad still, its row among the violations.
fn rules_left(judged: &JudgedBatch) -> HashMap<u32, usize> {
    judged
        .bad_records
        .iter()
        .enumerate()
        .map(|(row, record)| (*record, row))
        .collect()
}

/// The first rows with what changes in them.
pub(super) fn sample(contract: &Contract, judged: &JudgedBatch, records: &[u32], changes: &[Change]) -> Vec<Sample> {
    if changes.is_empty() {
        return Vec::new();
    }
    let all = records_of(judged);
    let shown = records.iter().take(SAMPLE_MAX).enumerate();
    shown
        .map(|(row, record)| {
            let left = judged.bad_records.binary_search(record).ok();
            let rules = left.into_iter().flat_map(|at| judged.violations.get(at));
            let changed = changes
                .iter()
                .filter(|change| text(&change.before, row) != text(&change.after, row));
            Sample {
                position: position(all, *record),
                changes: changed.map(|change| sample_change(contract, change, row)).collect(),
                rules_left: rules.map(|rule| contract.rule_id(*rule).to_owned()).collect(),
            }
        })
        .collect()
}

fn sample_change(contract: &Contract, change: &Change, row: usize) -> SampleChange {
    let field = &contract.fields[change.field];
    SampleChange {
        field: field.name.clone(),
        before: masked(field, text(&change.before, row)),
        after: masked(field, text(&change.after, row)),
    }
}

/// A value for people: a personal one is there or it is not.
pub fn masked(field: &muster_spec::Field, value: Option<&str>) -> Option<String> {
    value.map(|value| {
        if field.personal {
            MASK.to_owned()
        } else {
            value.to_owned()
        }
    })
}

fn text(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

fn position(records: &RawBatch, record: u32) -> String {
    let RawBatch { topic, partition, .. } = records;
    format!("{topic}/{partition}/{}", records.offsets[record as usize])
}
