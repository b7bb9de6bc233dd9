//! Ingest: Kafka to the ledger.
//!
//! Started by `muster ingest`, `serve` and `demo`. Three threads and a task, joined by bounded channels:
//!
//! ```text
//! receive ──8──► decode, judge ──4──► seal ──2──► commit
//! ```
//!
//! Beside them a thread publishes dead letters from what the ledger lists, and a task looks at windows of drift.
//!
//! Receiving is the group's member and never waits for the others; a full channel holds records back at the broker.
//! Offsets come from the ledger alone. A source that is revoked, fenced or paused dies at once for every stage, and what
//! was not committed is dropped and read again.

pub mod assignments;
pub mod committing;
pub mod dead_letters;
pub mod drift;
pub mod drift_windows;
mod judging;
mod keys;
pub mod pausing;
pub mod progress;
pub mod schemas;
pub mod sealing;
mod watching;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use muster_registry::Registry;
use muster_spec::{Contract, Offset};
use muster_store::{FileStore, Ledger};
use muster_stream::{Connection, Receiver, ReceiverConfig, Topics};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::http::{Process, Readiness};
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;
use assignments::{Assignments, Beginning, LedgerAssigner};
use committing::Committing;
use dead_letters::DeadLetters;
use drift::Baselines;
use drift_windows::{DriftPlan, DriftWindows};
use judging::Judging;
pub use judging::longest_window;
use pausing::{Pausing, SharedReceiver, tell};
use progress::Progress;
use schemas::Schemas;
use sealing::{SealLimits, Sealing};

/// How many received batches wait for judging.
pub const RECEIVED_CAPACITY: usize = muster_stream::RECEIVED_CAPACITY;
/// How many judged batches wait for sealing.
pub const JUDGED_CAPACITY: usize = 4;
/// How many sealed batches wait for the commit.
pub const SEALED_CAPACITY: usize = 2;

/// How often everything open is sealed while ends are waited for that may never be seen, because records keep coming.
const ENDLESS_SEAL: Duration = Duration::from_secs(2);

/// How long leaving the group may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

/// What every part of ingest needs. Cloning shares it.
#[derive(Clone)]
pub struct Shared {
    /// The ledger, with ingest's rights.
    pub ledger: Ledger,
    /// Where files are sealed.
    pub files: Arc<dyn FileStore>,
    /// What is counted.
    pub metrics: Metrics,
    /// Which parts can work.
    pub readiness: Readiness,
    /// Whether the process is asked to stop.
    pub shutdown: Shutdown,
    /// Answers for threads that are not the runtime's.
    pub runtime: Handle,
    /// Who this process is, for people who read the ledger.
    pub worker: String,
    /// Set to have everything open sealed now.
    pub seal_asked: Arc<AtomicBool>,
    /// Set to have a source's open batch sealed as soon as its log was read to the end.
    pub seal_at_ends: Arc<AtomicBool>,
    /// Records committed by this process.
    pub rows_committed: Arc<AtomicU64>,
    /// How far ingest is.
    pub progress: Progress,
    failure: Arc<OnceLock<String>>,
}

impl Shared {
    /// What the parts share.
    pub fn new(ledger: Ledger, files: Arc<dyn FileStore>, process: Process) -> Self {
        let Process {
            metrics,
            readiness,
            shutdown,
        } = process;
        Self {
            ledger,
            files,
            metrics,
            readiness,
            shutdown,
            runtime: Handle::current(),
            worker: crate::worker::name(),
            seal_asked: Arc::default(),
            seal_at_ends: Arc::default(),
            rows_committed: Arc::default(),
            progress: Progress::default(),
            failure: Arc::default(),
        }
    }

    /// Something that cannot be tried again: the process drains and ends with this reason.
    pub fn fail(&self, reason: String) {
        tracing::error!(reason, "cannot go on");
        // The first reason is the one to tell.
        let _ = self.failure.set(reason);
        self.shutdown.ask();
    }

    /// Why the process cannot go on, if it cannot.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Something around us failed and is tried again: the process is not ready until the same stage says it is.
    pub fn trouble(&self, stage: &str, error: &str) {
        self.metrics.errors.with_label_values(&[stage, "environment"]).inc();
        self.readiness.not_ready(stage, error);
        tracing::warn!(stage, error, "trouble, trying again");
    }

    /// A source was paused, or goes on.
    pub fn paused(&self, topic: &Arc<str>, partition: i32, paused: bool) {
        self.metrics
            .paused
            .with_label_values(&[&**topic, &partition.to_string()])
            .set(i64::from(paused));
        self.progress.paused(topic, partition, paused);
    }
}

