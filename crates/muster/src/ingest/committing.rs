//! Committing: sealed batches to the ledger, one statement for all that wait.
//!
//! Takes sealed batches in the order they were sealed. A batch that fails its fence (token, offset, or the revision that
//! a repair raised) ends its assignment, and the source is taken again with all its keys rebuilt; the others go in. A lost answer is settled before anything else is tried: either it happened, or its
//! tokens are raised and it never will.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use muster_spec::{SourceId, Token, TopicId};
use muster_store::Error;
use muster_store::ledger::commit::{Attempt, Outcome, Resolved};
use muster_stream::Topics;
use tokio::sync::mpsc;

use super::Shared;
use super::assignments::Assignment;
use super::dead_letters::Bell;
use super::pausing::{PauseDue, Pausing, SharedReceiver, tell};
use super::sealing::{SealedBatch, ToCommit};
use crate::failpoint;

/// How many batches one statement takes at most.
const BATCHES_MAX: usize = 64;
/// How long the broker may take to say a topic's id before a commit.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(5);

/// The task's state.
pub struct Committing {
    shared: Shared,
    pausing: Pausing,
    receiver: SharedReceiver,
    topics: Arc<Topics>,
    dead_letters: Bell,
}

impl Committing {
    /// A committer.
    pub fn new(
        shared: Shared,
        pausing: Pausing,
        receiver: SharedReceiver,
        topics: Arc<Topics>,
        dead_letters: Bell,
    ) -> Self {
        Self {
            shared,
            pausing,
            receiver,
            topics,
            dead_letters,
        }
    }

    /// Works until sealing has ended.
    pub async fn run(self, mut sealed: mpsc::Receiver<ToCommit>) {
        let mut waiting = Vec::new();
        while sealed.recv_many(&mut waiting, BATCHES_MAX).await > 0 {
            let mut batches = Vec::new();
            let mut told = Vec::new();
            for taken in waiting.drain(..) {
                match taken {
                    ToCommit::Batch(batch) => batches.push(*batch),
                    other => told.push(other),
                }
            }
            self.commit(batches).await;
            for other in told {
                match other {
                    ToCommit::CaughtUp(assignment, next) if assignment.is_alive() => {
                        self.shared.progress.committed(&assignment, next);
                    }
                    ToCommit::Pause(due) if due.assignment.is_alive() => self.pause(*due).await,
                    ToCommit::Drained => self.shared.progress.drained(),
                    ToCommit::CaughtUp(..) | ToCommit::Pause(_) | ToCommit::Batch(_) => {}
                }
            }
        }
    }

    /// Pauses a source whose judged rows are in.
    async fn pause(&self, due: PauseDue) {
        let pausing = self.pausing.clone();
        let paused = tokio::task::spawn_blocking(move || pausing.pause(&due.assignment, &due.reason, due.alert));
        // It fails only where the runtime is ending.
        let _ = paused.await;
    }

