//! What is known of sources as people read it: an entry a topic, and one a partition below it.
//!
//! Made from [`Known`] for the screen, the plain table and JSON alike, so that all say the same.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use muster_store::ledger::counts::Counts;
use muster_store::ledger::standing::{Place, RATE_OVER, Source};
use serde::Serialize;

use super::Known;

/// How a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for `muster resume`.
    Paused,
    /// A worker that answers holds it, or it was committed to within the last minute.
    Running,
    /// Nothing says that anybody reads it.
    Quiet,
}

impl State {
    /// The word people see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Running => "running",
            Self::Quiet => "quiet",
        }
    }
}

/// How far a source is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lag {
    /// So many records, by the workers that hold it.
    Records(u64),
    /// At least so many: not every partition's worker answers.
    AtLeast(u64),
    /// No worker that answers holds it.
    Unknown,
}

impl Lag {
    fn records(self) -> Option<u64> {
        match self {
            Self::Records(records) | Self::AtLeast(records) => Some(records),
            Self::Unknown => None,
        }
    }
}

/// A topic, or one of its partitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The topic.
    pub topic: String,
    /// The partition; `None` for the topic as a whole.
    pub partition: Option<i32>,
    /// How it is. A topic is paused when one of its partitions is, else running when one is.
    pub state: State,
    /// How many of a topic's partitions are paused, and how many it has.
    pub paused_of: (usize, usize),
    /// Why it is paused, if it is, and since when.
    pub paused: Option<(String, Option<DateTime<Utc>>)>,
    /// Rows committed a second, over the last minute.
    pub rate: f64,
    /// How far it is behind.
    pub lag: Lag,
    /// For how long nothing of it was committed while records wait, seconds; 0 where none waits.
    pub behind_secs: Option<u64>,
    /// How old its newest event is, seconds.
    pub newest_secs: Option<i64>,
    /// What became of its records.
    pub counts: Counts,
    committed_at: Option<DateTime<Utc>>,
    newest_event: Option<DateTime<Utc>>,
}

/// A topic with its partitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// The whole.
    pub whole: Entry,
    /// Its partitions, by number.
    pub partitions: Vec<Entry>,
}

/// What topics are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The topic's name.
    #[default]
    Topic,
    /// Paused ones first.
    State,
    /// Rows a second, most first.
    Rate,
    /// Records behind, most first.
    Lag,
    /// The share of bad rows, most first.
    BadRatio,
}

impl Sort {
    /// The word people see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::State => "state",
            Self::Rate => "rows/s",
            Self::Lag => "lag",
            Self::BadRatio => "bad %",
        }
    }

    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::Topic => Self::State,
            Self::State => Self::Rate,
            Self::Rate => Self::Lag,
            Self::Lag => Self::BadRatio,
            Self::BadRatio => Self::Topic,
        }
    }

    fn order(self, one: &Entry, other: &Entry) -> Ordering {
        match self {
            Self::Topic => Ordering::Equal,
            Self::State => one.state.cmp(&other.state),
            Self::Rate => other.rate.total_cmp(&one.rate),
            Self::Lag => other.lag.records().cmp(&one.lag.records()),
            Self::BadRatio => {
                let ratio = |entry: &Entry| entry.counts.bad_ratio().unwrap_or(-1.0);
                ratio(other).total_cmp(&ratio(one))
            }
        }
    }
}

/// Every topic with its partitions, sorted; names decide between equals.
pub fn topics(known: &Known, sort: Sort, reversed: bool) -> Vec<Topic> {
    let lags = lags(known);
    let mut by_topic: BTreeMap<&str, Vec<Entry>> = BTreeMap::new();
    for (place, source) in &known.standing.sources {
        let lag = lags.get(place).map_or(Lag::Unknown, |lag| Lag::Records(*lag));
        by_topic
            .entry(&place.0)
            .or_default()
            .push(of_partition(known, place, source, lag));
    }
    let mut topics: Vec<Topic> = by_topic
        .into_values()
        .map(|partitions| Topic {
            whole: sum(known, "", &partitions),
            partitions,
        })
        .collect();
    for topic in &mut topics {
        topic.whole.topic.clone_from(&topic.partitions[0].topic);
    }
    topics.sort_by(|one, other| {
        let order = sort
            .order(&one.whole, &other.whole)
            .then_with(|| one.whole.topic.cmp(&other.whole.topic));
        if reversed { order.reverse() } else { order }
    });
    topics
}

