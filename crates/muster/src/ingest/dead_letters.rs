//! The dead-letter topic: what the ledger lists as bad, published for others to read.
//!
//! A projection of the listed bad files and nothing else: [`super::Ingest`] starts one thread where a contract names a
//! dead-letter topic, committing rings it, and what it has published is known by a cursor a source in the ledger. The
//! cursor moves when all acknowledgements of a run of records have come, so a stop or a death at any moment loses
//! nothing and repeats at most one run; `muster-origin-*` and `muster-revision` tell repeats by.
//!
//! Several workers share the work source by source: whoever takes a source's lease in the ledger publishes it and gives
//! it back, and only the holder's word moves the cursor. It need not be the worker that ingests the source, so nothing
//! waits for a topic that was deleted or for a partition that nobody holds. A holder that died gives way when its lease
//! runs out. So in calm running every dead letter is published once, and a lease that ran out under a publisher that is
//! still alive costs a repeat, never a record.
//!
//! A source whose bad file is damaged, or holds a record too large for the topic, rests with an alert; the others go on.
//! A broker or ledger that does not answer is tried again, with growing rests.

mod letter;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use muster_batch::{Alert, AlertState};
use muster_spec::{Contract, Offset};
use muster_store::files;
use muster_store::ledger::dead_letters::{DeadLetterLease, DueBadFile};
use muster_stream::{Connection, Outgoing, Publisher, PublisherConfig, Topics};

use super::Shared;
use crate::failpoint;
use crate::reading::Reading;
use letter::{Letters, Origin};

/// How long a source is held without a sign of life.
const LEASE: Duration = Duration::from_secs(10);
/// How often a holder that waits gives one.
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// How often the ledger is looked at unasked: for what other workers left behind.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a source rests whose records cannot be published.
const FAULT_REST: Duration = Duration::from_mins(1);
/// The longest rest after the broker or the ledger failed.
const TRY_REST_MAX: Duration = Duration::from_secs(10);
/// How many files of a source are published before it is another's turn.
const FILES_AT_ONCE: u32 = 16;
/// How long the broker may take to say what a topic is, or to make it.
const TOPIC_LIMIT: Duration = Duration::from_secs(10);
/// How long acknowledgements are waited for between two looks at the clock.
const ACK_SLICE: Duration = Duration::from_millis(200);
/// After how long a record that no broker acknowledged is sent again.
const DELIVERY_LIMIT: Duration = Duration::from_secs(20);
/// The largest record: as large as one can have been received, with room for the headers that are added.
const RECORD_BYTES_MAX: u32 = 64 << 20;
/// How long a graceful stop may take to publish what was just committed.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Rung when there may be something to publish. Without a projection it is silent.
#[derive(Clone, Debug, Default)]
pub struct Bell(Option<SyncSender<()>>);

impl Bell {
    /// Has the projection look; it looks once however often it was rung meanwhile.
    pub fn ring(&self) {
        if let Some(bell) = &self.0 {
            let _ = bell.try_send(());
        }
    }
}

/// The projection at work.
pub struct DeadLetters {
    shared: Shared,
    contracts: Vec<Arc<Contract>>,
    bell: Bell,
    /// When it must have ended, once it is to end.
    stop: Arc<OnceLock<Instant>>,
    thread: std::thread::JoinHandle<()>,
}

impl DeadLetters {
    /// Starts publishing; `None` where no contract names a dead-letter topic.
    pub fn start(
        shared: &Shared,
        contracts: &[Arc<Contract>],
        connection: &Connection,
        topics: &Arc<Topics>,
    ) -> anyhow::Result<Option<Self>> {
        let projections: Vec<Projection> = contracts.iter().filter_map(Projection::of).collect();
        if projections.is_empty() {
            return Ok(None);
        }
        let (bell, rung) = sync_channel(1);
        let stop = Arc::new(OnceLock::new());
        let contracts = projections.iter().map(|of| Arc::clone(&of.contract)).collect();
        let projecting = Projecting {
            shared: shared.clone(),
            topics: Arc::clone(topics),
            connection: connection.clone(),
            publisher: None,
            stop: Arc::clone(&stop),
            projections,
        };
        let thread = super::spawn("muster-dead-letters", shared, move || projecting.run(&rung))?;
        Ok(Some(Self {
            shared: shared.clone(),
            contracts,
            bell: Bell(Some(bell)),
            stop,
            thread,
        }))
    }

