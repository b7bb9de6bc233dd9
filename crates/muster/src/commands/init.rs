//! `muster init`: a project's files for a table, drawn up from the table itself.
//!
//! What must stay true: nothing that is there is changed, and where it ends early nothing is left behind; what it writes is
//! read back first, so `muster check` has nothing to say about it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use muster_features::View;
use muster_profile::draft::{Draft, draft};
use muster_profile::{ColumnReading, Reading, Role, names};
use muster_spec::Problem;
use serde_json::{Value, json};

use crate::cli::InitArgs;
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::tables;

/// What was made.
struct Made {
    reading: Reading,
    draft: Draft,
    /// The files, as people find them.
    written: Vec<PathBuf>,
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
    let drop = Path::new("raw-data").join(&name).join(&file);
    let schema = Path::new("schemas").join(format!("{name}.contract.yaml"));
    // Said before a large file is read.
    refuse_present(project, &[schema, drop.clone()], &args.from)?;
    let reading = tables::read_shown(args.from.clone(), args.label.clone()).await?;
    let draft = draft(&reading, &name, &file);
    check(&draft).map_err(|problems| {
        let listed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow!(
            "what was drawn up for `{file}` does not read back\n{}",
            listed.join("\n")
        )
    })?;
    let paths: Vec<PathBuf> = draft.files.iter().map(|file| PathBuf::from(&file.path)).collect();
    refuse_present(project, &paths, &args.from)?;
    let mut written = Written::default();
    for file in &draft.files {
        written.text(&project.join(&file.path), &file.text)?;
    }
    written.copy(&args.from, &project.join(&drop))?;
    Ok(Made {
        reading,
        draft,
        written: written.keep(),
    })
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

/// Ends where one of these files is there, unless it is the one that is read.
fn refuse_present(project: &Path, paths: &[PathBuf], from: &Path) -> anyhow::Result<()> {
    for path in paths {
        let there = project.join(path);
        if there.exists() && !same_file(&there, from) {
            bail!(
                "`{}` is there already, and nothing is overwritten\n  hint: --name gives contract and pipeline another name",
                there.display()
            );
        }
    }
    Ok(())
}

fn same_file(left: &Path, right: &Path) -> bool {
    matches!((left.canonicalize(), right.canonicalize()), (Ok(left), Ok(right)) if left == right)
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

/// Files that were written, taken away again unless all were.
#[derive(Default)]
struct Written {
    paths: Vec<PathBuf>,
}

impl Written {
    fn text(&mut self, path: &Path, text: &str) -> anyhow::Result<()> {
        let mut file = self.create(path)?;
        file.write_all(text.as_bytes())
            .with_context(|| format!("could not write `{}`", path.display()))
    }

    fn copy(&mut self, from: &Path, to: &Path) -> anyhow::Result<()> {
        if same_file(from, to) {
            return Ok(());
        }
        let mut source = File::open(from).with_context(|| format!("could not open `{}`", from.display()))?;
        let mut file = self.create(to)?;
        std::io::copy(&mut source, &mut file)
            .with_context(|| format!("could not copy `{}` to `{}`", from.display(), to.display()))?;
        Ok(())
    }

    /// A file that was not there.
    fn create(&mut self, path: &Path) -> anyhow::Result<File> {
        let unwritten = || format!("could not write `{}`", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(unwritten)?;
        }
        let file = File::create_new(path).with_context(unwritten)?;
        self.paths.push(path.to_owned());
        Ok(file)
    }

    fn keep(mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.paths)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        for path in &self.paths {
            let _ = fs::remove_file(path);
        }
    }
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
            "files": self.written,
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
                format!("{} ({})", column.name, column.header)
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
        lines.extend(self.written.iter().map(|path| format!("wrote {}", path.display())));
        let next = match &self.draft.no_pipeline {
            Some(_) => "check",
            None => "demo --once",
        };
        lines.push(format!("next: muster {next} --project {}", folder.display()));
        lines.join("\n")
    }
}
