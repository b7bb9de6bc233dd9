//! Reads `rules:` and makes the contract's table of rules, built-in ones first.
//!
//! Called by the contract reader. The order is part of every stored verdict's meaning: `record.undecodable`, `columns`,
//! `row.ragged`, `event_id.conflict`, then `FIELD.type` for each field, `FIELD.encoding` for each text or enum field,
//! then the declared rules as they stand in the file. A rule that was not understood still takes its place in the
//! table, so that tests and later rules that name it are judged against what the user wrote.

use regex::Regex;

use super::contract::column;
use super::report::{Keys, Report};
use super::shapes::{CHECKS, RULE, UNIQUE};
use super::tree::{Node, Plain, Value};
use crate::schema::{Field, FieldKind};
use crate::{Check, Rule, Severity};

/// How many keys a window may hold unless told.
pub(super) const KEYS_MAX: u64 = 10_000_000;

/// How many rules a contract may declare; with two for each field the table stays far below 2^16.
const RULES_MAX: usize = 10_000;

pub(super) fn read(node: Option<&Node>, fields: &[Field], report: &mut Report<'_>) -> Vec<Rule> {
    let mut rules = built_in(fields);
    let items = node.and_then(|node| report.list(node)).unwrap_or_default();
    for (at, item) in items.iter().enumerate() {
        if at == RULES_MAX {
            report.say(item.place, format!("a contract has at most {RULES_MAX} rules"));
            break;
        }
        if let Some(rule) = rule(item, fields, &rules, report) {
            rules.push(rule);
        }
    }
    rules
}

fn built_in(fields: &[Field]) -> Vec<Rule> {
    let rule = |id: String, field: Option<usize>, check: Check| Rule {
        id,
        field,
        check,
        severity: Severity::Error,
        place: None,
    };
    let of_row = [
        ("record.undecodable", Check::Decodable),
        ("columns", Check::Columns),
        ("row.ragged", Check::Ragged),
        ("event_id.conflict", Check::EventIdConflict),
    ];
    let columns = || fields.iter().enumerate();
    let of_row = of_row.into_iter().map(|(id, check)| rule(id.to_owned(), None, check));
    let types = columns().map(|(at, field)| rule(format!("{}.type", field.name), Some(at), Check::Type));
    let texts = columns().filter(|(_, field)| field.kind.is_text());
    let encodings = texts.map(|(at, field)| rule(format!("{}.encoding", field.name), Some(at), Check::Encoding));
    of_row.chain(types).chain(encodings).collect()
}

fn rule(node: &Node, fields: &[Field], earlier: &[Rule], report: &mut Report<'_>) -> Option<Rule> {
    let keys = report.keys(node, &RULE)?;
    let id = keys.get("id").and_then(|id| unique_id(id, earlier, report));
    let words = [("error", Severity::Error), ("warn", Severity::Warn)];
    let severity = keys.get("severity").map(|node| report.word(node, &words));
    let field = keys.get("field").and_then(|node| column(node, fields, report));
    let check = check(&keys, field, fields, report);
    Some(Rule {
        id: id?,
        field,
        check: check.unwrap_or(Check::Required),
        severity: severity.flatten().unwrap_or(Severity::Error),
        place: Some(node.place),
    })
}

fn unique_id(node: &Node, earlier: &[Rule], report: &mut Report<'_>) -> Option<String> {
    let id = report.id(node)?;
    match earlier.iter().find(|rule| rule.id == id).map(|rule| rule.place) {
        None => return Some(id.to_owned()),
        Some(None) => report.say(node.place, format!("`{id}` is a built-in rule")),
        Some(Some((line, _))) => report.say(
            node.place,
            format!("the rule `{id}` stands twice, first in line {line}"),
        ),
    }
    None
}

/// The one check of a rule. `field` is `None` where the rule names no field or an unknown one.
fn check(keys: &Keys<'_>, field: Option<usize>, fields: &[Field], report: &mut Report<'_>) -> Option<Check> {
    let named: Vec<&str> = CHECKS.iter().copied().filter(|name| keys.get(name).is_some()).collect();
    let [name] = named[..] else {
        let message = match named.len() {
            0 => "a rule checks something".to_owned(),
            _ => format!("a rule checks one thing, this one has `{}`", named.join("`, `")),
        };
        report.hint(keys.place, message, format!("one of `{}`", CHECKS.join("`, `")));
        return None;
    };
    let node = keys.get(name)?;
    if name == "expect" {
        if keys.get("field").is_some() {
            report.say(
                keys.place_of("field"),
                "a rule with `expect` is about the row and has no `field`",
            );
        }
        return Some(Check::Expect(report.text(node)?.to_owned()));
    }
    if keys.get("field").is_none() {
        report.say(keys.place, format!("a rule with `{name}` needs a `field`"));
        return None;
    }
    let field = &fields[field?];
    match name {
        "required" => required(node, report),
        "one_of" => one_of(node, field, report),
        "between" => between(node, field, report),
        "matches" => matches(node, field, report),
        "length" => length(node, field, report),
        _ => unique(node, report),
    }
}

fn required(node: &Node, report: &mut Report<'_>) -> Option<Check> {
    if report.flag(node)? {
        return Some(Check::Required);
    }
    report.hint(node.place, "`required` can only be `true`", "leave the rule out");
    None
}

/// Whether a check fits a field's kind; says so where it does not.
fn fits(fits: bool, name: &str, needs: &str, node: &Node, field: &Field, report: &mut Report<'_>) -> Option<()> {
    if fits {
        return Some(());
    }
    let message = format!("`{name}` needs {needs}, `{}` is {}", field.name, field.kind.word());
    report.hint(node.place, message, "`expect` takes any SQL condition");
    None
}

