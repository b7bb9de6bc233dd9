//! What a user writes, read into types: contracts, pipelines, alert targets, and the identifiers everything else speaks in.
//!
//! Used by every other crate. Stays free of clocks, network, environment and file reads: texts come in, types or a
//! list of [`Problem`]s go out. Every problem of a file is reported, not only the first.

pub mod contract;
pub mod ids;
pub mod json_schema;
pub mod pipeline;
pub mod problem;
pub mod read;
pub mod rule;
pub mod schema;
pub mod target;

pub use contract::{Contract, DeadLetterTopic, EventId, EventIdPlace, EventTime, StopAbove, TextFormat};
pub use ids::{
    BatchId, ContractName, ContractVersion, FileSha, ModelVersion, Offset, OffsetDelta, PipelineName, Revision,
    RuleNumber, RunId, SchemaId, SourceId, TargetName, Token, TopicId,
};
pub use pipeline::Pipeline;
pub use problem::{Problem, nearest};
pub use rule::{Check, Expectation, Measure, Rule, Severity};
pub use schema::{Field, FieldKind, all_text_schema, canonical_form, schema_id};
pub use target::AlertTarget;
