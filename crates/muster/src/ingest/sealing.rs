//! The sealing thread: verdicts to files.
//!
//! Takes verdicts from judging, one open batch a source, and seals it when rows, bytes or seconds say so, when the
//! caller asks, or when the process drains. Hands sealed batches to committing. A batch of a dead assignment is dropped
//! with its temporary files. A disk that fails pauses nothing for good: the source is taken again, and read again from
//! the ledger's next offset.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use muster_batch::{Alert, AlertState, JudgedBatch};
use muster_contract::judge::Expectations;
use muster_spec::{Offset, OffsetDelta, SourceId};
use muster_store::ledger::commit::{BatchCommit, Statistic};
use muster_store::{BatchWriter, Step};
use tokio::sync::mpsc;

use super::Shared;
use super::assignments::Assignment;
use super::drift::{Baselines, BatchDrift};
use super::pausing::{PauseDue, Pausing};
use crate::failpoint;

/// What sealing takes.
pub enum ToSeal {
    /// Verdicts of one source.
    Judged {
        /// Whose.
        assignment: Arc<Assignment>,
        /// The verdicts.
        judged: Box<JudgedBatch>,
        /// What they answer for.
        delta: OffsetDelta,
        /// Bytes of payloads, keys and headers.
        payload_bytes: u64,
    },
    /// A source was read to its end.
    CaughtUp {
        /// Whose.
        assignment: Arc<Assignment>,
        /// The offset that the next record will have at least.
        next: Offset,
    },
    /// A source is to be paused when everything judged of it is committed.
    Pause(Box<PauseDue>),
    /// Nothing more comes before the receiver is stopped.
    Drained,
}

/// What sealing hands on.
pub enum ToCommit {
    /// A sealed batch.
    Batch(Box<SealedBatch>),
    /// Everything before this of a source is on its way, and the source's log was read to its end.
    CaughtUp(Arc<Assignment>, Offset),
    /// Everything before this of a source is on its way, and the source is to be paused behind it.
    Pause(Box<PauseDue>),
    /// Everything that was received is on its way.
    Drained,
}

/// A sealed batch and whose it is.
pub struct SealedBatch {
    /// Whose.
    pub assignment: Arc<Assignment>,
    /// What is committed.
    pub commit: BatchCommit,
}

impl Borrow<BatchCommit> for SealedBatch {
    fn borrow(&self) -> &BatchCommit {
        &self.commit
    }
}

/// When a batch is sealed.
#[derive(Clone, Copy, Debug)]
pub struct SealLimits {
    /// At this many records.
    pub rows: u64,
    /// At this many bytes of payloads, keys and headers.
    pub payload_bytes: u64,
    /// When open this long.
    pub open: Duration,
}

/// How often the thread looks at the clock.
const TICK: Duration = Duration::from_millis(50);

struct OpenBatch {
    assignment: Arc<Assignment>,
    writer: BatchWriter,
    expectations: Expectations,
    drift: BatchDrift,
    since: Instant,
    payload_bytes: u64,
}

/// The thread's state.
pub struct Sealing {
    shared: Shared,
    limits: SealLimits,
    pausing: Pausing,
    baselines: Baselines,
    open: HashMap<SourceId, OpenBatch>,
    /// Sources read to their end whose open batch is not sealed yet.
    caught_up: HashMap<SourceId, (Arc<Assignment>, Offset)>,
    to_commit: mpsc::Sender<ToCommit>,
}

impl Sealing {
    /// A sealer under these limits.
    pub fn new(
        shared: Shared,
        limits: SealLimits,
        pausing: Pausing,
        baselines: Baselines,
        to_commit: mpsc::Sender<ToCommit>,
    ) -> Self {
        Self {
            shared,
            limits,
            pausing,
            baselines,
            open: HashMap::new(),
            caught_up: HashMap::new(),
            to_commit,
        }
    }