fn one_of(node: &Node, field: &Field, report: &mut Report<'_>) -> Option<Check> {
    let kind = &field.kind;
    let whole = matches!(kind, FieldKind::Int | FieldKind::Long);
    let possible = kind.is_text() || whole || *kind == FieldKind::Boolean;
    fits(
        possible,
        "one_of",
        "text, an enum, a whole number or a boolean",
        node,
        field,
        report,
    )?;
    let items = report.list(node)?;
    if items.is_empty() {
        report.say(node.place, "`one_of` has no value");
        return None;
    }
    let mut values: Vec<String> = Vec::new();
    for item in items {
        let Some(value) = level(item, field, report) else {
            continue;
        };
        if values.contains(&value) {
            report.say(item.place, format!("`{value}` stands twice"));
            continue;
        }
        values.push(value);
    }
    Some(Check::OneOf(values))
}

/// A value of `one_of` as text, in the form the field's values are compared in.
fn level(item: &Node, field: &Field, report: &mut Report<'_>) -> Option<String> {
    let kind = &field.kind;
    match (kind, item.plain()) {
        (FieldKind::Enum(symbols), _) => {
            let symbol = report.text(item)?;
            if !symbols.iter().any(|known| known == symbol) {
                report.unknown(item.place, "symbol", symbol, symbols.iter().map(String::as_str));
            }
            Some(symbol.to_owned())
        }
        (FieldKind::Int, Some(Plain::Whole(whole))) if i32::try_from(whole).is_ok() => Some(whole.to_string()),
        (FieldKind::Long, Some(Plain::Whole(whole))) => Some(whole.to_string()),
        (FieldKind::Boolean, Some(Plain::Boolean(flag))) => Some(flag.to_string()),
        // A level is often a number in quotes or without: `1`, `">4"`. The text as written is meant.
        (FieldKind::Text, Some(plain)) if plain != Plain::Null => report.written(item).map(str::to_owned),
        _ => {
            let message = format!(
                "expected {}, as `{}` is, found {}",
                kind.word(),
                field.name,
                item.kind()
            );
            report.say(item.place, message);
            None
        }
    }
}

/// The two ends of a range, an absent one written `null`.
fn ends<'n>(node: &'n Node, name: &str, report: &mut Report<'_>) -> Option<(Option<&'n Node>, Option<&'n Node>)> {
    let present = |node: &'n Node| (node.plain() != Some(Plain::Null)).then_some(node);
    if let Value::List(items) = &node.value
        && let [least, most] = &items[..]
    {
        let ends = (present(least), present(most));
        if ends != (None, None) {
            return Some(ends);
        }
    }
    let message = format!("`{name}` has two ends, of which one may be `null`");
    report.hint(node.place, message, format!("{name}: [0, 100]"));
    None
}

fn between(node: &Node, field: &Field, report: &mut Report<'_>) -> Option<Check> {
    fits(field.kind.is_number(), "between", "a number", node, field, report)?;
    let (least, most) = ends(node, "between", report)?;
    let least = end(least, |node| report.number(node));
    let most = end(most, |node| report.number(node));
    let (least, most) = (least.ok()?, most.ok()?);
    in_order(least, most, node, report)?;
    Some(Check::Between(least, most))
}

fn length(node: &Node, field: &Field, report: &mut Report<'_>) -> Option<Check> {
    fits(field.kind.is_text(), "length", "text", node, field, report)?;
    let (least, most) = ends(node, "length", report)?;
    let characters = |node: &Node, report: &mut Report<'_>| {
        let whole = report.whole(node, 0)?;
        u32::try_from(whole).ok().or_else(|| {
            report.say(node.place, "no text is that long");
            None
        })
    };
    let least = end(least, |node| characters(node, report));
    let most = end(most, |node| characters(node, report));
    let (least, most) = (least.ok()?, most.ok()?);
    in_order(least, most, node, report)?;
    Some(Check::Length(least, most))
}

/// An end of a range that was not understood; the problem is said.
struct Unreadable;

fn end<T>(node: Option<&Node>, read: impl FnOnce(&Node) -> Option<T>) -> Result<Option<T>, Unreadable> {
    node.map(|node| read(node).ok_or(Unreadable)).transpose()
}

fn in_order<T: PartialOrd>(least: Option<T>, most: Option<T>, node: &Node, report: &mut Report<'_>) -> Option<()> {
    match (least, most) {
        (Some(least), Some(most)) if least > most => {
            report.say(node.place, "the first end is greater than the second");
            None
        }
        _ => Some(()),
    }
}

fn matches(node: &Node, field: &Field, report: &mut Report<'_>) -> Option<Check> {
    fits(field.kind.is_text(), "matches", "text", node, field, report)?;
    let pattern = report.text(node)?;
    // The judge matches the whole text; a pattern must compile as it will be used.
    match Regex::new(&format!("^(?:{pattern})$")) {
        Ok(_) => Some(Check::Matches(pattern.to_owned())),
        Err(error) => {
            let error = error.to_string();
            let why = error
                .lines()
                .last()
                .unwrap_or_default()
                .trim()
                .trim_start_matches("error: ");
            report.say(node.place, format!("not a regular expression: {why}"));
            None
        }
    }
}

fn unique(node: &Node, report: &mut Report<'_>) -> Option<Check> {
    let keys = report.keys(node, &UNIQUE)?;
    let within = keys.get("within").and_then(|node| report.duration(node));
    let keys_max = keys
        .get("keys_max")
        .map_or(Some(KEYS_MAX), |node| report.whole(node, 1));
    Some(Check::Unique {
        within: within?,
        keys_max: keys_max?,
    })
}
