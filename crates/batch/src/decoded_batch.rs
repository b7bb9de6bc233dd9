//! Records or lines turned into rows, and those that would not turn.
//!
//! Made by `contract::decode`, consumed by judge. Every record is in exactly one of `record_of_row`, `refused` and
//! `tombstones`: nothing is dropped here.

use arrow::array::RecordBatch;
use muster_spec::RuleNumber;

use crate::{RawBatch, RawLines};

/// Rows with their records.
#[derive(Clone, Debug)]
pub struct DecodedBatch {
    /// What was decoded.
    pub origin: Origin,
    /// The contract's fields, one row for each decoded record, in record order; every column nullable.
    pub rows: RecordBatch,
    /// For each row, the index of its record in `origin`; rising.
    pub record_of_row: Vec<u32>,
    /// Records that became no row, in record order.
    pub refused: Vec<Refused>,
    /// Violations that only decoding can see (`FIELD.type`, `FIELD.encoding`, `columns`), in row order.
    pub findings: Vec<Finding>,
    /// Indices of records with a null payload, in record order.
    pub tombstones: Vec<u32>,
}

/// Where rows came from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Kafka.
    Records(RawBatch),
    /// A text file.
    Lines(RawLines),
}

impl Origin {
    /// How many records or lines there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Records(records) => records.len(),
            Self::Lines(lines) => lines.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A rule that a row was found to break while it was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The row in [`DecodedBatch::rows`].
    pub row: u32,
    /// The rule.
    pub rule: RuleNumber,
}

/// A record that became no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its index in the origin.
    pub record: u32,
    /// The rule it breaks: `record.undecodable`, `row.ragged`.
    pub rule: RuleNumber,
    /// Why.
    pub reason: Refusal,
}

/// Why a record would not decode: a closed set, one word in the bad file, the metric and the dead-letter header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// The payload is there and has no byte.
    Empty,
    /// The first byte is not 0.
    Magic,
    /// No schema is known under the frame's id.
    SchemaUnknown,
    /// The writer's schema cannot be resolved to the contract's.
    SchemaIncompatible,
    /// The payload ends inside a value.
    Truncated,
    /// Bytes are left after the record.
    Trailing,
    /// A number is longer than its type.
    Varint,
    /// A length is negative, or beyond any payload: one that is only cut short is `Truncated`.
    Length,
    /// A boolean's byte is neither 0 nor 1.
    Boolean,
    /// A text is not UTF-8.
    Utf8,
    /// A union's branch does not exist.
    Union,
    /// An enum's symbol does not exist in the contract and it has no default.
    Symbol,
    /// A union's branch, or a JSON value's kind, has no place in the contract's field.
    Branch,
    /// Blocks or records are nested beyond the limit.
    Depth,
    /// The payload is not one JSON object.
    Json,
    /// A line with the wrong number of cells.
    Ragged,
    /// A line that is not in its file's encoding.
    LineEncoding,
    /// The payload is larger than the limit.
    TooLarge,
    /// A rule panicked on this row; the row alone is set aside.
    RulePanic,
}

impl Refusal {
    /// The word people see.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Magic => "magic",
            Self::SchemaUnknown => "schema_unknown",
            Self::SchemaIncompatible => "schema_incompatible",
            Self::Truncated => "truncated",
            Self::Trailing => "trailing",
            Self::Varint => "varint",
            Self::Length => "length",
            Self::Boolean => "boolean",
            Self::Utf8 => "utf8",
            Self::Union => "union",
            Self::Symbol => "symbol",
            Self::Branch => "branch",
            Self::Depth => "depth",
            Self::Json => "json",
            Self::Ragged => "ragged",
            Self::LineEncoding => "line_encoding",
            Self::TooLarge => "too_large",
            Self::RulePanic => "rule_panic",
        }
    }
}
