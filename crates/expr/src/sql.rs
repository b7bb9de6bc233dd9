//! `expect:` rules: one DataFusion SQL boolean over a row, compiled once and evaluated a batch at a time.
//!
//! Compiled by [`crate::compile`], run by [`crate::rules`]; [`crate::assign`] compiles by the same words. Names keep their case. A rule sees one row and nothing
//! else: functions that read a clock or are random, aggregates, windows and subqueries are refused when it is compiled,
//! so that judging the same row again gives the same verdict. Null holds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, DataFusionError, SchemaError, TableReference, plan_err};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::planner::{ContextProvider, ExprPlanner};
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{
    AggregateUDF, ColumnarValue, Expr, HigherOrderUDF, ScalarUDF, TableSource, Volatility, WindowUDF,
};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::parser::DFParserBuilder;
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use muster_spec::{Contract, FieldKind, RuleNumber};

use crate::RowSet;
use crate::compile::{Fault, nearest};

/// A compiled SQL rule.
#[derive(Clone, Debug)]
pub struct SqlRule {
    /// The rule.
    pub(crate) number: RuleNumber,
    /// The fields it reads, rising: what is handed over.
    fields: Vec<usize>,
    schema: SchemaRef,
    expression: Arc<dyn PhysicalExpr>,
}

impl SqlRule {
    /// Whether it reads a field.
    pub(crate) fn reads(&self, field: usize) -> bool {
        self.fields.binary_search(&field).is_ok()
    }

    /// The rows on which it is false; `None` where there is none. Errors where some row cannot be evaluated.
    pub(crate) fn broken(&self, rows: &RecordBatch) -> Result<Option<RowSet>, DataFusionError> {
        let columns = self
            .fields
            .iter()
            .map(|field| Arc::clone(rows.column(*field)))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let handed = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        let values = match self.expression.evaluate(&handed)? {
            ColumnarValue::Array(values) => values,
            ColumnarValue::Scalar(value) => value.to_array_of_size(rows.num_rows())?,
        };
        // `AND` and `OR` of nulls may come back as an array of type null: nothing is false in it.
        Ok(values.as_boolean_opt().and_then(RowSet::false_of))
    }
}

/// The Arrow type of a field's column.
pub fn data_type(kind: &FieldKind) -> DataType {
    match kind {
        FieldKind::Boolean => DataType::Boolean,
        FieldKind::Int => DataType::Int32,
        FieldKind::Long => DataType::Int64,
        FieldKind::Float => DataType::Float32,
        FieldKind::Double => DataType::Float64,
        FieldKind::Text | FieldKind::Enum(_) => DataType::Utf8,
        FieldKind::Bytes => DataType::Binary,
        FieldKind::Date => DataType::Date32,
        FieldKind::TimestampMillis => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        FieldKind::TimestampMicros => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        FieldKind::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
    }
}

/// Compiles the text of an `expect:` rule against the contract's fields.
pub(crate) fn compile(contract: &Contract, number: RuleNumber, text: &str) -> Result<SqlRule, Fault> {
    let functions = Functions::new();
    let all = schema(contract, 0..contract.fields.len());
    let logical = plan(&functions, &all, text).map_err(|error| fault(contract, &functions, &error))?;
    only_the_row(&logical)?;
    let mut fields: Vec<usize> = logical
        .column_refs()
        .iter()
        .filter_map(|column| contract.field(&column.name))
        .collect();
    fields.sort_unstable();
    let schema = schema(contract, fields.iter().copied());
    let expression = physical(&schema, logical).map_err(|error| fault(contract, &functions, &error))?;
    let result = expression
        .data_type(&schema)
        .map_err(|error| fault(contract, &functions, &error))?;
    if result != DataType::Boolean {
        return Err(Fault::new(format!("it gives {result}, not true or false")).hint("compare it with something"));
    }
    Ok(SqlRule {
        number,
        fields,
        schema,
        expression,
    })
}

