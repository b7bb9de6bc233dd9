//! What changes from one version of a contract to the next, and what that breaks.
//!
//! Used by `muster contract diff` on any two contracts. Compares what the contracts mean, not their texts: fields by name,
//! rules by id, the ends and levels of typed checks by value, schemas by Avro's rules of resolution. A change breaks when a
//! record that was good may now be bad, or a reader of the old schema may fail on a new record; what can only let more
//! through never does.

mod fields;
mod rules;

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use muster_spec::Contract;
use muster_spec::contract::{EventIdPlace, Format};

pub use fields::{FieldChange, fields};
pub use rules::{RuleChange, rules};

/// Everything that differs between two contracts.
#[derive(Clone, Debug, PartialEq)]
pub struct Diff {
    /// Whether the new schema reads records of the old one.
    pub new_reads_old: Reads,
    /// Whether the old schema reads records of the new one.
    pub old_reads_new: Reads,
    /// What the contracts say beside fields and rules.
    pub settings: Vec<SettingChange>,
    /// Fields, in the new schema's order; those that went last.
    pub fields: Vec<FieldChange>,
    /// Declared rules, in the new contract's order; those that went last.
    pub rules: Vec<RuleChange>,
}

/// Which records of one schema another one reads, by Avro's rules of resolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Every record.
    All,
    /// Those whose values happen to fit: a union or an enum has more than the reader knows.
    Some,
    /// None, and why.
    None(String),
}

/// How a part of a contract changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
    /// It lets less through.
    Tightened,
    /// It lets more through.
    Loosened,
    /// It differs, and nobody can tell whether it lets more or less through.
    Changed,
}

impl Change {
    /// What lets less through, more, or both; `None` where neither.
    fn of(tighter: bool, looser: bool) -> Option<Self> {
        match (tighter, looser) {
            (false, false) => None,
            (true, false) => Some(Self::Tightened),
            (false, true) => Some(Self::Loosened),
            (true, true) => Some(Self::Changed),
        }
    }

    /// The word people see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Tightened => "tightened",
            Self::Loosened => "loosened",
            Self::Changed => "changed",
        }
    }
}

/// A key of the contract's file that means something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    /// The key.
    pub key: &'static str,
    /// What it was.
    pub old: String,
    /// What it is.
    pub new: String,
    /// Whether a source or a reader that keeps to the old one meets something else.
    pub breaks: bool,
}

/// Compares two contracts.
pub fn diff(old: &Contract, new: &Contract) -> Diff {
    Diff {
        new_reads_old: reads(&new.schema, &old.schema),
        old_reads_new: reads(&old.schema, &new.schema),
        settings: settings(old, new),
        fields: fields(old, new),
        rules: rules(old, new),
    }
}

impl Diff {
    /// Whether the contracts mean the same.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.fields.is_empty() && self.rules.is_empty()
    }
}

fn reads(reader: &Schema, writer: &Schema) -> Reads {
    match SchemaCompatibility::can_read(writer, reader) {
        Ok(Compatibility::Full) => Reads::All,
        Ok(Compatibility::Partial) => Reads::Some,
        Err(error) => {
            let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
            let causes: Vec<String> = causes.map(plain).collect();
            Reads::None(causes.join(": "))
        }
    }
}

/// What the schema library says, without the exclamation it begins with.
fn plain(error: &dyn std::error::Error) -> String {
    let told = error.to_string().replace('\'', "`");
    let told = told.split_once("! ").map_or(told.as_str(), |(_, rest)| rest);
    let mut letters = told.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn settings(old: &Contract, new: &Contract) -> Vec<SettingChange> {
    let pairs = [
        ("topic", old.topic.clone(), new.topic.clone(), true),
        ("format", format(old), format(new), true),
        ("key", name(old, Some(old.key)), name(new, Some(new.key)), true),
        ("subject", name(old, old.subject), name(new, new.subject), false),
        ("event_time", event_time(old), event_time(new), true),
        ("event_id", event_id(old), event_id(new), true),
        ("text", text(old), text(new), true),
    ];
    let changed = pairs.into_iter().filter(|(_, old, new, _)| old != new);
    let change = |(key, old, new, breaks)| SettingChange { key, old, new, breaks };
    changed.map(change).collect()
}

fn format(contract: &Contract) -> String {
    match contract.format {
        Format::Avro => "avro",
        Format::Json => "json",
    }
    .to_owned()
}

fn name(contract: &Contract, field: Option<usize>) -> String {
    field.map_or_else(|| "none".to_owned(), |field| contract.fields[field].name.clone())
}

fn event_time(contract: &Contract) -> String {
    match contract.event_time {
        None => "the record's timestamp".to_owned(),
        Some(time) if time.optional => format!("{}, else the record's timestamp", name(contract, Some(time.field))),
        Some(time) => name(contract, Some(time.field)),
    }
}

fn event_id(contract: &Contract) -> String {
    let Some(event_id) = &contract.event_id else {
        return "none".to_owned();
    };
    let place = match &event_id.place {
        EventIdPlace::Header(header) => format!("header {header}"),
        EventIdPlace::Field(field) => name(contract, Some(*field)),
    };
    format!("{place} within {} s", event_id.within.as_secs())
}

fn text(contract: &Contract) -> String {
    let text = &contract.text_format;
    let mark = |byte: u8| char::from(byte).escape_debug().to_string();
    let mut words = vec![
        format!("delimiter {}", mark(text.delimiter)),
        format!("encoding {}", text.encoding),
        format!("decimal {}", mark(text.decimal)),
    ];
    words.extend(text.thousands.map(|byte| format!("thousands {}", mark(byte))));
    words.extend(text.date.iter().map(|date| format!("date {date}")));
    words.extend(text.timestamp.iter().map(|timestamp| format!("timestamp {timestamp}")));
    words.extend(text.missing.iter().map(|missing| format!("missing {missing:?}")));
    words.extend(text.trim.then(|| "trim".to_owned()));
    words.join(", ")
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
