//! One scored row.
//!
//! Made by `model` and `muster score`, written by `store` in the transaction that marks its claim.

use std::sync::Arc;

use muster_spec::{BatchId, ModelVersion, Offset, SourceId};

/// A score with what is needed to explain and trace it.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The probability of the positive class, 0 to 1.
    pub score: f64,
    /// The band the score falls in.
    pub band: Arc<str>,
    /// Contributions, largest first by size; `None` where reasons are made on demand.
    pub reasons: Option<Vec<Reason>>,
    /// The model that scored.
    pub model: ModelVersion,
    /// The entity's key as text.
    pub entity: Option<String>,
    /// What was scored.
    pub cause: Cause,
}

/// What made a prediction due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A row: its position.
    Row(SourceId, Offset),
    /// An entity named by a batch, as of a time in microseconds since 1970-01-01 UTC.
    Entity(BatchId, i64),
}

/// What one feature added to the raw score.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The feature's name.
    pub feature: Arc<str>,
    /// Its contribution in log-odds.
    pub contribution: f64,
}
