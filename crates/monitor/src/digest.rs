//! A message's alerts as people can take them in: one entry a condition, with how often and since when.
//!
//! Used by the renderers. Of ten thousand alerts about one trouble one entry is left; the ids of all stay with the
//! message, so that a receiver can account for each of them.

use std::collections::HashMap;
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat};
use muster_batch::{AlertMessage, AlertState, RaisedAlert};

/// What a message says of one condition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'m> {
    /// The first of its alerts in this message.
    pub first: &'m RaisedAlert,
    /// The last one: what is true now.
    pub last: &'m RaisedAlert,
    /// How many there are.
    pub alerts: u64,
}

impl Entry<'_> {
    pub fn state(&self) -> AlertState {
        self.last.alert.state
    }

    /// One line: what, how much, against what, where, how often.
    pub fn line(&self) -> String {
        let alert = &self.last.alert;
        let mut line = format!("{}: {}", alert.about, alert.condition);
        let is_over = alert.state == AlertState::Resolved;
        if is_over {
            line.push_str(" is over");
        }
        if let Some(measured) = alert.measured {
            let _ = write!(line, ", measured {}", number(measured));
        }
        if let Some(threshold) = alert.threshold {
            let _ = write!(line, ", limit {}", number(threshold));
        }
        if !alert.window.is_empty() {
            let _ = write!(line, " ({})", alert.window);
        }
        if self.alerts > 1 {
            let _ = write!(line, ", {} times", self.alerts);
        }
        line
    }
}

/// What a message says in all.
#[derive(Clone, Debug)]
pub(crate) struct Digest<'m> {
    /// The message.
    pub message: &'m AlertMessage,
    /// Its conditions: those that are met first, then the most frequent, then by name.
    pub entries: Vec<Entry<'m>>,
    /// How many conditions are met.
    pub firing: usize,
}

impl<'m> Digest<'m> {
    pub fn of(message: &'m AlertMessage) -> Self {
        let mut entries: Vec<Entry<'m>> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for raised in &message.alerts {
            let place = *places.entry(&raised.alert.fingerprint).or_insert(entries.len());
            match entries.get_mut(place) {
                Some(entry) => {
                    entry.last = raised;
                    entry.alerts += 1;
                }
                None => entries.push(Entry {
                    first: raised,
                    last: raised,
                    alerts: 1,
                }),
            }
        }
        entries.sort_by(|one, other| {
            let key = |entry: &Entry<'m>| (entry.state() == AlertState::Resolved, std::cmp::Reverse(entry.alerts));
            let names = || one.last.alert.fingerprint.cmp(&other.last.alert.fingerprint);
            key(one).cmp(&key(other)).then_with(names)
        });
        let firing = entries
            .iter()
            .filter(|entry| entry.state() == AlertState::Firing)
            .count();
        Self {
            message,
            entries,
            firing,
        }
    }

    pub fn state(&self) -> AlertState {
        if self.firing > 0 {
            AlertState::Firing
        } else {
            AlertState::Resolved
        }
    }

    /// The headline: how many conditions are met and over, and how many alerts say so.
    pub fn headline(&self) -> String {
        let over = self.entries.len() - self.firing;
        let counted = match (self.firing, over) {
            (firing, 0) => format!("{firing} firing"),
            (0, over) => format!("{over} resolved"),
            (firing, over) => format!("{firing} firing, {over} resolved"),
        };
        let about = self.shared(|raised| &raised.alert.about).unwrap_or("several");
        format!("{about}: {counted} ({} alerts)", self.message.alerts.len())
    }

    /// What all entries agree in, if they do.
    pub fn shared(&self, of: impl Fn(&'m RaisedAlert) -> &'m str) -> Option<&'m str> {
        let first = of(self.entries.first()?.last);
        let agree = self.entries.iter().all(|entry| of(entry.last) == first);
        agree.then_some(first)
    }

    /// The ids of all alerts as ranges, `1-4031,4033`, in at most `bytes_max` bytes; and how many ids did not fit.
    pub fn ids(&self, bytes_max: usize) -> (String, u64) {
        let mut text = String::new();
        let mut left_out = 0;
        for range in self.message.alerts.chunk_by(|one, next| one.id + 1 == next.id) {
            let [first, .., last] = range else {
                left_out += push_range(&mut text, range[0].id, range[0].id, bytes_max);
                continue;
            };
            left_out += push_range(&mut text, first.id, last.id, bytes_max);
        }
        (text, left_out)
    }
}

/// Adds a range where it fits; else says how many ids it has.
fn push_range(text: &mut String, first: i64, last: i64, bytes_max: usize) -> u64 {
    let mut range = first.to_string();
    if last > first {
        let _ = write!(range, "-{last}");
    }
    if text.len() + range.len() + 1 > bytes_max {
        return (last - first + 1) as u64;
    }
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(&range);
    0
}

/// A number with at most four digits after the point.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    short.to_owned()
}

/// A moment as RFC 3339 writes it, in UTC; `micros` since 1970-01-01 UTC.
pub(crate) fn moment(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}
