//! `muster contract diff`: what a change of a contract breaks, for sources, readers and pipelines.

use std::fmt::Write as _;
use std::path::Path;

use muster_contract::diff::{Diff, Reads, diff};
use muster_features::{RowFeatures, View};
use muster_spec::{Contract, ContractName, Pipeline};
use serde::Serialize;
use serde_json::json;

use crate::cli::{ContractAction, ContractArgs};
use crate::contracts;
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::project;

/// Compares two contracts and says what the change breaks; that is a finding.
pub async fn run(folder: &Path, args: &ContractArgs, output: Output) -> anyhow::Result<Exit> {
    let ContractAction::Diff(args) = &args.action;
    let old = contracts::named(folder, &args.old, &args.database).await?;
    let new = contracts::named(folder, &args.new, &args.database).await?;
    let differs = diff(&old, &new);
    let readers = readers(folder, &old, &new, &differs)?;
    let breaks = breaks(&differs, &readers);
    output.json(&as_json((&old, &new), &differs, &readers, &breaks))?;
    output.text(&describe((&old, &new), &differs, &readers, &breaks))?;
    Ok(if breaks.is_empty() { Exit::Fine } else { Exit::Finding })
}

/// A pipeline that reads the contract.
#[derive(Debug, Serialize)]
struct Reader {
    pipeline: String,
    /// Fields that differ, or that a rule is about that differs, and that it reads.
    reads: Vec<String>,
    /// What is wrong with it under the new contract and was not under the old one.
    problems: Vec<String>,
}

/// The project's pipelines that read the contract; none where there is no project.
fn readers(folder: &Path, old: &Contract, new: &Contract, differs: &Diff) -> anyhow::Result<Vec<Reader>> {
    if !folder.join("schemas").is_dir() {
        return Ok(Vec::new());
    }
    let project = project::read(folder)?.project;
    let is_ours = |name: &ContractName| *name == new.name || *name == old.name;
    let others = project.contracts.iter().filter(|contract| !is_ours(&contract.name));
    let others: Vec<Contract> = others.map(|contract| Contract::clone(contract)).collect();
    let with = |contract: &Contract| -> Vec<Contract> {
        // The file of a change may be called anything; pipelines know the contract by the name it has in the project.
        let mut names = vec![&old.name, &new.name];
        names.dedup();
        let called = names.into_iter().map(|name| Contract {
            name: name.clone(),
            ..contract.clone()
        });
        called.chain(others.iter().cloned()).collect()
    };
    let (before, after) = (with(old), with(new));
    let mut readers = Vec::new();
    for pipeline in project
        .pipelines
        .iter()
        .filter(|pipeline| pipeline.sources.iter().any(is_ours))
    {
        let name = pipeline.name.as_str();
        let (was, had) = project::pipeline_with(folder, name, &before)?;
        let (is, has) = project::pipeline_with(folder, name, &after)?;
        let problems = has.iter().filter(|problem| !had.contains(problem));
        let reads = was
            .map(|pipeline| columns(&pipeline, &before))
            .or(is.map(|pipeline| columns(&pipeline, &after)));
        readers.push(Reader {
            pipeline: name.to_owned(),
            reads: touched(differs, &reads.unwrap_or_default()),
            problems: problems.map(ToString::to_string).collect(),
        });
    }
    Ok(readers)
}

/// The columns a pipeline reads: its view's, its entity's, its label's.
fn columns(pipeline: &Pipeline, contracts: &[Contract]) -> Vec<String> {
    let own = [pipeline.features.entity.clone(), pipeline.model.label.clone()];
    let view = View::compile(pipeline, contracts).ok();
    let features = view.and_then(|view| RowFeatures::new(&view).ok());
    let read: Vec<String> = features
        .iter()
        .flat_map(RowFeatures::reads)
        .map(str::to_owned)
        .collect();
    own.into_iter().chain(read).collect()
}

/// Those of the columns that the change is about, in the contract's order.
fn touched(differs: &Diff, columns: &[String]) -> Vec<String> {
    let of_fields = differs.fields.iter().map(|field| &field.field);
    let of_rules = differs.rules.iter().filter_map(|rule| rule.field.as_ref());
    let mut touched: Vec<String> = Vec::new();
    for field in of_fields.chain(of_rules) {
        if columns.contains(field) && !touched.contains(field) {
            touched.push(field.clone());
        }
    }
    touched
}

