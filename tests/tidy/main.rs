//! Holds the house in order: who may use whom, who owns a heavy dependency, how a file looks.
//!
//! Run by `make test` like any other test. Each finding names the file or edge; all of them are told at once.

#![cfg(test)]

mod compose;
mod edges;
mod files;
mod grafana;

use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ lies in the repository").to_owned()
}

/// Fails with every finding, one a line.
fn none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}\n  {}", findings.join("\n  "));
}
