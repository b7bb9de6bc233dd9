//! What a contract says and a profile counted, in a report's words.
//!
//! Used by whoever makes a report.

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use muster_contract::judge::{FieldProfile, Levels};
use muster_report::{Bound, Column, Distinct, Expected, RuleResult, RuleSeverity, Values};
use muster_spec::rule::Measure;
use muster_spec::{Contract, Expectation, Field, FieldKind, Rule, Severity};

/// Characters of what a rule asks.
const ASKS_MAX: usize = 240;

/// A moment, in UTC.
pub fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A field with what was seen of it.
pub fn column(field: &Field, profile: &FieldProfile<'_>, told: impl Fn(&Levels) -> Values) -> Column {
    let values = profile.values.as_ref();
    let range = values.and_then(|values| values.range);
    Column {
        name: field.name.clone(),
        kind: bare(field.kind.word()).to_owned(),
        personal: field.personal,
        rows: profile.rows,
        missing: profile.missing,
        distinct: values.map(|values| Distinct {
            count: values.distinct,
            exact: values.distinct_exact,
        }),
        min: range.and_then(|(min, _)| bound(&field.kind, min)),
        max: range.and_then(|(_, max)| bound(&field.kind, max)),
        mean: values.and_then(|values| values.mean),
        median: values.and_then(|values| values.median),
        values: values.and_then(|values| values.texts).map(told),
    }
}

/// Without its article.
fn bare(kind: &str) -> &str {
    kind.strip_prefix("an ").or(kind.strip_prefix("a ")).unwrap_or(kind)
}

fn bound(kind: &FieldKind, value: f64) -> Option<Bound> {
    match kind {
        FieldKind::Date | FieldKind::TimestampMillis | FieldKind::TimestampMicros => {
            time(kind, value as i64).map(Bound::Time)
        }
        _ => Some(Bound::Number(value)),
    }
}

/// A date or timestamp as ISO 8601 writes it; `value` is what Arrow stores. `None` far from any calendar.
pub fn time(kind: &FieldKind, value: i64) -> Option<String> {
    let rfc3339 = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    match kind {
        FieldKind::Date => {
            let days = TimeDelta::try_days(value)?;
            let day = NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_signed(days)?;
            Some(day.to_string())
        }
        FieldKind::TimestampMillis => DateTime::from_timestamp_millis(value).map(rfc3339),
        FieldKind::TimestampMicros => DateTime::from_timestamp_micros(value).map(rfc3339),
        _ => None,
    }
}

/// A rule that nothing is known to have broken yet.
pub fn rule(contract: &Contract, rule: &Rule) -> RuleResult {
    let field = rule.field.map(|field| &contract.fields[field]);
    RuleResult {
        id: rule.id.clone(),
        severity: match rule.severity {
            Severity::Error => RuleSeverity::Error,
            Severity::Warn => RuleSeverity::Warn,
        },
        field: field.map(|field| field.name.clone()),
        asks: shortened(rule.check.asks(field)),
        rows: 0,
        share: 0.0,
        over: Vec::new(),
        positions: Vec::new(),
        values: None,
    }
}

/// Those that were broken most first, errors before warnings where they are equal, then by id.
pub fn sort(rules: &mut [RuleResult]) {
    rules.sort_by(|one, other| {
        let key = |rule: &RuleResult| (std::cmp::Reverse(rule.rows), rule.severity);
        key(one).cmp(&key(other)).then_with(|| one.id.cmp(&other.id))
    });
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(ASKS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// An expectation that nothing was measured of yet.
pub fn expected(contract: &Contract, expectation: &Expectation) -> Expected {
    let (measures, field) = match &expectation.measure {
        Measure::BadRatio => ("bad rows over judged rows".to_owned(), None),
        Measure::Rows => ("judged rows".to_owned(), None),
        Measure::NullRatio(field) => ("share of good rows without a value".to_owned(), Some(*field)),
        Measure::Distinct(field) => ("different values".to_owned(), Some(*field)),
        Measure::Mean(field) => ("mean".to_owned(), Some(*field)),
        Measure::Quantile(field, at) => (format!("quantile {at}"), Some(*field)),
        Measure::Freshness => ("seconds since the newest event".to_owned(), None),
    };
    let field = field.map(|field| contract.fields[field].name.clone());
    Expected {
        id: expectation.id.clone(),
        measures: match &field {
            Some(field) => format!("{measures}, {field}"),
            None => measures,
        },
        field,
        min: expectation.min,
        max: expectation.max,
        measured: None,
        batches: 0,
        missed: 0,
    }
}

/// Of what was measured, the value furthest from what is expected.
pub fn furthest(expectation: &Expectation, least: Option<f64>, greatest: Option<f64>) -> Option<f64> {
    let (least, greatest) = (least?, greatest?);
    let below = expectation.min.map_or(f64::NEG_INFINITY, |min| min - least);
    let above = expectation.max.map_or(f64::NEG_INFINITY, |max| greatest - max);
    Some(if below > above { least } else { greatest })
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
