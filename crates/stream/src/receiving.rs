//! The thread that is the group's member: one loop that serves the group, the channel and the caller's commands.
//!
//! Started by [`crate::Receiver`]. Nothing in it waits for the rest of the process: a full channel only means that
//! fetched records stay where they are.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver as Inbox, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use muster_spec::{Offset, SourceId};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use crate::collector::Limits;
use crate::context::Context;
use crate::ffi::Member;
use crate::lane::{Lane, LaneState, Lanes};
use crate::topic_watch::TopicWatch;
use crate::{Assigner, Error, Lag, Received, ReceiverConfig};

/// How long one pass of the loop waits for records, or for room in the channel.
const PASS: Duration = Duration::from_millis(10);

/// How often lag is written down.
const LAG_EVERY: Duration = Duration::from_secs(1);

/// How long leaving the group may take when the channel's other end is gone.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);

/// What the handle asks for.
pub(crate) enum Command {
    Pause(SourceId),
    Resume(SourceId),
    Retake(SourceId),
    Hint(SourceId, Offset),
    Drain,
    Stop(Instant),
}

/// Whether the group knows us.
pub(crate) enum Standing {
    /// Subscribed.
    Member,
    /// Left after partitions could not be taken; comes back then.
    Away(Instant),
}

pub(crate) struct Receiving {
    pub(crate) config: ReceiverConfig,
    pub(crate) assigner: Arc<dyn Assigner>,
    pub(crate) member: Member,
    pub(crate) lanes: Lanes,
    /// What librdkafka fetches. A lane that waits is held and not in here.
    pub(crate) fetched: HashSet<(String, i32)>,
    pub(crate) standing: Standing,
    pub(crate) generation: u64,
    /// How often in a row partitions could not be taken.
    pub(crate) failures: u32,
    pub(crate) watch: TopicWatch,
    sender: Sender<Received>,
    inbox: Inbox<Command>,
    lag: Arc<Mutex<Vec<Lag>>>,
    lag_due: Instant,
    pub(crate) draining: bool,
    drained: bool,
}

impl Receiving {
    pub(crate) fn new(
        config: ReceiverConfig,
        assigner: Arc<dyn Assigner>,
        consumer: BaseConsumer<Context>,
        sender: Sender<Received>,
        inbox: Inbox<Command>,
        lag: Arc<Mutex<Vec<Lag>>>,
    ) -> Self {
        let now = Instant::now();
        Self {
            watch: TopicWatch::new(now, Duration::from_millis(config.topic_check_ms)),
            config,
            assigner,
            member: Member::new(consumer),
            lanes: Lanes::new(),
            fetched: HashSet::new(),
            standing: Standing::Away(now),
            generation: 0,
            failures: 0,
            sender,
            inbox,
            lag,
            lag_due: now,
            draining: false,
            drained: false,
        }
    }

    /// Receives until told to stop, until nobody listens, or until the client can not go on.
    pub(crate) fn run(mut self) {
        let leave_by = loop {
            if let Some(deadline) = self.serve_commands() {
                break deadline;
            }
            if self.sender.is_closed() {
                break Instant::now() + LEAVE_WITHIN;
            }
            if let Err(error) = self.pass() {
                tracing::error!("{error}");
                self.hand_out_last(Received::Failed(error));
                break Instant::now() + LEAVE_WITHIN;
            }
        };
        self.leave_for_good(leave_by);
    }

    fn pass(&mut self) -> Result<(), Error> {
        self.serve_group(Duration::ZERO)?;
        self.come_back(Instant::now())?;
        if self.hand_out() && !self.draining {
            self.receive();
        } else {
            // No room, or nothing wanted: the fetched records stay in librdkafka's queue, which stops fetching when
            // it is full, and the group is served all the same.
            self.serve_group(PASS)?;
        }
        let now = Instant::now();
        let open_for = if self.draining {
            Duration::ZERO
        } else {
            Duration::from_millis(self.config.batch_open_ms)
        };
        self.lanes.ripen(now, open_for);
        if self.draining && !self.drained {
            self.drained = true;
            self.lanes.outbox.push_back(Received::Drained);
        }
        self.watch_topics(now);
        self.write_lag(now);
        Ok(())
    }

    /// Serves rebalances, and tells of errors that concern the client as a whole.
    pub(crate) fn serve_group(&mut self, wait: Duration) -> Result<(), Error> {
        let polled = match self.member.consumer.poll(wait) {
            None => Ok(None),
            // Records have a queue of their own, given to a partition before it is assigned: one that comes here
            // would be out of order.
            Some(Ok(record)) => Ok(Some((
                rdkafka::Message::topic(&record).to_owned(),
                rdkafka::Message::partition(&record),
            ))),
            Some(Err(error)) => Err(error),
        };
        match polled {
            Ok(None) => {}
            Ok(Some((topic, partition))) => {
                tracing::warn!(
                    topic,
                    partition,
                    "a record came by the group's queue, the partition is taken again"
                );
                self.retake(|lane| *lane.taken.partition.topic == topic && lane.taken.partition.partition == partition);
            }
            Err(error) => self.client_error(error)?,
        }
        self.serve_rebalances();
        Ok(())
    }

