//! One thing that is wrong with a file a user wrote, said so that it can be mended: where, what, what was expected.
//!
//! Made by the readers in this crate and by whoever compiles what they read (`expr`, `features`); printed by
//! `muster check` and by every command that loads a project. Never holds a value of a person's data.

use std::fmt;

/// A place and a message. Lines and columns count from 1; 0 means the whole file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Problem {
    /// The file, as the user would name it: `schemas/hr.candidate.contract.yaml`.
    pub file: String,
    /// The line, from 1; 0 where the whole file is meant.
    pub line: usize,
    /// The column, from 1; 0 where the whole line is meant.
    pub column: usize,
    /// What is wrong, lower case, no full stop, literals in backticks.
    pub message: String,
    /// What to do, when there is something to say: the nearest name, the allowed values.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(out, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// The known name nearest to a wrong one, when it is near enough to be meant; for hints.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let far = (name.chars().count() / 3).max(2);
    let distance = |known: &&str| strsim::osa_distance(&name.to_lowercase(), &known.to_lowercase());
    let near = known.iter().min_by_key(|known| distance(known))?;
    (distance(near) <= far && distance(near) < near.chars().count()).then_some(*near)
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