pub(crate) fn schema(contract: &Contract, fields: impl Iterator<Item = usize>) -> SchemaRef {
    let fields = fields.map(|at| &contract.fields[at]);
    let fields = fields.map(|field| ArrowField::new(&field.name, data_type(&field.kind), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

pub(crate) fn plan(functions: &Functions, schema: &SchemaRef, text: &str) -> Result<Expr, DataFusionError> {
    let parsed = DFParserBuilder::new(text).build()?.parse_into_expr()?;
    let options = ParserOptions::new()
        .with_enable_ident_normalization(false)
        .with_map_string_types_to_utf8view(false);
    let planner = SqlToRel::new_with_options(functions, options);
    let schema = DFSchema::try_from(Arc::clone(schema))?;
    planner.sql_to_expr(parsed.expr, &schema, &mut PlannerContext::new())
}

pub(crate) fn physical(schema: &SchemaRef, logical: Expr) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
    let schema = Arc::new(DFSchema::try_from(Arc::clone(schema))?);
    let context = SimplifyContext::builder().with_schema(Arc::clone(&schema)).build();
    let simplifier = ExprSimplifier::new(context);
    let coerced = simplifier.coerce(logical, &schema)?;
    let simple = simplifier.simplify(coerced)?;
    create_physical_expr(
        &simple,
        &schema,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
}

/// Refuses what needs more than the row: other rows, other tables, a clock, chance.
pub(crate) fn only_the_row(expression: &Expr) -> Result<(), Fault> {
    let mut found = None;
    let walked = expression.apply(|part| {
        found = match part {
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => {
                Some(SUBQUERY.into())
            }
            Expr::AggregateFunction(_) | Expr::WindowFunction(_) => Some(AGGREGATE.into()),
            Expr::Placeholder(_) | Expr::ScalarVariable(..) | Expr::OuterReferenceColumn(..) => {
                Some("a rule has no parameters and no variables".into())
            }
            Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => Some(format!(
                "`{}` does not depend on the row alone, and a row judged again must get the same verdict",
                call.func.name()
            )),
            _ => None,
        };
        Ok(if found.is_some() {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    });
    debug_assert!(walked.is_ok(), "the visitor never fails");
    found.map_or(Ok(()), |message: String| Err(Fault::new(message)))
}

const SUBQUERY: &str = "a rule sees one row: it can hold no subquery";
const AGGREGATE: &str = "a rule sees one row: it can hold no aggregate or window";

/// What a planning error means for the one who wrote the rule.
pub(crate) fn fault(contract: &Contract, functions: &Functions, error: &DataFusionError) -> Fault {
    if let Some(refused) = functions.refused.borrow().first() {
        return Fault::new(*refused).hint("use an expectation for what holds over a batch");
    }
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, .. } = &**schema
    {
        let fault = Fault::new(format!("there is no field `{}`", field.name));
        return match nearest(&field.name, contract.fields.iter().map(|field| field.name.as_str())) {
            Some(name) => fault.hint(format!("did you mean `{name}`?")),
            None => fault,
        };
    }
    let message = error.find_root().message().into_owned();
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("it does not compile").trim_end_matches('.');
    let first = first.split(" at Line: ").next().unwrap_or(first);
    let first = first.trim_start_matches("ParserError(\"").trim_end_matches("\")");
    let mut letters = first.chars();
    let first = letters
        .next()
        .map_or_else(String::new, |letter| letter.to_lowercase().chain(letters).collect());
    let fault = Fault::new(format!("SQL: {first}"));
    match lines.find(|line| line.starts_with("Did you mean")) {
        Some(hint) => fault.hint(hint.replace("Did you mean", "did you mean").replace('\'', "`")),
        None => fault,
    }
}

/// The functions a rule may call. There are no tables.
pub(crate) struct Functions {
    scalar: HashMap<String, Arc<ScalarUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    options: ConfigOptions,
    /// What was asked for and can never be had, first one first.
    refused: RefCell<Vec<&'static str>>,
}

/// Names under which SQL's aggregates and windows are asked for.
const AGGREGATES: [&str; 22] = [
    "count",
    "sum",
    "avg",
    "mean",
    "min",
    "max",
    "median",
    "stddev",
    "stddev_pop",
    "var",
    "var_pop",
    "array_agg",
    "string_agg",
    "first_value",
    "last_value",
    "approx_distinct",
    "row_number",
    "rank",
    "dense_rank",
    "lag",
    "lead",
    "ntile",
];

impl Functions {
    pub(crate) fn new() -> Self {
        let mut scalar = HashMap::new();
        for function in datafusion_functions::all_default_functions() {
            for alias in function.aliases() {
                scalar.insert(alias.clone(), Arc::clone(&function));
            }
            scalar.insert(function.name().to_owned(), function);
        }
        Self {
            scalar,
            planners: vec![
                Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
                Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
                Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
            ],
            options: ConfigOptions::default(),
            refused: RefCell::new(Vec::new()),
        }
    }

    fn refuse_aggregate(&self, name: &str) {
        if AGGREGATES.contains(&name) {
            self.refused.borrow_mut().push(AGGREGATE);
        }
    }
}

impl ContextProvider for Functions {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>, DataFusionError> {
        self.refused.borrow_mut().push(SUBQUERY);
        plan_err!("there is no table {name}")
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.scalar.get(name).cloned()
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.refuse_aggregate(name);
        None
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.refuse_aggregate(name);
        None
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.scalar.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
#[path = "sql_tests.rs"]
mod tests;
