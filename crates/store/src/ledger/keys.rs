//! What a worker loads before it consumes a source: key files that still matter, and rows of published files.
//!
//! Called on assignment and by `publish`. Which key files matter follows from event times alone, so a rebuild after
//! any restart gives the same verdicts.

use std::time::Duration;

use muster_spec::{ContractName, FileSha, SourceId};
use tokio_postgres::Row;

use super::Ledger;
use crate::error::Error;
use crate::files::ListedFile;

/// What a source must remember of the batches before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysToLoad {
    /// The key files, in the order of their batches.
    pub files: Vec<KeyFile>,
    /// The greatest event time among the source's accepted rows, microseconds since 1970-01-01 UTC.
    pub greatest_event_time: Option<i64>,
}

/// A key file to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// The file.
    pub file: ListedFile,
    /// Whose keys it holds: another source's where the topic's partitions grew.
    pub source: SourceId,
}

impl Ledger {
    /// The key files whose entries may still decide: those reaching to less than twice `within` before the greatest
    /// event time accepted, of this source, and of the topic's other partitions while less than that has passed since
    /// partitions were added. `within` is the longest window of the contract's rules; `None` for rules without
    /// windows: everything.
    pub async fn keys_to_load(&self, source: SourceId, within: Option<Duration>) -> Result<KeysToLoad, Error> {
        const SQL: &str = include_str!("keys_to_load.sql");
        let mut session = self.session("list key files").await?;
        let reach: Option<i64> =
            within.map(|within| i64::try_from(within.as_micros().saturating_mul(2)).unwrap_or(i64::MAX));
        let rows = session.rows(SQL, &[&source.0, &reach]).await?;
        let mut keys = KeysToLoad::default();
        for row in &rows {
            keys.greatest_event_time = row.get(4);
            if let Some(path) = row.get::<_, Option<String>>(0) {
                keys.files.push(KeyFile {
                    file: ListedFile {
                        path,
                        rows: row.get::<_, i64>(1) as u64,
                        sha256: digest(row.get(2))?,
                    },
                    source: SourceId(row.get(3)),
                });
            }
        }
        Ok(keys)
    }

    /// Rows of published files that the source holds, whatever their verdict; of all partitions of the topic where it
    /// grew. Redeliveries are known by these.
    pub async fn file_rows_of(&self, source: SourceId) -> Result<Vec<muster_batch::FileRows>, Error> {
        const SQL: &str = "WITH mine AS (SELECT topic, topic_id FROM sources WHERE id = $1), near AS (
              SELECT sources.id FROM sources JOIN mine USING (topic, topic_id) JOIN topics USING (topic, topic_id)
              WHERE sources.id = $1 OR topics.grown_at IS NOT NULL)
            SELECT held.file_sha256, lower(part), upper(part)
            FROM (SELECT file_sha256, range_agg(part) AS rows
                  FROM batch_file_rows, unnest(batch_file_rows.rows) AS part
                  WHERE source_id IN (SELECT id FROM near) GROUP BY file_sha256) AS held,
              unnest(held.rows) AS part ORDER BY 1, 2";
        let mut session = self.session("list held file rows").await?;
        let rows = session.rows(SQL, &[&source.0]).await?;
        rows.iter().map(file_rows).collect()
    }

    /// Rows of one published file that the ledger holds for a contract, whatever their verdict, as sorted ranges.
    pub async fn file_rows_held(
        &self,
        contract: &ContractName,
        file: FileSha,
    ) -> Result<Vec<muster_batch::FileRows>, Error> {
        const SQL: &str = "SELECT $2::bytea, lower(part), upper(part)
            FROM (SELECT range_agg(part) AS rows
                  FROM batch_file_rows, unnest(batch_file_rows.rows) AS part
                  WHERE contract = $1 AND file_sha256 = $2) AS held, unnest(held.rows) AS part ORDER BY 2";
        let mut session = self.session("list held file rows").await?;
        let rows = session.rows(SQL, &[&contract.as_str(), &file.0.as_slice()]).await?;
        rows.iter().map(file_rows).collect()
    }
}

fn file_rows(row: &Row) -> Result<muster_batch::FileRows, Error> {
    Ok(muster_batch::FileRows {
        file: FileSha(digest(row.get(0))?),
        from: row.get::<_, i64>(1) as u64,
        to: row.get::<_, i64>(2) as u64,
    })
}

/// The 32 bytes of a sha-256 column.
pub(super) fn digest(bytes: &[u8]) -> Result<[u8; 32], Error> {
    bytes
        .try_into()
        .map_err(|_| Error::Answer("a sha-256 has not 32 bytes".into()))
}
