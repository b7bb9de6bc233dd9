//! A row's values as people may see them: what the contract calls `public`, and nothing of anybody's own.
//!
//! Used by [`crate::tap`]. Every field is personal unless the contract says otherwise; of a personal one people see
//! that there is a value, never which.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use muster_spec::Contract;
use serde_json::Value;

/// A value as it may be shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// There is none.
    Nothing,
    /// There is one, and it is a person's.
    Masked,
    /// It is anybody's to see.
    Public(Value),
}

/// The fields of a row, by name, in the contract's order. `rows` has the contract's fields as its first columns.
pub fn fields<'a>(contract: &'a Contract, rows: &RecordBatch, row: usize) -> Vec<(&'a str, Shown)> {
    let shown = contract.fields.iter().zip(rows.columns()).map(|(field, column)| {
        let shown = match (column.is_null(row), field.personal) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Masked,
            (false, false) => Shown::Public(value(column, row)),
        };
        (field.name.as_str(), shown)
    });
    shown.collect()
}

/// A value in JSON's types; what JSON has no type for is written as text.
fn value(column: &dyn Array, row: usize) -> Value {
    let number = |number: f64| serde_json::Number::from_f64(number).map(Value::Number);
    let plain = match column.data_type() {
        DataType::Boolean => Some(column.as_boolean().value(row).into()),
        DataType::Int32 => Some(column.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Some(column.as_primitive::<Int64Type>().value(row).into()),
        DataType::Float32 => number(column.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => number(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Some(column.as_string::<i32>().value(row).into()),
        _ => None,
    };
    plain.unwrap_or_else(|| written(column, row).into())
}

fn written(column: &dyn Array, row: usize) -> String {
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default());
    let written = formatter.and_then(|formatter| formatter.value(row).try_to_string());
    written.unwrap_or_default()
}

#[cfg(test)]
#[path = "masking_tests.rs"]
mod tests;
