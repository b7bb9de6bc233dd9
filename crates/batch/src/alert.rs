//! Something a person should be told, and the message that tells of it.
//!
//! An alert is made where a condition is measured and written to the ledger's outbox in the statement that records the
//! fact. The sender gathers alerts into messages. Both hold names and numbers, never a value of a person's data.

use muster_spec::{BatchId, RunId, TargetName};

/// A condition that was met, or that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// What it is about, the same for the same trouble: `contract/hr.candidate/bad_ratio`.
    pub fingerprint: String,
    /// The condition: an expectation's id, `source_paused`, `run_failed`.
    pub condition: String,
    /// The contract or pipeline.
    pub about: String,
    /// Whether the condition is met. One that is over is told of only where it was told that it is met.
    pub state: AlertState,
    /// What was measured.
    pub measured: Option<f64>,
    /// What it was held against.
    pub threshold: Option<f64>,
    /// The window it was measured over, as text: a delta, a slot.
    pub window: String,
    /// The alert target named in the file; `None` for all.
    pub target: Option<String>,
}

/// Whether an alert's condition is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertState {
    /// It is met: something is wrong.
    Firing,
    /// It was met and is no longer.
    Resolved,
}

impl AlertState {
    /// The word of the ledger and of messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// An alert as the outbox holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct RaisedAlert {
    /// The ledger's number.
    pub id: i64,
    /// The alert.
    pub alert: Alert,
    /// The batch whose commit raised it.
    pub batch: Option<BatchId>,
    /// The scoring run that raised it.
    pub run: Option<RunId>,
    /// When it was raised, microseconds since 1970-01-01 UTC.
    pub raised_at: i64,
}

/// Alerts that one target is told of at once. Every try to deliver it carries the same id and the same alerts.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertMessage {
    /// What the receiver knows repeated deliveries by: `msg_` and 32 digits.
    pub id: String,
    /// Who is told.
    pub target: TargetName,
    /// What its alerts agree in: `about=hr.candidate condition=bad_ratio`; empty where they agree in nothing.
    pub group: String,
    /// When it was made, microseconds since 1970-01-01 UTC.
    pub made_at: i64,
    /// Its alerts, in the order of their ids, at least one.
    pub alerts: Vec<RaisedAlert>,
}
