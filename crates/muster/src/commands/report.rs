//! `muster report`: what was wrong in a batch or on a day.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use muster_report::{Report, RuleResult, Verdict};
use muster_spec::BatchId;
use muster_store::Role;
use muster_store::ledger::report::Scope;

use crate::cli::ReportArgs;
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::project::Project;
use crate::reporting::{self, Places, Reporter};
use crate::servers::Database;

/// Rules that are told on the terminal.
const RULES_MAX: usize = 10;

/// Makes the report, writes it and says its line.
pub async fn run(folder: &Path, args: &ReportArgs, output: Output) -> anyhow::Result<Exit> {
    let project = Project::load(folder)?;
    let contract = project.contract(&args.contract)?;
    let places = Places::of(&args.link)?;
    let database = Database::open(folder, &args.database).await?;
    let reporter = Reporter::new(&project, database.ledger(Role::Read).await?, places);
    let name = &contract.name;
    let scope = match (args.batch, args.day) {
        (Some(batch), _) => Scope::Batch(BatchId(batch)),
        (None, Some(day)) => Scope::Day(day),
        (None, None) => Scope::Day(reporter.last_day(name).await?.with_context(|| {
            format!("nothing was committed of `{name}` yet\n  hint: `muster ingest` takes its events")
        })?),
    };
    let Some(report) = reporter.report(&contract, &scope).await? else {
        bail!(
            "`{name}` has no such batch\n  hint: `muster psql -c \"select id from batches where contract = '{name}'\"`"
        );
    };
    drop(reporter);
    database.close().await;

    output.json(&report)?;
    let page = match (&args.out, output.is_json()) {
        (Some(out), _) => Some(page(out, &report)?),
        (None, true) => None,
        (None, false) => Some(page(Path::new("."), &report)?),
    };
    let written = page.map(|page| reporting::write(&report, &page)).transpose()?;
    output.text(&describe(&report))?;
    if let Some((page, data)) = written {
        Output::say(&format!("see {} and {}", page.display(), data.display()));
    }
    Ok(match report.status.verdict {
        Verdict::NotMet => Exit::Finding,
        Verdict::Empty | Verdict::Good | Verdict::BadRows => Exit::Fine,
    })
}

/// The file that is meant: a name that ends in `.html` is one, everything else a folder.
fn page(out: &Path, report: &Report) -> anyhow::Result<PathBuf> {
    let is_page = out.extension().is_some_and(|ending| ending == "html");
    let (folder, page) = if is_page {
        (out.parent().unwrap_or(Path::new(".")), out.to_owned())
    } else {
        (out, out.join(format!("{}.html", report.file_stem())))
    };
    if !folder.as_os_str().is_empty() {
        std::fs::create_dir_all(folder).with_context(|| format!("could not make `{}`", folder.display()))?;
    }
    Ok(page)
}

/// A report as people read it on a terminal.
pub fn describe(report: &Report) -> String {
    let mut text = format!("{}: {}", report.status.verdict.word(), report.status.line);
    let row = |rule: &RuleResult| {
        let first = rule.positions.first().cloned().unwrap_or_default();
        vec![
            rule.id.clone(),
            rule.severity.word().to_owned(),
            rule.rows.to_string(),
            first,
        ]
    };
    let broken = report.rules.iter().filter(|rule| rule.rows > 0).take(RULES_MAX);
    let rows: Vec<Vec<String>> = broken.map(row).collect();
    if !rows.is_empty() {
        text.push('\n');
        text.push_str(&table(&["broken rule", "severity", "rows", "first at"], &[2], rows));
    }
    text
}
