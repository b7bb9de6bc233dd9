//! Sources: passing them to workers, pausing them, letting them go on.
//!
//! Called by ingest from the rebalance callback and by `muster resume`. Each is one statement, bounded in time.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use muster_batch::Alert;
use muster_spec::{ContractName, Offset, Revision, SourceId, Token, TopicId};
use serde::Serialize;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::{Ledger, wire};
use crate::error::Error;

/// A partition to be assigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// The contract its records are held against.
    pub contract: ContractName,
    /// The topic's name.
    pub topic: Arc<str>,
    /// The topic's identity.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: i32,
    /// How many partitions the topic has: where it grew, keys may have been accepted in another one.
    pub partitions: i32,
}

/// A source that was passed to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The source.
    pub source: SourceId,
    /// The topic's name.
    pub topic: Arc<str>,
    /// The topic's identity.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: i32,
    /// What the worker's commits and files must carry.
    pub token: Token,
    /// Where to read on; `None` where nothing was committed: from where the log starts.
    pub next_offset: Option<Offset>,
    /// What verdicts are judged against.
    pub revision: Revision,
    /// Why the source is not to be consumed, if it is not.
    pub paused: Option<String>,
    /// How many topics of this name came before this one.
    pub incarnation: u32,
}

/// A source as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// The source.
    pub source: SourceId,
    /// The contract its records are held against.
    pub contract: ContractName,
    /// The topic's name.
    pub topic: Arc<str>,
    /// The topic's identity.
    pub topic_id: TopicId,
    /// How many topics of this name came before this one.
    pub incarnation: u32,
    /// The partition.
    pub partition: i32,
    /// One past the last committed offset; `None` where nothing was committed. Lag counts from here.
    pub next_offset: Option<Offset>,
    /// How often verdicts were changed.
    pub revision: Revision,
    /// The current token.
    pub token: Option<Token>,
    /// Who holds it.
    pub worker: Option<String>,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// When its last batch was committed.
    pub last_batch_at: Option<DateTime<Utc>>,
}

impl Ledger {
    /// Passes partitions to a worker: raises their tokens and says where to read on, in one statement. A source the
    /// ledger does not know is made, without a next offset.
    pub async fn assign(&self, worker: &str, partitions: &[Partition]) -> Result<Vec<Assigned>, Error> {
        const SQL: &str = "SELECT source_id, topic, topic_id, partition, token, next_offset, revision, paused_reason,
            incarnation FROM assign_sources($1, $2)";
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let mut session = self.session("take sources").await?;
        let rows = session.rows(SQL, &[&worker, &Json(partitions)]).await?;
        Ok(rows.iter().map(assigned).collect())
    }

    /// Stops a source until it is resumed, with an alert in the same statement. With a token, only its holder may:
    /// `false` when it has passed on. A source that is paused keeps its first reason.
    pub async fn pause(
        &self,
        source: SourceId,
        token: Option<Token>,
        reason: &str,
        alerts: &[Alert],
    ) -> Result<bool, Error> {
        const SQL: &str = "SELECT pause_source($1, $2, $3, $4)";
        let mut session = self.session("pause a source").await?;
        let alerts = Json(wire::alerts(alerts, self.tenant()));
        let token = token.map(|token| token.0);
        let row = session.row(SQL, &[&source.0, &token, &reason, &alerts]).await?;
        Ok(row.get(0))
    }

    /// Lets a paused source go on; `false` when it was not paused. `skip_to` is the first offset that is still in the
    /// log, where some are gone: the range is recorded as a gap and the source must be assigned again.
    pub async fn resume(&self, source: SourceId, skip_to: Option<Offset>) -> Result<bool, Error> {
        const SQL: &str = "SELECT resume_source($1, $2)";
        let mut session = self.session("resume a source").await?;
        let skip_to = skip_to.map(|offset| offset.0);
        Ok(session.row(SQL, &[&source.0, &skip_to]).await?.get(0))
    }

    /// Says where a source begins of which nothing was committed: its first delta starts there, whoever takes it. The
    /// offset it begins at, which is another one when somebody was quicker; `None` when the token has passed on.
    pub async fn begin(&self, source: SourceId, token: Token, at: Offset) -> Result<Option<Offset>, Error> {
        const SQL: &str = "UPDATE sources SET first_offset = coalesce(first_offset, $3),
              next_offset = coalesce(next_offset, $3)
            WHERE id = $1 AND token = $2 RETURNING next_offset";
        let mut session = self.session("begin a source").await?;
        let row = session.row_maybe(SQL, &[&source.0, &token.0, &at.0]).await?;
        Ok(row.map(|row| Offset(row.get(0))))
    }

    /// Every source, by topic, incarnation and partition.
    pub async fn sources(&self) -> Result<Vec<SourceState>, Error> {
        const SQL: &str = "SELECT sources.id, sources.contract, sources.topic, sources.topic_id, topics.incarnation,
              sources.partition, sources.next_offset, sources.revision, sources.token, sources.worker,
              sources.paused_reason, last.committed_at
            FROM sources JOIN topics USING (topic, topic_id)
            LEFT JOIN LATERAL (
              SELECT committed_at FROM batches WHERE batches.source_id = sources.id AND from_offset IS NOT NULL
              ORDER BY from_offset DESC LIMIT 1) AS last ON true
            ORDER BY sources.topic, topics.incarnation, sources.partition";
        let rows = self.session("read the sources").await?.rows(SQL, &[]).await?;
        Ok(rows.iter().map(source_state).collect())
    }
}

fn assigned(row: &Row) -> Assigned {
    Assigned {
        source: SourceId(row.get(0)),
        topic: row.get::<_, &str>(1).into(),
        topic_id: TopicId(row.get(2)),
        partition: row.get(3),
        token: Token(row.get(4)),
        next_offset: row.get::<_, Option<i64>>(5).map(Offset),
        revision: Revision(row.get(6)),
        paused: row.get(7),
        incarnation: row.get::<_, i32>(8) as u32,
    }
}

fn source_state(row: &Row) -> SourceState {
    SourceState {
        source: SourceId(row.get(0)),
        contract: row.get::<_, &str>(1).into(),
        topic: row.get::<_, &str>(2).into(),
        topic_id: TopicId(row.get(3)),
        incarnation: row.get::<_, i32>(4) as u32,
        partition: row.get(5),
        next_offset: row.get::<_, Option<i64>>(6).map(Offset),
        revision: Revision(row.get(7)),
        token: row.get::<_, Option<uuid::Uuid>>(8).map(Token),
        worker: row.get(9),
        paused: row.get(10),
        last_batch_at: row.get(11),
    }
}
