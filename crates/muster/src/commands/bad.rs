//! `muster bad`: bad rows shown, exported, repaired.

use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use muster_expr::Assignment;
use muster_spec::Contract;
use muster_store::ledger::bad_files::BadFilter;
use muster_store::{FolderStore, Ledger, Role};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::cli::{BadAction, BadArgs, BadRowsArgs, DatabaseArgs, FileFormat, RepairArgs};
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::project::Project;
use crate::repairing::cells::Cells;
use crate::repairing::patching::{Patch, Sample, SampleChange};
use crate::repairing::showing::{BadRow, Showing, Step, write_header, write_row};
use crate::repairing::{Mended, Mending, Task};
use crate::servers::Database;

/// Shows, exports or repairs.
pub async fn run(folder: &Path, args: &BadArgs, output: Output) -> anyhow::Result<Exit> {
    match &args.action {
        BadAction::List {
            rows,
            count,
            repaired,
            database,
        } => list(folder, rows, *count, *repaired, database, output).await?,
        BadAction::Show {
            position,
            contract,
            database,
        } => show(folder, position, contract, database, output).await?,
        BadAction::Export {
            rows,
            out,
            personal,
            database,
        } => export(folder, rows, out, *personal, database, output).await?,
        BadAction::Repair(args) => repair(folder, args, output).await?,
    }
    Ok(Exit::Fine)
}

async fn list(
    folder: &Path,
    args: &BadRowsArgs,
    count: u64,
    repaired: bool,
    database: &DatabaseArgs,
    output: Output,
) -> anyhow::Result<()> {
    let (contract, filter) = meant(folder, args)?;
    let shown = with_rows(folder, &contract, false, database, move |mut showing| {
        let mut shown: Vec<BadRow> = Vec::new();
        showing.each(&filter, repaired, &mut |row| {
            if shown.len() as u64 == count {
                return Ok(ControlFlow::Break(()));
            }
            shown.push(row);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(shown)
    });
    let shown = shown.await?;
    output.json(&shown)?;
    let row = |row: &BadRow| {
        let state = if row.repaired { "repaired" } else { "bad" };
        vec![
            row.position.clone(),
            row.rules.join(" "),
            state.to_owned(),
            broken(&contract, row),
        ]
    };
    output.text(&table(
        &["position", "rules", "state", "values"],
        &[],
        shown.iter().map(row),
    ))
}

/// What stands in the fields that a row's rules are about.
fn broken(contract: &Contract, row: &BadRow) -> String {
    let mut fields: Vec<usize> = row
        .rules
        .iter()
        .filter_map(|id| contract.rules[usize::from(contract.rule(id)?.0)].field)
        .collect();
    fields.dedup();
    let value = |field: &usize| {
        let name = &contract.fields[*field].name;
        format!(
            "{name}={}",
            row.fields.get(name).and_then(Value::as_str).unwrap_or_default()
        )
    };
    match &row.reason {
        Some(reason) => reason.clone(),
        None => fields.iter().map(value).collect::<Vec<_>>().join(" "),
    }
}

async fn show(
    folder: &Path,
    position: &str,
    contract: &str,
    database: &DatabaseArgs,
    output: Output,
) -> anyhow::Result<()> {
    let contract = Project::load_contract(folder, contract)?;
    let (topic, partition, offset) = place(position).with_context(|| {
        format!("`{position}` is no position\n  hint: write TOPIC/PARTITION/OFFSET, as `muster bad list` does")
    })?;
    let found = with_rows(folder, &contract, false, database, move |mut showing| {
        let Some((source, row)) = showing.one(&topic, partition, offset)? else {
            return Ok(None);
        };
        let steps = showing.steps(source, offset)?;
        Ok(Some((row, steps)))
    });
    let Some((row, steps)) = found.await? else {
        bail!("no bad row is at `{position}`");
    };
    output.json(&json!({ "row": row, "steps": steps }))?;
    output.text(&described(&row, &steps))
}

fn place(position: &str) -> Option<(String, i32, i64)> {
    let mut parts = position.rsplitn(3, '/');
    let (offset, partition, topic) = (parts.next()?, parts.next()?, parts.next()?);
    Some((topic.to_owned(), partition.parse().ok()?, offset.parse().ok()?))
}

fn described(row: &BadRow, steps: &[Step]) -> String {
    let when = |at: &DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let mut lines = vec![format!(
        "{}  batch {}, {}",
        row.position,
        row.batch,
        when(&row.committed_at)
    )];
    let reason = row
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(" ({reason})"));
    lines.push(format!("bad: {}{reason}", row.rules.join(", ")));
    if !row.warnings.is_empty() {
        lines.push(format!("warnings: {}", row.warnings.join(", ")));
    }
    for step in steps {
        let (kind, author, reason) = (&step.kind, &step.author, &step.reason);
        lines.push(format!(
            "{kind} {} by {author}, {}: {reason}",
            step.repair,
            when(&step.committed_at)
        ));
        lines.extend(step.changes.iter().map(|change| format!("  {}", changed(change))));
        lines.push(if step.good {
            format!("good: batch {}", step.batch)
        } else {
            format!("still bad: {}", step.rules_left.join(", "))
        });
    }
    if !row.fields.is_empty() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let fields = row.fields.iter().map(|(name, value)| vec![name.clone(), text(value)]);
        lines.push(table(&["field", "as it came"], &[], fields));
    }
    lines.join("\n")
}

