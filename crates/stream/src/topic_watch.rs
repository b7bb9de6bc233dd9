//! Notices that a topic is gone, was made again or has grown, and tells a gap in the log from another log.
//!
//! Part of the receiving loop. Kafka itself would let a member go on in a topic made again under the same name: at its
//! old offset, past records it never saw. So topics are asked for their ids in turn, and at once when a fetch fails.
//! Partitions that are added change which keys lie where: the sources that are held are then taken again, so that who
//! takes them knows of it. The group hears of new partitions by itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_spec::{SourceId, TopicId};
use rdkafka::consumer::Consumer;

use crate::lane::{Lane, LaneState};
use crate::receiving::Receiving;
use crate::{Received, TopicFacts};

/// How soon to ask again when there is reason to.
const HURRY: Duration = Duration::from_millis(250);

/// How often in a row a topic must be missing to be gone: a broker that just started may not know it yet.
const MISSING_MIN: u32 = 2;

/// When to ask for the topics' ids.
pub(crate) struct TopicWatch {
    every: Duration,
    due: Instant,
    missing: HashMap<Arc<str>, u32>,
    /// The generation the question was asked in; an answer says nothing of lanes taken since.
    asked_in: u64,
}

impl TopicWatch {
    pub(crate) fn new(now: Instant, every: Duration) -> Self {
        Self {
            every,
            due: now + every,
            missing: HashMap::new(),
            asked_in: 0,
        }
    }

    /// Asks soon.
    pub(crate) fn hurry(&mut self) {
        self.due = self.due.min(Instant::now() + HURRY);
    }
}

impl Receiving {
    /// Asks for the topics' ids when it is time to, and acts on the answer when it has come.
    pub(crate) fn watch_topics(&mut self, now: Instant) {
        if now >= self.watch.due && !self.lanes.is_empty() {
            self.watch.due = now + self.watch.every;
            self.watch.asked_in = self.generation;
            let topics = self.lanes.topics();
            let names: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
            self.member.ask(&names, self.config.request_timeout());
        }
        match self.member.answer() {
            None => {}
            Some(Ok(facts)) if self.watch.asked_in == self.generation => self.on_facts(&facts),
            Some(Ok(_)) => self.watch.hurry(),
            Some(Err(error)) => {
                tracing::debug!("the topics' ids could not be read: {error}");
                self.watch.hurry();
            }
        }
    }

    fn on_facts(&mut self, facts: &HashMap<String, TopicFacts>) {
        for topic in self.lanes.topics() {
            let Some(was) = self.id_of(&topic) else { continue };
            match facts.get(&*topic) {
                None => self.on_missing(&topic, was),
                Some(found) => {
                    self.watch.missing.remove(&topic);
                    if found.id == was {
                        self.on_growth(&topic, found.partitions);
                        self.on_present(&topic);
                    } else {
                        let event = Received::TopicRecreated {
                            topic: topic.clone(),
                            was,
                            now: found.id,
                        };
                        self.lanes.outbox.push_back(event);
                        self.retake(|lane| *lane.taken.partition.topic == *topic);
                    }
                }
            }
        }
    }

    fn id_of(&self, topic: &str) -> Option<TopicId> {
        self.lanes
            .iter()
            .find(|lane| *lane.taken.partition.topic == *topic)
            .map(|lane| lane.taken.partition.topic_id)
    }

    fn on_missing(&mut self, topic: &Arc<str>, was: TopicId) {
        let count = self.watch.missing.entry(topic.clone()).or_default();
        *count += 1;
        if *count == MISSING_MIN {
            self.lanes.outbox.push_back(Received::TopicGone {
                topic: topic.clone(),
                was,
            });
            for lane in self
                .lanes
                .iter_mut()
                .filter(|lane| lane.taken.partition.topic == *topic)
            {
                lane.state = LaneState::Gone;
            }
        } else if *count < MISSING_MIN {
            self.watch.hurry();
        }
    }

    /// Takes the sources again that were taken when the topic had fewer partitions.
    fn on_growth(&mut self, topic: &str, partitions: i32) {
        let outgrown =
            |lane: &Lane| *lane.taken.partition.topic == *topic && lane.taken.partition.partitions < partitions;
        // Who drains takes nothing anew, and what was received is still to be committed.
        if !self.draining && self.lanes.iter().any(outgrown) {
            tracing::info!(topic, partitions, "topic has grown: its sources are taken again");
            self.retake(outgrown);
        }
    }

    /// The topic is the one we know: what was gone has come back, what is out of range is a gap.
    fn on_present(&mut self, topic: &str) {
        self.retake(|lane| lane.state == LaneState::Gone && *lane.taken.partition.topic == *topic);
        let timeout = self.config.request_timeout();
        let lost: Vec<(SourceId, i32, i64)> = self
            .lanes
            .iter()
            .filter(|lane| lane.state == LaneState::OutOfRange && *lane.taken.partition.topic == *topic)
            .map(|lane| (lane.taken.source, lane.taken.partition.partition, lane.collector.next()))
            .collect();
        for (source, partition, next) in lost {
            match self.member.consumer.fetch_watermarks(topic, partition, timeout) {
                // The broker changed its mind, as a new leader may.
                Ok((first, high)) if (first..=high).contains(&next) => self.retake(|lane| lane.taken.source == source),
                Ok((first, high)) => self.lanes.tell_gap(source, first, high),
                Err(error) => {
                    tracing::debug!("the watermarks of an out of range partition could not be read: {error}");
                    self.watch.hurry();
                }
            }
        }
    }
}
