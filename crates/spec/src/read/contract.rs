//! Reads a contract file: the keys at its top, its schema and the files it names.
//!
//! Called by `crate::read`. The schema comes first, because everything else speaks of its fields; where the schema
//! cannot be read, everything that does not need it is still checked.

use apache_avro::Schema;
use sha2::{Digest, Sha256};

use super::report::{Keys, Report};
use super::shapes::CONTRACT;
use super::tree::{self, Node};
use super::{batches, cases, events, rules, sibling, text_format};
use crate::contract::Format;
use crate::ids::{ContractName, ContractVersion};
use crate::problem::nearest;
use crate::schema::flatten::flatten;
use crate::{Contract, Field};

type Open<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The version of the file format that is read.
const FORMAT_VERSION: u64 = 1;

pub(super) fn read(
    name: &str,
    yaml_file: &str,
    yaml: &str,
    open: Open<'_>,
    report: &mut Report<'_>,
) -> Option<Contract> {
    let root = tree::parse(yaml, report)?;
    let keys = report.keys(&root, &CONTRACT)?;
    version(&keys, report);
    let topic = keys.get("topic").and_then(|node| report.topic(node));
    let words = [("avro", Format::Avro), ("json", Format::Json)];
    let format = keys.get("format").and_then(|node| report.word(node, &words));
    let text_format = keys.get("text").map(|node| text_format::read(node, report));
    let writers = keys.get("writers").map(|node| writers(node, yaml_file, open, report));
    let schema = keys
        .get("schema")
        .and_then(|node| schema(node, yaml_file, open, report));
    // Without a schema no field is known, and none is held to be wrong; everything else is still checked.
    let mut fields = schema.as_ref().map(|(_, _, fields)| fields.clone()).unwrap_or_default();
    let public = keys.get("public").map(|node| columns(node, &fields, report));
    for column in public.unwrap_or_default() {
        fields[column].personal = false;
    }
    let key = keys.get("key").and_then(|node| column(node, &fields, report));
    let subject = keys.get("subject").map(|node| column(node, &fields, report));
    let rules = rules::read(keys.get("rules"), &fields, report);
    let event_time = keys
        .get("event_time")
        .map(|node| events::event_time(node, &fields, &rules, report));
    let event_id = keys.get("event_id").map(|node| events::event_id(node, &fields, report));
    let expectations = batches::expectations(keys.get("expectations"), &fields, report);
    let (dead_letter, stop_above) = batches::dead_letter(keys.get("dead_letter"), topic, report);
    let tests = cases::read(keys.get("tests"), &fields, &rules, report);
    let (schema_text, schema, _) = schema?;
    Some(Contract {
        name: ContractName::from(name),
        version: contract_version(yaml, &schema_text),
        text: yaml.to_owned(),
        schema_text,
        topic: topic?.to_owned(),
        format: format?,
        schema,
        writers: writers.unwrap_or_default(),
        fields,
        key: key?,
        subject: subject.flatten(),
        event_time: event_time.flatten(),
        event_id: event_id.flatten(),
        rules,
        expectations,
        dead_letter,
        stop_above,
        text_format: text_format.unwrap_or_default(),
        tests,
    })
}

/// Checks the version of the file format.
pub(super) fn version(keys: &Keys<'_>, report: &mut Report<'_>) {
    let Some(node) = keys.get("version") else { return };
    if report.whole(node, 1).is_some_and(|version| version != FORMAT_VERSION) {
        let hint = format!("this program reads version {FORMAT_VERSION}");
        report.hint(node.place, "unknown version of the file format", hint);
    }
}

/// The sha-256 of the contract's text, a zero byte, and the schema's text.
fn contract_version(yaml: &str, schema_text: &str) -> ContractVersion {
    let hash = Sha256::new()
        .chain_update(yaml)
        .chain_update([0])
        .chain_update(schema_text)
        .finalize();
    ContractVersion::from(format!("{hash:x}"))
}

