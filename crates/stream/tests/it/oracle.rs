//! A ledger in memory and a committer that obeys it: every event that was numbered is accounted for exactly once.
//!
//! The ledger does what the real one does: a token per source raised at each assignment, the next offset, and a commit
//! that is refused unless token and offset are the ledger's.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use muster_batch::RawBatch;
use muster_spec::{Offset, SourceId, TopicId};
use muster_stream::{AssignError, Assigner, PartitionRef, Received, Receiver, ReceiverConfig, Start, StartAt, Taken};

#[derive(Default)]
struct Row {
    source: i64,
    topic: String,
    token: u64,
    next: Option<i64>,
}

/// What a ledger would hold.
#[derive(Default)]
pub struct Ledger {
    rows: Mutex<BTreeMap<(TopicId, i32), Row>>,
    /// Event number to how often it was committed.
    events: Mutex<HashMap<u64, u32>>,
    broken: Mutex<Vec<String>>,
    pub fenced: AtomicU64,
}

impl Ledger {
    /// Commits a batch for whoever holds `token`; false when it is not the newest.
    fn commit(&self, batch: &RawBatch, token: u64) -> bool {
        let mut rows = self.rows.lock().unwrap();
        let row = rows.values_mut().find(|row| row.source == batch.source.0).unwrap();
        if row.token != token {
            self.fenced.fetch_add(1, Ordering::SeqCst);
            return false;
        }
        let next = Offset(row.next.unwrap_or(0));
        if !batch.delta.follows(next) {
            self.broken
                .lock()
                .unwrap()
                .push(format!("{} does not follow {next} in {}", batch.delta, batch.source));
        }
        let rising = batch.offsets.is_sorted_by(|one, two| one < two);
        if !rising || !batch.offsets.iter().all(|offset| batch.delta.contains(Offset(*offset))) {
            self.broken
                .lock()
                .unwrap()
                .push(format!("offsets outside of {} or not rising", batch.delta));
        }
        let mut events = self.events.lock().unwrap();
        for payload in batch.payloads.iter().flatten() {
            if let Some(number) = payload.first_chunk::<8>() {
                *events.entry(u64::from_le_bytes(*number)).or_default() += 1;
            }
        }
        row.next = Some(batch.delta.to.0);
        true
    }

    /// How many events were committed, each counted once.
    pub fn count(&self) -> usize {
        self.events.lock().unwrap().len()
    }

    pub fn sources(&self, topic: &str) -> usize {
        self.rows
            .lock()
            .unwrap()
            .values()
            .filter(|row| row.topic == topic)
            .count()
    }

    /// The sum of the next offsets of a topic's sources.
    pub fn offsets(&self) -> i64 {
        self.rows.lock().unwrap().values().filter_map(|row| row.next).sum()
    }

    /// Moves every source to an offset, as accepting a gap does.
    pub fn set_next(&self, next: i64) {
        for row in self.rows.lock().unwrap().values_mut() {
            row.next = Some(next);
        }
    }

    /// Another process takes everything: all tokens are raised.
    pub fn raise_all(&self) {
        for row in self.rows.lock().unwrap().values_mut() {
            row.token += 1;
        }
    }

    /// Every event from 0 on was committed once, and every delta met the one before.
    pub fn assert_clean(&self, events: u64) {
        let broken = self.broken.lock().unwrap();
        assert!(broken.is_empty(), "{broken:#?}");
        let found = self.events.lock().unwrap();
        let lost: Vec<u64> = (0..events)
            .filter(|number| !found.contains_key(number))
            .take(10)
            .collect();
        let doubled: Vec<_> = found.iter().filter(|(_, count)| **count != 1).take(10).collect();
        let foreign: Vec<_> = found.keys().filter(|number| **number >= events).take(10).collect();
        assert!(
            lost.is_empty() && doubled.is_empty() && foreign.is_empty(),
            "lost {lost:?}, doubled {doubled:?}, foreign {foreign:?}"
        );
    }
}

/// One process's side of the ledger.
pub struct Desk {
    pub ledger: Arc<Ledger>,
    held: Mutex<HashMap<(SourceId, u64), u64>>,
    pub fail_next: AtomicU32,
    pub start_paused: AtomicBool,
    pub assigned: AtomicU32,
    pub revoked: AtomicU32,
    pub took: Mutex<Duration>,
}