/// Tries `work` until it works, with growing rests; `None` when it is no longer wanted.
pub fn patiently<T>(
    shared: &Shared,
    stage: &str,
    wanted: impl Fn() -> bool,
    mut work: impl FnMut() -> anyhow::Result<T>,
) -> Option<T> {
    let mut rest = Duration::from_millis(100);
    loop {
        match work() {
            Ok(done) => {
                shared.readiness.ready(stage);
                return Some(done);
            }
            Err(error) => shared.trouble(stage, &format!("{error:#}")),
        }
        if !wanted() || shared.shutdown.is_asked() {
            // Nobody waits for it any more.
            shared.readiness.ready(stage);
            return None;
        }
        std::thread::sleep(rest);
        rest = (rest * 2).min(Duration::from_secs(5));
    }
}

/// What ingest works on.
pub struct Plan {
    /// The contracts whose topics are received.
    pub contracts: Vec<Arc<Contract>>,
    /// Kafka.
    pub connection: Connection,
    /// How it is received: group, protocol, limits.
    pub receiver: ReceiverConfig,
    /// When batches are sealed.
    pub limits: SealLimits,
    /// Where a source begins that the ledger does not know.
    pub unknown: Beginning,
    /// The schema registry, if there is one.
    pub registry: Option<Registry>,
    /// What is measured for drift.
    pub drift: DriftPlan,
}

/// Ingest at work.
pub struct Ingest {
    shared: Shared,
    receiver: SharedReceiver,
    topics: Arc<Topics>,
    contracts: Vec<Arc<Contract>>,
    threads: Vec<std::thread::JoinHandle<()>>,
    committing: JoinHandle<()>,
    watching: JoinHandle<()>,
    drift: Arc<tokio::sync::Mutex<DriftWindows>>,
    looking: JoinHandle<()>,
    dead_letters: Option<DeadLetters>,
}

impl Ingest {
    /// Joins the group and starts the stages.
    pub async fn start(shared: Shared, plan: Plan) -> anyhow::Result<Self> {
        for contract in &plan.contracts {
            shared.metrics.expect_contract(contract);
            shared
                .ledger
                .keep_contract(contract)
                .await
                .context("could not keep a contract in the ledger")?;
            keep_schemas(&shared.ledger, contract).await?;
        }
        let topics = Arc::new(Topics::new(&plan.connection)?);
        let assignments = Assignments::default();
        let assigner = LedgerAssigner {
            shared: shared.clone(),
            contracts: by_topic(&plan.contracts)?,
            topics: Arc::clone(&topics),
            assignments: assignments.clone(),
            unknown: plan.unknown,
        };
        let receiver_config = ReceiverConfig {
            capacity: RECEIVED_CAPACITY,
            ..plan.receiver
        };
        let (receiver, received) =
            Receiver::start(receiver_config, Arc::new(assigner)).context("could not join Kafka")?;
        let receiver: SharedReceiver = Arc::new(Mutex::new(Some(receiver)));
        let pausing = Pausing::new(shared.clone(), Arc::clone(&receiver));
        let (to_seal, verdicts) = std::sync::mpsc::sync_channel(JUDGED_CAPACITY);
        let (to_commit, sealed) = tokio::sync::mpsc::channel(SEALED_CAPACITY);
        let schemas = Schemas::new(shared.clone(), plan.registry);
        let judging = Judging::new(
            shared.clone(),
            &plan.contracts,
            assignments,
            schemas,
            pausing.clone(),
            to_seal,
        )?;
        let baselines = Baselines::default();
        let mut drift = DriftWindows::new(shared.clone(), plan.drift, baselines.clone())?;
        // The first batch is measured as every other.
        drift.find_champions().await;
        let drift = Arc::new(tokio::sync::Mutex::new(drift));
        let sealing = Sealing::new(shared.clone(), plan.limits, pausing.clone(), baselines, to_commit);
        let dead_letters = DeadLetters::start(&shared, &plan.contracts, &plan.connection, &topics)?;
        let committing = Committing::new(
            shared.clone(),
            pausing.clone(),
            Arc::clone(&receiver),
            Arc::clone(&topics),
            dead_letters.as_ref().map(DeadLetters::bell).unwrap_or_default(),
        );
        let threads = vec![
            spawn("muster-judge", &shared, move || judging.run(received))?,
            spawn("muster-seal", &shared, move || sealing.run(&verdicts))?,
        ];
        let watching = tokio::spawn(watching::run(watching::Watched {
            shared: shared.clone(),
            pausing,
            receiver: Arc::clone(&receiver),
            topics: Arc::clone(&topics),
            names: plan.contracts.iter().map(|contract| contract.topic.clone()).collect(),
        }));
        let committing = tokio::spawn(committing.run(sealed));
        Ok(Self {
            shared,
            receiver,
            topics,
            contracts: plan.contracts,
            threads,
            committing,
            watching,
            looking: tokio::spawn(drift_windows::run(Arc::clone(&drift))),
            drift,
            dead_letters,
        })
    }

    /// Seals everything that is open now.
    pub fn seal_now(&self) {
        self.shared.seal_asked.store(true, Ordering::Release);
    }