    /// Works until judging has ended or nobody commits any more.
    pub fn run(mut self, verdicts: &Receiver<ToSeal>) {
        loop {
            let went_on = match verdicts.recv_timeout(TICK) {
                Ok(taken) => self.take(taken),
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if !went_on || !self.seal_due() {
                return;
            }
        }
    }

    fn take(&mut self, verdicts: ToSeal) -> bool {
        match verdicts {
            ToSeal::Judged {
                assignment,
                judged,
                delta,
                payload_bytes,
            } => {
                self.caught_up.remove(&assignment.source);
                if assignment.is_alive()
                    && let Err(error) = self.push(&assignment, &judged, delta, payload_bytes)
                {
                    self.give_back(&assignment, &error);
                }
                true
            }
            ToSeal::CaughtUp { assignment, next } => {
                self.caught_up.insert(assignment.source, (assignment, next));
                true
            }
            ToSeal::Pause(due) => {
                let source = due.assignment.source;
                self.seal_where(|open| open.assignment.source == source) && self.hand_on(ToCommit::Pause(due))
            }
            ToSeal::Drained => self.seal_where(|_| true) && self.hand_on(ToCommit::Drained),
        }
    }

    fn push(
        &mut self,
        assignment: &Arc<Assignment>,
        judged: &JudgedBatch,
        delta: OffsetDelta,
        payload_bytes: u64,
    ) -> anyhow::Result<()> {
        let stale = self
            .open
            .get(&assignment.source)
            .is_some_and(|open| !open.assignment.is_alive());
        if stale {
            self.open.remove(&assignment.source);
        }
        if !self.open.contains_key(&assignment.source) {
            let opened = self.open_batch(assignment, delta.from)?;
            self.open.insert(assignment.source, opened);
        }
        let Some(open) = self.open.get_mut(&assignment.source) else {
            return Ok(());
        };
        open.writer.push(judged)?;
        open.payload_bytes += payload_bytes;
        open.expectations.add(judged);
        open.drift.add(judged, &self.shared.metrics);
        Ok(())
    }

    fn open_batch(&self, assignment: &Arc<Assignment>, from: Offset) -> anyhow::Result<OpenBatch> {
        let contract = &assignment.contract;
        Ok(OpenBatch {
            writer: BatchWriter::new(
                Arc::clone(&self.shared.files),
                Arc::clone(contract),
                assignment.source,
                assignment.token,
                from,
            )?,
            expectations: Expectations::new(contract),
            drift: self.baselines.open(&contract.name),
            assignment: Arc::clone(assignment),
            since: Instant::now(),
            payload_bytes: 0,
        })
    }

    /// Seals what is due; `false` when nobody commits any more.
    fn seal_due(&mut self) -> bool {
        let asked = self.shared.seal_asked.swap(false, Ordering::AcqRel);
        let at_ends = self.shared.seal_at_ends.load(Ordering::Acquire);
        let ended: Vec<SourceId> = self.caught_up.keys().filter(|_| at_ends).copied().collect();
        let limits = self.limits;
        let due = self.seal_where(|open| {
            asked
                || ended.contains(&open.assignment.source)
                || open.writer.rows() >= limits.rows
                || open.payload_bytes >= limits.payload_bytes
                || open.since.elapsed() >= limits.open
        });
        due && self.tell_caught_up()
    }

    /// Seals the open batches that `due` names; `false` when nobody commits any more.
    fn seal_where(&mut self, due: impl Fn(&OpenBatch) -> bool) -> bool {
        let sources: Vec<SourceId> = self
            .open
            .iter()
            .filter(|(_, open)| due(open))
            .map(|(source, _)| *source)
            .collect();
        for source in sources {
            let Some(open) = self.open.remove(&source) else {
                continue;
            };
            if !open.assignment.is_alive() {
                continue;
            }
            let assignment = Arc::clone(&open.assignment);
            match self.seal(open) {
                Ok(sealed) => {
                    self.shared.readiness.ready("disk");
                    if !self.hand_on(ToCommit::Batch(Box::new(sealed))) {
                        return false;
                    }
                }
                Err(error) => self.give_back(&assignment, &error),
            }
        }
        true
    }

    fn seal(&self, open: OpenBatch) -> anyhow::Result<SealedBatch> {
        let timer = self.shared.metrics.seal_secs.start_timer();
        let sealed = open.writer.seal(&|step: Step| failpoint::reach(step.name()))?;
        timer.observe_duration();
        let measured = open.expectations.measure(chrono::Utc::now().timestamp_micros());
        let contract = &open.assignment.contract;
        let statistics = measured
            .iter()
            .filter_map(|found| {
                found.value.map(|value| Statistic {
                    measure: found.id.clone(),
                    field: String::new(),
                    value,
                })
            })
            .collect();
        let alerts = measured
            .iter()
            // Nothing measured is no word on either side.
            .filter(|found| !found.met || found.value.is_some())
            .map(|found| Alert {
                // A source each: that one is over says nothing of another.
                fingerprint: format!(
                    "contract/{}/{}/{}/{}",
                    contract.name, found.id, open.assignment.topic, open.assignment.partition
                ),
                condition: found.id.clone(),
                about: contract.name.to_string(),
                state: if found.met {
                    AlertState::Resolved
                } else {
                    AlertState::Firing
                },
                measured: found.value,
                threshold: found.threshold,
                window: format!(
                    "{} partition {} {}",
                    open.assignment.topic, open.assignment.partition, sealed.delta
                ),
                target: found.alert.clone(),
            })
            .collect();
        let commit = BatchCommit {
            sealed,
            revision: open.assignment.revision,
            statistics,
            alerts,
            drift: open.drift.counts(),
        };
        Ok(SealedBatch {
            assignment: open.assignment,
            commit,
        })
    }

    /// Tells committing of the sources that were read to their end and have nothing open.
    fn tell_caught_up(&mut self) -> bool {
        let done: Vec<SourceId> = self
            .caught_up
            .keys()
            .filter(|source| !self.open.contains_key(source))
            .copied()
            .collect();
        done.into_iter().all(|source| match self.caught_up.remove(&source) {
            Some((assignment, next)) => self.hand_on(ToCommit::CaughtUp(assignment, next)),
            None => true,
        })
    }

    /// The disk failed: the rows are dropped and the source is read again from where the ledger is.
    fn give_back(&mut self, assignment: &Assignment, error: &anyhow::Error) {
        self.shared.metrics.errors.with_label_values(&["seal", "disk"]).inc();
        self.shared.readiness.not_ready("disk", error.to_string());
        tracing::error!(topic = %assignment.topic, partition = assignment.partition, %error, "could not seal");
        self.open.remove(&assignment.source);
        assignment.end();
        // The disk is the same for every source: a moment's rest for all of them.
        std::thread::sleep(Duration::from_secs(1));
        self.pausing.retake(assignment.source);
    }

    fn hand_on(&self, sealed: ToCommit) -> bool {
        self.to_commit.blocking_send(sealed).is_ok()
    }
}
