//! `muster test`: runs the tests written in the contracts, without Kafka.

use std::path::Path;

use muster_contract::judge::run_tests;
use serde_json::json;

use crate::cli::TestArgs;
use crate::exit::Exit;
use crate::output::Output;
use crate::project::Project;

/// Runs the tests and shows, for each that fails, what was expected and what came.
pub fn run(folder: &Path, args: &TestArgs, output: Output) -> anyhow::Result<Exit> {
    let project = Project::load(folder)?;
    let (mut passed, mut failed, mut failures) = (0_u64, 0_u64, Vec::new());
    for contract in project.contracts_named(&args.contracts)? {
        let outcomes = run_tests(&contract).map_err(|problems| {
            anyhow::anyhow!(
                "{}",
                problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            )
        })?;
        for outcome in outcomes {
            if outcome.passed() {
                passed += 1;
                continue;
            }
            failed += 1;
            let (line, column) = outcome.place;
            let file = format!("schemas/{}.contract.yaml", contract.name);
            output.text(&format!(
                "{file}:{line}:{column}: expected [{}], got [{}]",
                outcome.expected.join(", "),
                outcome.actual.join(", ")
            ))?;
            failures.push(json!({ "file": file, "line": line, "column": column,
                "expected": outcome.expected, "actual": outcome.actual }));
        }
    }
    output.json(&json!({ "passed": passed, "failed": failed, "failures": failures }))?;
    output.text(&format!("{passed} passed, {failed} failed"))?;
    Ok(if failed == 0 { Exit::Fine } else { Exit::Finding })
}
