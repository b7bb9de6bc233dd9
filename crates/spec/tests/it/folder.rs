//! Reads contracts and pipelines from a folder, as a project's are.

use std::path::{Path, PathBuf};

use muster_spec::{AlertTarget, Contract, Pipeline, Problem, read};

/// A folder below this crate's.
pub fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub fn text(folder: &Path, file: &str) -> Option<String> {
    std::fs::read_to_string(folder.join(file)).ok()
}

pub fn contract(folder: &Path, name: &str, file: &str) -> Result<Contract, Vec<Problem>> {
    let yaml = text(folder, file).unwrap_or_else(|| panic!("{file} is gone"));
    read::contract(name, file, &yaml, &|name| text(folder, name))
}

pub fn pipeline(folder: &Path, name: &str, file: &str, contracts: &[Contract]) -> Result<Pipeline, Vec<Problem>> {
    let yaml = text(folder, file).unwrap_or_else(|| panic!("{file} is gone"));
    read::pipeline(name, file, &yaml, &|name| text(folder, name), contracts)
}

pub fn target(folder: &Path, name: &str, file: &str) -> Result<AlertTarget, Vec<Problem>> {
    let yaml = text(folder, file).unwrap_or_else(|| panic!("{file} is gone"));
    read::target(name, file, &yaml)
}

/// What the user is told.
pub fn told(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n") + "\n"
}
