//! Which sources this process holds, and the ledger's side of a rebalance.
//!
//! Filled by [`LedgerAssigner`] on the receiver's thread, read by judging, sealing and committing. An [`Assignment`]
//! that was revoked is dead at once, before the group hears of it: every later stage looks before it works and drops
//! what belongs to a dead one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Shared;
use muster_spec::{Contract, Revision, SourceId, Token, TopicId};
use muster_store::ledger::sources::{Assigned, Partition};
use muster_stream::{AssignError, Assigner, PartitionRef, Start, StartAt, Taken, Topics};

/// How long the ledger may take to answer a rebalance.
const ASSIGN_LIMIT: Duration = Duration::from_secs(10);
/// How long the broker may take to say where a log ends.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(5);

/// One source, held from one rebalance to the next.
#[derive(Debug)]
pub struct Assignment {
    /// The source.
    pub source: SourceId,
    /// Its topic.
    pub topic: Arc<str>,
    /// Its topic's identity when it was taken.
    pub topic_id: TopicId,
    /// Its partition.
    pub partition: i32,
    /// The receiver's generation: batches of another one do not belong here.
    pub generation: u64,
    /// What its commits and files carry.
    pub token: Token,
    /// What its verdicts are judged against.
    pub revision: Revision,
    /// What its records are held against.
    pub contract: Arc<Contract>,
    alive: AtomicBool,
}

impl Assignment {
    /// Whether it may still be worked for.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    /// Ends it: what it has not committed is dropped.
    pub fn end(&self) {
        self.alive.store(false, Ordering::Release);
    }
}

/// The sources this process holds. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Assignments {
    held: Arc<Mutex<HashMap<SourceId, Arc<Assignment>>>>,
}

impl Assignments {
    /// The live assignment of a source in a generation.
    pub fn get(&self, source: SourceId, generation: u64) -> Option<Arc<Assignment>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&source)
            .filter(|held| held.generation == generation && held.is_alive())
            .cloned()
    }

    fn put(&self, assignment: Assignment) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = held.insert(assignment.source, Arc::new(assignment)) {
            before.end();
        }
    }

    fn remove(&self, source: SourceId, generation: u64) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(&source).is_some_and(|held| held.generation == generation)
            && let Some(removed) = held.remove(&source)
        {
            removed.end();
        }
    }
}

/// Takes partitions by raising their tokens in the ledger.
pub struct LedgerAssigner {
    /// The ledger and what is told of it.
    pub shared: Shared,
    /// The contracts by topic.
    pub contracts: HashMap<String, Arc<Contract>>,
    /// Where a topic's logs end.
    pub topics: Arc<Topics>,
    /// The sources held.
    pub assignments: Assignments,
    /// Where a source begins that the ledger does not know.
    pub unknown: Beginning,
}

/// Where a source begins that the ledger does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// At the oldest record the broker has.
    Earliest,
    /// After the newest.
    Latest,
}

impl LedgerAssigner {
    /// Where a source starts: where the ledger is, or at the beginning that was asked for.
    fn start_at(&self, held: &PartitionRef, taken: &Assigned) -> Result<StartAt, AssignError> {
        match (taken.next_offset, self.unknown) {
            (Some(next), _) => Ok(StartAt::Offset(next)),
            (None, Beginning::Earliest) => Ok(StartAt::Earliest),
            (None, Beginning::Latest) => {
                let read = self.topics.watermarks(&held.topic, held.partition, DESCRIBE_LIMIT);
                let (_, end) = read.map_err(|error| AssignError::new(error.to_string()))?;
                // Kept at once: who takes the source next must not skip what arrives in between.
                let begun = self.shared.runtime.block_on(async {
                    let begin = self.shared.ledger.begin(taken.source, taken.token, end);
                    tokio::time::timeout(ASSIGN_LIMIT, begin).await
                });
                match begun {
                    Ok(Ok(Some(begin))) => Ok(StartAt::Offset(begin)),
                    Ok(Ok(None)) => Err(AssignError::new("another worker took the source")),
                    Ok(Err(error)) => Err(AssignError::new(error.to_string())),
                    Err(_) => Err(AssignError::new(format!(
                        "the ledger did not answer within {ASSIGN_LIMIT:?}"
                    ))),
                }
            }
        }
    }

    fn partition(&self, held: &PartitionRef) -> Result<Partition, AssignError> {
        let contract = self.contract(&held.topic)?;
        Ok(Partition {
            contract: contract.name.clone(),
            topic: Arc::clone(&held.topic),
            topic_id: held.topic_id,
            partition: held.partition,
            partitions: held.partitions,
        })
    }

    fn contract(&self, topic: &str) -> Result<&Arc<Contract>, AssignError> {
        self.contracts
            .get(topic)
            .ok_or_else(|| AssignError::new(format!("no contract has topic `{topic}`")))
    }

    fn hold(&self, held: &PartitionRef, taken: &Assigned) -> Result<Start, AssignError> {
        let next = self.start_at(held, taken)?;
        self.assignments.put(Assignment {
            source: taken.source,
            topic: Arc::clone(&held.topic),
            topic_id: held.topic_id,
            partition: held.partition,
            generation: held.generation,
            token: taken.token,
            revision: taken.revision,
            contract: Arc::clone(self.contract(&held.topic)?),
            alive: AtomicBool::new(true),
        });
        tracing::info!(topic = %held.topic, partition = held.partition, source = %taken.source,
            next = taken.next_offset.map(|offset| offset.0), paused = taken.paused.is_some(), "took a source");
        self.shared.paused(&held.topic, held.partition, taken.paused.is_some());
        Ok(Start {
            source: taken.source,
            next,
            paused: taken.paused.is_some(),
        })
    }
}

impl Assigner for LedgerAssigner {
    fn assign(&self, partitions: &[PartitionRef]) -> Result<Vec<Start>, AssignError> {
        let asked: Vec<Partition> = partitions
            .iter()
            .map(|held| self.partition(held))
            .collect::<Result<_, _>>()?;
        let Shared {
            ledger,
            readiness,
            runtime,
            worker,
            ..
        } = &self.shared;
        let answer =
            runtime.block_on(async { tokio::time::timeout(ASSIGN_LIMIT, ledger.assign(worker, &asked)).await });
        let taken = match answer {
            Ok(Ok(taken)) => taken,
            Ok(Err(error)) => {
                readiness.not_ready("ledger", error.to_string());
                return Err(AssignError::new(error.to_string()));
            }
            Err(_) => {
                readiness.not_ready("ledger", "no answer");
                return Err(AssignError::new(format!(
                    "the ledger did not answer within {ASSIGN_LIMIT:?}"
                )));
            }
        };
        readiness.ready("ledger");
        let find = |held: &PartitionRef| {
            let same = |taken: &&Assigned| {
                taken.topic == held.topic && taken.topic_id == held.topic_id && taken.partition == held.partition
            };
            taken
                .iter()
                .find(same)
                .ok_or_else(|| AssignError::new("the ledger left out a source"))
        };
        partitions.iter().map(|held| self.hold(held, find(held)?)).collect()
    }

    fn revoke(&self, partitions: &[Taken], lost: bool) {
        for taken in partitions {
            self.assignments.remove(taken.source, taken.partition.generation);
            tracing::info!(topic = %taken.partition.topic, partition = taken.partition.partition, lost, "gave up a source");
        }
    }
}
