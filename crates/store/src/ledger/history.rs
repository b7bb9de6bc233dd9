//! The files of rows that were judged in some time: what changed rules are tried on.
//!
//! Used by `muster rules backtest`. Always explicit lists, source by source, in the order in which rows were judged.

use std::sync::Arc;
use std::time::Duration;

use muster_spec::{BatchId, ContractName, SourceId};

use super::Ledger;
use super::listed::{LISTED, LISTED_COLUMNS, listed};
use crate::error::Error;
use crate::files::{ListedFile, joined_files};

/// A sealed file of judged rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryFile {
    /// The file.
    pub file: ListedFile,
    /// Whether its rows are good.
    pub is_good: bool,
    /// Its first batch.
    pub batch: BatchId,
    /// Whether its rows were bad before: their offsets lie among those of other batches.
    pub is_repair: bool,
    /// Its source.
    pub source: SourceId,
    /// The source's topic.
    pub topic: Arc<str>,
    /// The source's partition.
    pub partition: i32,
    /// Whether it was committed in the time asked for; others only lead up to it.
    pub is_asked: bool,
}

impl Ledger {
    /// The files of a contract's rows that were committed in the last `since`, and in `before` that, up to a version of the
    /// contract.
    pub async fn history(
        &self,
        contract: &ContractName,
        upto: i64,
        since: Duration,
        before: Duration,
    ) -> Result<Vec<HistoryFile>, Error> {
        let sql = format!(
            "SELECT {LISTED}, files.kind = 'good', batches.id, sources.id, sources.topic, sources.partition,
              batches.committed_at >= statement_timestamp() - make_interval(secs => $3), batches.from_offset IS NULL
            FROM batches JOIN files ON files.batch_id = batches.id AND files.kind IN ('good', 'bad')
              AND files.version_removed IS NULL
            JOIN sources ON sources.id = batches.source_id
            WHERE batches.contract = $1 AND batches.tenant = $2 AND batches.version <= $5
              AND batches.committed_at >= statement_timestamp() - make_interval(secs => $3 + $4)
            ORDER BY sources.topic, sources.partition, sources.id, batches.from_offset NULLS LAST, batches.id"
        );
        let mut session = self.session("list judged files").await?;
        let (since, before) = (since.as_secs_f64(), before.as_secs_f64());
        let rows = session
            .rows(&sql, &[&contract.as_str(), &self.tenant(), &since, &before, &upto])
            .await?;
        let at = |column: usize| LISTED_COLUMNS + column;
        let file = |row: &tokio_postgres::Row| {
            Ok(HistoryFile {
                file: listed(row, 0)?,
                is_good: row.get(at(0)),
                batch: BatchId(row.get(at(1))),
                source: SourceId(row.get(at(2))),
                topic: row.get::<_, &str>(at(3)).into(),
                partition: row.get(at(4)),
                is_asked: row.get(at(5)),
                is_repair: row.get(at(6)),
            })
        };
        let files = rows.iter().map(file).collect::<Result<Vec<_>, Error>>()?;
        // What leads up to the time asked for is told apart from what is in it, and repairs from what they mended.
        let kind = |file: &HistoryFile| (file.source, file.is_asked, file.is_repair);
        let alike = files.chunk_by(|one, next| kind(one) == kind(next));
        // Repairs are looked at one after the other: their offsets rise within each alone.
        let joined = alike.flat_map(|files| {
            if files[0].is_repair {
                files.to_vec()
            } else {
                joined_files(files.to_vec(), |history| &mut history.file)
            }
        });
        Ok(joined.collect())
    }
}
