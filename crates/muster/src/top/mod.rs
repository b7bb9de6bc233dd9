//! `muster top` at work: what stands where, looked at again and again.
//!
//! The ledger says what was received and what became of it, which runs there were and what fires; the workers' `/metrics`
//! say how far each source lags, which only they know. Nothing is written and nobody waits for it. A ledger or a worker
//! that does not answer is said so, with since when; what was known of the ledger stays on the screen, marked as old.

pub mod entries;
pub mod plain;
mod screen;
mod terminal;
#[cfg(test)]
mod test_known;
mod view;
pub mod workers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use muster_store::Ledger;
use muster_store::ledger::standing::Standing;

use crate::schedule::Slots;
pub use terminal::{is_there, watch};
use workers::{Worker, Workers};

/// How long the ledger may take to answer before it counts as down.
const LEDGER_LIMIT: Duration = Duration::from_secs(5);

/// What is known at a moment.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The ledger as it was when it last answered.
    pub standing: Standing,
    /// Why it does not answer now, if it does not.
    pub down: Option<Down>,
    /// The workers asked.
    pub workers: Vec<Worker>,
    /// Each pipeline's next slot, where its schedule is known.
    pub next_slots: BTreeMap<String, Option<DateTime<Utc>>>,
    /// How long ago the ledger answered.
    pub age: Duration,
}

/// The ledger does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// Since when.
    pub since: DateTime<Utc>,
    /// What went wrong.
    pub reason: String,
}

impl Known {
    /// Now, by the database's clock.
    pub fn now(&self) -> Option<DateTime<Utc>> {
        self.standing.at.map(|at| at + self.age)
    }

    /// How many of the workers asked answer.
    pub fn answering(&self) -> usize {
        self.workers.iter().filter(|worker| worker.told.is_ok()).count()
    }
}

/// Looks at the ledger and at the workers.
pub struct Looker {
    ledger: Ledger,
    workers: Workers,
    /// The schedules of the project's pipelines.
    slots: BTreeMap<String, Slots>,
    known: Known,
    answered: Option<Instant>,
}

impl Looker {
    /// One that has not looked yet.
    pub fn new(ledger: Ledger, workers: Workers, slots: BTreeMap<String, Slots>) -> Self {
        Self {
            ledger,
            workers,
            slots,
            known: Known::default(),
            answered: None,
        }
    }

    /// Looks once. What goes wrong is part of what is known.
    pub async fn look(&mut self) -> &Known {
        let looked = tokio::time::timeout(LEDGER_LIMIT, self.ledger.look(&mut self.known.standing));
        let (looked, workers) = tokio::join!(looked, self.workers.ask());
        self.known.workers = workers;
        let reason = match looked {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer in {} s", LEDGER_LIMIT.as_secs())),
        };
        match reason {
            None => {
                self.known.down = None;
                self.answered = Some(Instant::now());
            }
            Some(reason) => {
                let since = self.known.down.take().map_or_else(Utc::now, |down| down.since);
                self.known.down = Some(Down { since, reason });
            }
        }
        self.known.age = self.answered.map_or(Duration::ZERO, |answered| answered.elapsed());
        let now = Utc::now();
        let next = |(pipeline, slots): (&String, &Slots)| (pipeline.clone(), slots.after(now));
        self.known.next_slots = self.slots.iter().map(next).collect();
        &self.known
    }
}
