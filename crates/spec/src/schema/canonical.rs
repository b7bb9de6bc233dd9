//! The form of an Avro schema in which two texts that describe the same bytes are equal, and the id made from it.
//!
//! Used by decode (ids in frames), by `publish`, and by the ledger, which keeps schemas by id. The form is Avro's
//! Parsing Canonical Form with `logicalType`, `precision` and `scale` kept: a decimal and the bytes it is written in
//! are not the same thing to a reader. Names are resolved by the rules of Avro 1.11, "Names".

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::ids::SchemaId;

const PRIMITIVES: &[&str] = &["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// What is kept of a schema, in this order.
const KEPT: &[&str] = &[
    "name",
    "type",
    "fields",
    "symbols",
    "items",
    "values",
    "size",
    "logicalType",
    "precision",
    "scale",
];

/// The canonical form of a schema's text; `None` where the text is not JSON. A text that is JSON and no Avro schema has
/// a form too, which means nothing.
pub fn canonical_form(schema_text: &str) -> Option<String> {
    let schema: Value = serde_json::from_str(schema_text).ok()?;
    Some(canonical(&schema, "").to_string())
}

/// The id of a schema where no registry gives one: the first 31 bits of the sha-256 of its canonical form (of the text
/// itself where it is not JSON).
pub fn schema_id(schema_text: &str) -> SchemaId {
    let form = canonical_form(schema_text);
    let hash = Sha256::digest(form.as_deref().unwrap_or(schema_text));
    let first = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    SchemaId(first >> 1)
}

fn canonical(schema: &Value, namespace: &str) -> Value {
    match schema {
        Value::String(name) => Value::String(full_name(name, namespace)),
        Value::Array(variants) => variants.iter().map(|variant| canonical(variant, namespace)).collect(),
        Value::Object(members) => object(members, namespace),
        other => other.clone(),
    }
}

fn object(members: &Map<String, Value>, namespace: &str) -> Value {
    let kind = members.get("type");
    let Some(Value::String(kind)) = kind else {
        // `{"type": {...}}`: only the inner one says anything.
        return kind.map_or(Value::Null, |inner| canonical(inner, namespace));
    };
    let annotated = members.contains_key("logicalType");
    let complex = matches!(kind.as_str(), "record" | "error" | "enum" | "fixed" | "array" | "map");
    if !complex && !annotated {
        return Value::String(full_name(kind, namespace));
    }
    let declared = members.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
    let name = members
        .get("name")
        .and_then(Value::as_str)
        .map(|name| full_name(name, declared));
    let inside = name
        .as_deref()
        .map_or(namespace, |name| name.rsplit_once('.').map_or("", |(space, _)| space));
    let mut kept = Map::new();
    for key in KEPT {
        let Some(value) = members.get(*key) else { continue };
        let value = match *key {
            "name" if complex => Value::String(name.clone().unwrap_or_default()),
            "type" if complex => value.clone(),
            "type" => Value::String(full_name(kind, namespace)),
            "fields" => fields(value, inside),
            "items" | "values" => canonical(value, inside),
            "symbols" | "logicalType" => value.clone(),
            "size" | "precision" | "scale" => whole(value),
            _ => continue,
        };
        kept.insert((*key).to_owned(), value);
    }
    Value::Object(kept)
}

fn fields(fields: &Value, namespace: &str) -> Value {
    let Value::Array(fields) = fields else {
        return fields.clone();
    };
    let canonical_field = |field: &Value| {
        let mut kept = Map::new();
        kept.insert("name".into(), field.get("name").cloned().unwrap_or_default());
        let kind = field.get("type").map_or(Value::Null, |kind| canonical(kind, namespace));
        kept.insert("type".into(), kind);
        Value::Object(kept)
    };
    fields.iter().map(canonical_field).collect()
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() || PRIMITIVES.contains(&name) {
        return name.trim_start_matches('.').to_owned();
    }
    format!("{namespace}.{name}")
}

/// A number that was written as text is the number.
fn whole(value: &Value) -> Value {
    let written = value.as_str().and_then(|text| text.parse::<u64>().ok());
    written.map_or_else(|| value.clone(), Value::from)
}

#[cfg(test)]
#[path = "canonical_tests.rs"]
mod tests;
