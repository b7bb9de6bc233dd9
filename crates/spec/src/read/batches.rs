//! Reads what a contract says about batches rather than rows: `expectations` and `dead_letter`.
//!
//! Called by the contract reader.

use super::contract::column;
use super::report::{Keys, Report};
use super::shapes::{DEAD_LETTER, EXPECTATION, STOP_ABOVE};
use super::tree::Node;
use crate::rule::Measure;
use crate::{DeadLetterTopic, Expectation, Field, StopAbove};

/// The words of `measure`, and whether each is about a field.
const MEASURES: &[(&str, bool)] = &[
    ("bad_ratio", false),
    ("rows", false),
    ("null_ratio", true),
    ("distinct", true),
    ("mean", true),
    ("quantile", true),
    ("freshness", false),
];

pub(super) fn expectations(node: Option<&Node>, fields: &[Field], report: &mut Report<'_>) -> Vec<Expectation> {
    let mut expectations: Vec<Expectation> = Vec::new();
    let items = node.and_then(|node| report.list(node)).unwrap_or_default();
    for item in items {
        let Some(expectation) = expectation(item, fields, report) else {
            continue;
        };
        if expectations.iter().any(|earlier| earlier.id == expectation.id) {
            report.say(item.place, format!("the expectation `{}` stands twice", expectation.id));
            continue;
        }
        expectations.push(expectation);
    }
    expectations
}

fn expectation(node: &Node, fields: &[Field], report: &mut Report<'_>) -> Option<Expectation> {
    let keys = report.keys(node, &EXPECTATION)?;
    let id = keys.get("id").and_then(|node| report.id(node));
    let alert = keys.get("alert").and_then(|node| report.text(node));
    let measure = measure(&keys, id, fields, report);
    let (min, max) = (keys.get("min"), keys.get("max"));
    if min.is_none() && max.is_none() {
        report.say(node.place, "an expectation has a `min`, a `max` or both");
    }
    let measure = measure?;
    let min = min.and_then(|node| bound(node, &measure, report));
    let max = max.and_then(|node| bound(node, &measure, report));
    if min > max && max.is_some() {
        report.say(node.place, "`min` is greater than `max`");
    }
    Some(Expectation {
        id: id?.to_owned(),
        measure,
        min,
        max,
        alert: alert.map(str::to_owned),
    })
}

/// What is measured: the word under `measure`, or the id where it is such a word.
fn measure(keys: &Keys<'_>, id: Option<&str>, fields: &[Field], report: &mut Report<'_>) -> Option<Measure> {
    let words: Vec<_> = MEASURES.iter().map(|measure| (measure.0, *measure)).collect();
    let from_id = || {
        words
            .iter()
            .find(|(word, _)| Some(*word) == id)
            .map(|(_, measure)| *measure)
    };
    let word = match keys.get("measure") {
        Some(node) => report.word(node, &words)?,
        None => from_id().or_else(|| {
            let known = MEASURES.iter().map(|(word, _)| *word).collect::<Vec<_>>().join("`, `");
            let hint = format!("`measure:` is one of `{known}`; it may be left out where the id is that word");
            report.hint(keys.place, "what the expectation measures is not said", hint);
            None
        })?,
    };
    let field = match (word.1, keys.get("field")) {
        (true, Some(node)) => Some((node, column(node, fields, report)?)),
        (true, None) => {
            report.say(keys.place, format!("`{}` needs a `field`", word.0));
            return None;
        }
        (false, Some(_)) => {
            report.say(keys.place_of("field"), format!("`{}` has no `field`", word.0));
            None
        }
        (false, None) => None,
    };
    if keys.get("at").is_some() && word.0 != "quantile" {
        report.say(keys.place_of("at"), format!("`{}` has no `at`", word.0));
    }
    of_field(word.0, field, keys, fields, report)
}

fn of_field(
    word: &str,
    field: Option<(&Node, usize)>,
    keys: &Keys<'_>,
    fields: &[Field],
    report: &mut Report<'_>,
) -> Option<Measure> {
    let Some((node, field)) = field else {
        return Some(match word {
            "bad_ratio" => Measure::BadRatio,
            "rows" => Measure::Rows,
            _ => Measure::Freshness,
        });
    };
    let kind = &fields[field].kind;
    if matches!(word, "mean" | "quantile") && !kind.is_number() {
        let message = format!("`{word}` needs a number, `{}` is {}", fields[field].name, kind.word());
        report.say(node.place, message);
        return None;
    }
    match word {
        "null_ratio" => Some(Measure::NullRatio(field)),
        "distinct" => Some(Measure::Distinct(field)),
        "mean" => Some(Measure::Mean(field)),
        _ => quantile(field, keys, report),
    }
}

fn quantile(field: usize, keys: &Keys<'_>, report: &mut Report<'_>) -> Option<Measure> {
    let Some(at) = keys.get("at") else {
        report.hint(keys.place, "`quantile` needs an `at` from 0 to 1", "at: 0.95");
        return None;
    };
    Some(Measure::Quantile(field, report.number_within(at, 0.0, 1.0)?))
}

/// A bound in the measure's own unit: a ratio, a count, a number, or for freshness a duration in seconds.
fn bound(node: &Node, measure: &Measure, report: &mut Report<'_>) -> Option<f64> {
    match measure {
        Measure::BadRatio | Measure::NullRatio(_) => report.number_within(node, 0.0, 1.0),
        Measure::Rows | Measure::Distinct(_) => report.whole(node, 0).map(|count| count as f64),
        Measure::Mean(_) | Measure::Quantile(..) => report.number(node),
        Measure::Freshness => report.duration(node).map(|duration| duration.as_secs_f64()),
    }
}

pub(super) fn dead_letter(
    node: Option<&Node>,
    topic: Option<&str>,
    report: &mut Report<'_>,
) -> (Option<DeadLetterTopic>, Option<StopAbove>) {
    let Some(keys) = node.and_then(|node| report.keys(node, &DEAD_LETTER)) else {
        return (None, None);
    };
    let dead = keys.get("topic").and_then(|node| report.topic(node));
    if dead.is_some() && dead == topic {
        report.say(
            keys.place_of("topic"),
            "bad rows cannot be published to the topic they came from",
        );
    }
    let stop = keys.get("stop_above").and_then(|node| stop_above(node, report));
    if keys.get("topic").is_none() && keys.get("stop_above").is_none() {
        report.say(keys.place, "`dead_letter` has a `topic`, a `stop_above` or both");
    }
    let topic = dead.map(|topic| DeadLetterTopic {
        topic: topic.to_owned(),
    });
    (topic, stop)
}

fn stop_above(node: &Node, report: &mut Report<'_>) -> Option<StopAbove> {
    let keys = report.keys(node, &STOP_ABOVE)?;
    let ratio = keys.get("ratio").and_then(|node| report.number_within(node, 0.0, 1.0));
    let rows = keys.get("rows").and_then(|node| report.whole(node, 1));
    Some(StopAbove {
        ratio: ratio?,
        rows: rows?,
    })
}
