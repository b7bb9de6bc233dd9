//! Pausing one source: in the ledger with an alert, at the receiver, and for every stage at once.
//!
//! Used by judging and committing. The other sources go on. What was received and not committed is dropped, so that
//! after `muster resume` it is read again from the ledger's next offset. A source with too much bad is paused by
//! committing, behind what was judged of it: else it would stop at the same rows each time it is resumed.

use std::sync::{Arc, Mutex, PoisonError};

use muster_batch::Alert;
use muster_spec::SourceId;
use muster_stream::Receiver;

use super::assignments::Assignment;
use super::{Shared, patiently};

/// The receiver's handle, shared by the parts that give it orders.
pub type SharedReceiver = Arc<Mutex<Option<Receiver>>>;

/// Gives the receiver an order, if it still runs.
pub fn tell(receiver: &SharedReceiver, order: impl FnOnce(&Receiver)) {
    if let Some(receiver) = receiver.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
        order(receiver);
    }
}

/// A pause that waits until what was judged before it is committed.
pub struct PauseDue {
    /// Whose.
    pub assignment: Arc<Assignment>,
    /// What people see.
    pub reason: String,
    /// Who is told.
    pub alert: Alert,
}

/// Pauses sources.
#[derive(Clone)]
pub struct Pausing {
    shared: Shared,
    receiver: SharedReceiver,
}

impl Pausing {
    /// One that tells this receiver.
    pub fn new(shared: Shared, receiver: SharedReceiver) -> Self {
        Self { shared, receiver }
    }

    /// Receives no more of a source.
    pub fn hold(&self, assignment: &Assignment) {
        tell(&self.receiver, |receiver| receiver.pause(assignment.source));
    }

    /// Pauses a source with the reason people see; waits until the ledger knows it.
    pub fn pause(&self, assignment: &Assignment, reason: &str, alert: Alert) {
        self.hold(assignment);
        let alerts = [alert];
        let paused = patiently(
            &self.shared,
            "pause",
            || assignment.is_alive(),
            || {
                let pausing = self
                    .shared
                    .ledger
                    .pause(assignment.source, Some(assignment.token), reason, &alerts);
                self.shared.runtime.block_on(pausing).map_err(anyhow::Error::from)
            },
        );
        assignment.end();
        match paused {
            Some(true) => {}
            // The token was raised under us: whoever holds the source now finds the same.
            Some(false) => return self.retake(assignment.source),
            // It ended meanwhile, or the process does.
            None => return,
        }
        self.shared.paused(&assignment.topic, assignment.partition, true);
        tracing::warn!(topic = %assignment.topic, partition = assignment.partition, reason, "paused a source");
    }

    /// Asks for a source again, from where the ledger is.
    pub fn retake(&self, source: SourceId) {
        tell(&self.receiver, |receiver| receiver.retake(source));
    }
}
