//! A feature view that was planned and checked.
//!
//! Made by [`View::compile`] from a pipeline and the project's contracts, for `muster check`, `train` and `score`; run
//! by [`crate::compute`]. A view that exists can be run: its columns have types a model takes, and none depends on the
//! label.

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use muster_spec::pipeline::Mode;
use muster_spec::{Contract, ContractName, Pipeline, Problem, nearest, read};
use sha2::{Digest, Sha256};

use crate::fault::{of_error, problem};
use crate::places::Places;
use crate::row_local;
use crate::session::{empty_table, good_rows, plan, session};

/// A feature view, ready to run.
#[derive(Clone, Debug)]
pub struct View {
    /// The contract whose good rows it reads.
    pub source: ContractName,
    /// Its columns, in order.
    pub features: Vec<Feature>,
    /// The sha-256 of its SQL, 64 hexadecimal digits.
    pub version: String,
    pub(crate) sql: String,
    pub(crate) rows: SchemaRef,
    pub(crate) entity: String,
    pub(crate) label: String,
}

/// A column of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Its values.
    pub kind: FeatureKind,
}

/// What a feature's values are, and with it their Arrow type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureKind {
    /// Arrow `Boolean`.
    Boolean,
    /// Arrow `Int64`: integers of any width.
    Whole,
    /// Arrow `Float64`: floating-point numbers and decimals.
    Number,
    /// Arrow `Utf8`: text and enums, to be encoded as categorical or ordinal.
    Text,
}

impl FeatureKind {
    fn of(kind: &DataType) -> Option<Self> {
        match kind {
            DataType::Boolean => Some(Self::Boolean),
            kind if kind.is_integer() => Some(Self::Whole),
            kind if kind.is_numeric() => Some(Self::Number),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Self::Text),
            _ => None,
        }
    }

    /// The Arrow type of the feature's column.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Whole => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::Text => DataType::Utf8,
        }
    }
}

impl View {
    /// Plans a pipeline's view over the contracts it reads and checks it.
    ///
    /// # Errors
    /// Every problem found: of the view's file (`pipelines/VIEW.sql`), and of names in the pipeline's file that the view
    /// does not have.
    pub fn compile(pipeline: &Pipeline, contracts: &[Contract]) -> Result<Self, Vec<Problem>> {
        let file = format!("pipelines/{}", pipeline.features.view);
        let pipeline_file = format!("pipelines/{}.yaml", pipeline.name);
        let source = source(pipeline, contracts, &pipeline_file).map_err(|problem| vec![problem])?;
        let rows = good_rows(source);
        let state = session();
        let sql = &pipeline.features.sql;
        let tables = [(source.name.as_str(), empty_table(rows.clone()))];
        let places = Places::of(sql);
        let planned = plan(&state, &tables, sql).map_err(|error| vec![of_error(&file, &error, &places)])?;
        let features = features(&state, &planned, &pipeline.model.label, &file, &places)?;
        let problems = names(pipeline, &features, &pipeline_file);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            source: source.name.clone(),
            features,
            version: format!("{:x}", Sha256::digest(sql)),
            sql: sql.clone(),
            rows,
            entity: pipeline.features.entity.clone(),
            label: pipeline.model.label.clone(),
        })
    }
}

/// The one contract a view of `mode: rows` reads, with entity and label among its fields.
fn source<'c>(pipeline: &Pipeline, contracts: &'c [Contract], file: &str) -> Result<&'c Contract, Problem> {
    let at = |path: &[&str], message: String, hint: String| {
        problem(file, read::place(&pipeline.text, path), message, Some(hint))
    };
    if pipeline.features.mode == Mode::Entities {
        let message = "`mode: entities` is not built yet".into();
        return Err(at(&["features", "mode"], message, "use `mode: rows`".into()));
    }
    let [name] = &pipeline.sources[..] else {
        let message = format!(
            "`mode: rows` reads one source, this pipeline has {}",
            pipeline.sources.len()
        );
        let hint = "each good row is scored once, by its position in one contract's topic";
        return Err(at(&["sources"], message, hint.into()));
    };
    let Some(contract) = contracts.iter().find(|contract| contract.name == *name) else {
        let known: Vec<&str> = contracts.iter().map(|contract| contract.name.as_str()).collect();
        let hint = near(name.as_str(), &known).unwrap_or_else(|| "a source is a contract of the project".into());
        return Err(at(
            &["sources", name.as_str()],
            format!("unknown contract `{name}`"),
            hint,
        ));
    };
    let named = [
        (&["features", "entity"], &pipeline.features.entity),
        (&["model", "label"], &pipeline.model.label),
    ];
    for (path, field) in named {
        if contract.field(field).is_none() {
            let known: Vec<&str> = contract.fields.iter().map(|field| field.name.as_str()).collect();
            let hint = near(field, &known).unwrap_or_else(|| "entity and label are fields of the source".into());
            return Err(at(path, format!("`{name}` has no field `{field}`"), hint));
        }
    }
    Ok(contract)
}

