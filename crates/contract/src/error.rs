//! What stops this crate from working at all. Bad data never does.
//!
//! Returned when a decoder is made or taught a schema. Messages name schemas and fields, never a value of a row.

use muster_spec::SchemaId;

/// Why a schema or a contract cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no Avro schema.
    #[error("schema `{id}` is no Avro schema: {source}")]
    Schema {
        /// The schema's id.
        id: SchemaId,
        /// What the schema parser says.
        source: Box<apache_avro::Error>,
    },
    /// A writer's schema cannot be resolved to the contract's; its records are refused as `schema_incompatible`.
    #[error("schema `{id}` does not fit the contract: field `{field}`: {reason}")]
    Incompatible {
        /// The schema's id.
        id: SchemaId,
        /// The contract's field, its Avro names joined by dots; empty for the record as a whole.
        field: String,
        /// What does not fit, in the schemas' words.
        reason: String,
    },
    /// The contract's own schema and its fields do not belong together.
    #[error("the contract's schema and fields disagree: {0}")]
    Contract(String),
    /// A text file cannot be read on.
    #[error("the file cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// No encoding has this label.
    #[error("unknown encoding `{0}`: expected a WHATWG label, such as `utf-8`, `latin1`, `utf-16`, `shift_jis`")]
    Encoding(String),
    /// Cells cannot be told apart by this byte.
    #[error("`{0}` cannot stand between cells: expected one ASCII character that is no quote and ends no line")]
    Delimiter(char),
    /// A text file has no header.
    #[error("the file is empty: expected a header with the names of the columns")]
    Empty,
    /// A text file's first line cannot be cut into names.
    #[error("the first line is no header: {0}")]
    Header(&'static str),
    /// A text file names a column twice. Its name is the file's own, not a value.
    #[error("column `{0}` stands twice in the header: give each column a name of its own")]
    HeaderTwice(String),
    /// A text file names none of the contract's columns: another delimiter, or no header at all.
    #[error(
        "the first line names none of the contract's columns: expected a header such as `{expected}`, with `{delimiter}` \
         between its names"
    )]
    HeaderForeign {
        /// The contract's first columns as a header would have them.
        expected: String,
        /// The delimiter that was looked for.
        delimiter: char,
    },
}
