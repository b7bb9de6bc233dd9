//! A YAML file as a tree in which every key and value knows its place.
//!
//! Made by [`parse`], walked by the readers beside this file. Scalars keep their text, so that `0.10` stays `0.10`
//! where text is wanted. Anchors, aliases and tags are refused: a contract says what it means once, and no file can
//! grow while it is read. The depth is bounded, so walking may recurse.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::report::Report;

/// Line and column, from 1.
pub(crate) type Place = (usize, usize);

/// How deep a file may nest; a contract needs 6.
const DEPTH_MAX: usize = 32;

/// How many bytes a file may have.
const FILE_BYTES_MAX: usize = 4 << 20;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub place: Place,
    pub value: Value,
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A text, quoted or not; unquoted it may be a number, a boolean or nothing.
    Scalar { text: String, quoted: bool },
    /// Items in order.
    List(Vec<Node>),
    /// Entries in order; a key may stand twice.
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub place: Place,
    pub text: String,
}

/// What an unquoted scalar means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Plain<'n> {
    Null,
    Boolean(bool),
    Whole(i64),
    Number(f64),
    Text(&'n str),
}

impl Node {
    /// What a scalar means; `None` for lists and maps. YAML 1.2's core words, decimal numbers only.
    pub fn plain(&self) -> Option<Plain<'_>> {
        let Value::Scalar { text, quoted } = &self.value else {
            return None;
        };
        Some(if *quoted { Plain::Text(text) } else { resolve(text) })
    }

    /// What stands under a key, or the item of a list that has this text or this `id`.
    pub fn down(self, step: &str) -> Option<Node> {
        let is_named = |item: &Node| match &item.value {
            Value::Scalar { text, .. } => text == step,
            Value::Map(entries) => entries
                .iter()
                .any(|(key, value)| key.text == "id" && value.plain() == Some(Plain::Text(step))),
            Value::List(_) => false,
        };
        match self.value {
            Value::Map(entries) => entries
                .into_iter()
                .find_map(|(key, value)| (key.text == step).then_some(value)),
            Value::List(items) => items.into_iter().find(is_named),
            Value::Scalar { .. } => None,
        }
    }

    /// The first scalar within this value whose text is this one.
    pub fn scalar(&self, wanted: &str) -> Option<&Node> {
        match &self.value {
            Value::Scalar { text, .. } => (text == wanted).then_some(self),
            Value::List(items) => items.iter().find_map(|item| item.scalar(wanted)),
            Value::Map(entries) => entries.iter().find_map(|(_, value)| value.scalar(wanted)),
        }
    }

    /// What a person would call the value.
    pub fn kind(&self) -> &'static str {
        match (&self.value, self.plain()) {
            (Value::List(_), _) => "a list",
            (Value::Map(_), _) => "keys and values",
            (_, Some(Plain::Boolean(_))) => "true or false",
            (_, Some(Plain::Whole(_) | Plain::Number(_))) => "a number",
            (_, Some(Plain::Text(_))) => "text",
            (_, Some(Plain::Null) | None) => "nothing",
        }
    }
}

fn resolve(text: &str) -> Plain<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Boolean(true),
        "false" | "False" | "FALSE" => return Plain::Boolean(false),
        _ => {}
    }
    // Rust reads `inf` and `nan` as numbers, YAML does not.
    let digits = text.trim_start_matches(['+', '-']);
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Plain::Text(text);
    }
    match (text.parse(), text.parse::<f64>()) {
        (Ok(whole), _) => Plain::Whole(whole),
        (_, Ok(number)) if number.is_finite() => Plain::Number(number),
        _ => Plain::Text(text),
    }
}

/// The tree of a file's one document; `None` with a problem where it has none.
pub(crate) fn parse(text: &str, report: &mut Report<'_>) -> Option<Node> {
    if text.len() > FILE_BYTES_MAX {
        report.say((0, 0), format!("the file has more than {FILE_BYTES_MAX} bytes"));
        return None;
    }
    let mut builder = Builder {
        events: Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)),
        report,
    };
    let first = builder.document().ok()?;
    let Some(node) = first else {
        builder.report.say((1, 1), "the file is empty");
        return None;
    };
    // The rest must parse as well: a problem after the document is still a problem of the file.
    if let Some(second) = builder.document().ok()? {
        builder
            .report
            .say(second.place, "a file holds one document, here a second one begins");
        return None;
    }
    Some(node)
}

/// Nothing can be built; the problem is said.
struct Unreadable;

struct Builder<'input, 'r, 'f> {
    events: Parser<'input, saphyr_parser::StrInput<'input>>,
    report: &'r mut Report<'f>,
}

impl<'input> Builder<'input, '_, '_> {
    /// The next document; `None` at the end of the file.
    fn document(&mut self) -> Result<Option<Node>, Unreadable> {
        loop {
            let Some((event, span)) = self.next()? else {
                return Ok(None);
            };
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                Event::StreamEnd => return Ok(None),
                event => return self.node(event, span, 0).map(Some),
            }
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'input>, Span)>, Unreadable> {
        match self.events.next_event() {
            None => Ok(None),
            Some(Ok(next)) => Ok(Some(next)),
            Some(Err(error)) => {
                let place = (error.marker().line(), error.marker().col() + 1);
                self.report.say(place, format!("not YAML: {}", error.info()));
                Err(Unreadable)
            }
        }
    }

    fn node(&mut self, event: Event<'input>, span: Span, depth: usize) -> Result<Node, Unreadable> {
        let place = place(span);
        if depth > DEPTH_MAX {
            self.report
                .say(place, format!("nested more than {DEPTH_MAX} levels deep"));
            return Err(Unreadable);
        }
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_words_only(place, anchor, tag.is_some())?;
                Value::Scalar {
                    quoted: style != ScalarStyle::Plain,
                    text: text.into_owned(),
                }
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain_words_only(place, anchor, tag.is_some())?;
                Value::List(self.items(depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.plain_words_only(place, anchor, tag.is_some())?;
                Value::Map(self.entries(depth)?)
            }
            Event::Alias(_) => {
                self.report.say(place, "an alias (`*name`) cannot be used here");
                return Err(Unreadable);
            }
            _ => {
                self.report.say(place, "not YAML: a value was expected");
                return Err(Unreadable);
            }
        };
        Ok(Node { place, value })
    }

    fn plain_words_only(&mut self, place: Place, anchor: usize, tagged: bool) -> Result<(), Unreadable> {
        if anchor == 0 && !tagged {
            return Ok(());
        }
        let what = if tagged {
            "a tag (`!name`)"
        } else {
            "an anchor (`&name`)"
        };
        self.report.say(place, format!("{what} cannot be used here"));
        Err(Unreadable)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Unreadable> {
        let mut items = Vec::new();
        loop {
            match self.next()?.ok_or(Unreadable)? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Unreadable> {
        let mut entries = Vec::new();
        loop {
            let key = match self.next()?.ok_or(Unreadable)? {
                (Event::MappingEnd, _) => return Ok(entries),
                (event, span) => self.node(event, span, depth + 1)?,
            };
            let Value::Scalar { text, .. } = key.value else {
                self.report.say(key.place, "a key must be one word");
                return Err(Unreadable);
            };
            let (event, span) = self.next()?.ok_or(Unreadable)?;
            let value = self.node(event, span, depth + 1)?;
            let place = key.place;
            entries.push((Key { place, text }, value));
        }
    }
}

fn place(span: Span) -> Place {
    (span.start.line(), span.start.col() + 1)
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
