//! The dead-letter cursor: which bad records of a source were published and acknowledged.
//!
//! Used by the dead-letter publisher in `muster`. A cursor only moves forward and only after acks, so a record is
//! published at least once.

use muster_spec::{BatchId, ContractName, Offset, SourceId};

use super::Ledger;
use super::keys::digest;
use crate::error::Error;
use crate::files::ListedFile;

/// A bad file with records that are still to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueBadFile {
    /// The source.
    pub source: SourceId,
    /// The batch.
    pub batch: BatchId,
    /// The file.
    pub file: ListedFile,
    /// Records from this offset on are due.
    pub from: Offset,
    /// Where the cursor goes when all are acknowledged: the end of the batch.
    pub to: Offset,
}

impl Ledger {
    /// The next bad files to publish of a contract's sources, in offset order, `count_max` at most.
    pub async fn due_bad_files(&self, contract: &ContractName, count_max: u32) -> Result<Vec<DueBadFile>, Error> {
        const SQL: &str = "SELECT batches.source_id, batches.id, files.path, files.rows, files.sha256,
              greatest(batches.from_offset, coalesce(cursors.next_offset, 0)), batches.to_offset
            FROM batches
            JOIN files ON files.batch_id = batches.id AND files.kind = 'bad' AND files.version_removed IS NULL
            LEFT JOIN dead_letter_cursors AS cursors ON cursors.source_id = batches.source_id
            WHERE batches.contract = $1 AND batches.bad > 0 AND batches.from_offset IS NOT NULL
              AND batches.to_offset > coalesce(cursors.next_offset, 0)
            ORDER BY batches.source_id, batches.from_offset LIMIT $2";
        let mut session = self.session("list due bad files").await?;
        let rows = session.rows(SQL, &[&contract.as_str(), &i64::from(count_max)]).await?;
        rows.iter()
            .map(|row| {
                Ok(DueBadFile {
                    source: SourceId(row.get(0)),
                    batch: BatchId(row.get(1)),
                    file: ListedFile {
                        path: row.get(2),
                        rows: row.get::<_, i64>(3) as u64,
                        sha256: digest(row.get(4))?,
                    },
                    from: Offset(row.get(5)),
                    to: Offset(row.get(6)),
                })
            })
            .collect()
    }

    /// Moves a source's cursor to `next`, never back.
    pub async fn advance_dead_letters(&self, source: SourceId, next: Offset) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO dead_letter_cursors (source_id, next_offset) VALUES ($1, $2)
            ON CONFLICT (source_id) DO UPDATE
            SET next_offset = greatest(dead_letter_cursors.next_offset, excluded.next_offset),
              advanced_at = clock_timestamp()";
        let mut session = self.session("advance a dead-letter cursor").await?;
        session.run(SQL, &[&source.0, &next.0]).await
    }
}
