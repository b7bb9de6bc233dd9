//! What `publish` says about a row in its record's headers, because the record's bytes cannot.
//!
//! Used by [`super::Decoder`]. `muster-line` marks a line that could not be cut into cells: the payload is the line
//! itself. `muster-columns` lists the columns in which the row's file and the contract differ. Anyone can write headers,
//! so whatever does not read as expected breaks the rule `columns` and nothing else.

use muster_batch::{Headers, Refusal};
use muster_spec::Contract;
use serde_json::Value as Json;

use super::constant::Constant;

/// The header `ragged`, `encoding` or `json`: the payload is a line of a text file that could not be cut.
pub const LINE_HEADER: &str = "muster-line";

/// The header `{"missing": [..], "unknown": [..]}`: columns of the contract that the row's file lacks, and columns of
/// the file that the contract lacks.
pub const COLUMNS_HEADER: &str = "muster-columns";

/// What the headers of a record say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note<'h> {
    /// Nothing.
    Plain,
    /// The payload is a line that could not be cut, and why.
    Line(Refusal),
    /// The file's columns do not fit.
    Columns(&'h [u8]),
}

/// Reads a record's headers.
#[inline]
pub(super) fn note(headers: &Headers, record: usize) -> Note<'_> {
    let mut note = Note::Plain;
    if headers.none_at(record) {
        return note;
    }
    for (name, value) in headers.iter(record) {
        if name == LINE_HEADER {
            return Note::Line(match value {
                Some(b"encoding") => Refusal::LineEncoding,
                Some(b"json") => Refusal::Json,
                _ => Refusal::Ragged,
            });
        }
        if name == COLUMNS_HEADER {
            note = Note::Columns(value.unwrap_or_default());
        }
    }
    note
}

/// How the columns of a file and of the contract differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ColumnNote {
    /// Whether rows break `columns`: a column is unknown, or missing without a default.
    pub(super) breaks: bool,
    /// The contract's columns that the file lacks.
    pub(super) missing: Vec<usize>,
}

impl ColumnNote {
    /// Reads the header's value.
    pub(super) fn read(value: &[u8], contract: &Contract, defaults: &[Option<Constant>]) -> Self {
        let broken = Self {
            breaks: true,
            missing: Vec::new(),
        };
        let Ok(note) = serde_json::from_slice::<Json>(value) else {
            return broken;
        };
        let (Some(missing), Some(unknown)) = (note["missing"].as_array(), note["unknown"].as_array()) else {
            return broken;
        };
        let slot = |name: &Json| {
            let name = name.as_str()?;
            let of_name = |field: &muster_spec::Field| field.name == name || field.source == name;
            contract.fields.iter().position(of_name)
        };
        let slots: Vec<Option<usize>> = missing.iter().map(slot).collect();
        let has_default = |slot: &Option<usize>| slot.is_some_and(|slot| defaults[slot].is_some());
        Self {
            breaks: !unknown.is_empty() || !slots.iter().all(has_default),
            missing: slots.into_iter().flatten().collect(),
        }
    }
}

#[cfg(test)]
#[path = "published_tests.rs"]
mod tests;
