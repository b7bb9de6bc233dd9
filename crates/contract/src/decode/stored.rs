//! Good rows as they were stored, as rows of a contract that may have changed since.
//!
//! Used where stored rows are judged again. A column is found by its name: of the same type it is taken as it is, of
//! another one its values are converted, and what does not convert breaks `FIELD.type`. A field that the rows lack is its
//! default, or breaks `columns`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::SchemaRef;
use muster_batch::Finding;
use muster_spec::{Check, Contract, Field, RuleNumber};

use super::columns::{Column, data_type, schema};
use super::constant::Constant;
use super::plan::FieldRules;
use super::{default_of, field_rules};
use crate::Error;

/// Turns stored rows into a contract's.
#[derive(Debug)]
pub struct StoredRows {
    schema: SchemaRef,
    names: Vec<String>,
    rules: FieldRules,
    columns: Option<RuleNumber>,
    /// For each field, a row of its default.
    defaults: Vec<Option<ArrayRef>>,
}

impl StoredRows {
    /// Rows of this contract.
    pub fn new(contract: &Contract) -> Result<Self, Error> {
        let default = |field: &Field| Ok(default_of(field)?.map(|default| one(field, &default)));
        Ok(Self {
            schema: schema(contract),
            names: contract.fields.iter().map(|field| field.name.clone()).collect(),
            rules: field_rules(contract)?,
            columns: contract.built_in(&Check::Columns, None),
            defaults: contract.fields.iter().map(default).collect::<Result<_, Error>>()?,
        })
    }

    /// The rows, and what they break by their shape alone, in row order.
    pub fn rows(&self, stored: &RecordBatch) -> (RecordBatch, Vec<Finding>) {
        let mut findings = Vec::new();
        let columns = (0..self.names.len()).map(|slot| self.column(stored, slot, &mut findings));
        let columns: Vec<ArrayRef> = columns.collect();
        findings.sort_unstable_by_key(|finding| finding.row);
        let options = RecordBatchOptions::new().with_row_count(Some(stored.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options);
        (rows.expect("each column was given its field's type"), findings)
    }

    fn column(&self, stored: &RecordBatch, slot: usize, findings: &mut Vec<Finding>) -> ArrayRef {
        let rows = stored.num_rows();
        let wanted = self.schema.field(slot).data_type();
        let Some(found) = stored.column_by_name(&self.names[slot]) else {
            return match (&self.defaults[slot], self.columns) {
                (Some(default), _) => repeated(default, rows),
                (None, missing) => {
                    findings.extend((0..rows as u32).zip(missing.into_iter().cycle()).map(finding));
                    new_null_array(wanted, rows)
                }
            };
        };
        let converted = if found.data_type() == wanted {
            Arc::clone(found)
        } else {
            cast(found, wanted).unwrap_or_else(|_| new_null_array(wanted, rows))
        };
        let is_null = |row: &usize| converted.is_null(*row);
        let of_type = self.rules.types[slot];
        if converted.null_count() > found.null_count() {
            let lost = (0..rows).filter(is_null).filter(|row| found.is_valid(*row));
            findings.extend(lost.map(|row| finding((row as u32, of_type))));
        }
        if let Some(forbidden) = self.rules.nulls[slot].filter(|_| found.null_count() > 0) {
            let missing = (0..rows).filter(|row| found.is_null(*row));
            findings.extend(missing.map(|row| finding((row as u32, forbidden))));
        }
        converted
    }
}

fn finding((row, rule): (u32, RuleNumber)) -> Finding {
    Finding { row, rule }
}

/// A column of one row.
fn one(field: &Field, value: &Constant) -> ArrayRef {
    let mut column = Column::new(&field.kind, 1);
    column.push(value.slot());
    column.finish(&data_type(&field.kind))
}

/// A row as often as asked.
fn repeated(row: &ArrayRef, rows: usize) -> ArrayRef {
    if rows == 0 {
        return row.slice(0, 0);
    }
    let all = vec![&**row; rows];
    concat(&all).expect("the parts are of one type")
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
