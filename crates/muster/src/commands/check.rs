//! `muster check`: every problem of a project's files, at once.

use std::path::Path;

use serde_json::json;

use crate::cli::{CheckArgs, FileKind};
use crate::exit::Exit;
use crate::output::Output;
use crate::project;

/// Reads the project and says what is wrong with it; or prints a JSON Schema.
pub fn run(folder: &Path, args: &CheckArgs, output: Output) -> anyhow::Result<Exit> {
    if let Some(kind) = args.json_schema {
        let schema = match kind {
            FileKind::Contract => muster_spec::json_schema::contract(),
            FileKind::Pipeline => muster_spec::json_schema::pipeline(),
        };
        output.text(schema)?;
        output.json(&serde_json::from_str::<serde_json::Value>(schema)?)?;
        return Ok(Exit::Fine);
    }
    let reading = project::read(folder)?;
    let (contracts, pipelines) = (reading.project.contracts.len(), reading.project.pipelines.len());
    output.json(&json!({ "contracts": contracts, "pipelines": pipelines, "problems": reading.problems }))?;
    for problem in &reading.problems {
        output.text(&problem.to_string())?;
    }
    if reading.problems.is_empty() {
        output.text(&format!("{contracts} contracts and {pipelines} pipelines are in order"))?;
        Ok(Exit::Fine)
    } else {
        output.text(&format!("{} problems", reading.problems.len()))?;
        Ok(Exit::Finding)
    }
}
