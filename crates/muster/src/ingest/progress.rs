//! How far ingest is, for those who wait on it: publishers that must not run ahead, commands that end when all is
//! committed, the metric of lag.
//!
//! Written by committing, read by `ingest --once`, `demo` and `publish` on the mock broker. Holds only what the ledger
//! has confirmed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use muster_spec::Offset;
use tokio::sync::watch;

use super::assignments::Assignment;

#[derive(Debug, Default)]
struct State {
    committed: HashMap<(Arc<str>, i32), Offset>,
    paused: HashSet<(Arc<str>, i32)>,
    drained: bool,
}

/// How far ingest is. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Progress {
    state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<u64>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            changed: Arc::new(watch::channel(0).0),
        }
    }
}

impl Progress {
    /// Everything before `next` was committed.
    pub fn committed(&self, assignment: &Assignment, next: Offset) {
        self.with(|state| {
            state
                .committed
                .insert((Arc::clone(&assignment.topic), assignment.partition), next);
        });
    }

    /// A partition is paused, or goes on.
    pub fn paused(&self, topic: &Arc<str>, partition: i32, paused: bool) {
        self.with(|state| {
            let key = (Arc::clone(topic), partition);
            if paused {
                state.paused.insert(key)
            } else {
                state.paused.remove(&key)
            };
        });
    }

    /// Up to where a partition was committed by this process; `None` before it committed or caught up.
    pub fn next(&self, topic: &Arc<str>, partition: i32) -> Option<Offset> {
        self.look(|state| state.committed.get(&(Arc::clone(topic), partition)).copied())
    }

    /// The partitions that are paused.
    pub fn all_paused(&self) -> HashSet<(Arc<str>, i32)> {
        self.look(|state| state.paused.clone())
    }

    /// Everything that was received was committed or dropped.
    pub fn drained(&self) {
        self.with(|state| state.drained = true);
    }

    /// Waits until everything that was received was committed or dropped.
    pub async fn wait_drained(&self) {
        self.wait(|state| state.drained.then_some(())).await;
    }

    /// Waits until the partitions given as (topic, partition, end) are committed up to their ends, or paused.
    pub async fn wait_committed(&self, ends: &[(Arc<str>, i32, Offset)]) {
        self.wait(|state| {
            let reached = |(topic, partition, end): &(Arc<str>, i32, Offset)| {
                let key = (Arc::clone(topic), *partition);
                state.paused.contains(&key) || state.committed.get(&key).is_some_and(|committed| committed >= end)
            };
            ends.iter().all(reached).then_some(())
        })
        .await;
    }

    /// Told at every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|count| *count += 1);
    }

    async fn wait<T>(&self, mut look: impl FnMut(&State) -> Option<T>) -> T {
        let mut changes = self.changes();
        loop {
            if let Some(found) = self.look(&mut look) {
                return found;
            }
            // The sender lives as long as `self`, so waiting cannot fail.
            let _ = changes.changed().await;
        }
    }
}
