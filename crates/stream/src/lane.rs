//! The partitions that are held, each with its open batch, and what waits to be handed out.
//!
//! Owned by the receiving loop. A record goes to the lane of its partition; a record without a lane was fetched for an
//! assignment that has ended and is dropped. What a lane hands out is dropped with it until the channel has taken it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_spec::{Offset, SourceId};
use rdkafka::error::RDKafkaErrorCode;

use crate::collector::{Collector, Limits};
use crate::ffi::Record;
use crate::{Error, Lag, PartitionRef, Received, Start, StartAt, Taken};

/// How long the same trouble is not told again.
const QUIET: Duration = Duration::from_secs(10);

/// How long a batch stays open once its log was read to the end: whoever waits for that end should not wait for more,
/// and a source that trickles still fills its batches a little.
const OPEN_AT_END: Duration = Duration::from_millis(20);

/// How much may wait for a full channel before troubles are no longer added to it.
const WAITING_MAX: usize = 1_000;

/// What a lane is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneState {
    /// Not fetching: the caller asked for it.
    Waiting,
    /// Fetching.
    Running,
    /// The log does not hold the next offset; whether that is a gap or another topic is being asked.
    OutOfRange,
    /// A gap was told; waits to be taken again.
    Gap,
    /// The topic is not there.
    Gone,
}

/// One held partition.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) taken: Taken,
    pub(crate) state: LaneState,
    pub(crate) collector: Collector,
    start: StartAt,
    /// Where the log ended when it was last read to its end, until the next record.
    end_seen: Option<i64>,
    end_told: Option<i64>,
}

impl Lane {
    pub(crate) fn new(partition: PartitionRef, start: Start, limits: Limits) -> Self {
        let next = match start.next {
            StartAt::Earliest => 0,
            StartAt::Offset(offset) => offset.0,
        };
        let collector = Collector::new(start.source, partition.topic.clone(), partition.partition, next, limits);
        Self {
            taken: Taken {
                partition,
                source: start.source,
            },
            state: LaneState::Waiting,
            collector,
            start: start.next,
            end_seen: None,
            end_told: None,
        }
    }

    /// Where fetching starts: always said outright, never left to what the group has stored.
    pub(crate) fn begin(&self) -> rdkafka::Offset {
        match self.start {
            StartAt::Earliest if self.collector.next() == 0 => rdkafka::Offset::Beginning,
            _ => rdkafka::Offset::Offset(self.collector.next()),
        }
    }

    fn generation(&self) -> u64 {
        self.taken.partition.generation
    }

    fn close(&mut self, outbox: &mut VecDeque<Received>) {
        let generation = self.generation();
        outbox.extend(
            self.collector
                .close()
                .map(|batch| Received::Batch { batch, generation }),
        );
    }

    /// Closes a batch that was open for long enough and tells that the log's end is reached.
    fn ripen(&mut self, now: Instant, open_for: Duration, outbox: &mut VecDeque<Received>) {
        let open_for = if self.end_seen.is_some() {
            open_for.min(OPEN_AT_END)
        } else {
            open_for
        };
        if self
            .collector
            .opened()
            .is_some_and(|opened| now.duration_since(opened) >= open_for)
        {
            self.close(outbox);
        }
        if self.collector.opened().is_none() && self.end_seen.is_some() && self.end_seen != self.end_told {
            self.end_told = self.end_seen;
            let next = Offset(self.position());
            outbox.push_back(Received::CaughtUp {
                source: self.taken.source,
                generation: self.generation(),
                next,
            });
        }
    }

    /// The next offset that may hold a record.
    fn position(&self) -> i64 {
        self.end_seen.unwrap_or(0).max(self.collector.next())
    }
}

