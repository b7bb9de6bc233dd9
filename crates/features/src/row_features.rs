//! A view of `mode: rows` as expressions over rows in memory: what ingest counts for drift before anything is sealed.
//!
//! Made once a pipeline. The view's text is planned and optimised by the code that [`crate::compute`] runs it by; what is
//! left is a chain of projections over one table ([`crate::row_local`]), and each is evaluated on the rows at hand. A test
//! holds both ways to the same features.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::{DataFusionError, plan_err};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, LogicalPlan};
use datafusion::physical_expr::PhysicalExpr;

use crate::compute::{typed, without_values};
use crate::session::{POSITION, empty_table, plan, session};
use crate::{Error, Feature, View};

/// A view's features of rows in memory.
#[derive(Clone, Debug)]
pub struct RowFeatures {
    features: Vec<Feature>,
    /// The columns it reads.
    inputs: SchemaRef,
    /// Projections one after another.
    projections: Vec<Projection>,
}

#[derive(Clone, Debug)]
struct Projection {
    schema: SchemaRef,
    expressions: Vec<Arc<dyn PhysicalExpr>>,
}

impl RowFeatures {
    /// The expressions of a view.
    ///
    /// # Errors
    /// What the planner says of a view that was planned before: a bug, or more than projections.
    pub fn new(view: &View) -> Result<Self, Error> {
        let state = session();
        let planned = || {
            let tables = [(view.source.as_str(), empty_table(Arc::clone(&view.rows)))];
            let optimized = state.optimize(&plan(&state, &tables, &view.sql)?)?;
            let mut projections = Vec::new();
            let inputs = chain(&state, &optimized, &mut projections)?;
            Ok(Self {
                features: view.features.clone(),
                inputs,
                projections,
            })
        };
        planned().map_err(|error: DataFusionError| Error::Query(error.to_string()))
    }

    /// The columns of a good file that it reads.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.inputs.fields().iter().map(|field| field.name().as_str())
    }

    /// Whether it reads a row's position or event time, which stand beside the contract's fields in a good file.
    pub fn read_positions(&self) -> bool {
        self.reads().any(|name| POSITION.contains(&name))
    }

    /// The features of these rows, which have the columns of a good file or at least those that are read.
    ///
    /// # Errors
    /// A query that fails on the rows.
    pub fn compute(&self, rows: &RecordBatch) -> Result<RecordBatch, Error> {
        let failed = |error: DataFusionError| Error::Query(without_values(&error));
        // A function that panics on one row must not end the stage that asks.
        let evaluated = catch_unwind(AssertUnwindSafe(|| self.evaluate(rows)));
        evaluated.unwrap_or_else(|_| Err(failed(DataFusionError::Internal(String::new()))))
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<RecordBatch, Error> {
        let failed = |error: DataFusionError| Error::Query(without_values(&error));
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let batch = |schema: &SchemaRef, columns: Vec<ArrayRef>| {
            RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
                .map_err(|error| failed(error.into()))
        };
        let inputs = self.inputs.fields().iter().map(|field| {
            let column = rows.column_by_name(field.name());
            column
                .cloned()
                .ok_or_else(|| Error::Query(format!("the rows have no column `{}`", field.name())))
        });
        let mut evaluated = batch(&self.inputs, inputs.collect::<Result<_, Error>>()?)?;
        for projection in &self.projections {
            let columns = projection.expressions.iter().map(|expression| {
                let value = expression.evaluate(&evaluated)?;
                match value {
                    ColumnarValue::Array(column) => Ok(column),
                    ColumnarValue::Scalar(value) => value.to_array_of_size(rows.num_rows()),
                }
            });
            let columns = columns.collect::<Result<Vec<ArrayRef>, DataFusionError>>();
            evaluated = batch(&projection.schema, columns.map_err(failed)?)?;
        }
        typed(&self.features, evaluated.columns()).map_err(|error| failed(error.into()))
    }
}

/// The projections of a plan, the first to run first, and the columns of the table below them.
fn chain(
    state: &SessionState,
    plan: &LogicalPlan,
    projections: &mut Vec<Projection>,
) -> Result<SchemaRef, DataFusionError> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let inputs = chain(state, &projection.input, projections)?;
            let from = projection.input.schema();
            let expressions = projection.expr.iter();
            let expressions = expressions.map(|expression| state.create_physical_expr(expression.clone(), from));
            projections.push(Projection {
                schema: Arc::new(projection.schema.as_arrow().clone()),
                expressions: expressions.collect::<Result<_, _>>()?,
            });
            Ok(inputs)
        }
        LogicalPlan::SubqueryAlias(alias) => chain(state, &alias.input, projections),
        LogicalPlan::TableScan(scan) => Ok(Arc::new(scan.projected_schema.as_arrow().clone())),
        _ => plan_err!("a view of `mode: rows` is more than projections"),
    }
}
