//! The published JSON Schemas (draft 2020-12) of the files, so that editors complete and check them.
//!
//! Printed by `muster check --json-schema`. A test holds their keys equal to the ones the readers know.

/// The JSON Schema of a contract file.
pub fn contract() -> &'static str {
    include_str!("../../../docs/json-schema/contract.schema.json")
}

/// The JSON Schema of a pipeline file.
pub fn pipeline() -> &'static str {
    include_str!("../../../docs/json-schema/pipeline.schema.json")
}

/// The JSON Schema of an alert target's file.
pub fn target() -> &'static str {
    include_str!("../../../docs/json-schema/alert-target.schema.json")
}

#[cfg(test)]
#[path = "json_schema_tests.rs"]
mod tests;