/// All held partitions.
pub(crate) struct Lanes {
    held: Vec<Lane>,
    /// Lane by the topic's address and the partition, filled as records come, emptied when partitions change.
    by_address: HashMap<(usize, i32), usize>,
    pub(crate) outbox: VecDeque<Received>,
    told: HashMap<String, Instant>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self {
            held: Vec::new(),
            by_address: HashMap::new(),
            outbox: VecDeque::new(),
            told: HashMap::new(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Lane> {
        self.held.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.held.iter_mut()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn of_source(&mut self, source: SourceId) -> Option<&mut Lane> {
        self.held.iter_mut().find(|lane| lane.taken.source == source)
    }

    pub(crate) fn add(&mut self, lanes: Vec<Lane>) {
        self.by_address.clear();
        self.held.extend(lanes);
    }

    /// Takes the lanes that `wanted` names away, with their open batches and all that still waits in the outbox.
    pub(crate) fn remove(&mut self, wanted: impl Fn(&Lane) -> bool) -> Vec<Taken> {
        self.by_address.clear();
        let gone: Vec<Taken> = self
            .held
            .extract_if(.., |lane| wanted(lane))
            .map(|lane| lane.taken)
            .collect();
        let dropped = |source: SourceId, generation: u64| {
            gone.iter()
                .any(|taken| taken.source == source && taken.partition.generation == generation)
        };
        self.outbox.retain(|event| match event {
            Received::Batch { batch, generation } => !dropped(batch.source, *generation),
            Received::CaughtUp { source, generation, .. } | Received::Gap { source, generation, .. } => {
                !dropped(*source, *generation)
            }
            _ => true,
        });
        gone
    }

    /// The topics of all lanes, each once.
    pub(crate) fn topics(&self) -> Vec<Arc<str>> {
        let mut topics: Vec<Arc<str>> = self
            .held
            .iter()
            .map(|lane| lane.taken.partition.topic.clone())
            .collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// Takes a record, or an error about a partition; says whether the topics' ids should be asked for now.
    pub(crate) fn take(&mut self, record: &Record<'_>, now: Instant) -> bool {
        let Some(index) = self.index(record) else { return false };
        match record.error() {
            None => {
                let lane = &mut self.held[index];
                lane.end_seen = None;
                let full = lane.collector.take(now, record);
                if full {
                    lane.close(&mut self.outbox);
                }
                false
            }
            Some(RDKafkaErrorCode::PartitionEOF) => {
                self.held[index].end_seen = Some(record.offset());
                false
            }
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                self.held[index].state = LaneState::OutOfRange;
                true
            }
            Some(code) => {
                self.trouble(
                    Error::Topic {
                        action: "fetch from",
                        topic: record.topic().to_owned(),
                        code,
                    },
                    now,
                );
                true
            }
        }
    }

    /// Tells a trouble, unless the same one was told a moment ago.
    pub(crate) fn trouble(&mut self, error: Error, now: Instant) {
        let text = error.to_string();
        let quiet = self
            .told
            .get(&text)
            .is_some_and(|told| now.duration_since(*told) < QUIET);
        if !quiet && self.outbox.len() < WAITING_MAX {
            self.told.retain(|_, told| now.duration_since(*told) < QUIET);
            self.told.insert(text, now);
            self.outbox.push_back(Received::Trouble(error));
        }
    }

    /// Closes what was open for `open_for` and tells which sources were read to their end.
    pub(crate) fn ripen(&mut self, now: Instant, open_for: Duration) {
        for lane in &mut self.held {
            lane.ripen(now, open_for, &mut self.outbox);
        }
    }

    /// Reports that a source's log holds [first, high) and not its next offset, after what was received before that.
    pub(crate) fn tell_gap(&mut self, source: SourceId, first: i64, high: i64) {
        let Self { held, outbox, .. } = self;
        for lane in held.iter_mut().filter(|lane| lane.taken.source == source) {
            lane.state = LaneState::Gap;
            lane.close(outbox);
            outbox.push_back(Received::Gap {
                source,
                generation: lane.generation(),
                expected: Offset(lane.collector.next()),
                first: Offset(first),
                high_watermark: Offset(high),
            });
        }
    }

    /// How far behind each lane is, given what the client knows of the log's end.
    pub(crate) fn lag(&self, high_watermark: impl Fn(&str, i32) -> Option<i64>) -> Vec<Lag> {
        self.held
            .iter()
            .map(|lane| {
                let partition = &lane.taken.partition;
                Lag {
                    source: lane.taken.source,
                    topic: partition.topic.clone(),
                    partition: partition.partition,
                    next: Offset(lane.position()),
                    high_watermark: high_watermark(&partition.topic, partition.partition).map(Offset),
                    fetching: lane.state == LaneState::Running,
                }
            })
            .collect()
    }

    fn index(&mut self, record: &Record<'_>) -> Option<usize> {
        let address = (record.topic_address(), record.partition());
        if let Some(index) = self.by_address.get(&address) {
            return Some(*index);
        }
        let index = self.held.iter().position(|lane| {
            let partition = &lane.taken.partition;
            partition.partition == record.partition() && *partition.topic == *record.topic()
        })?;
        self.by_address.insert(address, index);
        Some(index)
    }
}
