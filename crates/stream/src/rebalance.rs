//! Taking partitions and giving them up, as the group asks, as the caller asks, and when something fails.
//!
//! Part of the receiving loop. The order is the point: the assigner is asked and has answered before librdkafka, and
//! with it the group, is told. Fetching starts at an explicit offset given with the assignment; nothing ever seeks.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;

use crate::context::Rebalance;
use crate::lane::{Lane, LaneState};
use crate::receiving::{Receiving, Standing};
use crate::{AssignError, Error, PartitionRef, ffi};

/// The longest time away from the group.
const AWAY_MAX: Duration = Duration::from_secs(30);

impl Receiving {
    /// Answers what the group asked.
    pub(crate) fn serve_rebalances(&mut self) {
        while let Some(rebalance) = self.member.consumer.context().next_rebalance() {
            match rebalance {
                Rebalance::Assign(partitions) => self.on_assign(&partitions),
                Rebalance::Revoke(partitions, lost) => self.on_revoke(&partitions, lost),
            }
        }
    }

    fn on_assign(&mut self, partitions: &[(String, i32)]) {
        let taken = match self.standing {
            Standing::Member => self.take(partitions),
            // We left while this was on its way.
            Standing::Away(_) => {
                if let Err(error) = self.assign_to_client(&TopicPartitionList::new()) {
                    tracing::debug!("answering a group that was left: {error}");
                }
                return;
            }
        };
        // The group waits for an answer whatever came of it; what is to be fetched is added to it.
        let failed = match taken {
            Ok(()) => self.start_fetching(|lane| lane.state == LaneState::Running).err(),
            Err(error) => self.assign_to_client(&TopicPartitionList::new()).err().or(Some(error)),
        };
        if let Some(error) = failed {
            self.leave(error);
        }
    }

    fn on_revoke(&mut self, partitions: &[(String, i32)], lost: bool) {
        self.give_up(|lane| is_among(lane, partitions), lost);
        self.stop_fetching(partitions);
    }

