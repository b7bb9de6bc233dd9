//! What is known, printed once: tables as the other commands' are, or one JSON object.
//!
//! Used by `muster top --once`, and where standard output is no terminal.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use muster_store::ledger::standing::Firing;
use serde_json::{Value, json};

use super::Known;
use super::entries::{Entry, Lag, Sort, topics, total};
use crate::output::table;

/// For people.
pub fn text(known: &Known) -> String {
    let sorted = topics(known, Sort::Topic, false);
    let mut entries: Vec<&Entry> = sorted.iter().flat_map(|topic| &topic.partitions).collect();
    let whole = total(known, &sorted);
    entries.push(&whole);
    let header = [
        "topic",
        "partition",
        "state",
        "rows/s",
        "lag",
        "behind",
        "good",
        "bad",
        "bad %",
        "duplicate",
    ];
    let mut text = table(
        &header,
        &[1, 3, 4, 5, 6, 7, 8, 9],
        entries.iter().map(|entry| row(entry)),
    );
    for entry in sorted.iter().flat_map(|topic| &topic.partitions) {
        if let Some((reason, _)) = &entry.paused {
            let partition = entry.partition.unwrap_or_default();
            let _ = write!(text, "\nPaused: {} partition {partition}: {reason}", entry.topic);
        }
    }
    if !known.standing.pipelines.is_empty() {
        let header = [
            "pipeline",
            "last run",
            "slot",
            "predictions",
            "took",
            "last slot",
            "next slot",
        ];
        text.push('\n');
        text.push_str(&table(&header, &[3, 4], runs(known)));
    }
    for firing in &known.standing.firing {
        let since = firing.raised_at.format("%Y-%m-%d %H:%M:%S UTC");
        let _ = write!(text, "\nFiring since {since}: {}", firing_line(firing));
    }
    for worker in &known.workers {
        if let Err(reason) = &worker.told {
            let _ = write!(text, "\nNo worker at {}: {reason}", worker.address);
        }
    }
    if known.answering() == 0 {
        text.push_str("\nNo worker answers: lag is not known. --url names one.");
    }
    text
}

fn row(entry: &Entry) -> Vec<String> {
    vec![
        entry.topic.clone(),
        entry
            .partition
            .map(|partition| partition.to_string())
            .unwrap_or_default(),
        state(entry),
        rate(entry.rate),
        lag(entry.lag),
        entry.behind_secs.map(duration).unwrap_or_default(),
        entry.counts.good.to_string(),
        entry.counts.bad.to_string(),
        percent(entry.bad_ratio()),
        entry.counts.duplicate.to_string(),
    ]
}

/// The last run of each pipeline that had something to do: name, state, slot, predictions, how long it took; and the
/// last slot that was met, and the next one.
pub fn runs(known: &Known) -> Vec<Vec<String>> {
    let runs = known.standing.pipelines.iter().map(|pipeline| {
        let clock = |slot: Option<DateTime<Utc>>| {
            slot.map(|slot| slot.format("%H:%M UTC").to_string())
                .unwrap_or_default()
        };
        let (state, slot, predictions, took) = match &pipeline.last {
            Some(run) => (
                run.state.word().to_owned(),
                run.slot.format("%Y-%m-%d %H:%M UTC").to_string(),
                run.predictions.to_string(),
                format!("{:.1} s", run.took.as_secs_f64()),
            ),
            None => ("none yet".to_owned(), String::new(), String::new(), String::new()),
        };
        vec![
            pipeline.pipeline.clone(),
            state,
            slot,
            predictions,
            took,
            clock(pipeline.last_slot),
            clock(known.next_slots.get(&pipeline.pipeline).copied().flatten()),
        ]
    });
    runs.collect()
}

/// A condition that is met, on a line.
pub fn firing_line(firing: &Firing) -> String {
    let mut line = format!("{} of {}", firing.condition, firing.about);
    if let Some(measured) = firing.measured {
        let _ = write!(line, " is {measured:.4}");
    }
    if let Some(threshold) = firing.threshold {
        let _ = write!(line, ", threshold {threshold}");
    }
    let _ = write!(line, " ({})", firing.window);
    line
}

