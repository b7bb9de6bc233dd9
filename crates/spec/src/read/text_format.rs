//! Reads `text:`, how a text file writes what the contract types.
//!
//! Called by the contract reader. The marks must not be taken for one another: a delimiter that is also the decimal mark
//! is allowed (such numbers are quoted), a thousands mark that is the decimal mark is not.

use chrono::format::{Item, StrftimeItems};
use encoding_rs::Encoding;

use super::report::Report;
use super::shapes::TEXT;
use super::tree::Node;
use crate::TextFormat;

pub(super) fn read(node: &Node, report: &mut Report<'_>) -> TextFormat {
    let mut format = TextFormat::default();
    let Some(keys) = report.keys(node, &TEXT) else {
        return format;
    };
    if let Some(node) = keys.get("delimiter") {
        format.delimiter = mark(node, b"\"\n\r", report).unwrap_or(format.delimiter);
    }
    if let Some(node) = keys.get("decimal") {
        format.decimal = mark(node, b"+-eE0123456789", report).unwrap_or(format.decimal);
    }
    if let Some(node) = keys.get("thousands") {
        format.thousands = mark(node, b"+-eE0123456789", report);
        if format.thousands == Some(format.decimal) {
            report.say(node.place, "the mark between thousands is also the decimal mark");
        }
    }
    if let Some(label) = keys.get("encoding").and_then(|node| encoding(node, report)) {
        format.encoding = label;
    }
    format.date = keys.get("date").and_then(|node| strftime(node, report));
    format.timestamp = keys.get("timestamp").and_then(|node| strftime(node, report));
    format.trim = keys.get("trim").and_then(|node| report.flag(node)).unwrap_or_default();
    if let Some(node) = keys.get("missing") {
        let items = report.list(node).unwrap_or_default().iter();
        format.missing = items
            .filter_map(|item| report.written(item))
            .map(str::to_owned)
            .collect();
    }
    format
}

/// One ASCII character that is none of `not`.
fn mark(node: &Node, not: &[u8], report: &mut Report<'_>) -> Option<u8> {
    let text = report.text(node)?;
    match text.as_bytes() {
        [mark] if mark.is_ascii() && !not.contains(mark) => Some(*mark),
        _ => {
            report.say(
                node.place,
                "expected one ASCII character that can be no part of a cell's own text",
            );
            None
        }
    }
}

fn encoding(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let label = report.text(node)?;
    if Encoding::for_label_no_replacement(label.as_bytes()).is_none() {
        let hint = "a WHATWG label: `utf-8`, `latin1`, `utf-16`, `windows-1252`, `shift_jis`";
        report.hint(node.place, format!("unknown encoding `{label}`"), hint);
        return None;
    }
    Some(label.to_owned())
}

fn strftime(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let text = report.text(node)?;
    if StrftimeItems::new(text).any(|item| matches!(item, Item::Error)) {
        let hint = "strftime's words: `%d.%m.%Y`, `%Y-%m-%dT%H:%M:%S`";
        report.hint(node.place, format!("`{text}` is no format of dates"), hint);
        return None;
    }
    Some(text.to_owned())
}
