//! Something a person should be told.
//!
//! Made where a condition is measured, written to the ledger's outbox in the statement that records the fact. Holds
//! names and numbers, never a value of a person's data.

/// A condition that was met.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// What it is about, the same for the same trouble: `contract/hr.candidate/bad_ratio`.
    pub fingerprint: String,
    /// The condition: an expectation's id, `source_paused`, `run_failed`.
    pub condition: String,
    /// The contract or pipeline.
    pub about: String,
    /// What was measured.
    pub measured: Option<f64>,
    /// What it was held against.
    pub threshold: Option<f64>,
    /// The window it was measured over, as text: a delta, a slot.
    pub window: String,
    /// The alert target named in the file; `None` for all.
    pub target: Option<String>,
}
