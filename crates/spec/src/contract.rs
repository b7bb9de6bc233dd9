//! A contract: what a topic's records must look like. The model that every stage works from.
//!
//! Read from `schemas/NAME.contract.yaml` and its `.avsc` by `crate::read`; used by decode and judge, by `store` for
//! names and versions, by `muster` for topics. A contract that exists is whole: its rules name fields that exist, its
//! patterns compile, its schema flattens.

use std::time::Duration;

use crate::ids::{ContractName, ContractVersion, RuleNumber};
use crate::rule::{Check, Expectation, Rule};
use crate::schema::Field;

/// A contract.
#[derive(Clone, Debug)]
pub struct Contract {
    /// Its name, from its file's.
    pub name: ContractName,
    /// The sha-256 of contract and schema.
    pub version: ContractVersion,
    /// The contract file's text, kept in the ledger.
    pub text: String,
    /// The Avro schema file's text, kept in the ledger.
    pub schema_text: String,
    /// The Kafka topic.
    pub topic: String,
    /// How records are written.
    pub format: Format,
    /// The Avro schema, the reader's side of every decode.
    pub schema: apache_avro::Schema,
    /// Older writers' schemas, texts by file name, in the order listed.
    pub writers: Vec<(String, String)>,
    /// The columns.
    pub fields: Vec<Field>,
    /// The field that keys the topic and names the entity.
    pub key: usize,
    /// The field that says whose data a row is.
    pub subject: Option<usize>,
    /// Where a row's event time is; `None` means the record's timestamp.
    pub event_time: Option<EventTime>,
    /// How the same event, delivered again, is known; `None` means it is not looked for.
    pub event_id: Option<EventId>,
    /// All rules, built-in ones first; a rule's index is its [`RuleNumber`].
    pub rules: Vec<Rule>,
    /// Expectations on a batch.
    pub expectations: Vec<Expectation>,
    /// Where bad rows are published, and when to stop.
    pub dead_letter: Option<DeadLetterTopic>,
    /// When a source pauses instead of filling the bad side.
    pub stop_above: Option<StopAbove>,
    /// How text that is not yet typed is written.
    pub text_format: TextFormat,
    /// The contract's own tests.
    pub tests: Vec<ContractTest>,
}

impl Contract {
    /// The column of this name.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The rule of this id.
    pub fn rule(&self, id: &str) -> Option<RuleNumber> {
        self.rules
            .iter()
            .position(|rule| rule.id == id)
            .map(|at| RuleNumber(at as u16))
    }

    /// The built-in rule with this check, on this field where it is a field's.
    pub fn built_in(&self, check: &Check, field: Option<usize>) -> Option<RuleNumber> {
        let same = |rule: &Rule| rule.field == field && rule.place.is_none() && rule.check == *check;
        self.rules.iter().position(same).map(|at| RuleNumber(at as u16))
    }

    /// The id people see for a rule number of this contract.
    pub fn rule_id(&self, number: RuleNumber) -> &str {
        &self.rules[usize::from(number.0)].id
    }
}

/// How a topic's records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Avro in Confluent framing.
    Avro,
    /// One JSON object a record.
    Json,
}

/// Where a row's event time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// A date or timestamp column.
    pub field: usize,
    /// Whether a row without it takes the record's timestamp; else it is bad by `FIELD.required`.
    pub optional: bool,
}

/// How the same event, delivered again, is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventId {
    /// Where the id is.
    pub place: EventIdPlace,
    /// How far apart in event time two deliveries are still looked for.
    pub within: Duration,
    /// How many ids the window may hold before the source pauses.
    pub keys_max: u64,
}

/// Where an event id is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventIdPlace {
    /// A header of the record.
    Header(String),
    /// A column.
    Field(usize),
}

/// Where bad rows are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterTopic {
    /// The Kafka topic.
    pub topic: String,
}

/// When a source pauses: over the last `rows` judged rows, more than `ratio` bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StopAbove {
    /// Bad over judged, 0 to 1.
    pub ratio: f64,
    /// How many judged rows are looked at; fewer never pause.
    pub rows: u64,
}

/// How text that is not yet typed is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFormat {
    /// Between cells; `,` unless told.
    pub delimiter: u8,
    /// The WHATWG label of the file's encoding; `utf-8` unless told.
    pub encoding: String,
    /// The decimal mark; `.` unless told.
    pub decimal: u8,
    /// The mark between thousands, when there is one.
    pub thousands: Option<u8>,
    /// How dates are written, in strftime's words; ISO 8601 unless told.
    pub date: Option<String>,
    /// How timestamps are written, in strftime's words; RFC 3339 unless told.
    pub timestamp: Option<String>,
    /// Texts that mean that there is no value, beside a cell that is empty: `NA`, `?`, and `""` for an empty one in quotes.
    pub missing: Vec<String>,
    /// Whether blanks around a cell or a column's name are no part of it, in quotes or not; they are unless told.
    pub trim: bool,
}

impl Default for TextFormat {
    fn default() -> Self {
        Self {
            delimiter: b',',
            encoding: "utf-8".into(),
            decimal: b'.',
            thousands: None,
            date: None,
            timestamp: None,
            missing: Vec::new(),
            trim: false,
        }
    }
}

/// One case of a contract's `tests:`.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractTest {
    /// The row as a JSON object; an omitted field is its default or null.
    pub given: serde_json::Value,
    /// Exactly the ids of the rules it breaks, warnings included.
    pub expect: Vec<String>,
    /// Where it is in the file, line and column from 1.
    pub place: (usize, usize),
}
