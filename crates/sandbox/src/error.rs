//! Why a server could not be had, with what to do about it where we know.
//!
//! Returned by everything in this crate.

use std::path::{Path, PathBuf};
use std::process::Output;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a server could not be found, prepared, started, asked or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is not installed.
    #[error("{what} is not installed: {hint}")]
    Missing {
        /// What was looked for.
        what: String,
        /// How to get it.
        hint: &'static str,
    },
    /// A program ran and failed.
    #[error("`{program}` failed: {said}")]
    Failed {
        /// The program's name and first argument.
        program: String,
        /// The end of what it wrote.
        said: String,
    },
    /// A server ended or stayed silent while it was started.
    #[error("{server} did not start within {waited_secs} s: {said}")]
    NotReady {
        /// Which server.
        server: &'static str,
        /// How long we waited.
        waited_secs: u64,
        /// The end of its log.
        said: String,
    },
    /// The folder that a project's cluster was put into is no longer there.
    #[error(
        "the cluster's folder `{folder}`, named by `{pointer}`, is gone: restore it, or remove `{pointer}` to begin with an empty ledger"
    )]
    ClusterGone {
        /// Where the cluster was.
        folder: PathBuf,
        /// The file that says so.
        pointer: PathBuf,
    },
    /// A file or folder could not be worked with.
    #[error("cannot {doing} `{path}`: {source}")]
    Io {
        /// What we tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The process that guards a test's server broke off.
    #[error("the guard of {server} broke off")]
    GuardGone {
        /// Which server it guarded.
        server: &'static str,
    },
    /// The Kafka client failed.
    #[error("kafka client: {0}")]
    Client(#[from] rdkafka::error::KafkaError),
    /// The mock broker's thread is gone.
    #[error("the mock broker has stopped")]
    MockGone,
}

/// Adds what was tried on which path to an input or output error.
pub(crate) trait OnPath<T> {
    /// `doing` is a verb: `create`, `read`.
    fn on(self, doing: &'static str, path: &Path) -> Result<T>;
}

impl<T> OnPath<T> for std::io::Result<T> {
    fn on(self, doing: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io {
            doing,
            path: path.to_owned(),
            source,
        })
    }
}

/// The last lines of a text, enough to see a cause by.
pub(crate) fn tail(text: &str) -> String {
    const LINES: usize = 12;
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// The last lines of a log file; empty when it cannot be read.
pub(crate) fn tail_of(log: &Path) -> String {
    std::fs::read(log)
        .map(|bytes| tail(&String::from_utf8_lossy(&bytes)))
        .unwrap_or_default()
}

/// A finished program's output, or an error with the end of what it wrote.
pub(crate) fn succeeded(program: &str, output: Output) -> Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    let wrote = [output.stdout, output.stderr].concat();
    let said = format!("{}\n{}", output.status, tail(&String::from_utf8_lossy(&wrote)));
    Err(Error::Failed {
        program: program.to_owned(),
        said,
    })
}