/// For programs.
pub fn json(known: &Known) -> Value {
    let sorted = topics(known, Sort::Topic, false);
    let partitions: Vec<Value> = sorted.iter().flat_map(|topic| &topic.partitions).map(source).collect();
    let moment = |moment: DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::Millis, true);
    let workers = known.workers.iter().map(|worker| match &worker.told {
        Ok(told) => json!({
            "address": worker.address, "answers": true, "version": told.version, "ledger_up": told.ledger_up,
            "sources": told.lag.len(),
        }),
        Err(reason) => json!({ "address": worker.address, "answers": false, "reason": reason }),
    });
    let pipelines = known.standing.pipelines.iter().map(|pipeline| {
        let next = known.next_slots.get(&pipeline.pipeline).copied().flatten();
        let last = pipeline.last.as_ref().map(|run| {
            json!({
                "slot": moment(run.slot), "state": run.state.word(), "predictions": run.predictions,
                "took_secs": run.took.as_secs_f64(), "message": run.message,
            })
        });
        json!({
            "pipeline": pipeline.pipeline, "last_run": last, "last_slot": pipeline.last_slot.map(moment),
            "next_slot": next.map(moment),
        })
    });
    let firing = known.standing.firing.iter().map(|firing| {
        json!({
            "condition": firing.condition, "about": firing.about, "measured": firing.measured,
            "threshold": firing.threshold, "window": firing.window, "raised_at": moment(firing.raised_at),
        })
    });
    json!({
        "at": known.standing.at.map(moment),
        "sources": partitions,
        "total": source(&total(known, &sorted)),
        "pipelines": pipelines.collect::<Vec<_>>(),
        "firing": firing.collect::<Vec<_>>(),
        "workers": workers.collect::<Vec<_>>(),
    })
}

fn source(entry: &Entry) -> Value {
    let (records, is_whole) = match entry.lag {
        Lag::Records(records) => (Some(records), true),
        Lag::AtLeast(records) => (Some(records), false),
        Lag::Unknown => (None, false),
    };
    let mut value = json!({
        "topic": entry.topic,
        "partition": entry.partition,
        "state": entry.state,
        "paused_reason": entry.paused.as_ref().map(|(reason, _)| reason),
        "rows_per_sec": entry.rate,
        "lag_records": records,
        "lag_is_whole": is_whole,
        "behind_secs": entry.behind_secs,
        "newest_event_age_secs": entry.newest_secs,
        "bad_ratio": entry.bad_ratio(),
    });
    if let (Some(value), Ok(Value::Object(counts))) = (value.as_object_mut(), serde_json::to_value(entry.counts)) {
        value.extend(counts);
    }
    value
}

/// How an entry is, of a topic with how many of its partitions are paused.
pub fn state(entry: &Entry) -> String {
    match entry.paused_of {
        (_, 0) => String::new(),
        (paused, all) if paused > 0 && all > 1 => format!("{paused}/{all} paused"),
        _ => entry.state.word().to_owned(),
    }
}

/// Rows a second.
pub fn rate(rate: f64) -> String {
    if rate < 10.0 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    }
}

/// A lag; what is not known is a question mark, what is not all of it has a plus.
pub fn lag(lag: Lag) -> String {
    match lag {
        Lag::Records(records) => records.to_string(),
        Lag::AtLeast(records) => format!("{records}+"),
        Lag::Unknown => "?".to_owned(),
    }
}

/// A share in percent.
pub fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("{:.1}", ratio * 100.0))
}

/// Seconds in the largest unit that fits.
pub fn duration(secs: u64) -> String {
    match secs {
        0..120 => format!("{secs} s"),
        120..7_200 => format!("{} min", secs / 60),
        7_200..172_800 => format!("{} h", secs / 3_600),
        _ => format!("{} d", secs / 86_400),
    }
}

#[cfg(test)]
#[path = "plain_tests.rs"]
mod tests;