/// What breaks, a line each.
fn breaks(differs: &Diff, readers: &[Reader]) -> Vec<String> {
    let mut breaks = Vec::new();
    breaks.extend(unread("the new schema", "old records", &differs.new_reads_old));
    breaks.extend(unread("the old schema", "new records", &differs.old_reads_new));
    for setting in differs.settings.iter().filter(|setting| setting.breaks) {
        breaks.push(format!("`{}` is {}, was {}", setting.key, setting.new, setting.old));
    }
    for rule in differs.rules.iter().filter(|rule| rule.breaks) {
        breaks.push(format!("rows that were good may break `{}`: {}", rule.rule, rule.what));
    }
    for reader in readers {
        let lost = differs
            .fields
            .iter()
            .filter(|field| field.breaks_readers && reader.reads.contains(&field.field));
        breaks.extend(lost.map(|field| {
            format!(
                "pipeline `{}` reads `{}`, which {}",
                reader.pipeline, field.field, field.what
            )
        }));
        breaks.extend(
            reader
                .problems
                .iter()
                .map(|problem| format!("pipeline `{}`: {problem}", reader.pipeline)),
        );
    }
    breaks
}

fn unread(reader: &str, records: &str, reads: &Reads) -> Option<String> {
    match reads {
        Reads::All => None,
        Reads::Some => Some(format!(
            "{reader} does not read all {records}: a union or an enum has more than it knows"
        )),
        Reads::None(why) => Some(format!("{reader} does not read {records}: {why}")),
    }
}

fn as_json(
    (old, new): (&Contract, &Contract),
    differs: &Diff,
    readers: &[Reader],
    breaks: &[String],
) -> serde_json::Value {
    let side = |contract: &Contract| json!({ "contract": contract.name, "version": contract.version });
    let reads = |reads: &Reads| match reads {
        Reads::All => json!({ "reads": "all" }),
        Reads::Some => json!({ "reads": "some" }),
        Reads::None(why) => json!({ "reads": "none", "why": why }),
    };
    let settings = differs.settings.iter();
    let settings = settings.map(|of| json!({ "key": of.key, "old": of.old, "new": of.new, "breaks": of.breaks }));
    let fields = differs.fields.iter();
    let fields = fields.map(|of| json!({ "field": of.field, "change": of.change.word(), "what": of.what }));
    let rules = differs.rules.iter().map(|of| {
        json!({
            "rule": of.rule, "field": of.field, "change": of.change.word(), "what": of.what, "breaks": of.breaks,
        })
    });
    json!({
        "old": side(old), "new": side(new),
        "avro": { "new_reads_old": reads(&differs.new_reads_old), "old_reads_new": reads(&differs.old_reads_new) },
        "settings": settings.collect::<Vec<_>>(),
        "fields": fields.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
        "pipelines": readers,
        "breaks": breaks,
    })
}

fn describe((old, new): (&Contract, &Contract), differs: &Diff, readers: &[Reader], breaks: &[String]) -> String {
    let mut text = format!("{} {} to {}", new.name, old.version.short(), new.version.short());
    if differs.is_empty() {
        text.push_str(": the same topic, fields and rules.");
    }
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut line = |what: &str, name: &str, change: &str, words: &str| {
        lines.push([what, name, change, words].map(str::to_owned).into());
    };
    for of in &differs.settings {
        line("setting", of.key, "changed", &format!("is {}, was {}", of.new, of.old));
    }
    for of in &differs.fields {
        line("field", &of.field, of.change.word(), &of.what);
    }
    for of in &differs.rules {
        line("rule", &of.rule, of.change.word(), &of.what);
    }
    if !lines.is_empty() {
        let _ = write!(text, "\n{}", table(&["what", "name", "change", ""], &[], lines));
    }
    for reader in readers {
        let reads = if reader.reads.is_empty() {
            "none of these fields".to_owned()
        } else {
            reader.reads.join(", ")
        };
        let _ = write!(text, "\nPipeline {} reads {reads}.", reader.pipeline);
    }
    for broken in breaks {
        let _ = write!(text, "\nBreaks: {broken}.");
    }
    if breaks.is_empty() {
        text.push_str("\nNothing breaks: each schema reads the other's records, and no good row can become bad.");
    }
    text
}
