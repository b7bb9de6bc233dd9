//! The writer schema of rows that are not typed yet: every column a nullable text.
//!
//! Used by `publish`, which writes a file's cells as they stand, and by decode, which knows the schema's id from the
//! start and parses the texts by the contract. Derived from the contract alone, so both sides agree without asking.

use serde_json::json;

use crate::Contract;

/// The all-text schema of a contract: a record of the same full name, one `["null", "string"]` field with default null
/// for each column, named and ordered as the columns are.
pub fn all_text_schema(contract: &Contract) -> String {
    let name = contract
        .schema
        .name()
        .map(|name| name.fullname(None))
        .unwrap_or_default();
    let fields = contract.fields.iter();
    let fields = fields.map(|field| json!({"name": field.name, "type": ["null", "string"], "default": null}));
    json!({"type": "record", "name": name, "fields": fields.collect::<Vec<_>>()}).to_string()
}

#[cfg(test)]
#[path = "all_text_tests.rs"]
mod tests;