fn changed(change: &SampleChange) -> String {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "(nothing)".to_owned());
    format!("{}: {} -> {}", change.field, side(&change.before), side(&change.after))
}

async fn export(
    folder: &Path,
    args: &BadRowsArgs,
    out: &Path,
    personal: bool,
    database: &DatabaseArgs,
    output: Output,
) -> anyhow::Result<()> {
    let (contract, filter) = meant(folder, args)?;
    let as_csv = FileFormat::of_name(out) == FileFormat::Csv;
    if out.exists() && !out.is_file() {
        bail!("`{}` is there and no file", out.display());
    }
    // Whoever may read the bad side may read this, and nobody else; it has its name when all of it is there.
    let beside = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let whole = NamedTempFile::new_in(beside.unwrap_or(Path::new(".")));
    let whole = whole.with_context(|| format!("could not write `{}`", out.display()))?;
    let mut file = BufWriter::new(whole.reopen()?);
    let of = Arc::clone(&contract);
    let written = with_rows(folder, &contract, personal, database, move |mut showing| {
        let mut rows = 0_u64;
        if as_csv {
            write_header(&of, &mut file)?;
        }
        showing.each(&filter, false, &mut |row| {
            rows += 1;
            write_row(&of, &row, as_csv, &mut file)?;
            Ok(ControlFlow::Continue(()))
        })?;
        file.flush().context("could not write the file to its end")?;
        Ok(rows)
    });
    let rows = written.await?;
    whole
        .persist(out)
        .with_context(|| format!("could not write `{}`", out.display()))?;
    output.json(&json!({ "file": out, "rows": rows, "personal": personal }))?;
    output.text(&format!("{rows} rows in {}", out.display()))
}

/// Runs `work` on a thread of its own, with a reader of the contract's bad rows.
async fn with_rows<T: Send + 'static>(
    folder: &Path,
    contract: &Arc<Contract>,
    personal: bool,
    args: &DatabaseArgs,
    work: impl FnOnce(Showing) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let database = Database::open(folder, args).await?;
    let ledger = database.ledger(Role::Read).await?;
    let showing = Showing::new(
        ledger,
        Arc::new(FolderStore::new(folder)),
        Arc::clone(contract),
        personal,
    )?;
    let done = tokio::task::spawn_blocking(move || work(showing)).await?;
    database.close().await;
    done
}

/// The contract and rows that are meant.
fn meant(folder: &Path, args: &BadRowsArgs) -> anyhow::Result<(Arc<Contract>, BadFilter)> {
    let contract = Project::load_contract(folder, &args.contract)?;
    if let Some(rule) = args.rule.as_ref().filter(|rule| contract.rule(rule).is_none()) {
        Output::say(&format!(
            "`{}` has no rule `{rule}` now: only rows that an older version of it judged can have broken it",
            contract.name
        ));
    }
    let filter = BadFilter {
        rule: args.rule.clone(),
        from: args.day,
        to: args.day,
    };
    Ok((contract, filter))
}