    fn client_error(&mut self, error: KafkaError) -> Result<(), Error> {
        if let Some((_, reason)) = self.member.consumer.client().fatal_error() {
            return Err(Error::Fatal { reason });
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => self.watch.hurry(),
            // Reported beside the offset queue's own error.
            Some(RDKafkaErrorCode::PartitionEOF) => return Ok(()),
            _ => {}
        }
        self.lanes.trouble(Error::from_kafka("receive", error), Instant::now());
        Ok(())
    }

    fn receive(&mut self) {
        let now = Instant::now();
        let Self {
            member, lanes, watch, ..
        } = self;
        member.take(PASS, |record| {
            if lanes.take(record, now) {
                watch.hurry();
            }
        });
    }

    /// Puts what waits into the channel; says whether all of it found room.
    fn hand_out(&mut self) -> bool {
        while let Some(event) = self.lanes.outbox.pop_front() {
            match self.sender.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.lanes.outbox.push_front(event);
                    return false;
                }
                Err(TrySendError::Closed(_)) => return false,
            }
        }
        true
    }

    /// The last event goes out even when the channel is full, unless nobody reads it within the time to leave.
    fn hand_out_last(&mut self, event: Received) {
        self.lanes.outbox.push_back(event);
        let end = Instant::now() + LEAVE_WITHIN;
        while !self.hand_out() && !self.sender.is_closed() && Instant::now() < end {
            std::thread::sleep(PASS);
        }
    }

    /// Carries out what the handle asked for; the time to be gone when it asked to stop.
    fn serve_commands(&mut self) -> Option<Instant> {
        let mut hints: Vec<(SourceId, Offset)> = Vec::new();
        let stop = loop {
            match self.inbox.try_recv() {
                Ok(Command::Pause(source)) => self.pause(source),
                Ok(Command::Resume(source)) => self.resume(source),
                Ok(Command::Retake(source)) => self.retake(|lane| lane.taken.source == source),
                Ok(Command::Hint(source, next)) => {
                    hints.retain(|(other, _)| *other != source);
                    hints.push((source, next));
                }
                Ok(Command::Drain) => self.draining = true,
                Ok(Command::Stop(deadline)) => break Some(deadline),
                // Nothing more, or nobody to ask any more: then the channel decides when to end.
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break None,
            }
        };
        self.hint(&hints);
        stop
    }

    fn pause(&mut self, source: SourceId) {
        let Some(lane) = self.lanes.of_source(source) else {
            return;
        };
        if lane.state == LaneState::Running {
            lane.state = LaneState::Waiting;
            let key = (lane.taken.partition.topic.to_string(), lane.taken.partition.partition);
            self.stop_fetching(&[key]);
        }
    }

    fn resume(&mut self, source: SourceId) {
        let Some(lane) = self.lanes.of_source(source) else {
            return;
        };
        if lane.state == LaneState::Waiting
            && let Err(error) = self.start_fetching(|lane| lane.taken.source == source)
        {
            self.leave(error);
        }
    }

    fn hint(&mut self, hints: &[(SourceId, Offset)]) {
        let mut list = TopicPartitionList::new();
        for (source, next) in hints {
            // A source that is not ours any more has another holder, who hints for it.
            if let Some(lane) = self.lanes.of_source(*source) {
                let partition = &lane.taken.partition;
                let offset = rdkafka::Offset::Offset(next.0);
                if list
                    .add_partition_offset(&partition.topic, partition.partition, offset)
                    .is_err()
                {
                    tracing::debug!(offset = next.0, "an offset that can not be hinted");
                }
            }
        }
        if list.count() > 0
            && let Err(error) = self.member.consumer.commit(&list, CommitMode::Async)
        {
            tracing::debug!("a hint of offsets was not taken: {error}");
        }
    }

    fn write_lag(&mut self, now: Instant) {
        if now < self.lag_due {
            return;
        }
        self.lag_due = now + LAG_EVERY;
        let lag = self
            .lanes
            .lag(|topic, partition| self.member.high_watermark(topic, partition));
        *self.lag.lock().expect("no holder of this lock panics") = lag;
    }

    /// Gives everything up and leaves the group, by the deadline or without waiting for its answer.
    fn leave_for_good(mut self, deadline: Instant) {
        self.give_up(|_: &Lane| true, false);
        // Serving the group from here on would take partitions again: what is asked is answered with giving up.
        self.member.consumer.context().end();
        match self.member.consumer.close_queue() {
            Ok(()) => {
                while !self.member.consumer.closed() && Instant::now() < deadline {
                    let _ = self.member.consumer.poll(PASS);
                }
            }
            Err(error) => tracing::debug!("closing the group's member: {error}"),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            rows_max: self.config.batch_rows_max.max(1),
            bytes_max: self.config.batch_bytes_max.max(1),
        }
    }
}