/// All topics together.
pub fn total(known: &Known, topics: &[Topic]) -> Entry {
    let partitions: Vec<Entry> = topics.iter().flat_map(|topic| topic.partitions.clone()).collect();
    sum(known, "all", &partitions)
}

/// The lag of each source; of two workers that both tell one, as while it passes from one to the other, the greater.
fn lags(known: &Known) -> BTreeMap<Place, u64> {
    let mut lags: BTreeMap<Place, u64> = BTreeMap::new();
    let told = known.workers.iter().filter_map(|worker| worker.told.as_ref().ok());
    for (place, lag) in told.flat_map(|told| &told.lag) {
        let known = lags.entry(place.clone()).or_default();
        *known = (*lag).max(*known);
    }
    lags
}

fn of_partition(known: &Known, place: &Place, source: &Source, lag: Lag) -> Entry {
    let state = match (&source.paused, lag) {
        (Some(_), _) => State::Paused,
        (None, Lag::Records(_)) => State::Running,
        (None, _) if source.received_lately > 0 => State::Running,
        (None, _) => State::Quiet,
    };
    let mut entry = Entry {
        topic: place.0.clone(),
        partition: Some(place.1),
        state,
        paused_of: (usize::from(state == State::Paused), 1),
        paused: source.paused.clone().map(|reason| (reason, source.paused_at)),
        rate: source.received_lately as f64 / RATE_OVER.as_secs_f64(),
        lag,
        behind_secs: None,
        newest_secs: None,
        counts: source.counts,
        committed_at: source.committed_at,
        newest_event: source.newest_event,
    };
    entry.tell_ages(known);
    entry
}

fn sum(known: &Known, topic: &str, partitions: &[Entry]) -> Entry {
    let mut whole = Entry {
        topic: topic.to_owned(),
        partition: None,
        state: partitions.iter().map(|entry| entry.state).min().unwrap_or(State::Quiet),
        paused_of: (0, partitions.len()),
        paused: None,
        rate: partitions.iter().fold(0.0, |sum, entry| sum + entry.rate),
        lag: Lag::Unknown,
        behind_secs: partitions.iter().filter_map(|entry| entry.behind_secs).max(),
        newest_secs: None,
        counts: Counts::default(),
        committed_at: partitions.iter().filter_map(|entry| entry.committed_at).max(),
        newest_event: partitions.iter().filter_map(|entry| entry.newest_event).max(),
    };
    for entry in partitions {
        whole.counts.add(&entry.counts);
        whole.paused_of.0 += entry.paused_of.0;
        if whole.paused.is_none() {
            whole.paused.clone_from(&entry.paused);
        }
    }
    let told: Vec<u64> = partitions.iter().filter_map(|entry| entry.lag.records()).collect();
    whole.lag = match told.len() {
        0 => Lag::Unknown,
        told_of if told_of == partitions.len() => Lag::Records(told.iter().sum()),
        _ => Lag::AtLeast(told.iter().sum()),
    };
    whole.newest_secs = age(known, whole.newest_event).map(|age| age.num_seconds());
    whole
}

impl Entry {
    /// Bad over good and bad.
    pub fn bad_ratio(&self) -> Option<f64> {
        self.counts.bad_ratio()
    }

    fn tell_ages(&mut self, known: &Known) {
        let since_commit = age(known, self.committed_at).map(|age| age.num_seconds().max(0) as u64);
        self.behind_secs = match self.lag {
            Lag::Records(0) => Some(0),
            Lag::Records(_) | Lag::AtLeast(_) => since_commit,
            Lag::Unknown => None,
        };
        self.newest_secs = age(known, self.newest_event).map(|age| age.num_seconds());
    }
}

fn age(known: &Known, moment: Option<DateTime<Utc>>) -> Option<TimeDelta> {
    Some(known.now()? - moment?)
}

#[cfg(test)]
#[path = "entries_tests.rs"]
mod tests;
