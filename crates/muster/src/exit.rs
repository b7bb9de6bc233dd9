//! How a command ended, as people and scripts see it.
//!
//! Made by every command, turned into the process's exit code by `main`. Bad data is not a failure: only `validate`,
//! whose purpose is to say whether a file is good, ends with a finding because of bad rows.

use std::io::Write;
use std::process::ExitCode;

use crate::output::printable;

/// How a command ended when it could work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: fine.
    Fine,
    /// 1: it found what it looks for: problems, bad rows, sums that do not add up; or others hold work it came for.
    Finding,
    /// 2: it could not do its work, and its result says so.
    Failed,
    /// 3: it ended with a source paused.
    Paused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Fine => Self::from(0),
            Exit::Finding => Self::from(1),
            Exit::Failed => Self::from(2),
            Exit::Paused => Self::from(3),
        }
    }
}

/// Says why a command could not work, with its causes; exit code 2.
pub fn could_not(error: &anyhow::Error) -> ExitCode {
    let mut talk = std::io::stderr().lock();
    let _ = writeln!(talk, "muster: {}", printable(&error.to_string()));
    for cause in error.chain().skip(1) {
        let _ = writeln!(talk, "  because: {}", printable(&cause.to_string()));
    }
    ExitCode::from(2)
}
