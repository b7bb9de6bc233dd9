//! The dead-letter cursor: which bad records of a source were published and acknowledged.
//!
//! Used by the dead-letter projection in `muster`. One worker at a time publishes a source's records: who took its
//! lease and has not given it back or let it run out. A cursor moves only forward, only after acks and only under the
//! lease, so a record is published at least once, and more than once only when its publisher died or fell silent.

use std::sync::Arc;
use std::time::Duration;

use muster_batch::Alert;
use muster_spec::{BatchId, ContractName, Offset, Revision, SourceId, TopicId};
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::listed::{LISTED, LISTED_COLUMNS, listed};
use super::{Ledger, wire};
use crate::error::Error;
use crate::files::ListedFile;

/// A source whose dead letters are this worker's to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterLease {
    /// The source.
    pub source: SourceId,
    lease: Uuid,
}

/// A bad file with records that are still to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueBadFile {
    /// The source.
    pub source: SourceId,
    /// Its topic.
    pub topic: Arc<str>,
    /// Its topic's identity.
    pub topic_id: TopicId,
    /// Its partition.
    pub partition: i32,
    /// The batch.
    pub batch: BatchId,
    /// The source's revision that the verdicts were judged against.
    pub revision: Revision,
    /// The file.
    pub file: ListedFile,
    /// Records from this offset on are due.
    pub from: Offset,
    /// Where the cursor goes when all are acknowledged: the end of the batch.
    pub to: Offset,
}

/// How many records are still to be published. A file of which a part was published counts whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DueDeadLetters {
    /// Of all sources.
    pub records: u64,
    /// Of sources that do not rest because their records could not be published.
    pub records_open: u64,
}

impl Ledger {
    /// Takes a source of a contract that has records to publish and no holder, for as long as `lease`.
    pub async fn take_dead_letters(
        &self,
        contract: &ContractName,
        worker: &str,
        lease: Duration,
    ) -> Result<Option<DeadLetterLease>, Error> {
        const SQL: &str = "SELECT source_id, lease FROM take_dead_letters($1, $2, $3)";
        let mut session = self.session("take dead letters").await?;
        let row = session
            .row_maybe(SQL, &[&contract.as_str(), &worker, &lease.as_secs_f64()])
            .await?;
        Ok(row.map(|row| DeadLetterLease {
            source: SourceId(row.get(0)),
            lease: row.get(1),
        }))
    }

    /// The next bad files to publish of a source, in offset order, `count_max` at most.
    pub async fn due_bad_files(&self, source: SourceId, count_max: u32) -> Result<Vec<DueBadFile>, Error> {
        let sql = format!(
            "SELECT {LISTED}, topic, topic_id, partition, batch_id, revision, from_offset, to_offset
             FROM due_bad_files AS files WHERE source_id = $1 ORDER BY from_offset LIMIT $2"
        );
        let at = |column: usize| LISTED_COLUMNS + column;
        let mut session = self.session("list due bad files").await?;
        let rows = session.rows(&sql, &[&source.0, &i64::from(count_max)]).await?;
        rows.iter()
            .map(|row| {
                Ok(DueBadFile {
                    source,
                    topic: row.get::<_, &str>(at(0)).into(),
                    topic_id: TopicId(row.get(at(1))),
                    partition: row.get(at(2)),
                    batch: BatchId(row.get(at(3))),
                    revision: Revision(row.get(at(4))),
                    file: listed(row, 0)?,
                    from: Offset(row.get(at(5))),
                    to: Offset(row.get(at(6))),
                })
            })
            .collect()
    }

    /// Moves a source's cursor to `next`, never back, and holds the source for another `lease`; with the cursor's own
    /// offset it only does the latter. `false` when another worker has taken the source.
    pub async fn advance_dead_letters(
        &self,
        held: DeadLetterLease,
        next: Offset,
        lease: Duration,
    ) -> Result<bool, Error> {
        const SQL: &str = "UPDATE dead_letter_cursors
            SET next_offset = greatest(next_offset, $3),
              advanced_at = CASE WHEN next_offset < $3 THEN clock_timestamp() ELSE advanced_at END,
              fault = CASE WHEN next_offset < $3 THEN NULL ELSE fault END,
              leased_until = clock_timestamp() + make_interval(secs => $4)
            WHERE source_id = $1 AND lease = $2 RETURNING source_id";
        let mut session = self.session("advance a dead-letter cursor").await?;
        let row = session
            .row_maybe(SQL, &[&held.source.0, &held.lease, &next.0, &lease.as_secs_f64()])
            .await?;
        Ok(row.is_some())
    }

    /// Gives a source back, for whoever takes it next.
    pub async fn release_dead_letters(&self, held: DeadLetterLease) -> Result<(), Error> {
        const SQL: &str = "UPDATE dead_letter_cursors SET lease = NULL, worker = NULL, leased_until = NULL
            WHERE source_id = $1 AND lease = $2";
        let mut session = self.session("give dead letters back").await?;
        session.run(SQL, &[&held.source.0, &held.lease]).await
    }

    /// Gives a source back whose records cannot be published: nobody tries for as long as `rest`. The alert goes out
    /// unless the same fault was known before.
    pub async fn rest_dead_letters(
        &self,
        held: DeadLetterLease,
        fault: &str,
        rest: Duration,
        alert: Alert,
    ) -> Result<(), Error> {
        const SQL: &str = "SELECT rest_dead_letters($1, $2, $3, $4, $5)";
        let mut session = self.session("let dead letters rest").await?;
        let alerts = [alert];
        let alerts = Json(wire::alerts(&alerts, self.tenant()));
        session
            .run(
                SQL,
                &[&held.source.0, &held.lease, &fault, &rest.as_secs_f64(), &alerts],
            )
            .await
    }

    /// How many records of a contract's sources are still to be published.
    pub async fn due_dead_letters(&self, contract: &ContractName) -> Result<DueDeadLetters, Error> {
        const SQL: &str = "SELECT coalesce(sum(rows), 0)::bigint,
              coalesce(sum(rows) FILTER (WHERE fault IS NULL OR leased_until < clock_timestamp()), 0)::bigint
            FROM due_bad_files WHERE contract = $1";
        let mut session = self.session("count due dead letters").await?;
        let row = session.row(SQL, &[&contract.as_str()]).await?;
        Ok(DueDeadLetters {
            records: row.get::<_, i64>(0) as u64,
            records_open: row.get::<_, i64>(1) as u64,
        })
    }
}
