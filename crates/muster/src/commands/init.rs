//! `muster init`: a project's files for a table, drawn up from the table itself.
//!
//! What must stay true: nothing that is there is changed, and where it ends early, or dies, it can be started again; what it
//! writes is read back first, so `muster check` has nothing to say about it.

mod files;

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use muster_features::View;
use muster_profile::draft::{self, Draft, draft};
use muster_profile::{ColumnReading, Reading, Role, names};
use muster_spec::Problem;
use serde_json::{Value, json};

use self::files::{Content, Placed};
use crate::cli::InitArgs;
use crate::exit::Exit;
use crate::output::{NAME_SIGNS_MAX, Output, short, table};
use crate::tables;

/// What was made.
struct Made {
    reading: Reading,
    draft: Draft,
    /// The files, as people find them.
    files: Vec<Placed>,
}

/// Looks at the file, writes the project's files and says what they hold.
pub async fn run(folder: &Path, args: InitArgs, output: Output) -> anyhow::Result<Exit> {
    let made = make(folder, &args).await?;
    output.json(&made.json())?;
    output.text(&made.text(folder))?;
    Ok(Exit::Fine)
}

async fn make(project: &Path, args: &InitArgs) -> anyhow::Result<Made> {
    let stem = args.from.file_stem().unwrap_or_default().to_string_lossy();
    let name = match &args.name {
        Some(name) => fitting(name)?,
        None => names::table(&stem),
    };
    let file = file_name(&args.from);
    let drop = project.join("raw-data").join(&name).join(&file);
    // Said before a large file is read.
    files::refuse_others(&[(drop.clone(), Content::Copy(&args.from))])?;
    refuse_contract_of_others(&project.join("schemas").join(format!("{name}.contract.yaml")))?;
    let reading = tables::read_shown(args.from.clone(), args.label.clone()).await?;
    let draft = draft(&reading, &name, &file);
    check(&draft).map_err(|problems| {
        let listed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow!(
            "what was drawn up for `{file}` does not read back\n{}",
            listed.join("\n")
        )
    })?;
    // The rows first, then what names what is there: schema, contract, view, pipeline.
    let drafted = draft.files.iter();
    let drafted = drafted.map(|file| (project.join(&file.path), Content::Text(&file.text)));
    let files: Vec<(PathBuf, Content<'_>)> = std::iter::once((drop, Content::Copy(&args.from)))
        .chain(drafted)
        .collect();
    let files = files::place(&files)?;
    Ok(Made { reading, draft, files })
}

/// Ends where a contract is there that no `init` wrote.
fn refuse_contract_of_others(path: &Path) -> anyhow::Result<()> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(());
    };
    let first = text.lines().next().unwrap_or_default();
    if first.contains(draft::BY_INIT) {
        return Ok(());
    }
    files::refuse_others(&[(path.to_owned(), Content::Text(""))])
}

/// A name that people chose, if contract and topic can go by it.
fn fitting(name: &str) -> anyhow::Result<String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    if name.chars().all(fits) && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.len() <= 200 {
        return Ok(name.to_owned());
    }
    bail!("`--name {name}` is no name of a contract\n  hint: letters, digits, `.`, `-` and `_`, a letter first");
}

/// The name a file has in the drop folder, which takes files by what their names end in.
fn file_name(path: &Path) -> String {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .trim_start_matches('.')
        .to_owned();
    let ending = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    if matches!(&*ending, "csv" | "tsv" | "txt" | "parquet") {
        name
    } else {
        format!("{name}.csv")
    }
}

/// Reads back what was drawn up, as every command will.
fn check(draft: &Draft) -> Result<(), Vec<Problem>> {
    let text = |path: &str| {
        draft
            .files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.clone())
    };
    let name = &draft.name;
    let file = format!("schemas/{name}.contract.yaml");
    let beside = |name: &str| text(&format!("schemas/{name}"));
    let contract = muster_spec::read::contract(name, &file, &text(&file).unwrap_or_default(), &beside)?;
    muster_expr::Rules::compile(&contract)?;
    let file = format!("pipelines/{name}.yaml");
    if let Some(yaml) = text(&file) {
        let contracts = [contract];
        let beside = |name: &str| text(&format!("pipelines/{name}"));
        let pipeline = muster_spec::read::pipeline(name, &file, &yaml, &beside, &contracts)?;
        View::compile(&pipeline, &contracts)?;
    }
    Ok(())
}

impl Made {
    fn json(&self) -> Value {
        let columns = self.reading.columns.iter().map(|column| {
            json!({
                "column": column.header, "field": column.name, "kind": column.kind.words(), "role": column.role.word(),
                "why": column.why, "missing": column.missing, "distinct": column.distinct, "notes": column.notes,
            })
        });
        json!({
            "name": self.draft.name,
            "files": self.files.iter().map(|file| &file.path).collect::<Vec<_>>(),
            "rows": self.reading.rows,
            "ragged": self.reading.ragged,
            "foreign": self.reading.foreign,
            "bad": self.reading.bad,
            "columns": columns.collect::<Vec<Value>>(),
            "key": self.reading.columns[self.reading.key].name,
            "label": self.reading.label.as_ref().map(|label| json!({
                "column": label.header, "positive": label.values[1], "why": label.why,
            })),
            "no_pipeline": self.draft.no_pipeline,
            "notes": self.reading.notes,
        })
    }

    fn text(&self, folder: &Path) -> String {
        let reading = &self.reading;
        let row = |column: &ColumnReading| {
            let name = if column.name == column.header {
                column.name.clone()
            } else {
                format!("{} ({})", column.name, short(&column.header, NAME_SIGNS_MAX))
            };
            let mut why: Vec<&str> = (!column.why.is_empty()).then_some(&*column.why).into_iter().collect();
            why.extend(column.notes.iter().map(String::as_str));
            vec![
                name,
                column.kind.words().to_owned(),
                column.role.word().to_owned(),
                why.join("; "),
            ]
        };
        let mut lines = vec![
            format!("{} rows, {} columns", reading.rows, reading.columns.len()),
            table(
                &["field", "holds", "role", "because"],
                &[],
                reading.columns.iter().map(row),
            ),
        ];
        lines.extend(reading.lost());
        lines.extend(reading.notes.iter().cloned());
        let left_out =
            |column: &&ColumnReading| !column.role.is_feature() && !matches!(column.role, Role::Label | Role::Key);
        lines.push(match &self.draft.no_pipeline {
            Some(why) => format!("no pipeline: {why}"),
            None => format!(
                "{} features; {} columns stay in the contract and are left out of the view",
                reading.features().count(),
                reading.columns.iter().filter(left_out).count()
            ),
        });
        lines.extend(self.files.iter().map(|file| {
            let path = file.path.display();
            if file.was_there {
                format!("kept {path}, which is what would be written")
            } else {
                format!("wrote {path}")
            }
        }));
        let next = match &self.draft.no_pipeline {
            Some(_) => "check",
            None => "demo --once",
        };
        lines.push(format!("next: muster {next} --project {}", folder.display()));
        lines.join("\n")
    }
}
