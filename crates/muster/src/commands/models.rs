//! `muster models`: versions of models, what is known of them, and which one scores.

use std::path::Path;

use anyhow::{Context, bail};
use muster_spec::PipelineName;
use muster_store::ledger::models::ModelEntry;
use muster_store::{Ledger, Role};
use serde_json::{Value, json};

use crate::cli::{ModelsAction, ModelsArgs};
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::project::Project;
use crate::servers::Database;

/// Lists, shows or promotes.
pub async fn run(folder: &Path, args: &ModelsArgs, output: Output) -> anyhow::Result<Exit> {
    let project = Project::load(folder)?;
    let database = Database::open(folder, args.action.database()).await?;
    let role = match args.action {
        ModelsAction::Promote { .. } => Role::Score,
        ModelsAction::List { .. } | ModelsAction::Show { .. } => Role::Read,
    };
    let ledger = database.ledger(role).await?;
    match &args.action {
        ModelsAction::List { pipeline, .. } => list(&ledger, &project, pipeline.as_deref(), output).await?,
        ModelsAction::Show { version, .. } => show(&ledger, &project, version, output).await?,
        ModelsAction::Promote { version, .. } => {
            let entry = find(&ledger, &project, version).await?;
            let model = &entry.model;
            ledger.move_alias(&model.pipeline, "champion", &model.version).await?;
            output.json(&json!({ "pipeline": model.pipeline, "champion": model.version }))?;
            output.text(&format!("{} {} is champion now", model.pipeline, model.version.short()))?;
        }
    }
    database.close().await;
    Ok(Exit::Fine)
}

async fn list(ledger: &Ledger, project: &Project, only: Option<&str>, output: Output) -> anyhow::Result<()> {
    let entries = entries(ledger, project, only).await?;
    output.json(&entries.iter().map(entry_json).collect::<Vec<Value>>())?;
    let row = |entry: &ModelEntry| {
        let auc = entry
            .model
            .metrics
            .pointer("/out_of_fold/auc_mean")
            .and_then(Value::as_f64);
        vec![
            entry.model.pipeline.to_string(),
            entry.model.version.short().to_owned(),
            entry.aliases.join(", "),
            auc.map_or_else(String::new, |auc| format!("{auc:.4}")),
            entry.trained_at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        ]
    };
    output.text(&table(
        &["pipeline", "version", "alias", "AUC", "trained"],
        &[3],
        entries.iter().map(row),
    ))
}

async fn show(ledger: &Ledger, project: &Project, version: &str, output: Output) -> anyhow::Result<()> {
    let entry = find(ledger, project, version).await?;
    output.json(&entry_json(&entry))?;
    let card = project.folder.join(&entry.model.path).join("card.md");
    let card = std::fs::read_to_string(&card).with_context(|| format!("could not read `{}`", card.display()))?;
    output.text(&card)
}

fn entry_json(entry: &ModelEntry) -> Value {
    json!({
        "pipeline": entry.model.pipeline,
        "version": entry.model.version,
        "aliases": entry.aliases,
        "path": entry.model.path,
        "view_version": entry.model.view_version,
        "read_versions": entry.model.read_versions,
        "trained_at": entry.trained_at.to_rfc3339(),
        "metrics": entry.model.metrics,
    })
}

async fn entries(ledger: &Ledger, project: &Project, only: Option<&str>) -> anyhow::Result<Vec<ModelEntry>> {
    let names: Vec<PipelineName> = match only {
        Some(name) => vec![project.pipeline(name)?.name.clone()],
        None => project.pipelines.iter().map(|pipeline| pipeline.name.clone()).collect(),
    };
    let mut entries = Vec::new();
    for name in names {
        entries.extend(ledger.models(&name).await?);
    }
    Ok(entries)
}

/// The one version that `PIPELINE@ALIAS` or the first digits name.
async fn find(ledger: &Ledger, project: &Project, named: &str) -> anyhow::Result<ModelEntry> {
    if let Some((pipeline, alias)) = named.split_once('@') {
        let pipeline = project.pipeline(pipeline)?;
        let found = ledger.model(&pipeline.name, alias).await?;
        return found.with_context(|| format!("`{}` has no {alias}", pipeline.name));
    }
    let mut found: Vec<ModelEntry> = entries(ledger, project, None).await?;
    found.retain(|entry| entry.model.version.as_str().starts_with(named));
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => bail!("there is no model version `{named}`\n  hint: `muster models list` shows them"),
        _ => bail!("`{named}` begins several versions: give more digits"),
    }
}
