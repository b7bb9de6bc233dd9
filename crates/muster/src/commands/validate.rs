//! `muster validate`: a file held against a contract, without Kafka.

use std::path::Path;

use crate::cli::ValidateArgs;
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::project::Project;
use crate::text_flags::text_format;
use crate::validating::{Findings, Rows, validate};

/// Judges the file and says what was found; bad rows are a finding.
pub async fn run(folder: &Path, args: ValidateArgs, output: Output) -> anyhow::Result<Exit> {
    let contract = Project::load_contract(folder, &args.contract)?;
    let format = text_format(&args.text, &contract)?;
    let size = args.file.metadata().map_or(0, |facts| facts.len());
    let bar = Output::bar(size, "bytes");
    let shown = bar.clone();
    let out = args.out.clone();
    let work = tokio::task::spawn_blocking(move || {
        let rows = Rows::open(&args.file, args.input_format, &contract, &format)?;
        validate(&contract, rows, &args.file, &args.out, args.report, &|bytes| {
            shown.set_position(bytes);
        })
    });
    let findings = work.await?;
    bar.finish_and_clear();
    let findings = findings?;
    output.json(&findings)?;
    output.text(&describe(&findings, &out))?;
    Ok(if findings.bad == 0 { Exit::Fine } else { Exit::Finding })
}

fn describe(findings: &Findings, out: &Path) -> String {
    let Findings {
        rows,
        good,
        bad,
        rules,
        warnings,
    } = findings;
    let again = match rows - good - bad {
        0 => String::new(),
        again => format!(", {again} duplicate"),
    };
    let mut text = format!("{rows} rows: {good} good, {bad} bad{again}; see {}", out.display());
    let line = |severity: &str, (rule, count): (&String, &serde_json::Value)| {
        vec![rule.clone(), severity.to_owned(), count.to_string()]
    };
    let errors = rules.iter().map(|rule| line("error", rule));
    let lines: Vec<Vec<String>> = errors.chain(warnings.iter().map(|rule| line("warn", rule))).collect();
    if !lines.is_empty() {
        text.push('\n');
        text.push_str(&table(&["broken rule", "severity", "rows"], &[2], lines));
    }
    text
}
