//! One verdict as it is told: a line for people, or a JSON object on a line.
//!
//! Made by [`super`] for each record that is shown. Holds positions, rule ids and public values; a personal value is
//! masked before it comes here, and a record that would not decode is told by its reason and its size alone. What a
//! source wrote into a public field is its own: nothing of it reaches a terminal as a command.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::masking::Shown;

/// How much of a text people are shown.
const TEXT_MAX: usize = 40;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Bad,
    Duplicate,
    Tombstone,
}

impl Verdict {
    /// The word people see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Duplicate => "duplicate",
            Self::Tombstone => "tombstone",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[1;31m",
            Self::Duplicate | Self::Tombstone => "\x1b[2m",
        }
    }
}

/// A record and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told<'a> {
    pub contract: &'a str,
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    /// When the fact that it reports happened; `None` where nothing says so.
    pub event_time: Option<DateTime<Utc>>,
    pub verdict: Verdict,
    /// The ids of the rules of severity error that it breaks.
    pub violations: Vec<&'a str>,
    /// The ids of the rules of severity warn that it breaks.
    pub warnings: Vec<&'a str>,
    /// Why it would not decode, if it would not.
    pub refusal: Option<&'static str>,
    /// Its payload's size.
    pub payload_bytes: usize,
    /// Its fields, where it decoded.
    pub fields: Vec<(&'a str, Shown)>,
}

impl Told<'_> {
    /// A line for people.
    pub fn text(&self, colours: bool) -> String {
        let (colour, plain) = if colours {
            (self.verdict.colour(), "\x1b[0m")
        } else {
            ("", "")
        };
        let mut line = format!(
            "{colour}{:<9}{plain} {}/{}@{}",
            self.verdict.word(),
            self.topic,
            self.partition,
            self.offset
        );
        if let Some(time) = self.event_time {
            let _ = write!(line, " {}", time.to_rfc3339_opts(SecondsFormat::Secs, true));
        }
        for rule in &self.violations {
            let _ = write!(line, " {colour}{rule}{plain}");
        }
        for rule in &self.warnings {
            let _ = write!(line, " warn:{rule}");
        }
        if let Some(reason) = self.refusal {
            let _ = write!(line, " ({reason}, {} bytes)", self.payload_bytes);
        }
        let mut masked = 0;
        for (name, shown) in &self.fields {
            let _ = match shown {
                Shown::Nothing => write!(line, " {name}=null"),
                Shown::Masked => {
                    masked += 1;
                    Ok(())
                }
                Shown::Public(Value::String(text)) => write!(line, " {name}={}", quoted(text)),
                Shown::Public(value) => write!(line, " {name}={value}"),
            };
        }
        if masked > 0 {
            let _ = write!(line, " and {masked} masked");
        }
        line
    }

    /// The same for programs; `skipped` is how many were not told since the one before.
    pub fn json(&self, skipped: u64) -> Value {
        let mut fields = Map::new();
        let mut masked = Vec::new();
        for (name, shown) in &self.fields {
            match shown {
                Shown::Nothing => drop(fields.insert((*name).to_owned(), Value::Null)),
                Shown::Masked => masked.push(*name),
                Shown::Public(value) => drop(fields.insert((*name).to_owned(), value.clone())),
            }
        }
        json!({
            "contract": self.contract,
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "event_time": self.event_time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            "verdict": self.verdict.word(),
            "violations": self.violations,
            "warnings": self.warnings,
            "refusal": self.refusal,
            "payload_bytes": self.payload_bytes,
            "fields": fields,
            "masked": masked,
            "skipped": skipped,
        })
    }
}

/// A text as people are shown it: short, on one line, and without anything a terminal would act on.
fn quoted(text: &str) -> String {
    let mut shown = String::from("\"");
    for (at, letter) in text.chars().enumerate() {
        if at == TEXT_MAX {
            shown.push('…');
            break;
        }
        match letter {
            '\'' => shown.push(letter),
            // Bidirectional marks and other letters without a shape are escaped too.
            _ => shown.extend(letter.escape_debug()),
        }
    }
    shown.push('"');
    shown
}

#[cfg(test)]
#[path = "telling_tests.rs"]
mod tests;
