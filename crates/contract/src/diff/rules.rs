//! Rules that came, went, or ask something else: typed checks are compared by what they let through.
//!
//! Used by [`super::diff`]. Built-in rules come and go with their fields and are not told of; a rule keeps its identity
//! with its id. What two regular expressions or two SQL conditions let through cannot be compared: they changed.

use muster_spec::{Check, Contract, Rule, Severity};

use super::Change;
use super::fields::levels;

/// A declared rule that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleChange {
    /// Its id.
    pub rule: String,
    /// The field it is about, in the new contract or, where it went, in the old one.
    pub field: Option<String>,
    /// How it changed.
    pub change: Change,
    /// What that is, in words.
    pub what: String,
    /// Whether a row that was good may now be bad.
    pub breaks: bool,
}

/// The rules that differ.
pub fn rules(old: &Contract, new: &Contract) -> Vec<RuleChange> {
    let known = |contract: &Contract, rule: &Rule| contract.rules.iter().position(|other| other.id == rule.id);
    let stay = declared(new).flat_map(|rule| match known(old, rule) {
        None => {
            let what = format!("asks {}{}", asks(new, rule), severity(rule));
            vec![change(new, rule, Change::Added, what)]
        }
        Some(at) => changes((old, &old.rules[at]), (new, rule)),
    });
    let removed = declared(old).filter(|rule| known(new, rule).is_none());
    let removed = removed.map(|rule| change(old, rule, Change::Removed, format!("asked {}", asks(old, rule))));
    stay.chain(removed).collect()
}

fn declared(contract: &Contract) -> impl Iterator<Item = &Rule> {
    contract.rules.iter().filter(|rule| rule.place.is_some())
}

fn change(contract: &Contract, rule: &Rule, change: Change, what: String) -> RuleChange {
    let lets_less = matches!(change, Change::Added | Change::Tightened | Change::Changed);
    RuleChange {
        rule: rule.id.clone(),
        field: rule.field.map(|field| contract.fields[field].name.clone()),
        change,
        what,
        breaks: lets_less && rule.severity == Severity::Error,
    }
}

fn asks(contract: &Contract, rule: &Rule) -> String {
    rule.check.asks(rule.field.map(|field| &contract.fields[field]))
}

fn changes((old, was): (&Contract, &Rule), (new, is): (&Contract, &Rule)) -> Vec<RuleChange> {
    let about = |contract: &Contract, rule: &Rule| rule.field.map(|field| contract.fields[field].name.clone());
    let mut changes = Vec::new();
    let compared = if about(old, was) == about(new, is) {
        compare(&was.check, &is.check)
    } else {
        Some(Change::Changed)
    };
    if let Some(how) = compared {
        changes.push(change(new, is, how, what((old, was), (new, is))));
    }
    match (was.severity, is.severity) {
        (Severity::Warn, Severity::Error) => {
            changes.push(change(
                new,
                is,
                Change::Tightened,
                "a broken one makes the row bad now".to_owned(),
            ));
        }
        (Severity::Error, Severity::Warn) => {
            changes.push(change(
                new,
                is,
                Change::Loosened,
                "a broken one is only counted now".to_owned(),
            ));
        }
        _ => {}
    }
    changes
}

/// How what a check lets through changed; `None` where it lets the same through.
fn compare(old: &Check, new: &Check) -> Option<Change> {
    match (old, new) {
        (Check::OneOf(old), Check::OneOf(new)) => levels(old, new).change(),
        (Check::Between(old_low, old_high), Check::Between(new_low, new_high)) => {
            range((*old_low, *old_high), (*new_low, *new_high))
        }
        (Check::Length(old_low, old_high), Check::Length(new_low, new_high)) => {
            let wide = |end: &Option<u32>| end.map(f64::from);
            range((wide(old_low), wide(old_high)), (wide(new_low), wide(new_high)))
        }
        // How many keys a window may hold pauses a source; it judges no row.
        (Check::Unique { within: old, .. }, Check::Unique { within: new, .. }) => Change::of(new > old, new < old),
        _ => (old != new).then_some(Change::Changed),
    }
}

type Ends = (Option<f64>, Option<f64>);

fn range(old: Ends, new: Ends) -> Option<Change> {
    let low = |ends: Ends| ends.0.unwrap_or(f64::NEG_INFINITY);
    let high = |ends: Ends| ends.1.unwrap_or(f64::INFINITY);
    Change::of(
        low(new) > low(old) || high(new) < high(old),
        low(new) < low(old) || high(new) > high(old),
    )
}

fn what((old, was): (&Contract, &Rule), (new, is): (&Contract, &Rule)) -> String {
    match (&was.check, &is.check) {
        (Check::OneOf(old), Check::OneOf(new)) => levels(old, new).words("value"),
        _ => format!("asks {}, asked {}", asks(new, is), asks(old, was)),
    }
}

fn severity(rule: &Rule) -> &'static str {
    match rule.severity {
        Severity::Error => "",
        Severity::Warn => ", only counted",
    }
}