    /// Looks champions up now, so that the next batch is held against one that was trained just before.
    pub async fn find_champions(&self) {
        self.drift.lock().await.find_champions().await;
    }

    /// Waits until everything that is in the topics now is committed or its source paused. Sources are sealed as soon as
    /// they are read to their ends, and where records keep coming, every now and then. Returns early when a stop is asked
    /// for.
    pub async fn wait_committed(&self) -> anyhow::Result<()> {
        let topics = Arc::clone(&self.topics);
        let names: Vec<String> = self.contracts.iter().map(|contract| contract.topic.clone()).collect();
        let ends = tokio::task::spawn_blocking(move || ends(&topics, &names)).await??;
        self.shared.seal_at_ends.store(true, Ordering::Release);
        tokio::select! {
            () = self.shared.progress.wait_committed(&ends) => {}
            () = self.shared.shutdown.asked() => {}
            () = self.seal_now_and_then() => {}
        }
        self.shared.seal_at_ends.store(false, Ordering::Release);
        Ok(())
    }

    async fn seal_now_and_then(&self) {
        loop {
            tokio::time::sleep(ENDLESS_SEAL).await;
            self.seal_now();
        }
    }

    /// Waits until every dead letter that the ledger lists now was published, those of sources that rest after a fault
    /// left out. Returns early when a stop is asked for.
    pub async fn wait_published(&self) {
        if let Some(dead_letters) = &self.dead_letters {
            dead_letters.wait_published().await;
        }
    }

    /// Drains: what was received is judged, sealed and committed, the group is left, and dead letters are published for
    /// a few seconds at most.
    pub async fn stop(self) -> anyhow::Result<()> {
        tell(&self.receiver, Receiver::drain);
        self.shared.progress.wait_drained().await;
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let left = tokio::task::spawn_blocking(move || {
            let left = receiver.map_or(Ok(()), |receiver| receiver.stop(LEAVE_LIMIT));
            for thread in self.threads {
                // A thread that panicked said so on its way out.
                let _ = thread.join();
            }
            left
        });
        if let Err(error) = left.await? {
            tracing::warn!(%error, "did not leave the group in time");
        }
        self.committing.await?;
        self.watching.abort();
        // What the last commits brought is looked at before the end.
        self.looking.abort();
        self.drift.lock().await.look().await;
        if let Some(dead_letters) = self.dead_letters {
            dead_letters.stop().await;
        }
        match self.shared.failure() {
            Some(reason) => anyhow::bail!("{reason}"),
            None => Ok(()),
        }
    }
}

/// A stage's thread; one that panics ends the process's work, not silently its own.
fn spawn(
    name: &str,
    shared: &Shared,
    work: impl FnOnce() + Send + 'static,
) -> anyhow::Result<std::thread::JoinHandle<()>> {
    let shared = shared.clone();
    let told = name.to_owned();
    let guarded = move || {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
            shared.fail(format!("the thread `{told}` panicked"));
            shared.progress.drained();
        }
    };
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(guarded)
        .context("could not start a thread")
}

/// The contracts by topic; two contracts of one topic are refused.
pub fn by_topic(contracts: &[Arc<Contract>]) -> anyhow::Result<HashMap<String, Arc<Contract>>> {
    let mut by_topic: HashMap<String, Arc<Contract>> = HashMap::new();
    for contract in contracts {
        if let Some(other) = by_topic.insert(contract.topic.clone(), Arc::clone(contract)) {
            anyhow::bail!(
                "contracts `{}` and `{}` have the same topic `{}`",
                other.name,
                contract.name,
                contract.topic
            );
        }
    }
    Ok(by_topic)
}

/// Keeps every schema a contract brings, so that its bytes decode years later.
async fn keep_schemas(ledger: &Ledger, contract: &Contract) -> anyhow::Result<()> {
    let all_text = muster_spec::all_text_schema(contract);
    let listed = contract.writers.iter().map(|(_, text)| text);
    for text in [&contract.schema_text, &all_text].into_iter().chain(listed) {
        ledger
            .keep_schema("", muster_spec::schema_id(text), text)
            .await
            .context("could not keep a schema")?;
    }
    Ok(())
}

/// Where each partition of the topics ends now; topics that are not there have none.
fn ends(topics: &Topics, names: &[String]) -> anyhow::Result<Vec<(Arc<str>, i32, Offset)>> {
    const LIMIT: Duration = Duration::from_secs(10);
    let asked: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut ends = Vec::new();
    for (topic, facts) in topics.describe(&asked, LIMIT)? {
        let topic: Arc<str> = topic.into();
        for partition in 0..facts.partitions {
            let (first, end) = topics.watermarks(&topic, partition, LIMIT)?;
            // A log without records has nothing to wait for.
            if end > first {
                ends.push((Arc::clone(&topic), partition, end));
            }
        }
    }
    Ok(ends)
}

#[cfg(test)]
#[path = "ingest_tests.rs"]
mod tests;
