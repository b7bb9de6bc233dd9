//! The judging thread: received batches to verdicts.
//!
//! Takes what the receiver hands out, drops what belongs to a dead assignment, decodes, judges, and passes verdicts on
//! to sealing. Owns each source's key state, rebuilt from the ledger's key files before the source's first batch is
//! judged. Nothing here depends on how records were cut into batches.

use std::collections::HashMap;
use std::sync::Arc;

use muster_batch::{Alert, AlertState, JudgedBatch, RawBatch};
use muster_contract::decode::Decoder;
use muster_contract::judge::{BadRatio, Judge, KeyState};
use muster_spec::{Check, Contract, Offset, SourceId};
use muster_stream::Received;
use tokio::sync::mpsc;

use super::assignments::{Assignment, Assignments};
use super::keys::rebuild;
use super::pausing::{PauseDue, Pausing};
use super::schemas::Schemas;
use super::sealing::ToSeal;
use super::{Shared, patiently};
use crate::failpoint;
use crate::metrics::Metrics;

/// What a contract's records are decoded and judged with.
struct Bench {
    decoder: Decoder,
    judge: Judge,
}

/// A source's own state.
struct Lane {
    generation: u64,
    keys: KeyState,
    bad_ratio: Option<BadRatio>,
    /// Too much was bad: the source pauses when what was judged so far is committed.
    stopped: bool,
}

/// The thread's state.
pub struct Judging {
    shared: Shared,
    assignments: Assignments,
    schemas: Schemas,
    pausing: Pausing,
    benches: HashMap<String, Bench>,
    lanes: HashMap<SourceId, Lane>,
    to_seal: std::sync::mpsc::SyncSender<ToSeal>,
}

impl Judging {
    /// A judge of these contracts; every rule compiles or its problems are the error.
    pub fn new(
        shared: Shared,
        contracts: &[Arc<Contract>],
        assignments: Assignments,
        schemas: Schemas,
        pausing: Pausing,
        to_seal: std::sync::mpsc::SyncSender<ToSeal>,
    ) -> anyhow::Result<Self> {
        let mut benches = HashMap::new();
        for contract in contracts {
            let judge = Judge::new(Arc::clone(contract)).map_err(|problems| {
                anyhow::anyhow!(
                    "{}",
                    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
                )
            })?;
            let decoder = Decoder::new(Arc::clone(contract))?;
            benches.insert(contract.name.to_string(), Bench { decoder, judge });
        }
        Ok(Self {
            shared,
            assignments,
            schemas,
            pausing,
            benches,
            lanes: HashMap::new(),
            to_seal,
        })
    }

    /// Works until the receiver's channel closes or sealing has ended.
    pub fn run(mut self, mut received: mpsc::Receiver<Received>) {
        while let Some(event) = received.blocking_recv() {
            if !self.take(event) {
                break;
            }
        }
        let Metrics {
            decode_secs,
            judge_secs,
            ..
        } = &self.shared.metrics;
        tracing::debug!(
            decode_secs = decode_secs.get_sample_sum(),
            judge_secs = judge_secs.get_sample_sum(),
            "judging ended"
        );
    }

    /// Handles one event; `false` when nobody takes verdicts any more.
    fn take(&mut self, event: Received) -> bool {
        match event {
            Received::Batch { batch, generation } => match self.assignments.get(batch.source, generation) {
                Some(assignment) => self.judge(&assignment, batch),
                None => true,
            },
            Received::CaughtUp {
                source,
                generation,
                next,
            } => match self.assignments.get(source, generation) {
                Some(assignment) => self.pass(ToSeal::CaughtUp { assignment, next }),
                None => true,
            },
            Received::Gap {
                source,
                generation,
                expected,
                first,
                ..
            } => {
                if let Some(assignment) = self.assignments.get(source, generation) {
                    self.pause_for_gap(&assignment, expected, first);
                }
                true
            }
            Received::TopicRecreated { topic, was, now } => {
                tracing::warn!(%topic, %was, %now, "topic was made again: its partitions are new sources");
                true
            }
            Received::TopicGone { topic, was } => {
                tracing::warn!(%topic, %was, "topic is gone: its sources wait");
                true
            }
            Received::Trouble(error) => {
                self.shared
                    .metrics
                    .errors
                    .with_label_values(&["receive", "kafka"])
                    .inc();
                self.shared.readiness.not_ready("kafka", error.to_string());
                tracing::warn!(%error, "trouble with Kafka, trying again");
                true
            }
            Received::Drained => self.pass(ToSeal::Drained),
            Received::Failed(error) => {
                self.shared.fail(format!("receiving ended: {error}"));
                false
            }
        }
    }