    /// Asks the assigner for partitions and makes a lane of each. Nothing is fetched yet.
    fn take(&mut self, partitions: &[(String, i32)]) -> Result<(), Error> {
        if partitions.is_empty() {
            return Ok(());
        }
        let mut topics: Vec<&str> = partitions.iter().map(|(topic, _)| topic.as_str()).collect();
        topics.sort_unstable();
        topics.dedup();
        let facts = ffi::describe(self.member.consumer.client(), &topics, self.config.request_timeout())?;
        self.generation += 1;
        let refs = partitions
            .iter()
            .map(|(topic, partition)| {
                let facts = facts
                    .get(topic)
                    .ok_or_else(|| Error::NoTopic { topic: topic.clone() })?;
                Ok(PartitionRef {
                    topic: Arc::from(topic.as_str()),
                    topic_id: facts.id,
                    partition: *partition,
                    partitions: facts.partitions,
                    generation: self.generation,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let starts = self.assigner.assign(&refs)?;
        if starts.len() != refs.len() {
            let reason = format!(
                "{} partitions were given and {} starts came back",
                refs.len(),
                starts.len()
            );
            return Err(AssignError::new(reason).into());
        }
        let limits = self.limits();
        let lanes = refs
            .into_iter()
            .zip(starts)
            .map(|(partition, start)| {
                let mut lane = Lane::new(partition, start, limits);
                lane.state = if start.paused {
                    LaneState::Waiting
                } else {
                    LaneState::Running
                };
                lane
            })
            .collect();
        self.lanes.add(lanes);
        self.failures = 0;
        Ok(())
    }

    /// Takes lanes away and tells the caller, who lets nothing of them be committed from here on.
    pub(crate) fn give_up(&mut self, wanted: impl Fn(&Lane) -> bool, lost: bool) {
        let gone = self.lanes.remove(wanted);
        if !gone.is_empty() {
            self.assigner.revoke(&gone, lost);
        }
    }

    /// Gives lanes up and asks for them again, without the group noticing.
    pub(crate) fn retake(&mut self, wanted: impl Fn(&Lane) -> bool) {
        let partitions: Vec<(String, i32)> = self.lanes.iter().filter(|lane| wanted(lane)).map(key).collect();
        if partitions.is_empty() {
            return;
        }
        self.give_up(|lane| is_among(lane, &partitions), false);
        self.stop_fetching(&partitions);
        let again = self
            .take(&partitions)
            .and_then(|()| self.start_fetching(|lane| lane.state == LaneState::Running && is_among(lane, &partitions)));
        if let Err(error) = again {
            self.leave(error);
        }
    }

    /// Starts fetching lanes, each at its own next offset.
    pub(crate) fn start_fetching(&mut self, wanted: impl Fn(&Lane) -> bool) -> Result<(), Error> {
        let mut list = TopicPartitionList::new();
        let mut started = Vec::new();
        for lane in self.lanes.iter_mut().filter(|lane| wanted(lane)) {
            let key = key(lane);
            if self.fetched.contains(&key) {
                continue;
            }
            self.member.route(&key.0, key.1);
            list.add_partition_offset(&key.0, key.1, lane.begin())
                .map_err(|error| Error::from_kafka("start a partition", error))?;
            lane.state = LaneState::Running;
            started.push(key);
        }
        self.assign_to_client(&list)?;
        self.fetched.extend(started);
        Ok(())
    }

    /// Stops fetching those of the partitions that are fetched.
    ///
    /// Called outside of a rebalance it may answer one that has not been served yet. The partitions of that one are
    /// then free a moment before the caller is told; their tokens, which the next holder raises before it reads, keep
    /// a commit of that moment out.
    pub(crate) fn stop_fetching(&mut self, partitions: &[(String, i32)]) {
        let mut list = TopicPartitionList::new();
        for key in partitions {
            if self.fetched.remove(key) {
                list.add_partition(&key.0, key.1);
            }
        }
        if let Err(error) = self.member.consumer.incremental_unassign(&list) {
            // librdkafka holds on to what it could not give up; leaving clears it.
            self.leave(Error::from_kafka("give up partitions", error));
        }
    }

    fn assign_to_client(&self, list: &TopicPartitionList) -> Result<(), Error> {
        self.member
            .consumer
            .incremental_assign(list)
            .map_err(|error| Error::from_kafka("take partitions", error))
    }

    /// Leaves the group for a while: what could not be done now is tried again with all partitions.
    pub(crate) fn leave(&mut self, error: Error) {
        let now = Instant::now();
        self.lanes.trouble(error, now);
        self.give_up(|_| true, false);
        if matches!(self.standing, Standing::Away(_)) {
            return;
        }
        self.member.consumer.unsubscribe();
        let base = Duration::from_millis(self.config.rejoin_ms) * 2_u32.pow(self.failures.min(10));
        self.failures += 1;
        self.standing = Standing::Away(now + jittered(base.min(AWAY_MAX)));
    }

    /// Joins the group when it is time to.
    pub(crate) fn come_back(&mut self, now: Instant) -> Result<(), Error> {
        if let Standing::Away(until) = self.standing
            && now >= until
        {
            let topics: Vec<&str> = self.config.topics.iter().map(String::as_str).collect();
            self.member
                .consumer
                .subscribe(&topics)
                .map_err(|error| Error::from_kafka("subscribe to the topics", error))?;
            self.standing = Standing::Member;
        }
        Ok(())
    }
}

/// Between half of a time and all of it, so that members who left together do not come back together.
fn jittered(time: Duration) -> Duration {
    let chance = RandomState::new().hash_one(0_u8) >> 11;
    time.mul_f64(0.5 + 0.5 * (chance as f64 / (1_u64 << 53) as f64))
}

fn key(lane: &Lane) -> (String, i32) {
    (lane.taken.partition.topic.to_string(), lane.taken.partition.partition)
}

fn is_among(lane: &Lane, partitions: &[(String, i32)]) -> bool {
    partitions
        .iter()
        .any(|(topic, partition)| *topic == *lane.taken.partition.topic && *partition == lane.taken.partition.partition)
}