    /// What committing rings.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Waits until everything that is listed now was published, sources that rest left out. Returns early when a stop
    /// is asked for.
    pub async fn wait_published(&self) {
        for contract in &self.contracts {
            loop {
                match self.shared.ledger.due_dead_letters(&contract.name).await {
                    Ok(due) if due.records_open == 0 => break,
                    Ok(_) => self.bell.ring(),
                    // The thread meets the same trouble and tells of it.
                    Err(error) => tracing::debug!(%error, "could not count due dead letters"),
                }
                tokio::select! {
                    () = self.shared.shutdown.asked() => return,
                    () = tokio::time::sleep(Duration::from_millis(100)) => {}
                }
            }
        }
    }

    /// Publishes what is listed, for a few seconds at most, and ends; what is left is published by whoever comes next.
    pub async fn stop(self) {
        let until = *self.stop.get_or_init(|| Instant::now() + STOP_LIMIT);
        self.bell.ring();
        while !self.thread.is_finished() {
            if Instant::now() > until + ACK_SLICE * 2 {
                tracing::warn!("dead letters are left to be published by the next worker");
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// One contract's dead letters.
struct Projection {
    contract: Arc<Contract>,
    dead_topic: String,
    /// How many partitions the dead-letter topic has, once that is known.
    partitions: Option<i32>,
    /// How long to rest after the next failure.
    rest: Duration,
    try_at: Instant,
}

impl Projection {
    fn of(contract: &Arc<Contract>) -> Option<Self> {
        Some(Self {
            contract: Arc::clone(contract),
            dead_topic: contract.dead_letter.as_ref()?.topic.clone(),
            partitions: None,
            rest: Duration::from_millis(200),
            try_at: Instant::now(),
        })
    }

    /// What `/readyz` calls it.
    fn part(&self) -> String {
        format!("dead letters of {}", self.contract.name)
    }
}

/// Why a source was not published to its end.
enum Trouble {
    /// Its own records cannot be published as things are.
    Source(String),
    /// Something around us failed.
    Around(anyhow::Error),
    /// Another worker has it, or it is time to end.
    GaveUp,
}

impl From<muster_stream::Error> for Trouble {
    fn from(error: muster_stream::Error) -> Self {
        if error.is_record_too_large() {
            return Self::Source("a record is larger than the dead-letter topic takes".to_owned());
        }
        Self::Around(error.into())
    }
}

/// The thread's state.
struct Projecting {
    shared: Shared,
    topics: Arc<Topics>,
    connection: Connection,
    publisher: Option<Publisher>,
    stop: Arc<OnceLock<Instant>>,
    projections: Vec<Projection>,
}

impl Projecting {
    fn run(mut self, rung: &Receiver<()>) {
        loop {
            // Read first: what was committed before the stop is then seen by the pass.
            let until = self.stop.get().copied();
            let done = self.pass();
            match until {
                Some(until) if done || Instant::now() >= until => return,
                Some(_) => std::thread::sleep(Duration::from_millis(50)),
                None => {
                    if let Err(RecvTimeoutError::Disconnected) = rung.recv_timeout(LOOK_EVERY) {
                        return;
                    }
                }
            }
        }
    }

    /// Publishes what is due and free, a source of each contract in turn; whether nothing of it is left.
    fn pass(&mut self) -> bool {
        let mut failed = false;
        loop {
            let mut took = false;
            for at in 0..self.projections.len() {
                if Instant::now() < self.projections[at].try_at {
                    failed = true;
                    continue;
                }
                match self.project(at) {
                    Ok(published) => {
                        took |= published;
                        self.worked(at);
                    }
                    Err(error) => {
                        failed = true;
                        self.failed(at, &format!("{error:#}"));
                    }
                }
            }
            if !took || !self.is_wanted() {
                return !failed;
            }
        }
    }

    fn worked(&mut self, at: usize) {
        let projection = &mut self.projections[at];
        projection.rest = Duration::from_millis(200);
        self.shared.readiness.ready(&projection.part());
    }

    /// The broker or the ledger failed: the contract's turn comes again after a rest.
    fn failed(&mut self, at: usize, error: &str) {
        let projection = &mut self.projections[at];
        projection.partitions = None;
        projection.try_at = Instant::now() + projection.rest;
        projection.rest = (projection.rest * 2).min(TRY_REST_MAX);
        let errors = &self.shared.metrics.errors;
        errors.with_label_values(&["dead_letters", "environment"]).inc();
        tracing::warn!(part = projection.part(), error, "trouble, trying again");
        self.shared.readiness.not_ready(&projection.part(), error);
    }

    /// Publishes one source of a contract; `false` where none is due and free.
    fn project(&mut self, at: usize) -> anyhow::Result<bool> {
        let (shared, contract) = (self.shared.clone(), Arc::clone(&self.projections[at].contract));
        let (ledger, name) = (&shared.ledger, &contract.name);
        let wait_for = &shared.runtime;
        let taken = wait_for.block_on(ledger.take_dead_letters(name, &shared.worker, LEASE))?;
        if let Some(held) = taken {
            let reading = wait_for.block_on(Reading::open(ledger, name, "dead letters"))?;
            let published = self.publish_source(at, held);
            drop(reading);
            if published.is_err() {
                // What is still under way in it must not arrive beside what is sent again.
                self.publisher = None;
            }
            match published {
                // After giving up another worker may hold the lease: then this does nothing.
                Ok(()) | Err(Trouble::GaveUp) => wait_for.block_on(ledger.release_dead_letters(held))?,
                Err(Trouble::Source(fault)) => {
                    shared
                        .metrics
                        .errors
                        .with_label_values(&["dead_letters", "source"])
                        .inc();
                    tracing::error!(source = %held.source, fault, "a source's dead letters rest");
                    let alert = alert(&contract, held, &fault);
                    wait_for.block_on(ledger.rest_dead_letters(held, &fault, FAULT_REST, alert))?;
                }
                Err(Trouble::Around(error)) => {
                    // Where the ledger is what failed, the lease runs out by itself.
                    let _ = wait_for.block_on(ledger.release_dead_letters(held));
                    return Err(error);
                }
            }
        }
        let due = wait_for.block_on(ledger.due_dead_letters(name))?;
        let lag = shared.metrics.dead_letter_lag.with_label_values(&[name.as_str()]);
        lag.set(due.records as i64);
        Ok(taken.is_some())
    }

    /// Publishes the next files of a source.
    fn publish_source(&mut self, at: usize, held: DeadLetterLease) -> Result<(), Trouble> {
        let listing = self.shared.ledger.due_bad_files(held.source, FILES_AT_ONCE);
        let due = self.shared.runtime.block_on(listing).map_err(around)?;
        for due in due {
            let opened = files::open(&*self.shared.files, &due.file, Some(&letter::COLUMNS)).map_err(unreadable)?;
            let mut runs = opened.peekable();
            while let Some(run) = runs.next() {
                let (sent, last) = self.publish_run(at, held, &due, &run.map_err(unreadable)?)?;
                let next = if runs.peek().is_none() {
                    due.to
                } else {
                    Offset(last.0 + 1)
                };
                failpoint::reach("dead_letters.published");
                self.advance(held, next)?;
                failpoint::reach("dead_letters.advanced");
                let contract = self.projections[at].contract.name.as_str();
                self.shared
                    .metrics
                    .dead_letters
                    .with_label_values(&[contract])
                    .inc_by(sent);
            }
        }
        Ok(())
    }

    /// Publishes a run of records and waits for their acknowledgements; how many were sent, and the last one's offset.
    fn publish_run(
        &mut self,
        at: usize,
        held: DeadLetterLease,
        due: &DueBadFile,
        rows: &RecordBatch,
    ) -> Result<(u64, Offset), Trouble> {
        failpoint::reach("dead_letters.publish");
        let damaged = || Trouble::Source(format!("`{}` has not a bad file's columns", due.file.path));
        let letters = Letters::read(rows).ok_or_else(damaged)?;
        let partitions = self.partitions(at, due)?;
        let origin = Origin::of(due);
        let topic = self.projections[at].dead_topic.clone();
        let publisher = self.publisher()?;
        let mut sent = 0;
        for row in letters.rows().filter(|&row| letters.offset(row) >= due.from.0) {
            let Some(headers) = letters.headers(row, &origin) else {
                tracing::debug!(source = %due.source, "a dead letter that was ingested is not published again");
                continue;
            };
            let lent: Vec<(&str, Option<&[u8]>)> =
                headers.iter().map(|(name, value)| (*name, value.as_deref())).collect();
            publisher.send(&Outgoing {
                topic: &topic,
                // A source's dead letters stay together and in order.
                partition: Some(due.partition % partitions),
                key: letters.key(row),
                payload: letters.payload(row),
                headers: &lent,
                timestamp_ms: None,
            })?;
            sent += 1;
        }
        self.wait_acknowledged(held, due.from)?;
        Ok((sent, Offset(letters.last_offset())))
    }

    /// Waits until everything that was sent is acknowledged, and holds the source meanwhile.
    fn wait_acknowledged(&mut self, held: DeadLetterLease, from: Offset) -> Result<(), Trouble> {
        let mut renewed = Instant::now();
        loop {
            match self.publisher()?.flush(ACK_SLICE) {
                Ok(_) => return Ok(()),
                Err(muster_stream::Error::TimedOut { .. }) if self.is_wanted() => {}
                Err(muster_stream::Error::TimedOut { .. }) => return Err(Trouble::GaveUp),
                Err(error) => return Err(error.into()),
            }
            if renewed.elapsed() >= RENEW_EVERY {
                renewed = Instant::now();
                self.advance(held, from)?;
            }
        }
    }

    /// Moves the cursor, and holds the source for another while.
    fn advance(&self, held: DeadLetterLease, next: Offset) -> Result<(), Trouble> {
        let advancing = self.shared.ledger.advance_dead_letters(held, next, LEASE);
        match self.shared.runtime.block_on(advancing) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Trouble::GaveUp),
            Err(error) => Err(around(error)),
        }
    }

    /// How many partitions the dead-letter topic has; makes it with as many as the source's topic.
    fn partitions(&mut self, at: usize, due: &DueBadFile) -> Result<i32, Trouble> {
        let projection = &mut self.projections[at];
        if let Some(partitions) = projection.partitions {
            return Ok(partitions);
        }
        let origin = self.topics.describe(&[&due.topic], TOPIC_LIMIT)?;
        // The topic may be gone by now; then its known partitions have to do.
        let like_origin = origin.get(&*due.topic).map_or(1, |facts| facts.partitions);
        let wanted = like_origin.max(due.partition + 1);
        let facts = self.topics.ensure(&projection.dead_topic, Some(wanted), TOPIC_LIMIT)?;
        let partitions = facts.partitions.max(1);
        projection.partitions = Some(partitions);
        Ok(partitions)
    }

    fn publisher(&mut self) -> Result<&Publisher, Trouble> {
        if self.publisher.is_none() {
            let mut config = PublisherConfig::new(self.connection.clone());
            "muster-dead-letters".clone_into(&mut config.client_id);
            config.delivery_timeout_ms = DELIVERY_LIMIT.as_millis() as u64;
            config.record_bytes_max = RECORD_BYTES_MAX;
            self.publisher = Some(Publisher::new(&config)?);
        }
        self.publisher.as_ref().ok_or(Trouble::GaveUp)
    }

    /// Whether there is time to go on.
    fn is_wanted(&self) -> bool {
        self.stop.get().is_none_or(|until| Instant::now() < *until)
    }
}

fn around(error: muster_store::Error) -> Trouble {
    Trouble::Around(error.into())
}

fn unreadable(error: muster_store::Error) -> Trouble {
    Trouble::Source(error.to_string())
}

/// An alert about a source whose dead letters cannot be published.
fn alert(contract: &Contract, held: DeadLetterLease, fault: &str) -> Alert {
    Alert {
        fingerprint: format!("contract/{}/dead_letters/{}", contract.name, held.source),
        condition: "dead_letters".to_owned(),
        about: contract.name.to_string(),
        state: AlertState::Firing,
        measured: None,
        threshold: None,
        window: fault.to_owned(),
        target: None,
    }
}
