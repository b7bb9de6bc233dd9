//! The files of a project for a table: contract, schema, feature view and pipeline, each line with the reason for it.
//!
//! Used by `muster init`. What must stay true: the files read back as they are, hold every column, and take nine rows of ten
//! of the file they were drawn from as good; no comment holds a value that only one row has.

mod contract;
mod pipeline;
mod schema;

use muster_spec::{Contract, Problem};

use crate::guess::Guess;
use crate::names;
use crate::reading::Reading;

/// What the first line of each contract says that was drawn up.
pub const BY_INIT: &str = "drawn up by `muster init`";

/// A file that was drawn up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drafted {
    /// Its place below the project folder.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// What a project's files for a table hold.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The contract, and the pipeline with it.
    pub name: String,
    /// Contract and schema, then view and pipeline where there is something to learn.
    pub files: Vec<Drafted>,
    /// Why there is no pipeline, if there is none.
    pub no_pipeline: Option<String>,
}

/// The contract of a table before anything is known of its values: types and how text is written. The second look decodes
/// by it.
///
/// Errors: what the contract's reader says; a bug where it says anything.
pub fn bare(guess: &Guess) -> Result<Contract, Vec<Problem>> {
    let name = "table";
    let schema = schema::of_guess(guess, name);
    let key = guess
        .columns
        .first()
        .map_or(String::new(), |column| plain_name(&column.name));
    let text = format!(
        "version: 1\ntopic: {name}.v1\nformat: avro\nschema: {name}.avsc\nkey: {key}\n{}",
        contract::text(&guess.format)
    );
    let open = |beside: &str| (beside == format!("{name}.avsc")).then(|| schema.clone());
    muster_spec::read::contract(name, &format!("schemas/{name}.contract.yaml"), &text, &open)
}

/// Draws up the files for a table of this name, found in this file.
pub fn draft(reading: &Reading, name: &str, file: &str) -> Draft {
    let record = names::record(name);
    let mut files = vec![
        Drafted {
            path: format!("schemas/{name}.avsc"),
            text: schema::of_reading(reading, name, &record),
        },
        Drafted {
            path: format!("schemas/{name}.contract.yaml"),
            text: contract::contract(reading, name, file),
        },
    ];
    let no_pipeline = pipeline::why_none(reading);
    if no_pipeline.is_none() {
        files.push(Drafted {
            path: format!("pipelines/{name}.sql"),
            text: pipeline::view(reading, name),
        });
        files.push(Drafted {
            path: format!("pipelines/{name}.yaml"),
            text: pipeline::pipeline(reading, name),
        });
    }
    Draft {
        name: name.to_owned(),
        files,
        no_pipeline,
    }
}

/// A text in quotes, as JSON and YAML both read it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A field's name in YAML: as it is, unless YAML would read it as something else than text.
fn plain_name(name: &str) -> String {
    const WORDS: [&str; 11] = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf",
    ];
    if WORDS.contains(&&*name.to_lowercase()) {
        quoted(name)
    } else {
        name.to_owned()
    }
}

/// A text in a comment: one line, and short.
fn plainly(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .take(120)
        .collect();
    line.trim().to_owned()
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