impl Desk {
    pub fn new(ledger: &Arc<Ledger>) -> Arc<Self> {
        Arc::new(Self {
            ledger: ledger.clone(),
            held: Mutex::default(),
            fail_next: AtomicU32::new(0),
            start_paused: AtomicBool::new(false),
            assigned: AtomicU32::new(0),
            revoked: AtomicU32::new(0),
            took: Mutex::default(),
        })
    }

    pub fn held(&self) -> Vec<SourceId> {
        self.held.lock().unwrap().keys().map(|(source, _)| *source).collect()
    }

    /// Commits unless the generation was revoked; what a fence refused is to be taken again.
    fn commit(&self, batch: &RawBatch, generation: u64) -> bool {
        let token = self.held.lock().unwrap().get(&(batch.source, generation)).copied();
        token.is_none_or(|token| self.ledger.commit(batch, token))
    }
}

impl Assigner for Desk {
    fn assign(&self, partitions: &[PartitionRef]) -> Result<Vec<Start>, AssignError> {
        if self.fail_next.load(Ordering::SeqCst) > 0 {
            self.fail_next.fetch_sub(1, Ordering::SeqCst);
            return Err(AssignError::new("the ledger is silent"));
        }
        std::thread::sleep(*self.took.lock().unwrap());
        let mut rows = self.ledger.rows.lock().unwrap();
        let mut starts = Vec::new();
        for partition in partitions {
            let new = rows.len() as i64 + 1;
            let row = rows
                .entry((partition.topic_id, partition.partition))
                .or_insert_with(|| Row {
                    source: new,
                    topic: partition.topic.to_string(),
                    ..Row::default()
                });
            row.token += 1;
            let source = SourceId(row.source);
            self.held
                .lock()
                .unwrap()
                .insert((source, partition.generation), row.token);
            starts.push(Start {
                source,
                next: row.next.map_or(StartAt::Earliest, |next| StartAt::Offset(Offset(next))),
                paused: self.start_paused.load(Ordering::SeqCst),
            });
        }
        self.assigned.fetch_add(partitions.len() as u32, Ordering::SeqCst);
        Ok(starts)
    }

    fn revoke(&self, partitions: &[Taken], _: bool) {
        let mut held = self.held.lock().unwrap();
        for taken in partitions {
            assert!(
                held.remove(&(taken.source, taken.partition.generation)).is_some(),
                "revoked and not held: {taken:?}"
            );
        }
        self.revoked.fetch_add(partitions.len() as u32, Ordering::SeqCst);
    }
}

/// A process that ingests: a receiver, and a thread that commits what comes.
pub struct Process {
    pub receiver: Arc<Receiver>,
    pub desk: Arc<Desk>,
    /// All events but batches, as text.
    pub told: Arc<Mutex<Vec<String>>>,
    pub batches: Arc<Mutex<Vec<RawBatch>>>,
    pub stalled: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Process {
    pub fn start(config: ReceiverConfig, desk: Arc<Desk>) -> Self {
        let (receiver, mut events) = Receiver::start(config, desk.clone()).unwrap();
        let receiver = Arc::new(receiver);
        let told = Arc::new(Mutex::new(Vec::new()));
        let batches = Arc::new(Mutex::new(Vec::new()));
        let stalled = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (receiver, desk, told) = (Arc::downgrade(&receiver), desk.clone(), told.clone());
            let (batches, stalled) = (batches.clone(), stalled.clone());
            move || {
                while let Some(event) = events.blocking_recv() {
                    while stalled.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    match event {
                        Received::Batch { batch, generation } => {
                            if desk.commit(&batch, generation) {
                                batches.lock().unwrap().push(batch);
                            } else if let Some(receiver) = receiver.upgrade() {
                                receiver.retake(batch.source);
                            }
                        }
                        other => told.lock().unwrap().push(format!("{other:?}")),
                    }
                }
            }
        });
        Self {
            receiver,
            desk,
            told,
            batches,
            stalled,
            thread: Some(thread),
        }
    }

    pub fn was_told(&self, what: &str) -> bool {
        self.told.lock().unwrap().iter().any(|event| event.contains(what))
    }

    /// Leaves the group and waits for everything to end; how long leaving took.
    pub fn stop(mut self) -> Duration {
        let begun = Instant::now();
        self.receiver.stop(Duration::from_secs(15)).unwrap();
        let took = begun.elapsed();
        self.thread.take().unwrap().join().unwrap();
        took
    }
}

/// Waits until `reached`, at most so many seconds; panics with `what` then.
#[track_caller]
pub fn wait_until(secs: u64, what: &str, reached: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(secs);
    while !reached() {
        assert!(Instant::now() < end, "not within {secs} s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
