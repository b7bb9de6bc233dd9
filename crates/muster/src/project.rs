//! A project folder read whole: every contract, pipeline and alert target, or every problem.
//!
//! Used by every command that works on a project. What comes out compiles: rules, feature views and schedules were
//! tried, so that a command never fails halfway on a file a user wrote.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use muster_features::View;
use muster_spec::{AlertTarget, Contract, Pipeline, Problem};

use crate::schedule::Slots;
use crate::scoring::alerts as conditions;

/// A project whose files are in order.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its folder.
    pub folder: PathBuf,
    /// Its contracts, by name.
    pub contracts: Vec<Arc<Contract>>,
    /// Its pipelines, by name.
    pub pipelines: Vec<Arc<Pipeline>>,
    /// Its alert targets, by name.
    pub targets: Vec<Arc<AlertTarget>>,
}

/// What reading a project gave: files in order, and what is wrong with the others.
#[derive(Debug)]
pub struct Reading {
    /// The files that are in order.
    pub project: Project,
    /// Everything that is wrong, by file and place.
    pub problems: Vec<Problem>,
}

impl Project {
    /// Reads a folder whose every file must be in order.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        let reading = read(folder)?;
        if reading.problems.is_empty() {
            return Ok(reading.project);
        }
        Err(told("project", &reading.problems))
    }

    /// One contract of a folder, whatever its other files are like.
    pub fn load_contract(folder: &Path, name: &str) -> anyhow::Result<Arc<Contract>> {
        let names = contract_names(folder)?;
        if !names.iter().any(|known| known == name) {
            anyhow::bail!(unknown("contract", name, names.iter().map(String::as_str)));
        }
        let mut problems = Vec::new();
        let contract = read_contract(folder, name, &mut problems)?;
        match contract.filter(|_| problems.is_empty()) {
            Some(contract) => Ok(contract),
            None => Err(told("contract", &problems)),
        }
    }

    /// The contracts named, whatever the folder's other files are like; all of them where none is named.
    pub fn load_contracts(folder: &Path, names: &[String]) -> anyhow::Result<Vec<Arc<Contract>>> {
        if names.is_empty() {
            return Ok(Self::load(folder)?.contracts);
        }
        names.iter().map(|name| Self::load_contract(folder, name)).collect()
    }

    /// The contract of a name, or an error with the nearest name there is.
    pub fn contract(&self, name: &str) -> anyhow::Result<Arc<Contract>> {
        let found = self.contracts.iter().find(|contract| contract.name.as_str() == name);
        found.cloned().with_context(|| {
            unknown(
                "contract",
                name,
                self.contracts.iter().map(|contract| contract.name.as_str()),
            )
        })
    }

    /// The pipeline of a name, or an error with the nearest name there is.
    pub fn pipeline(&self, name: &str) -> anyhow::Result<Arc<Pipeline>> {
        let found = self.pipelines.iter().find(|pipeline| pipeline.name.as_str() == name);
        found.cloned().with_context(|| {
            unknown(
                "pipeline",
                name,
                self.pipelines.iter().map(|pipeline| pipeline.name.as_str()),
            )
        })
    }

    /// The alert target of a name, or an error with the names there are.
    pub fn target(&self, name: &str) -> anyhow::Result<Arc<AlertTarget>> {
        let found = self.targets.iter().find(|target| target.name.as_str() == name);
        found.cloned().with_context(|| {
            unknown(
                "alert target",
                name,
                self.targets.iter().map(|target| target.name.as_str()),
            )
        })
    }

    /// The pipelines of these names; all where none is named.
    pub fn pipelines_named(&self, names: &[String]) -> anyhow::Result<Vec<Arc<Pipeline>>> {
        if names.is_empty() {
            return Ok(self.pipelines.clone());
        }
        names.iter().map(|name| self.pipeline(name)).collect()
    }

    /// The contracts of these names; all where none is named.
    pub fn contracts_named(&self, names: &[String]) -> anyhow::Result<Vec<Arc<Contract>>> {
        if names.is_empty() {
            return Ok(self.contracts.clone());
        }
        names.iter().map(|name| self.contract(name)).collect()
    }
}

fn told(what: &str, problems: &[Problem]) -> anyhow::Error {
    let listed: Vec<String> = problems.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("the {what} has {} problem(s)\n{}", listed.len(), listed.join("\n"))
}

fn unknown<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        return format!("there is no {what} `{name}`: the project has none");
    }
    format!(
        "there is no {what} `{name}`\n  hint: the project has {}",
        names.join(", ")
    )
}

/// Reads a folder and reports everything that is wrong with its files.
///
/// Fails only where the folder itself cannot be read.
pub fn read(folder: &Path) -> anyhow::Result<Reading> {
    let mut problems = Vec::new();
    let named = names_in(&folder.join("alerts"), ".yaml")?.unwrap_or_default();
    let targets = read_targets(folder, &named, &mut problems)?;
    // A target whose file has problems exists all the same.
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let contracts = read_contracts(folder, &named, &mut problems)?;
    let plain: Vec<Contract> = contracts.iter().map(|contract| Contract::clone(contract)).collect();
    let pipelines = read_pipelines(folder, &plain, &named, &mut problems)?;
    problems.sort();
    problems.dedup();
    Ok(Reading {
        project: Project {
            folder: folder.to_owned(),
            contracts,
            pipelines,
            targets,
        },
        problems,
    })
}