    fn judge(&mut self, assignment: &Arc<Assignment>, batch: RawBatch) -> bool {
        failpoint::reach("receive");
        self.shared.readiness.ready("kafka");
        if !self.open_lane(assignment) || !self.learn_schemas(assignment, &batch) {
            return true;
        }
        let Some(bench) = self.benches.get_mut(assignment.contract.name.as_str()) else {
            return true;
        };
        let Some(lane) = self.lanes.get_mut(&assignment.source).filter(|lane| !lane.stopped) else {
            return true;
        };
        let (delta, payload_bytes) = (batch.delta, batch.byte_len() as u64);
        let timer = self.shared.metrics.decode_secs.start_timer();
        let decoded = bench.decoder.decode(batch);
        timer.observe_duration();
        failpoint::reach("decode");
        let timer = self.shared.metrics.judge_secs.start_timer();
        let judged = bench.judge.judge(decoded, &mut lane.keys);
        timer.observe_duration();
        failpoint::reach("judge");
        let (good, bad) = (judged.good_records.len() as u64, judged.bad_records.len() as u64);
        let over = lane.bad_ratio.as_mut().and_then(|measure| measure.add(good + bad, bad));
        lane.stopped = over.is_some();
        let full = lane.keys.full();
        self.count_refusals(assignment, &judged);
        if let Some(full) = full {
            let rule = assignment.contract.rule_id(full.rule);
            let reason = format!(
                "keys_full: `{rule}` would remember {} keys and its keys_max is {}; raise it or shorten its window",
                full.keys, full.keys_max
            );
            let alert = alert(
                assignment,
                "keys_full",
                Some(full.keys as f64),
                Some(full.keys_max as f64),
            );
            self.pausing.pause(assignment, &reason, alert);
            return true;
        }
        let passed = self.pass(ToSeal::Judged {
            assignment: Arc::clone(assignment),
            judged: Box::new(judged),
            delta,
            payload_bytes,
        });
        match over {
            Some(ratio) => passed && self.stop_for_ratio(assignment, ratio),
            None => passed,
        }
    }

    /// Makes a source's state for its assignment, from the ledger; `false` when it ended meanwhile.
    fn open_lane(&mut self, assignment: &Arc<Assignment>) -> bool {
        let known = self
            .lanes
            .get(&assignment.source)
            .is_some_and(|lane| lane.generation == assignment.generation);
        if known {
            return true;
        }
        let Some(bench) = self.benches.get(assignment.contract.name.as_str()) else {
            return false;
        };
        let empty = bench.judge.key_state();
        let rebuilt = patiently(
            &self.shared,
            "rebuild",
            || assignment.is_alive(),
            || rebuild(&self.shared, assignment, empty.clone()),
        );
        let Some(keys) = rebuilt else { return false };
        let bad_ratio = assignment.contract.stop_above.map(BadRatio::new);
        self.lanes
            .retain(|source, lane| self.assignments.get(*source, lane.generation).is_some());
        self.lanes.insert(
            assignment.source,
            Lane {
                generation: assignment.generation,
                keys,
                bad_ratio,
                stopped: false,
            },
        );
        true
    }

    /// Learns the writers' schemas the batch needs; `false` when the assignment ended meanwhile.
    fn learn_schemas(&mut self, assignment: &Arc<Assignment>, batch: &RawBatch) -> bool {
        let Some(bench) = self.benches.get_mut(assignment.contract.name.as_str()) else {
            return false;
        };
        for id in bench.decoder.missing(batch) {
            let schemas = &self.schemas;
            let Some(found) = patiently(&self.shared, "schema", || assignment.is_alive(), || schemas.find(id)) else {
                return false;
            };
            match found {
                Some(text) => {
                    if let Err(error) = bench.decoder.learn(id, &text) {
                        tracing::warn!(schema = %id, contract = %assignment.contract.name, %error, "schema does not fit");
                    }
                }
                None => bench.decoder.unknown(id),
            }
        }
        true
    }

    fn pass(&self, verdicts: ToSeal) -> bool {
        self.to_seal.send(verdicts).is_ok()
    }

    fn count_refusals(&self, assignment: &Assignment, judged: &JudgedBatch) {
        for reason in judged.refusals.iter().flatten() {
            self.shared
                .metrics
                .refusals
                .with_label_values(&[assignment.contract.name.as_str(), reason.code()])
                .inc();
        }
    }

    fn pause_for_gap(&self, assignment: &Assignment, expected: Offset, first: Offset) {
        let reason = format!("gap: the log begins at {first} and {expected} comes next; `muster resume` goes on there");
        let alert = alert(assignment, "gap", Some((first.0 - expected.0) as f64), Some(0.0));
        self.pausing.pause(assignment, &reason, alert);
    }

    /// Pauses a source behind what was judged of it: who resumes it goes on past that, not into it again.
    fn stop_for_ratio(&self, assignment: &Arc<Assignment>, ratio: f64) -> bool {
        let limit = assignment.contract.stop_above.map(|limit| limit.ratio);
        self.pausing.hold(assignment);
        self.pass(ToSeal::Pause(Box::new(PauseDue {
            assignment: Arc::clone(assignment),
            reason: format!("stop_above: {:.1} % of the last rows were bad", ratio * 100.0),
            alert: alert(assignment, "stop_above", Some(ratio), limit),
        })))
    }
}

/// An alert about a source.
fn alert(assignment: &Assignment, condition: &str, measured: Option<f64>, threshold: Option<f64>) -> Alert {
    Alert {
        fingerprint: format!("source/{}/{}/{condition}", assignment.topic, assignment.partition),
        condition: condition.to_owned(),
        about: assignment.contract.name.to_string(),
        state: AlertState::Firing,
        measured,
        threshold,
        window: format!("{} partition {}", assignment.topic, assignment.partition),
        target: None,
    }
}

/// The longest window of a contract's uniqueness and redelivery checks; `None` where one has no bound.
pub fn longest_window(contract: &Contract) -> Option<std::time::Duration> {
    let unique = contract.rules.iter().filter_map(|rule| match rule.check {
        Check::Unique { within, .. } => Some(within),
        _ => None,
    });
    unique
        .chain(contract.event_id.as_ref().map(|event_id| event_id.within))
        .max()
}
