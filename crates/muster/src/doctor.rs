//! What `muster doctor` looks at, each in a file of its own: project, folders and limits of this machine, brokers, registry,
//! database.
//!
//! Used by the command alone. What must stay true: looking changes nothing, but for a file made and removed again to see
//! whether a folder takes files; a server that is silent costs no more than the time that was given; no address is told with
//! a password in it.

pub mod brokers;
pub mod clock;
pub mod database;
pub mod machine;
pub mod project;
pub mod registry;

use serde::Serialize;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and may not for long.
    Warn,
    /// It will not work.
    Fail,
}

impl State {
    /// What people see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Where it belongs: `brokers`, `database`.
    pub area: &'static str,
    /// What was looked at.
    pub about: String,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do; nothing where it is as it should be.
    pub todo: Option<String>,
}

/// Lines of one area.
pub struct Lines {
    area: &'static str,
    lines: Vec<Line>,
}

impl Lines {
    /// None yet.
    pub fn of(area: &'static str) -> Self {
        Self {
            area,
            lines: Vec::new(),
        }
    }

    /// Something is as it should be.
    pub fn ok(&mut self, about: impl Into<String>, found: impl Into<String>) {
        self.say(State::Ok, about.into(), found.into(), None);
    }

    /// Something may not work for long.
    pub fn warn(&mut self, about: impl Into<String>, found: impl Into<String>, todo: impl Into<String>) {
        self.say(State::Warn, about.into(), found.into(), Some(todo.into()));
    }

    /// Something will not work.
    pub fn fail(&mut self, about: impl Into<String>, found: impl Into<String>, todo: impl Into<String>) {
        self.say(State::Fail, about.into(), found.into(), Some(todo.into()));
    }

    fn say(&mut self, state: State, about: String, found: String, todo: Option<String>) {
        self.lines.push(Line {
            area: self.area,
            about,
            state,
            found,
            todo,
        });
    }

    /// All of them.
    pub fn done(self) -> Vec<Line> {
        self.lines
    }
}
