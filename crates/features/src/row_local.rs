//! Views of `mode: rows`: the check that each good row becomes exactly one row of features, from itself alone, and the
//! columns that Muster carries beside them.
//!
//! Used by [`crate::view`] (check) and [`crate::compute`] (carry). A row-local plan is a chain of projections, possibly
//! renamed, over one table. Nothing that drops, joins, repeats, orders or looks at other rows may stand in it, and no
//! function that reads a clock or is random: the same row must give the same features whenever it is computed.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, SubqueryAlias, TableScan, Volatility, cast};

use crate::places::Near;
use crate::session::POSITION;

/// What the names of carried columns begin with; a view cannot use them.
const CARRIED: &str = "__muster";

/// Why a view is not row-local: in words, what would be right, and what in the view it is about.
pub(crate) type Refused = (String, &'static str, Near);

/// A row-local plan, looked at from its end.
pub(crate) struct Chain {
    /// For each column of the view, whether it depends on the forbidden field.
    pub forbidden: Vec<bool>,
}

/// Checks that a plan is row-local. `forbidden` is a field that no column of the view may depend on.
pub(crate) fn check(plan: &LogicalPlan, forbidden: &str) -> Result<Chain, Refused> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let below = check(&projection.input, forbidden)?;
            let mut columns = Vec::with_capacity(projection.expr.len());
            for expression in &projection.expr {
                of_the_row(expression)?;
                columns.push(depends(expression, &projection.input, &below));
            }
            Ok(Chain { forbidden: columns })
        }
        LogicalPlan::SubqueryAlias(alias) => check(&alias.input, forbidden),
        LogicalPlan::TableScan(scan) if scan.filters.is_empty() && scan.fetch.is_none() => {
            let fields = scan.projected_schema.fields().iter();
            let forbidden = fields.map(|field| field.name() == forbidden).collect();
            Ok(Chain { forbidden })
        }
        other => Err(refused(other)),
    }
}

fn refused(plan: &LogicalPlan) -> Refused {
    const ONCE: &str = "in `mode: rows` every good row is scored once: it takes and gives each row";
    const ALONE: &str = "in `mode: rows` a row's features come from that row alone";
    let (what, why, words): (_, _, &[&str]) = match plan {
        LogicalPlan::Filter(_) => ("`WHERE`", ONCE, &["WHERE", "HAVING"]),
        LogicalPlan::Limit(_) | LogicalPlan::TableScan(_) => ("`LIMIT`", ONCE, &["LIMIT", "OFFSET", "FETCH"]),
        LogicalPlan::Distinct(_) => ("`DISTINCT`", ONCE, &["DISTINCT"]),
        LogicalPlan::Union(_) => ("`UNION`", ONCE, &["UNION"]),
        LogicalPlan::Unnest(_) => ("`UNNEST`", ONCE, &["UNNEST"]),
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => ("rows of its own", ONCE, &["VALUES"]),
        LogicalPlan::Sort(_) => ("`ORDER BY`", "rows are put in order by their positions", &["ORDER"]),
        LogicalPlan::Aggregate(aggregate) => {
            let function = aggregate.aggr_expr.iter().find_map(|expression| match expression {
                Expr::AggregateFunction(call) => Some(call.func.name().to_owned()),
                _ => None,
            });
            let near = function.map_or(Near::Words(&["GROUP"]), Near::Function);
            return ("the view has an aggregate".to_owned(), ALONE, near);
        }
        LogicalPlan::Window(_) => ("a window function", ALONE, &["OVER"]),
        LogicalPlan::Join(_) => ("a join", ALONE, &["JOIN"]),
        LogicalPlan::Subquery(_) => return ("the view has a subquery".to_owned(), ALONE, Near::Subquery),
        _ => ("more than a `SELECT` of expressions", ONCE, &[]),
    };
    (format!("the view has {what}"), why, Near::Words(words))
}

/// Refuses expressions that need more than the row.
fn of_the_row(expression: &Expr) -> Result<(), Refused> {
    const SUBQUERY: &str = "in `mode: rows` a row's features come from that row alone";
    const CLOCK: &str = "the same row must give the same features whenever they are computed";
    let mut found = None;
    let walked = expression.apply(|part| {
        found = match part {
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => {
                Some(("the view has a subquery".to_owned(), SUBQUERY, Near::Subquery))
            }
            Expr::Placeholder(_) | Expr::ScalarVariable(..) | Expr::OuterReferenceColumn(..) => {
                Some(("the view has a parameter or variable".to_owned(), SUBQUERY, Near::Start))
            }
            Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => Some((
                format!("`{}` does not depend on the row alone", call.func.name()),
                CLOCK,
                Near::Function(call.func.name().to_owned()),
            )),
            Expr::Alias(alias) if alias.name.starts_with(CARRIED) => Some((
                format!("a column cannot be named `{}`", alias.name),
                "choose another name",
                Near::Alias(alias.name.clone()),
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
    found.map_or(Ok(()), Err)
}

/// Whether an expression reads a column that depends on the forbidden field. What cannot be found counts as such.
fn depends(expression: &Expr, input: &LogicalPlan, below: &Chain) -> bool {
    let reads = |column: &&Column| {
        let at = input.schema().index_of_column(column);
        at.is_ok_and(|at| below.forbidden.get(at).copied().unwrap_or(true))
    };
    expression.column_refs().iter().any(reads)
}

/// The columns Muster carries beside a view's own, in the order they have after the view's columns.
pub(crate) struct Carried<'a> {
    /// The field that names the entity; it comes as text.
    pub entity: &'a str,
    /// The field that holds the label, where it is wanted; it comes as it is.
    pub label: Option<&'a str>,
}

/// A row-local plan with position, entity and label after the view's columns.
pub(crate) fn carry(plan: &LogicalPlan, carried: &Carried<'_>) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let input = carry(&projection.input, carried)?;
            let kept = input
                .schema()
                .columns()
                .into_iter()
                .filter(|column| column.name.starts_with(CARRIED));
            let expressions = projection.expr.iter().cloned().chain(kept.map(Expr::Column));
            let projection = Projection::try_new(expressions.collect(), Arc::new(input))?;
            Ok(LogicalPlan::Projection(projection))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let input = carry(&alias.input, carried)?;
            let alias = SubqueryAlias::try_new(Arc::new(input), alias.alias.clone())?;
            Ok(LogicalPlan::SubqueryAlias(alias))
        }
        LogicalPlan::TableScan(scan) => at_the_table(scan, plan, carried),
        // The check has refused every other node before a view is ever run.
        other => Ok(other.clone()),
    }
}

fn at_the_table(scan: &TableScan, plan: &LogicalPlan, carried: &Carried<'_>) -> Result<LogicalPlan> {
    let column = |name: &str| Expr::Column(Column::new(Some(scan.table_name.clone()), name));
    let named = |at: usize, expression: Expr| expression.alias(format!("{CARRIED}_{at}"));
    let mut expressions: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    expressions.extend(POSITION.iter().enumerate().map(|(at, name)| named(at, column(name))));
    expressions.push(named(POSITION.len(), cast(column(carried.entity), DataType::Utf8)));
    expressions.extend(carried.label.map(|label| named(POSITION.len() + 1, column(label))));
    let projection = Projection::try_new(expressions, Arc::new(plan.clone()))?;
    Ok(LogicalPlan::Projection(projection))
}
