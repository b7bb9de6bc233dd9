//! The commit: files, counts, violations, alerts and next offsets of several sources, visible in one statement.
//!
//! Called by ingest after the seal. A source that fails its fence is left out and reported; the others go in. When
//! the answer is lost the attempt is resolved under its sources' locks: what is absent then can never come, because
//! the tokens it was made under are raised in the same transaction.

use std::borrow::Borrow;

use muster_batch::{Alert, DriftCounts};
use muster_spec::{BatchId, Offset, OffsetDelta, Revision, SourceId, Token};
use serde::Deserialize;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Ledger, wire};
use crate::error::Error;
use crate::files::Sealed;

/// The client's name for one commit, chosen before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt(pub Uuid);

impl Attempt {
    /// A name never used before.
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

/// One batch to commit.
#[derive(Clone, Debug)]
pub struct BatchCommit {
    /// What was sealed: files, counts, rules.
    pub sealed: Sealed,
    /// The revision its verdicts were judged against.
    pub revision: Revision,
    /// What was measured on it.
    pub statistics: Vec<Statistic>,
    /// What people should be told.
    pub alerts: Vec<Alert>,
    /// The features of its good rows, for each pipeline that is measured for drift.
    pub drift: Vec<DriftCounts>,
}

/// A number measured on a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistic {
    /// What was measured: an expectation's measure.
    pub measure: String,
    /// The column; empty for the batch as a whole.
    pub field: String,
    /// The value; one that is not finite is not kept.
    pub value: f64,
}

/// What became of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the ledger.
    Committed {
        /// Its source.
        source: SourceId,
        /// Its delta.
        delta: OffsetDelta,
        /// Its number.
        batch: BatchId,
        /// The contract's version it was committed as.
        version: i64,
    },
    /// It is not, and never will be under this attempt.
    Fenced {
        /// Its source.
        source: SourceId,
        /// Its delta.
        delta: OffsetDelta,
        /// What it failed on.
        fence: Fence,
        /// The source's next offset now.
        next_offset: Option<Offset>,
        /// The source's revision now.
        revision: Option<Revision>,
    },
}

impl Outcome {
    /// The batch's source.
    pub fn source(&self) -> SourceId {
        match self {
            Self::Committed { source, .. } | Self::Fenced { source, .. } => *source,
        }
    }

    /// Whether it went in.
    pub fn is_committed(&self) -> bool {
        matches!(self, Self::Committed { .. })
    }
}

/// What a batch failed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fence {
    /// The source passed to another writer: drop everything, take it again if it is still ours.
    Token,
    /// The batch does not begin at the source's next offset.
    Offset,
    /// Verdicts changed since it was judged: load those keys and judge again.
    Revision,
    /// The ledger knows no such source.
    Unknown,
}

impl Fence {
    /// The word in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Offset => "offset",
            Self::Revision => "revision",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of an attempt whose answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// It happened: this is what it answered.
    Happened(Vec<Outcome>),
    /// It never will. These sources were still ours and go on under these tokens; files under the old ones are dead.
    Never(Vec<Raised>),
}

/// A source whose token was raised under its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Raised {
    /// The source.
    pub source: SourceId,
    /// Its new token.
    pub token: Token,
    /// Where to read on.
    pub next_offset: Option<Offset>,
    /// What verdicts are judged against.
    pub revision: Revision,
}

#[derive(Deserialize)]
struct WireOutcome {
    source: i64,
    from: i64,
    to: i64,
    batch: Option<i64>,
    version: Option<i64>,
    fenced: Option<Fence>,
    next_offset: Option<i64>,
    revision: Option<i64>,
}

#[derive(Deserialize)]
struct WireResolved {
    outcomes: Option<Vec<WireOutcome>>,
    raised: Option<Vec<Raised>>,
}

impl Ledger {
    /// Commits batches of several sources and says what became of each. [`Error::OutcomeUnknown`] when the answer was
    /// lost: then [`Ledger::resolve`], with the same batches, until it answers. After any other error nothing was
    /// written.
    pub async fn commit<B: Borrow<BatchCommit> + Sync>(
        &self,
        attempt: Attempt,
        batches: &[B],
    ) -> Result<Vec<Outcome>, Error> {
        const SQL: &str = "SELECT commit_batches($1, $2)";
        let mut session = self.session("commit").await?;
        let given: Vec<_> = batches
            .iter()
            .map(|batch| wire::batch(batch.borrow(), self.tenant()))
            .collect();
        let answer = session.row(SQL, &[&attempt.0, &Json(&given)]).await;
        let row = answer.map_err(|error| lost(error, attempt))?;
        let Json(outcomes) = row
            .try_get::<_, Json<Vec<WireOutcome>>>(0)
            .map_err(|error| Error::Answer(error.to_string()))?;
        outcomes.iter().map(outcome).collect()
    }

    /// What became of an attempt whose answer was lost. May be asked as often as needed.
    pub async fn resolve(&self, attempt: Attempt, held: &[(SourceId, Token)], worker: &str) -> Result<Resolved, Error> {
        const SQL: &str = "SELECT resolve_attempt($1, $2, $3, $4)";
        let sources: Vec<i64> = held.iter().map(|(source, _)| source.0).collect();
        let tokens: Vec<Uuid> = held.iter().map(|(_, token)| token.0).collect();
        let mut session = self.session("resolve a commit").await?;
        let row = session.row(SQL, &[&attempt.0, &sources, &tokens, &worker]).await?;
        let Json(resolved) = row
            .try_get::<_, Json<WireResolved>>(0)
            .map_err(|error| Error::Answer(error.to_string()))?;
        match resolved {
            WireResolved {
                outcomes: Some(outcomes),
                ..
            } => Ok(Resolved::Happened(
                outcomes.iter().map(outcome).collect::<Result<_, _>>()?,
            )),
            WireResolved { raised, .. } => Ok(Resolved::Never(raised.unwrap_or_default())),
        }
    }
}

/// The error of a commit whose answer did not come: the connection was there and the statement may have been sent.
pub(super) fn lost(error: Error, attempt: Attempt) -> Error {
    match error {
        Error::Unreachable { reason, .. } => Error::OutcomeUnknown {
            attempt: attempt.0,
            reason,
        },
        other => other,
    }
}

fn outcome(given: &WireOutcome) -> Result<Outcome, Error> {
    let source = SourceId(given.source);
    let delta = OffsetDelta::new(Offset(given.from), Offset(given.to));
    match (given.batch, given.version, given.fenced) {
        (Some(batch), Some(version), None) => Ok(Outcome::Committed {
            source,
            delta,
            batch: BatchId(batch),
            version,
        }),
        (None, None, Some(fence)) => Ok(Outcome::Fenced {
            source,
            delta,
            fence,
            next_offset: given.next_offset.map(Offset),
            revision: given.revision.map(Revision),
        }),
        _ => Err(Error::Answer("a batch is neither committed nor fenced".into())),
    }
}