    /// Commits what is alive, trying again for as long as it stays so.
    async fn commit(&self, batches: Vec<SealedBatch>) {
        let batches = self.of_the_same_topics(batches).await;
        let (mut alive, dead): (Vec<_>, Vec<_>) = batches.into_iter().partition(|batch| batch.assignment.is_alive());
        self.discard(dead);
        if alive.is_empty() {
            return;
        }
        failpoint::reach("commit");
        let timer = self.shared.metrics.commit_secs.start_timer();
        let mut attempt = Attempt::new();
        let mut wait = Duration::from_millis(100);
        let outcomes = loop {
            match self.shared.ledger.commit(attempt, &alive).await {
                Ok(outcomes) => break outcomes,
                Err(Error::OutcomeUnknown { .. }) => {
                    if let Some(outcomes) = self.settle(attempt, &alive).await {
                        break outcomes;
                    }
                    // It never happened and never will: those batches are dead with their tokens.
                    self.shared.readiness.ready("commit");
                    self.take_again(std::mem::take(&mut alive));
                    return;
                }
                Err(error) => {
                    self.shared.trouble("commit", &error.to_string());
                    if alive.iter().all(|batch| !batch.assignment.is_alive()) {
                        self.shared.readiness.ready("commit");
                        self.discard(alive);
                        return;
                    }
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(5));
                    attempt = Attempt::new();
                }
            }
        };
        timer.observe_duration();
        self.shared.readiness.ready("commit");
        failpoint::reach("committed");
        self.finish(alive, &outcomes);
    }

    /// Leaves out batches whose topic was made again since they were received: their offsets mean something else now.
    async fn of_the_same_topics(&self, batches: Vec<SealedBatch>) -> Vec<SealedBatch> {
        let mut names: Vec<String> = batches.iter().map(|batch| batch.assignment.topic.to_string()).collect();
        names.sort();
        names.dedup();
        let topics = Arc::clone(&self.topics);
        let described = tokio::task::spawn_blocking(move || {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            topics.describe(&names, DESCRIBE_LIMIT)
        });
        // A broker that does not answer says nothing of the topic: the ledger's own fences decide.
        let Ok(Ok(facts)) = described.await else { return batches };
        let changed = |assignment: &Assignment| -> Option<TopicId> {
            facts
                .get(&*assignment.topic)
                .map(|facts| facts.id)
                .filter(|id| *id != assignment.topic_id)
        };
        let (gone, same): (Vec<_>, Vec<_>) = batches
            .into_iter()
            .partition(|batch| changed(&batch.assignment).is_some());
        self.take_again(gone);
        same
    }

    /// What became of an attempt whose answer was lost; `None` when it never happened.
    async fn settle(&self, attempt: Attempt, batches: &[SealedBatch]) -> Option<Vec<Outcome>> {
        let held: Vec<(SourceId, Token)> = batches
            .iter()
            .map(|batch| (batch.assignment.source, batch.assignment.token))
            .collect();
        let mut wait = Duration::from_millis(100);
        loop {
            match self.shared.ledger.resolve(attempt, &held, &self.shared.worker).await {
                Ok(Resolved::Happened(outcomes)) => return Some(outcomes),
                Ok(Resolved::Never(_)) => return None,
                Err(error) => self.shared.trouble("commit", &error.to_string()),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(5));
        }
    }

    /// Counts, tells and ends according to what became of each batch.
    fn finish(&self, batches: Vec<SealedBatch>, outcomes: &[Outcome]) {
        for batch in batches {
            let delta = batch.commit.sealed.delta;
            let source = batch.assignment.source;
            let outcome = outcomes.iter().find(|outcome| match outcome {
                Outcome::Committed {
                    source: of,
                    delta: range,
                    ..
                }
                | Outcome::Fenced {
                    source: of,
                    delta: range,
                    ..
                } => *of == source && *range == delta,
            });
            match outcome {
                Some(Outcome::Committed { .. }) => {
                    self.count(&batch);
                    tracing::debug!(topic = %batch.assignment.topic, partition = batch.assignment.partition, %delta,
                        rows = batch.commit.sealed.received, "committed a batch");
                    tell(&self.receiver, |receiver| receiver.commit_hint(source, delta.to));
                    failpoint::reach("hint");
                    self.shared.progress.committed(&batch.assignment, delta.to);
                }
                Some(Outcome::Fenced { fence, .. }) => {
                    let contract = &batch.assignment.contract.name;
                    self.shared.metrics.fenced.with_label_values(&[contract.as_str()]).inc();
                    tracing::warn!(topic = %batch.assignment.topic, partition = batch.assignment.partition,
                        fence = fence.word(), "a batch was fenced off");
                    self.take_again(vec![batch]);
                }
                None => self.take_again(vec![batch]),
            }
        }
    }

    fn count(&self, batch: &SealedBatch) {
        let metrics = &self.shared.metrics;
        let sealed = &batch.commit.sealed;
        let contract = sealed.contract.as_str();
        metrics
            .received
            .with_label_values(&[&*batch.assignment.topic])
            .inc_by(sealed.received);
        for (verdict, rows) in [
            ("good", sealed.good),
            ("bad", sealed.bad),
            ("duplicate", sealed.duplicates),
            ("tombstone", sealed.tombstones),
        ] {
            metrics.rows.with_label_values(&[contract, verdict]).inc_by(rows);
        }
        for rule in &sealed.rules {
            metrics
                .violations
                .with_label_values(&[contract, &rule.rule])
                .inc_by(rule.rows);
        }
        metrics.batches.with_label_values(&[contract]).inc();
        if sealed.bad > 0 {
            self.dead_letters.ring();
        }
        metrics
            .last_commit
            .set(chrono::Utc::now().timestamp_millis() as f64 / 1000.0);
        self.shared.rows_committed.fetch_add(sealed.received, Ordering::Relaxed);
    }

    /// Drops batches that can never be committed and asks for their sources anew.
    fn take_again(&self, batches: Vec<SealedBatch>) {
        for batch in &batches {
            batch.assignment.end();
            self.pausing.retake(batch.assignment.source);
        }
        self.discard(batches);
    }

    fn discard(&self, batches: Vec<SealedBatch>) {
        for batch in batches {
            if let Err(error) = batch.commit.sealed.discard(&*self.shared.files) {
                // The sweeper takes them later: their token is superseded.
                tracing::debug!(%error, "could not delete an uncommitted file");
            }
        }
    }
}
