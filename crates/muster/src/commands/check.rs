//! `muster check`: every problem of a project's files, at once.

use std::path::Path;

use serde_json::json;

use crate::cli::{CheckArgs, FileKind};
use crate::exit::Exit;
use crate::output::{Output, counted};
use crate::project;

/// Reads the project and says what is wrong with it; or prints a JSON Schema.
pub fn run(folder: &Path, args: &CheckArgs, output: Output) -> anyhow::Result<Exit> {
    if let Some(kind) = args.json_schema {
        let schema = match kind {
            FileKind::Contract => muster_spec::json_schema::contract(),
            FileKind::Pipeline => muster_spec::json_schema::pipeline(),
            FileKind::Target => muster_spec::json_schema::target(),
        };
        output.text(schema)?;
        output.json(&serde_json::from_str::<serde_json::Value>(schema)?)?;
        return Ok(Exit::Fine);
    }
    let reading = project::read(folder)?;
    let project = &reading.project;
    let (contracts, pipelines, targets) = (project.contracts.len(), project.pipelines.len(), project.targets.len());
    output.json(&json!({
        "contracts": contracts, "pipelines": pipelines, "alert_targets": targets, "problems": reading.problems,
    }))?;
    for problem in &reading.problems {
        output.text(&problem.to_string())?;
    }
    if reading.problems.is_empty() {
        output.text(&format!(
            "{}, {} and {} are in order",
            counted(contracts as u64, "contract"),
            counted(pipelines as u64, "pipeline"),
            counted(targets as u64, "alert target")
        ))?;
        Ok(Exit::Fine)
    } else {
        output.text(&counted(reading.problems.len() as u64, "problem"))?;
        Ok(Exit::Finding)
    }
}
