//! What DataFusion says about a view, as a problem of its file: a place, a message, a hint.
//!
//! Used by [`crate::view`]. Places come from the parser's words or from the planner's diagnostics, where they know one.

use datafusion::common::{DataFusionError, SchemaError};
use muster_spec::{Problem, nearest};

use crate::places::{Place, Places};
use crate::session::{ONE_SELECT, POSITION};

/// A problem of a file at a place.
pub(crate) fn problem(file: &str, place: Place, message: impl Into<String>, hint: Option<String>) -> Problem {
    Problem {
        file: file.to_owned(),
        line: place.0,
        column: place.1,
        message: message.into(),
        hint,
    }
}

/// The problem that a planning error tells.
pub(crate) fn of_error(file: &str, error: &DataFusionError, places: &Places) -> Problem {
    let (message, hint) = unknown_column(error).unwrap_or_else(|| told(error));
    problem(file, place(error, places), message, hint)
}

fn unknown_column(error: &DataFusionError) -> Option<(String, Option<String>)> {
    let DataFusionError::SchemaError(schema, _) = error.find_root() else {
        return None;
    };
    let SchemaError::FieldNotFound { field, valid_fields } = &**schema else {
        return None;
    };
    let known = valid_fields.iter().map(|field| field.name.as_str());
    let known: Vec<&str> = known.filter(|name| !POSITION.contains(name)).collect();
    let hint = nearest(&field.name, &known).map(|near| format!("did you mean `{near}`?"));
    Some((format!("there is no column `{}`", field.name), hint))
}

/// The first line of what DataFusion says, in our words' form, and its own hint.
fn told(error: &DataFusionError) -> (String, Option<String>) {
    let message = error.find_root().message().into_owned();
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("it cannot be planned").trim_end_matches('.');
    if first.contains("unique expression names") {
        return (
            "two columns of the view have the same name".into(),
            Some("rename one with `AS`".into()),
        );
    }
    let first = first.split(" at Line: ").next().unwrap_or(first);
    let first = first.trim_start_matches("ParserError(\"").trim_end_matches("\")");
    let mut letters = first.chars();
    // A word in capitals is SQL's own and keeps them.
    let capitals = first.chars().take(2).all(|letter| letter.is_ascii_uppercase());
    let first = match letters.next() {
        Some(letter) if !capitals => letter.to_lowercase().chain(letters).collect(),
        _ => first.to_owned(),
    };
    let hint = lines.find(|line| line.starts_with("Did you mean"));
    let hint = hint.map(|line| line.replace("Did you mean", "did you mean").replace('\'', "`"));
    (format!("SQL: {first}"), hint)
}

fn place(error: &DataFusionError, places: &Places) -> Place {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    if let Some(span) = span {
        return (span.start.line as usize, span.start.column as usize);
    }
    let text = error.to_string();
    let number_after = |word: &str| number(text.split(word).nth(1)?);
    if let Some(place) = number_after("Line: ").zip(number_after("Column: ")) {
        return place;
    }
    if text.contains("found: EOF") {
        return places.end();
    }
    if text.contains(ONE_SELECT) {
        return places.second().unwrap_or_else(|| places.start());
    }
    // Two columns of one name: the second is the one to rename.
    let second = text.split("at position ").nth(2).and_then(number);
    second.map_or_else(|| places.start(), |second| places.column(second, usize::MAX))
}

/// The number that a text begins with.
fn number(text: &str) -> Option<usize> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().ok()
}
