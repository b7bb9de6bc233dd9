//! Reads topics as they grow and belongs to no group: for people who look on.
//!
//! Used by `muster tap`, on a thread of its own, which the follower does not leave. Nothing is committed, and no worker
//! and no group hears of it; a reader that is slow leaves its records at the broker. Partitions that are added, and
//! topics that are made, are read from their beginning. What is gone from a log before it was read is passed over, and a topic that was made again is
//! read on from wherever its log stands: whoever must not miss a record uses a [`crate::Receiver`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_batch::RawBatch;
use muster_spec::SourceId;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::collector::{Collector, Limits};
use crate::context::Context;
use crate::ffi::{Member, PartitionRead, Record};
use crate::{Connection, Error, TopicFacts, ffi};

/// What closes a batch.
const LIMITS: Limits = Limits {
    rows_max: 4096,
    bytes_max: 4 << 20,
};

/// How often topics are asked for their partitions, so that added ones are found.
const GROWTH_EVERY: Duration = Duration::from_secs(5);

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowFrom {
    /// At the oldest record the broker has.
    Earliest,
    /// After the newest.
    Latest,
    /// At the first record that is not older than this, in milliseconds since 1970-01-01 UTC.
    Since(i64),
}

/// A partition that is read.
struct Lane {
    topic: Arc<str>,
    partition: i32,
    collector: Collector,
    /// Where the log ended when reading began.
    end_at_start: i64,
    /// The log was seen to end here.
    end_seen: i64,
    /// Dropped before the member.
    _read: PartitionRead,
}

impl Lane {
    fn has_reached(&self, offset: i64) -> bool {
        self.collector.opened().is_none() && self.collector.next().max(self.end_seen) >= offset
    }
}

/// Reads topics without a group.
///
/// The fields are dropped in this order, so that every read ends before the client.
pub struct Follower {
    lanes: Vec<Lane>,
    by_partition: HashMap<(usize, i32), usize>,
    names: Vec<String>,
    growth_due: Instant,
    timeout: Duration,
    member: Member,
}

impl Follower {
    /// Begins to read those of the topics that are there. `timeout` bounds each question to a broker.
    pub fn start(
        connection: &Connection,
        names: &[String],
        from: FollowFrom,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let consumer: BaseConsumer<Context> =
            BaseConsumer::from_config_and_context(&connection.follower_config(), Context::default())
                .map_err(|error| Error::from_kafka("make a client", error))?;
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let facts = ffi::describe(consumer.client(), &asked, timeout)?;
        let mut follower = Self {
            lanes: Vec::new(),
            by_partition: HashMap::new(),
            names: names.to_vec(),
            growth_due: Instant::now() + GROWTH_EVERY,
            timeout,
            member: Member::new(consumer),
        };
        for name in names {
            if let Some(known) = facts.get(name) {
                follower.read(name, 0..known.partitions, from)?;
            }
        }
        Ok(follower)
    }

    /// What has come within `wait`, by partition in the order of its log. Batches carry a number of this follower's own
    /// as their source. Fails only where the client can not go on.
    pub fn take(&mut self, wait: Duration) -> Result<Vec<RawBatch>, Error> {
        let now = Instant::now();
        let mut batches = Vec::new();
        let Self {
            lanes,
            by_partition,
            member,
            ..
        } = self;
        member.take(wait, |record| {
            let address = (record.topic_address(), record.partition());
            let known = by_partition.get(&address).copied().or_else(|| {
                let lane = lanes
                    .iter()
                    .position(|lane| lane.partition == record.partition() && *lane.topic == *record.topic())?;
                by_partition.insert(address, lane);
                Some(lane)
            });
            if let Some(lane) = known {
                take_one(&mut lanes[lane], record, now, &mut batches);
            }
        });
        batches.extend(self.lanes.iter_mut().filter_map(|lane| lane.collector.close()));
        self.serve_client()?;
        self.look_for_growth(now)?;
        Ok(batches)
    }

    /// Whether every partition was read to where its log ended when reading began, and handed out.
    pub fn is_at_ends(&self) -> bool {
        self.lanes.iter().all(|lane| lane.has_reached(lane.end_at_start))
    }

