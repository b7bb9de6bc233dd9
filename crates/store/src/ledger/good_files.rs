//! Lists of good files: what training and scoring read.
//!
//! Always explicit lists from the ledger, at a version of the contract, in the order rows are trained in: topic,
//! partition, the topic's incarnations as they came, offset. So the same rows give the same model however the batches
//! were cut.

use std::sync::Arc;

use muster_spec::{BatchId, ContractName, ContractVersion, OffsetDelta, SourceId};
use tokio_postgres::Row;

use super::Ledger;
use super::listed::{LISTED, LISTED_COLUMNS, listed};
use crate::error::Error;
use crate::files::ListedFile;

/// The good rows of a batch in a listed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoodFile {
    /// Where they are.
    pub file: ListedFile,
    /// The batch.
    pub batch: BatchId,
    /// Its contract.
    pub contract: ContractName,
    /// The contract's version that judged it.
    pub contract_version: ContractVersion,
    /// Its source.
    pub source: SourceId,
    /// The source's topic.
    pub topic: Arc<str>,
    /// How many topics of this name came before.
    pub incarnation: u32,
    /// The source's partition.
    pub partition: i32,
    /// The batch's delta; `None` for a repair.
    pub delta: Option<OffsetDelta>,
    /// Least and greatest event time, microseconds since 1970-01-01 UTC.
    pub event_times: Option<(i64, i64)>,
    /// The file's bytes.
    pub bytes: u64,
}

const FROM: &str = "files.batch_id, files.contract, files.contract_version, sources.id, sources.topic, topics.incarnation,
      sources.partition, batches.from_offset, batches.to_offset, files.event_micros_min, files.event_micros_max, files.bytes
    FROM files JOIN batches ON batches.id = files.batch_id JOIN sources ON sources.id = batches.source_id
    JOIN topics USING (topic, topic_id) WHERE files.kind = 'good'";
const ORDER: &str = "ORDER BY sources.topic, sources.partition, topics.incarnation, batches.from_offset NULLS LAST,
    batches.id";

impl Ledger {
    /// The contract's version now: what a list is read at. 0 where nothing was committed.
    pub async fn contract_version(&self, contract: &ContractName) -> Result<i64, Error> {
        const SQL: &str = "SELECT coalesce((SELECT version FROM contracts WHERE name = $1), 0)";
        let mut session = self.session("read a contract's version").await?;
        Ok(session.row(SQL, &[&contract.as_str()]).await?.get(0))
    }

    /// The good files of a contract as they were listed at `version`, in training order.
    pub async fn good_files(&self, contract: &ContractName, version: i64) -> Result<Vec<GoodFile>, Error> {
        let sql = format!(
            "SELECT {LISTED}, {FROM} AND files.contract = $1 AND files.version_added <= $2
             AND (files.version_removed IS NULL OR files.version_removed > $2) {ORDER}"
        );
        let mut session = self.session("list good files").await?;
        let rows = session.rows(&sql, &[&contract.as_str(), &version]).await?;
        rows.iter().map(good_file).collect()
    }

    /// The good files of one batch as they are listed now.
    pub async fn good_files_of(&self, batch: BatchId) -> Result<Vec<GoodFile>, Error> {
        let sql = format!("SELECT {LISTED}, {FROM} AND files.batch_id = $1 AND files.version_removed IS NULL {ORDER}");
        let mut session = self.session("list a batch's files").await?;
        let rows = session.rows(&sql, &[&batch.0]).await?;
        rows.iter().map(good_file).collect()
    }
}

fn good_file(row: &Row) -> Result<GoodFile, Error> {
    let at = |column: usize| LISTED_COLUMNS + column;
    let bounds = |from: usize| -> Option<(i64, i64)> { Some((row.get::<_, Option<i64>>(from)?, row.get(from + 1))) };
    Ok(GoodFile {
        file: listed(row, 0)?,
        batch: BatchId(row.get(at(0))),
        contract: row.get::<_, &str>(at(1)).into(),
        contract_version: row.get::<_, &str>(at(2)).into(),
        source: SourceId(row.get(at(3))),
        topic: row.get::<_, &str>(at(4)).into(),
        incarnation: row.get::<_, i32>(at(5)) as u32,
        partition: row.get(at(6)),
        delta: bounds(at(7)).map(|(from, to)| OffsetDelta::new(muster_spec::Offset(from), muster_spec::Offset(to))),
        event_times: bounds(at(9)),
        bytes: row.get::<_, i64>(at(11)) as u64,
    })
}