/// The column a node names. Where no schema was read, no name is wrong.
pub(super) fn column(node: &Node, fields: &[Field], report: &mut Report<'_>) -> Option<usize> {
    let name = report.text(node)?;
    let found = fields.iter().position(|field| field.name == name);
    if found.is_none() && !fields.is_empty() {
        report.unknown(
            node.place,
            "field",
            name,
            fields.iter().map(|field| field.name.as_str()),
        );
    }
    found
}

fn columns(node: &Node, fields: &[Field], report: &mut Report<'_>) -> Vec<usize> {
    let items = report.list(node).unwrap_or_default().iter();
    items.filter_map(|item| column(item, fields, report)).collect()
}

/// The schema's text, the schema, its columns.
fn schema(
    node: &Node,
    yaml_file: &str,
    open: Open<'_>,
    report: &mut Report<'_>,
) -> Option<(String, Schema, Vec<Field>)> {
    let name = report.beside(node)?;
    let Some(text) = open(name) else {
        report.say(node.place, format!("there is no file `{name}` beside this one"));
        return None;
    };
    let file = sibling(yaml_file, name);
    let mut report = report.about(&file);
    let schema = avro(&text, &mut report)?;
    let Schema::Record(record) = &schema else {
        report.say((1, 1), "the schema must be a record");
        return None;
    };
    // JSON is YAML, so the same tree tells the places; where it does not, problems have no line.
    let places = tree::parse(&text, &mut Report::new(&file, &mut Vec::new()));
    let fields = flatten(record, places.as_ref(), &mut report);
    if fields.is_empty() {
        report.say((1, 1), "the schema has no field that can be a column");
        return None;
    }
    Some((text, schema, fields))
}

/// Avro's own types, for hints.
const AVRO_TYPES: [&str; 14] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "enum", "array", "map", "fixed",
    "decimal",
];

/// Reads an Avro schema's text; the problems are about its file.
fn avro(text: &str, report: &mut Report<'_>) -> Option<Schema> {
    let json: serde_json::Value = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(error) => {
            let told = error.to_string();
            let why = told.split(" at line ").next().unwrap_or_default();
            report.say((error.line(), error.column()), format!("not JSON: {why}"));
            return None;
        }
    };
    match Schema::parse(&json) {
        Ok(schema) => Some(schema),
        Err(error) => {
            let told = error.to_string();
            let tree = tree::parse(text, &mut Report::new("", &mut Vec::new()));
            // The parser names what it stumbles over, last.
            let words = told.rsplit(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '.'));
            let blamed = words.filter(|word| !word.is_empty()).find_map(|word| {
                let node = tree.as_ref().and_then(|tree| tree.scalar(word))?;
                Some((node.place, word))
            });
            let (place, word) = blamed.unwrap_or(((1, 1), ""));
            let message = format!("not an Avro schema: {told}");
            match nearest(word, &AVRO_TYPES).filter(|near| *near != word) {
                Some(near) => report.hint(place, message, format!("did you mean `{near}`?")),
                None => report.say(place, message),
            }
            None
        }
    }
}

fn writers(node: &Node, yaml_file: &str, open: Open<'_>, report: &mut Report<'_>) -> Vec<(String, String)> {
    let mut writers: Vec<(String, String)> = Vec::new();
    for item in report.list(node).unwrap_or_default() {
        let Some(name) = report.beside(item) else { continue };
        if writers.iter().any(|(earlier, _)| earlier == name) {
            report.say(item.place, format!("the writer `{name}` stands twice"));
            continue;
        }
        let Some(text) = open(name) else {
            report.say(item.place, format!("there is no file `{name}` beside this one"));
            continue;
        };
        let file = sibling(yaml_file, name);
        if avro(&text, &mut report.about(&file)).is_some() {
            writers.push((name.to_owned(), text));
        }
    }
    writers
}