    /// The topics that are not there yet.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        let is_read = |name: &&String| self.lanes.iter().any(|lane| *lane.topic == ***name);
        self.names.iter().filter(move |name| !is_read(name)).map(String::as_str)
    }

    /// How many partitions are read.
    pub fn partitions(&self) -> usize {
        self.lanes.len()
    }

    fn read(&mut self, name: &str, partitions: std::ops::Range<i32>, from: FollowFrom) -> Result<(), Error> {
        let since = match from {
            FollowFrom::Since(moment) => self.offsets_at(name, partitions.clone(), moment)?,
            _ => HashMap::new(),
        };
        let topic: Arc<str> = name.into();
        for partition in partitions {
            let (first, end) = self
                .member
                .consumer
                .fetch_watermarks(name, partition, self.timeout)
                .map_err(|error| Error::from_kafka("read the watermarks", error))?;
            let begin = match from {
                FollowFrom::Earliest => first,
                FollowFrom::Latest => end,
                // Nothing is as new as that: only what comes.
                FollowFrom::Since(_) => since.get(&partition).copied().unwrap_or(end),
            };
            let source = SourceId(self.lanes.len() as i64);
            self.lanes.push(Lane {
                topic: Arc::clone(&topic),
                partition,
                collector: Collector::new(source, Arc::clone(&topic), partition, begin, LIMITS),
                end_at_start: end,
                end_seen: begin,
                _read: self.member.read(name, partition, begin)?,
            });
        }
        Ok(())
    }

    /// The first offset of each partition whose record is not older than the moment; none where no record is.
    fn offsets_at(
        &self,
        topic: &str,
        partitions: std::ops::Range<i32>,
        moment: i64,
    ) -> Result<HashMap<i32, i64>, Error> {
        let failed = |error| Error::from_kafka("find where to begin", error);
        let mut asked = TopicPartitionList::new();
        for partition in partitions {
            asked
                .add_partition_offset(topic, partition, Offset::Offset(moment))
                .map_err(failed)?;
        }
        let found = self
            .member
            .consumer
            .offsets_for_times(asked, self.timeout)
            .map_err(failed)?;
        let offsets = found
            .elements()
            .into_iter()
            .filter_map(|element| match element.offset() {
                Offset::Offset(offset) => Some((element.partition(), offset)),
                _ => None,
            });
        Ok(offsets.collect())
    }

    /// Serves the client's log and errors; only one that ends the client is ours.
    fn serve_client(&self) -> Result<(), Error> {
        let _ = self.member.consumer.poll(Duration::ZERO);
        match self.member.consumer.client().fatal_error() {
            Some((_, reason)) => Err(Error::Fatal { reason }),
            None => Ok(()),
        }
    }

    fn look_for_growth(&mut self, now: Instant) -> Result<(), Error> {
        if now >= self.growth_due {
            self.growth_due = now + GROWTH_EVERY;
            let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
            self.member.ask(&names, self.timeout);
        }
        match self.member.answer() {
            Some(Ok(facts)) => self.grow(&facts),
            // A broker that does not answer is asked again.
            Some(Err(_)) | None => Ok(()),
        }
    }

    fn grow(&mut self, facts: &HashMap<String, TopicFacts>) -> Result<(), Error> {
        for (name, known) in facts {
            let read = self.lanes.iter().filter(|lane| *lane.topic == **name).count() as i32;
            if read < known.partitions {
                self.read(name, read..known.partitions, FollowFrom::Earliest)?;
            }
        }
        Ok(())
    }
}

fn take_one(lane: &mut Lane, record: &Record<'_>, now: Instant, batches: &mut Vec<RawBatch>) {
    match record.error() {
        None => {
            if record.offset() < lane.collector.next() {
                // Another log under the same name: it is read from where it stands.
                batches.extend(lane.collector.close());
                let source = lane.collector.source();
                lane.collector =
                    Collector::new(source, Arc::clone(&lane.topic), lane.partition, record.offset(), LIMITS);
            }
            let full = lane.collector.take(now, record);
            if full {
                batches.extend(lane.collector.close());
            }
        }
        Some(RDKafkaErrorCode::PartitionEOF) => lane.end_seen = record.offset(),
        Some(code) => {
            tracing::warn!(topic = &*lane.topic, partition = lane.partition, %code, "a partition can not be read");
        }
    }
}