fn read_targets(folder: &Path, names: &[String], problems: &mut Vec<Problem>) -> anyhow::Result<Vec<Arc<AlertTarget>>> {
    let mut targets = Vec::new();
    for name in names {
        let file = format!("alerts/{name}.yaml");
        match muster_spec::read::target(name, &file, &read_text(&folder.join(&file))?) {
            Ok(target) => targets.push(Arc::new(target)),
            Err(found) => problems.extend(found),
        }
    }
    Ok(targets)
}

fn read_contracts(folder: &Path, targets: &[&str], problems: &mut Vec<Problem>) -> anyhow::Result<Vec<Arc<Contract>>> {
    let mut contracts = Vec::new();
    for name in contract_names(folder)? {
        let Some(contract) = read_contract(folder, &name, problems)? else {
            continue;
        };
        let file = format!("schemas/{name}.contract.yaml");
        problems.extend(muster_spec::read::unknown_targets(&file, &contract.text, targets));
        contracts.push(contract);
    }
    Ok(contracts)
}

fn contract_names(folder: &Path) -> anyhow::Result<Vec<String>> {
    names_in(&folder.join("schemas"), ".contract.yaml")?.with_context(|| {
        format!(
            "`{}` is no project folder: it has no `schemas`\n  hint: name one with --project DIR",
            folder.display()
        )
    })
}

fn read_contract(folder: &Path, name: &str, problems: &mut Vec<Problem>) -> anyhow::Result<Option<Arc<Contract>>> {
    let file = format!("schemas/{name}.contract.yaml");
    contract_at(&folder.join(&file), name, &file, problems)
}

/// A contract's file, called `file` where problems are told, with what lies beside it.
fn contract_at(
    path: &Path,
    name: &str,
    file: &str,
    problems: &mut Vec<Problem>,
) -> anyhow::Result<Option<Arc<Contract>>> {
    let text = read_text(path)?;
    let open = |beside: &str| std::fs::read_to_string(path.with_file_name(beside)).ok();
    match muster_spec::read::contract(name, file, &text, &open) {
        Ok(contract) => {
            problems.extend(muster_expr::Rules::compile(&contract).err().unwrap_or_default());
            Ok(Some(Arc::new(contract)))
        }
        Err(found) => {
            problems.extend(found);
            Ok(None)
        }
    }
}

/// The contract of a file that need not belong to a project; it is named by the file, `NAME.contract.yaml`.
pub fn contract_file(path: &Path) -> anyhow::Result<Arc<Contract>> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let name = [".contract.yaml", ".yaml", ".yml"]
        .iter()
        .find_map(|ending| file.strip_suffix(ending));
    let mut problems = Vec::new();
    let contract = contract_at(path, name.unwrap_or(&file), &path.display().to_string(), &mut problems)?;
    match contract.filter(|_| problems.is_empty()) {
        Some(contract) => Ok(contract),
        None => Err(told("contract", &problems)),
    }
}

/// A pipeline's file read against other contracts than the project's, with everything that is wrong with it then.
pub fn pipeline_with(
    folder: &Path,
    name: &str,
    contracts: &[Contract],
) -> anyhow::Result<(Option<Pipeline>, Vec<Problem>)> {
    let beside = folder.join("pipelines");
    let file = format!("pipelines/{name}.yaml");
    let text = read_text(&folder.join(&file))?;
    let open = |name: &str| std::fs::read_to_string(beside.join(name)).ok();
    Ok(
        match muster_spec::read::pipeline(name, &file, &text, &open, contracts) {
            Ok(pipeline) => {
                let problems = unrunnable(&pipeline, &file, contracts);
                (Some(pipeline), problems)
            }
            Err(problems) => (None, problems),
        },
    )
}

fn read_pipelines(
    folder: &Path,
    contracts: &[Contract],
    targets: &[&str],
    problems: &mut Vec<Problem>,
) -> anyhow::Result<Vec<Arc<Pipeline>>> {
    let mut pipelines = Vec::new();
    for name in names_in(&folder.join("pipelines"), ".yaml")?.unwrap_or_default() {
        let (pipeline, found) = pipeline_with(folder, &name, contracts)?;
        problems.extend(found);
        if let Some(pipeline) = pipeline {
            let file = format!("pipelines/{name}.yaml");
            problems.extend(muster_spec::read::unknown_targets(&file, &pipeline.text, targets));
            pipelines.push(Arc::new(pipeline));
        }
    }
    Ok(pipelines)
}

/// What only trying shows: a view that does not plan, a schedule or a condition that does not parse.
fn unrunnable(pipeline: &Pipeline, file: &str, contracts: &[Contract]) -> Vec<Problem> {
    let mut problems = View::compile(pipeline, contracts).err().unwrap_or_default();
    let mut say = |path: &[&str], message, hint| {
        let (line, column) = muster_spec::read::place(&pipeline.text, path);
        problems.push(Problem {
            file: file.to_owned(),
            line,
            column,
            message,
            hint: Some(hint),
        });
    };
    if let Err(unreadable) = Slots::new(&pipeline.schedule) {
        say(&["schedule", unreadable.key], unreadable.message, unreadable.hint);
    }
    for alert in &pipeline.alerts {
        if let Err((message, hint)) = conditions::check(&alert.when) {
            say(&["alerts", &alert.id, "when"], message, hint);
        }
    }
    problems
}

/// The names of the files with this ending, in the alphabet's order; `None` where the folder is not there.
fn names_in(folder: &Path, ending: &str) -> anyhow::Result<Option<Vec<String>>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("could not list `{}`", folder.display())),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("could not list `{}`", folder.display()))?;
        if let Some(name) = entry.file_name().to_str().and_then(|name| name.strip_suffix(ending)) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(Some(names))
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()))
}
