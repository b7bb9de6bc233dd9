//! `FIELD = EXPRESSION`: what a repair sets a field to, one DataFusion SQL expression over the row as it is.
//!
//! Compiled once by `muster bad repair`, evaluated a batch at a time by `contract::patch`. The row's fields stand under
//! their names, typed, as in an `expect:` rule; what stood there as text is `_text.FIELD`, so that a value can be mended
//! that is none of its field's type. A row on which the expression cannot be computed is named, its neighbours untouched.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StructArray, new_null_array};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options, concat};
use arrow::datatypes::{DataType, Field as ArrowField, Fields, Schema, SchemaRef};
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{DataFusionError, ScalarValue};
use datafusion_expr::{ColumnarValue, Expr};
use datafusion_physical_expr::PhysicalExpr;
use muster_spec::Contract;

use crate::RowSet;
use crate::compile::{Fault, nearest};
use crate::sql::{self, Functions};

/// The column whose members are the fields' texts as they came. No field's name begins with `_`.
pub const TEXTS: &str = "_text";

/// A compiled `FIELD = EXPRESSION`.
#[derive(Clone, Debug)]
pub struct Assignment {
    field: usize,
    schema: SchemaRef,
    expression: Arc<dyn PhysicalExpr>,
    /// Text, which is still to be parsed, or the field's own type.
    to: DataType,
}

/// What an expression gave.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// A value for each row: texts, or values of the field's type.
    pub values: ArrayRef,
    /// Rows for which there is none because the expression failed on them; `None` where there is no such row.
    pub failed: Option<RowSet>,
}

/// The type of the column [`TEXTS`]: a text for each field.
pub fn texts_fields(contract: &Contract) -> Fields {
    let text = |field: &muster_spec::Field| ArrowField::new(&field.name, DataType::Utf8, true);
    contract.fields.iter().map(text).collect()
}

impl Assignment {
    /// Compiles `FIELD = EXPRESSION`.
    ///
    /// Errors: what is wrong with it and what to do, in words.
    pub fn compile(contract: &Contract, text: &str) -> Result<Self, String> {
        compile(contract, text).map_err(|fault| match fault.hint {
            Some(hint) => format!("{}\n  hint: {hint}", fault.message),
            None => fault.message,
        })
    }

    /// The field that is set.
    pub fn field(&self) -> usize {
        self.field
    }

    /// What the rows' fields become. `texts` has the members of [`texts_fields`].
    pub fn evaluate(&self, rows: &RecordBatch, texts: &StructArray) -> Assigned {
        let mut columns = rows.columns().to_vec();
        columns.push(Arc::new(texts.clone()));
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .expect("rows have the contract's columns");
        if let Ok((values, failed)) = self.values(&rows) {
            return Assigned { values, failed };
        }
        let mut failed = RowSet::empty(rows.num_rows());
        let each = (0..rows.num_rows()).map(|row| {
            if let Ok((value, None)) = self.values(&rows.slice(row, 1)) {
                return value;
            }
            failed.insert(row);
            new_null_array(&self.to, 1)
        });
        let each: Vec<ArrayRef> = each.collect();
        let parts: Vec<&dyn Array> = each.iter().map(AsRef::as_ref).collect();
        Assigned {
            values: concat(&parts).expect("values of one type join"),
            failed: Some(failed),
        }
    }

    /// The values, and the rows whose value does not fit the field's type; an error where some row cannot be computed.
    fn values(&self, rows: &RecordBatch) -> Result<(ArrayRef, Option<RowSet>), DataFusionError> {
        let values = match self.expression.evaluate(rows)? {
            ColumnarValue::Array(values) => values,
            ColumnarValue::Scalar(value) => value.to_array_of_size(rows.num_rows())?,
        };
        let cast = cast_with_options(&values, &self.to, &CastOptions::default())?;
        if cast.null_count() == values.logical_null_count() {
            return Ok((cast, None));
        }
        let mut failed = RowSet::empty(rows.num_rows());
        (0..rows.num_rows())
            .filter(|&row| cast.is_null(row) && values.is_valid(row))
            .for_each(|row| failed.insert(row));
        Ok((cast, Some(failed)))
    }
}

fn compile(contract: &Contract, text: &str) -> Result<Assignment, Fault> {
    let (name, expression) = text
        .split_once('=')
        .ok_or_else(|| Fault::new("there is no `=`").hint("write FIELD = EXPRESSION, as in \"city = upper(city)\""))?;
    let name = name.trim().trim_matches('"');
    let field = contract.field(name).ok_or_else(|| {
        let fault = Fault::new(format!("there is no field `{name}`"));
        match nearest(name, contract.fields.iter().map(|field| field.name.as_str())) {
            Some(name) => fault.hint(format!("did you mean `{name}`?")),
            None => fault,
        }
    })?;
    let functions = Functions::new();
    let typed = sql::schema(contract, 0..contract.fields.len());
    let texts = ArrowField::new(TEXTS, DataType::Struct(texts_fields(contract)), true);
    let mut columns = typed.fields().to_vec();
    columns.push(Arc::new(texts));
    let schema: SchemaRef = Arc::new(Schema::new(columns));
    let unfit = |error: &DataFusionError| {
        let fault = sql::fault(contract, &functions, error);
        match fault.hint {
            None => fault.hint(format!(
                "`{name}` is typed; what stood there as text is `{TEXTS}.{name}`"
            )),
            Some(_) => fault,
        }
    };
    let logical = sql::plan(&functions, &schema, expression).map_err(|error| unfit(&error))?;
    sql::only_the_row(&logical)?;
    texts_known(contract, &logical)?;
    let expression = sql::physical(&schema, logical).map_err(|error| unfit(&error))?;
    let given = expression.data_type(&schema).map_err(|error| unfit(&error))?;
    let own = sql::data_type(&contract.fields[field].kind);
    let is_text = matches!(given, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let to = if is_text { DataType::Utf8 } else { own };
    if !can_cast_types(&given, &to) {
        return Err(Fault::new(format!("it gives {given}, and `{name}` is {to}")).hint("cast it, or give text"));
    }
    Ok(Assignment {
        field,
        schema,
        expression,
        to,
    })
}

/// Refuses texts of fields that do not exist: a struct's missing member is found only when it is computed.
fn texts_known(contract: &Contract, expression: &Expr) -> Result<(), Fault> {
    let mut unknown = None;
    let walked = expression.apply(|part| {
        if let Expr::ScalarFunction(call) = part
            && call.func.name() == "get_field"
            && let Some(Expr::Literal(ScalarValue::Utf8(Some(name)), _)) = call.args.get(1)
            && contract.field(name).is_none()
        {
            unknown = Some(name.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(walked.is_ok(), "the visitor never fails");
    unknown.map_or(Ok(()), |name| Err(Fault::new(format!("there is no field `{name}`"))))
}

#[cfg(test)]
#[path = "assign_tests.rs"]
mod tests;