async fn repair(folder: &Path, args: &RepairArgs, output: Output) -> anyhow::Result<()> {
    let (contract, filter) = meant(folder, &args.rows)?;
    let patch = match &args.patch {
        Some(file) => Patch::Cells(Cells::read(file, &contract)?),
        None => Patch::Set(assignments(&contract, &args.set)?),
    };
    let task = Task {
        contract,
        filter,
        patch: Some(patch),
        author: author(args.author.as_deref())?,
        reason: reason(&args.reason)?,
        dry_run: args.dry_run,
    };
    mend(folder, task, &args.database, output).await
}

fn assignments(contract: &Contract, set: &[String]) -> anyhow::Result<Vec<(String, Assignment)>> {
    let mut assignments: Vec<(String, Assignment)> = Vec::new();
    for text in set {
        let compiled = Assignment::compile(contract, text).map_err(|message| anyhow::anyhow!("--set: {message}"))?;
        if assignments.iter().any(|(_, other)| other.field() == compiled.field()) {
            bail!("--set: `{}` is set twice", contract.fields[compiled.field()].name);
        }
        assignments.push((text.clone(), compiled));
    }
    Ok(assignments)
}

/// Who works, for the ledger.
pub fn author(told: Option<&str>) -> anyhow::Result<String> {
    let logged_in = || ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let author = told.map(str::to_owned).or_else(logged_in).unwrap_or_default();
    match author.trim() {
        "" => bail!("nobody is logged in by name\n  hint: --author NAME"),
        author => Ok(author.to_owned()),
    }
}

fn reason(told: &str) -> anyhow::Result<String> {
    match told.trim() {
        "" => bail!("--reason is empty: say why, for those who read it later"),
        reason => Ok(reason.to_owned()),
    }
}

/// Does a repair or replay and says what came of it.
pub async fn mend(folder: &Path, task: Task, args: &DatabaseArgs, output: Output) -> anyhow::Result<()> {
    let database = Database::open(folder, args).await?;
    let role = if task.dry_run { Role::Read } else { Role::Ingest };
    let ledger: Ledger = database.ledger(role).await?;
    let dry_run = task.dry_run;
    let mending = Mending::new(ledger, Arc::new(FolderStore::new(folder)), task)?;
    let mended = tokio::task::spawn_blocking(move || mending.run()).await?;
    database.close().await;
    let mended = mended?;
    output.json(&mended)?;
    output.text(&told(&mended, dry_run))
}

fn told(mended: &Mended, dry_run: bool) -> String {
    let (are, stay) = if dry_run {
        ("would be good", "would stay bad")
    } else {
        ("are good now", "stay bad")
    };
    let mut counts = vec![
        format!("{} rows {are}", mended.good),
        format!("{} {stay}", mended.still_bad),
    ];
    for (count, what) in [
        (mended.unchanged, "are not changed by it"),
        (mended.failed, "it cannot be computed for"),
        (mended.undecodable, "do not decode: patch those by --patch"),
        (mended.unmet, "lines of the file name no bad row"),
    ] {
        if count > 0 {
            counts.push(format!("{count} {what}"));
        }
    }
    let mut text = counts.join(", ");
    if !mended.rules_left.is_empty() {
        let rules = mended
            .rules_left
            .iter()
            .map(|(rule, rows)| vec![rule.clone(), rows.to_string()]);
        text.push('\n');
        text.push_str(&table(&["rule still broken", "rows"], &[1], rules));
    }
    if dry_run && !mended.sample.is_empty() {
        let row = |sample: &Sample| {
            let changes: Vec<String> = sample.changes.iter().map(changed).collect();
            let then = if sample.rules_left.is_empty() {
                "good".to_owned()
            } else {
                sample.rules_left.join(" ")
            };
            vec![sample.position.clone(), changes.join("\n"), then]
        };
        text.push('\n');
        text.push_str(&table(
            &["position", "change", "then"],
            &[],
            mended.sample.iter().map(row),
        ));
    }
    text
}