fn near(name: &str, known: &[&str]) -> Option<String> {
    nearest(name, known).map(|near| format!("did you mean `{near}`?"))
}

fn features(
    state: &SessionState,
    plan: &LogicalPlan,
    label: &str,
    file: &str,
    places: &Places,
) -> Result<Vec<Feature>, Vec<Problem>> {
    let chain = row_local::check(plan, label)
        .map_err(|(message, why, near)| vec![problem(file, places.near(&near), message, Some(why.to_owned()))])?;
    // Types are known only after coercion, which the optimizer does.
    let optimized = state
        .optimize(plan)
        .map_err(|error| vec![of_error(file, &error, places)])?;
    let mut features = Vec::new();
    let mut problems = Vec::new();
    let columns = optimized.schema().fields();
    for (at, (field, forbidden)) in columns.iter().zip(chain.forbidden).enumerate() {
        match feature(field.name(), field.data_type(), forbidden, label) {
            Ok(feature) => features.push(feature),
            Err((message, hint)) => {
                let place = places.column(at, columns.len());
                problems.push(problem(file, place, message, Some(hint)));
            }
        }
    }
    if problems.is_empty() {
        Ok(features)
    } else {
        Err(problems)
    }
}

fn feature(name: &str, kind: &DataType, reads_label: bool, label: &str) -> Result<Feature, (String, String)> {
    if reads_label {
        let hint = format!("Muster reads `{label}` itself, for training only");
        return Err((format!("the column `{name}` depends on the label `{label}`"), hint));
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || !name.chars().all(plain) {
        let hint = "letters, digits and `_`, a letter first; name an expression with `AS`";
        return Err((format!("`{name}` is no name of a feature"), hint.to_owned()));
    }
    let Some(kind) = FeatureKind::of(kind) else {
        let hint = "a feature is a number, a boolean or text: `date_part('month', ...)`";
        return Err((format!("the column `{name}` is of type {kind}"), hint.to_owned()));
    };
    Ok(Feature {
        name: name.to_owned(),
        kind,
    })
}

/// Names in the pipeline's file that must fit the view's columns.
fn names(pipeline: &Pipeline, features: &[Feature], file: &str) -> Vec<Problem> {
    let known: Vec<&str> = features.iter().map(|feature| feature.name.as_str()).collect();
    let model = &pipeline.model;
    let mut problems = Vec::new();
    let listed = [("categorical", &model.categorical), ("ordinal", &model.ordinal)];
    for (key, names) in listed {
        for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
            let place = read::place(&pipeline.text, &["model", key, name]);
            let message = format!("the view has no column `{name}`");
            let hint = near(name, &known).or_else(|| Some(format!("it has `{}`", known.join("`, `"))));
            problems.push(problem(file, place, message, hint));
        }
    }
    for feature in features.iter().filter(|feature| feature.kind == FeatureKind::Text) {
        if !model.categorical.contains(&feature.name) && !model.ordinal.contains(&feature.name) {
            let message = format!("the text feature `{}` is neither categorical nor ordinal", feature.name);
            let hint = "list it in the model, or leave it out of the view".to_owned();
            let place = read::place(&pipeline.text, &["model", "categorical"]);
            problems.push(problem(file, place, message, Some(hint)));
        }
    }
    problems
}
