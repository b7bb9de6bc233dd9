//! librdkafka's callbacks: its log lines go to `tracing`, its rebalances to the receiver's loop.
//!
//! A rebalance is only written down here. Poll returns right after it, and the loop, on the same thread, asks the
//! assigner and answers the group; librdkafka waits for that answer.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;

/// How long one kind of log line is silent after it was printed: a broker that is down says so many times a second.
const QUIET: Duration = Duration::from_secs(10);

/// What the group asks of this member.
#[derive(Debug)]
pub(crate) enum Rebalance {
    /// To take these partitions.
    Assign(Vec<(String, i32)>),
    /// To give these up; `lost` when the group has already given them away.
    Revoke(Vec<(String, i32)>, bool),
}

/// Who is asked about topics.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whom {
    /// The broker that says it is the controller.
    Controller,
    /// This one.
    Broker(i32),
}

/// One client's callbacks.
#[derive(Default)]
pub(crate) struct Context {
    rebalances: Mutex<VecDeque<Rebalance>>,
    ended: AtomicBool,
    printed: Mutex<HashMap<String, (Instant, u64)>>,
    whom_to_ask: OnceLock<Whom>,
}

impl Context {
    /// The next rebalance that waits for an answer.
    pub(crate) fn next_rebalance(&self) -> Option<Rebalance> {
        self.rebalances
            .lock()
            .expect("no holder of this lock panics")
            .pop_front()
    }

    /// From here on nobody asks for rebalances: whatever librdkafka still wants is answered with giving all up.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Who is asked about topics, once that is known.
    pub(crate) fn whom_to_ask(&self) -> Option<Whom> {
        self.whom_to_ask.get().copied()
    }

    /// Remembers whom to ask about topics.
    pub(crate) fn remember_whom_to_ask(&self, whom: Whom) {
        self.whom_to_ask.get_or_init(|| whom);
    }

    /// Whether a line of this kind may be printed now, and how many were held back since the last.
    fn may_print(&self, kind: &str) -> Option<u64> {
        let now = Instant::now();
        let mut printed = self.printed.lock().expect("no holder of this lock panics");
        match printed.get_mut(kind) {
            Some((at, held_back)) if now.duration_since(*at) < QUIET => {
                *held_back += 1;
                None
            }
            Some(entry) => Some(std::mem::replace(entry, (now, 0)).1),
            None => {
                printed.insert(kind.to_owned(), (now, 0));
                Some(0)
            }
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, kind: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", "{kind} {line}"),
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Notice => {
                tracing::info!(target: "librdkafka", "{kind} {line}");
            }
            _ => {
                if let Some(held_back) = self.may_print(kind) {
                    tracing::warn!(target: "librdkafka", held_back, "{kind} {line}");
                }
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error
            .rdkafka_error_code()
            .map_or_else(String::new, |code| format!("{code:?}"));
        if let Some(held_back) = self.may_print(&code) {
            tracing::warn!(target: "librdkafka", held_back, "{code} {reason}");
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if self.ended.load(Ordering::SeqCst) {
            give_all_up(consumer, kind);
            return;
        }
        let partitions = list
            .elements()
            .iter()
            .map(|element| (element.topic().to_owned(), element.partition()))
            .collect();
        let rebalance = if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            Rebalance::Assign(partitions)
        } else {
            Rebalance::Revoke(partitions, consumer.assignment_lost())
        };
        self.rebalances
            .lock()
            .expect("no holder of this lock panics")
            .push_back(rebalance);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        // Offsets in Kafka are hints for lag tools: losing one costs nothing.
        if let Err(error) = result {
            tracing::debug!("a hint of offsets was not taken: {error}");
        }
    }
}

/// While a client closes, librdkafka takes any answer as giving everything up. A question that was on its way before
/// it closed wants the answer of its own kind.
fn give_all_up(consumer: &BaseConsumer<Context>, kind: RDKafkaRespErr) {
    let answered = consumer.unassign().or_else(|_| {
        if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            consumer.incremental_assign(&TopicPartitionList::new())
        } else {
            consumer
                .assignment()
                .and_then(|held| consumer.incremental_unassign(&held))
        }
    });
    if let Err(error) = answered {
        tracing::debug!("giving up the partitions of a closing client: {error}");
    }
}
