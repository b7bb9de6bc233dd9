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
}
