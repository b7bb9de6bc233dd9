//! Reads contract, pipeline and alert target files into types, or tells every problem they have, each with its place.
//!
//! Called by `muster` for all commands and by tests. Texts come in, through `open` for the files beside the one that is
//! read; nothing is read from disk here. What comes out is whole: names exist, patterns compile, ranges make sense. What
//! only others can know is theirs to check: SQL is compiled by `expr` and `features`, cron and time zones by `muster`,
//! and what an alert target's address and secrets are is known to whoever sends.

mod batches;
mod cases;
mod contract;
mod drift;
mod events;
mod pipeline;
pub(crate) mod report;
mod rules;
pub(crate) mod shapes;
mod target;
mod text_format;
pub(crate) mod tree;

use crate::{AlertTarget, Contract, Pipeline, Problem};
use report::Report;
pub use report::duration;

/// Reads a contract.
///
/// `name` is the contract's (`hr.candidate`), `yaml_file` the file as the user would name it
/// (`schemas/hr.candidate.contract.yaml`), `yaml` its text; `open` gives the text of a file in the same folder by its
/// bare name (`hr.candidate.avsc`), `None` where it is not there.
///
/// # Errors
/// All problems of the file and its schema, in the order of their places.
pub fn contract(
    name: &str,
    yaml_file: &str,
    yaml: &str,
    open: &dyn Fn(&str) -> Option<String>,
) -> Result<Contract, Vec<Problem>> {
    read(yaml_file, |report| contract::read(name, yaml_file, yaml, open, report))
}

/// Reads a pipeline; the arguments are as for [`contract`]. `contracts` are those of the project.
///
/// # Errors
/// All problems of the file, in the order of their places.
pub fn pipeline(
    name: &str,
    yaml_file: &str,
    yaml: &str,
    open: &dyn Fn(&str) -> Option<String>,
    contracts: &[Contract],
) -> Result<Pipeline, Vec<Problem>> {
    read(yaml_file, |report| pipeline::read(name, yaml, open, contracts, report))
}

/// The place of a value in a YAML file that was read before, for problems that only others find: keys down from the
/// outermost, in a list an item by its text or its `id`. Where the way ends early, the place of what was found last;
/// (0, 0) for a text that is no YAML.
pub fn place(yaml: &str, path: &[&str]) -> (usize, usize) {
    let mut node = tree::parse(yaml, &mut Report::new("", &mut Vec::new()));
    let mut place = (0, 0);
    let mut steps = path.iter();
    while let Some(found) = node.take() {
        place = found.place;
        let Some(step) = steps.next() else { break };
        node = found.down(step);
    }
    place
}

/// Reads an alert target; the arguments are as for [`contract`].
///
/// # Errors
/// All problems of the file, in the order of their places. None repeats an address or a secret.
pub fn target(name: &str, yaml_file: &str, yaml: &str) -> Result<AlertTarget, Vec<Problem>> {
    read(yaml_file, |report| target::read(name, yaml, report))
}

/// Where a contract or pipeline that was read names an alert target that is none of `targets`.
pub fn unknown_targets(yaml_file: &str, yaml: &str, targets: &[&str]) -> Vec<Problem> {
    let named = read(yaml_file, |report| target::unknown(yaml, targets, report));
    named.err().unwrap_or_default()
}

/// The name of a file that lies beside another.
fn sibling(file: &str, name: &str) -> String {
    match file.rfind(['/', '\\']) {
        Some(end) => format!("{}{name}", &file[..=end]),
        None => name.to_owned(),
    }
}

fn read<T>(file: &str, read: impl FnOnce(&mut Report<'_>) -> Option<T>) -> Result<T, Vec<Problem>> {
    let mut problems = Vec::new();
    let value = read(&mut Report::new(file, &mut problems));
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => {
            problems.sort();
            problems.dedup();
            assert!(
                !problems.is_empty(),
                "what could not be read has a problem that says why"
            );
            Err(problems)
        }
    }
}
