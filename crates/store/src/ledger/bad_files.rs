//! Lists of bad files: what people look at and repair.
//!
//! Always what the ledger lists now, in the order of sources and offsets.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use muster_spec::{BatchId, ContractName, SourceId};

use super::Ledger;
use super::listed::{LISTED, LISTED_COLUMNS, listed};
use crate::error::Error;
use crate::files::ListedFile;

/// Which bad files are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadFilter {
    /// Only those with records that broke this rule.
    pub rule: Option<String>,
    /// Only what was committed on this day or later, in UTC.
    pub from: Option<NaiveDate>,
    /// Only what was committed on this day or before.
    pub to: Option<NaiveDate>,
}

/// The bad records of a batch in a listed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile {
    /// Where they are.
    pub file: ListedFile,
    /// The batch.
    pub batch: BatchId,
    /// Its source.
    pub source: SourceId,
    /// The source's topic.
    pub topic: Arc<str>,
    /// How many topics of this name came before.
    pub incarnation: u32,
    /// The source's partition.
    pub partition: i32,
    /// When it was committed.
    pub committed_at: DateTime<Utc>,
}

impl Ledger {
    /// The bad files of a contract, by source and offset.
    pub async fn bad_files(&self, contract: &ContractName, filter: &BadFilter) -> Result<Vec<BadFile>, Error> {
        let sql = format!(
            "SELECT {LISTED}, batches.id, sources.id, topic, incarnation, partition, committed_at
            FROM files JOIN batches ON batches.id = files.batch_id JOIN sources ON sources.id = batches.source_id
              JOIN topics USING (topic, topic_id)
            WHERE files.kind = 'bad' AND files.version_removed IS NULL AND files.contract = $1
              AND ($2::text IS NULL OR EXISTS (
                SELECT FROM violations WHERE violations.batch_id = batches.id AND rule_id = $2))
              AND ($3::date IS NULL OR committed_at >= $3::date::timestamp AT TIME ZONE 'UTC')
              AND ($4::date IS NULL OR committed_at < ($4::date + 1)::timestamp AT TIME ZONE 'UTC')
            ORDER BY topic, incarnation, partition, batches.from_offset"
        );
        let at = |column: usize| LISTED_COLUMNS + column;
        let mut session = self.session("list bad files").await?;
        let rows = session
            .rows(&sql, &[&contract.as_str(), &filter.rule, &filter.from, &filter.to])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(BadFile {
                    file: listed(row, 0)?,
                    batch: BatchId(row.get(at(0))),
                    source: SourceId(row.get(at(1))),
                    topic: row.get::<_, &str>(at(2)).into(),
                    incarnation: row.get::<_, i32>(at(3)) as u32,
                    partition: row.get(at(4)),
                    committed_at: row.get(at(5)),
                })
            })
            .collect()
    }
}
