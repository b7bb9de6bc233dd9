//! The values of one row as people are shown them.
//!
//! Used by [`super::Tracer`]: the one place where a personal value could enter a trace, and where it is masked.

use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;

/// A value, or that there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The column.
    pub name: String,
    /// The value as text; `None` where it is missing or masked.
    pub value: Option<String>,
    /// Whether it is there and not shown.
    pub masked: bool,
}

/// What stands beside a contract's fields and a view's features in every sealed file.
pub fn is_of_position(column: &str) -> bool {
    matches!(
        column,
        "_source" | "_topic" | "_partition" | "_offset" | "_event_time" | "_timestamp"
    )
}

/// Columns of a bad file that are told apart from the row's values.
fn is_told(column: &str) -> bool {
    matches!(column, "_violations" | "_warnings" | "_reason") || is_of_position(column)
}

/// The values of a batch's one row. A bad record's are its bytes: `shown` is not asked for a contract's fields there.
pub fn of_row(rows: &RecordBatch, shown: &dyn Fn(&str) -> bool) -> Vec<Shown> {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    let columns = columns.filter(|(field, _)| !is_told(field.name()));
    let value = |(field, column): (&arrow::datatypes::FieldRef, &arrow::array::ArrayRef)| {
        let is_there = column.is_valid(0);
        let is_shown = shown(field.name());
        let options = FormatOptions::default();
        let text = || {
            let formatter = ArrayFormatter::try_new(column, &options).ok()?;
            formatter.value(0).try_to_string().ok()
        };
        Shown {
            name: field.name().clone(),
            value: Some(()).filter(|()| is_there && is_shown).and_then(|()| text()),
            masked: is_there && !is_shown,
        }
    };
    columns.map(value).collect()
}
