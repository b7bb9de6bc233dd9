//! The one place where DataFusion sessions are made, and where a view's text becomes a plan over tables.
//!
//! Used by [`crate::view`] with empty tables, to check a view, and by [`crate::compute`] with sealed files, to run it:
//! the same text is planned by the same code both times. A table is a contract's good rows under the contract's name,
//! written `hr.candidate` or `"hr.candidate"`. Names keep their case; functions are found in any case, as in SQL.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, TableReference, plan_err};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::provider_as_source;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner};
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use muster_spec::Contract;

use crate::parts::{Part, Parts};

/// The columns that stand beside a contract's fields in every good file.
pub(crate) const POSITION: [&str; 5] = ["_source", "_topic", "_partition", "_offset", "_event_time"];

/// What is said of a text that is more, less or something else.
pub(crate) const ONE_SELECT: &str = "a feature view is one SELECT";

/// A session. One partition: rows come in the order of the files, and a view is the same work for one batch as for all.
pub(crate) fn session() -> SessionState {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_collect_statistics(false);
    config.options_mut().execution.parquet.schema_force_view_types = false;
    config.options_mut().sql_parser.enable_ident_normalization = false;
    SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .build()
}

/// The columns of a contract's good rows: its fields, then the position.
pub(crate) fn good_rows(contract: &Contract) -> SchemaRef {
    let fields = contract.fields.iter();
    let fields = fields.map(|field| (field.name.as_str(), muster_expr::sql::data_type(&field.kind)));
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let kinds = [
        DataType::Int64,
        DataType::Utf8,
        DataType::Int32,
        DataType::Int64,
        micros,
    ];
    let columns = fields.chain(POSITION.into_iter().zip(kinds));
    Arc::new(Schema::new(
        columns
            .map(|(name, kind)| Field::new(name, kind, true))
            .collect::<Vec<_>>(),
    ))
}

/// A table without rows.
pub(crate) fn empty_table(schema: SchemaRef) -> Arc<dyn TableProvider> {
    Arc::new(EmptyTable::new(schema))
}

/// A table of exactly these Parquet files, given by absolute paths, in this order. A column a file lacks is null.
pub(crate) fn table_of_files(schema: SchemaRef, paths: &[impl AsRef<Path>]) -> Result<Arc<dyn TableProvider>> {
    let urls = paths
        .iter()
        .map(|path| url(path.as_ref()))
        .collect::<Result<Vec<_>>>()?;
    let format = ParquetFormat::default().with_force_view_types(false);
    let options = ListingOptions::new(Arc::new(format)).with_file_extension("");
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config)?))
}

/// A table of these parts of files, in this order.
pub(crate) fn table_of_parts(schema: SchemaRef, parts: Vec<Part>) -> Result<Arc<dyn TableProvider>> {
    let stream = Parts {
        schema: Arc::clone(&schema),
        parts,
    };
    Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(stream)])?))
}

/// A file's URL. Not by the path itself: in a path, `*`, `?` and `[` would be taken for a pattern.
fn url(path: &Path) -> Result<ListingTableUrl> {
    let Some(path) = path.to_str() else {
        return plan_err!("the path of a data file is not UTF-8");
    };
    let mut url = String::from("file://");
    for character in path.chars() {
        match character {
            '%' => url.push_str("%25"),
            '?' => url.push_str("%3F"),
            '#' => url.push_str("%23"),
            '\\' => url.push_str("%5C"),
            other => url.push(other),
        }
    }
    ListingTableUrl::parse(url)
}

/// The plan of a view's text over tables by contract name.
pub(crate) fn plan(state: &SessionState, tables: &[(&str, Arc<dyn TableProvider>)], sql: &str) -> Result<LogicalPlan> {
    let mut statements = DFParser::parse_sql(sql)?;
    let (Some(statement), None) = (statements.pop_front(), statements.pop_front()) else {
        return plan_err!("{ONE_SELECT}");
    };
    match &statement {
        Statement::Statement(inner) if matches!(**inner, SqlStatement::Query(_)) => {}
        _ => return plan_err!("{ONE_SELECT}"),
    }
    let options = ParserOptions::new()
        .with_enable_ident_normalization(false)
        .with_map_string_types_to_utf8view(false)
        .with_collect_spans(true);
    let context = Tables { state, tables };
    SqlToRel::new_with_options(&context, options).statement_to_plan(statement)
}

/// What a view may name.
struct Tables<'a> {
    state: &'a SessionState,
    tables: &'a [(&'a str, Arc<dyn TableProvider>)],
}

impl ContextProvider for Tables<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let parts = [name.catalog(), name.schema(), Some(name.table())];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(".");
        let Some((_, table)) = self.tables.iter().find(|(table, _)| *table == name) else {
            return plan_err!("there is no source `{name}`");
        };
        Ok(provider_as_source(Arc::clone(table)))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.state.scalar_functions().get(&name.to_lowercase()).cloned()
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(&name.to_lowercase()).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(&name.to_lowercase()).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.window_functions().get(&name.to_lowercase()).cloned()
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        sorted(self.state.scalar_functions().keys())
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        sorted(self.state.higher_order_functions().keys())
    }

    fn udaf_names(&self) -> Vec<String> {
        sorted(self.state.aggregate_functions().keys())
    }

    fn udwf_names(&self) -> Vec<String> {
        sorted(self.state.window_functions().keys())
    }
}

/// Names for hints, always in the same order.
fn sorted<'n>(names: impl Iterator<Item = &'n String>) -> Vec<String> {
    let mut names: Vec<String> = names.cloned().collect();
    names.sort_unstable();
    names
}
