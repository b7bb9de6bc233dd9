//! Which files are small, and listing one in place of several.
//!
//! Used by `muster compact`. A merged file holds the rows of batches of one source, one contract version and one day: a
//! day's rows pass their age together, so that no file keeps some of them longer. Whoever merges holds a token, as every
//! writer does; the next one to merge a contract's files takes it away, whatever is still being written.

use std::collections::HashMap;
use std::time::Duration;

use chrono::NaiveDate;
use muster_batch::{DataFile, FileKind};
use muster_spec::{BatchId, ContractName, SourceId, Token};
use tokio_postgres::types::Json;

use super::listed::{LISTED, LISTED_COLUMNS, listed};
use super::{Ledger, wire};
use crate::error::Error;
use crate::files::ListedFile;

/// Which files are merged.
#[derive(Clone, Copy, Debug)]
pub struct Small {
    /// Smaller ones than this.
    pub bytes: u64,
    /// Of batches that were committed longer ago than this.
    pub age: Duration,
}

/// Small files that may become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallFiles {
    /// Their source.
    pub source: SourceId,
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// What they hold.
    pub kind: FileKind,
    /// The contract's version that judged their rows.
    pub contract_version: String,
    /// The day on which their batches were committed, in UTC.
    pub day: NaiveDate,
}

/// A small file: what batches have in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallFile {
    /// Its path.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// What is listed of it, in order: the ledger's numbers and batches of the listings, and where the rows are.
    pub listings: Vec<(i64, BatchId, ListedFile)>,
}

/// Listings that are small: `$1` contract, `$2` bytes, `$3` seconds. What a claim or the dead letters wait for keeps its
/// own file: a file is checked as a whole before a row of it is used, and those take one batch after another.
const SMALL: &str = "FROM files JOIN batches ON batches.id = files.batch_id
    WHERE files.contract = $1 AND files.version_removed IS NULL AND files.kind IN ('good', 'bad', 'keys')
      AND files.bytes < $2 AND batches.committed_at < clock_timestamp() - make_interval(secs => $3)
      AND NOT (files.kind = 'good' AND EXISTS (
        SELECT FROM claims WHERE claims.batch_id = files.batch_id AND claims.state = 'open'))
      AND NOT (files.kind = 'bad' AND EXISTS (
        SELECT FROM dead_letter_cursors AS cursors WHERE cursors.source_id = batches.source_id
          AND cursors.next_offset < batches.to_offset))";
const DAY: &str = "(batches.committed_at AT TIME ZONE 'UTC')::date";

impl Ledger {
    /// Where a contract has at least two small files that may become one, in order.
    pub async fn small_files(&self, contract: &ContractName, small: Small) -> Result<Vec<SmallFiles>, Error> {
        let sql = format!(
            "SELECT found.source_id, sources.topic, sources.partition, found.kind, found.contract_version, found.day
             FROM (SELECT files.source_id, files.kind, files.contract_version, {DAY} AS day {SMALL}
               GROUP BY 1, 2, 3, 4 HAVING count(DISTINCT files.path) > 1) AS found
             JOIN sources ON sources.id = found.source_id ORDER BY 2, 3, 1, 4, 6, 5"
        );
        let mut session = self.session("look for small files").await?;
        let bytes = i64::try_from(small.bytes).unwrap_or(i64::MAX);
        let rows = session
            .rows(&sql, &[&contract.as_str(), &bytes, &small.age.as_secs_f64()])
            .await?;
        let found = rows.iter().map(|row| SmallFiles {
            source: SourceId(row.get(0)),
            topic: row.get(1),
            partition: row.get(2),
            kind: match row.get(3) {
                "good" => FileKind::Good,
                "bad" => FileKind::Bad,
                _ => FileKind::Keys,
            },
            contract_version: row.get(4),
            day: row.get(5),
        });
        Ok(found.collect())
    }

    /// The small files of a place, in the order of their rows.
    pub async fn small_files_of(
        &self,
        contract: &ContractName,
        of: &SmallFiles,
        small: Small,
    ) -> Result<Vec<SmallFile>, Error> {
        let sql = format!(
            "SELECT {LISTED}, files.id, files.batch_id, files.bytes {SMALL}
               AND files.source_id = $4 AND files.kind = $5 AND files.contract_version = $6 AND {DAY} = $7
             ORDER BY batches.from_offset NULLS LAST, batches.id"
        );
        let mut session = self.session("list small files").await?;
        let bytes = i64::try_from(small.bytes).unwrap_or(i64::MAX);
        let rows = session
            .rows(
                &sql,
                &[
                    &contract.as_str(),
                    &bytes,
                    &small.age.as_secs_f64(),
                    &of.source.0,
                    &of.kind.word(),
                    &of.contract_version,
                    &of.day,
                ],
            )
            .await?;
        let mut files: Vec<SmallFile> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for row in &rows {
            let file = listed(row, 0)?;
            let place = *places.entry(file.path.clone()).or_insert_with(|| {
                files.push(SmallFile {
                    path: file.path.clone(),
                    bytes: row.get::<_, i64>(LISTED_COLUMNS + 2) as u64,
                    listings: Vec::new(),
                });
                files.len() - 1
            });
            let listing = (row.get(LISTED_COLUMNS), BatchId(row.get(LISTED_COLUMNS + 1)), file);
            files[place].listings.push(listing);
        }
        Ok(files)
    }

    /// Takes the right to merge files of these sources of a contract. Whoever merged files of the contract before cannot
    /// list what it still writes, and what it left behind can be swept.
    pub async fn take_merging(
        &self,
        contract: &ContractName,
        sources: &[SourceId],
        worker: &str,
    ) -> Result<HashMap<SourceId, Token>, Error> {
        const SQL: &str = "SELECT source_id, token FROM take_merging($1, $2, $3)";
        let sources: Vec<i64> = sources.iter().map(|source| source.0).collect();
        let mut session = self.session("take the right to merge files").await?;
        let rows = session.rows(SQL, &[&contract.as_str(), &sources, &worker]).await?;
        let taken = rows.iter().map(|row| (SourceId(row.get(0)), Token(row.get(1))));
        Ok(taken.collect())
    }

    /// Lists a file in place of these listings, whose rows it holds in their order. `false`, and nothing was done, when
    /// another has taken the right to merge or one of the listings is no longer there.
    pub async fn merge_files(&self, listings: &[i64], merged: &DataFile) -> Result<bool, Error> {
        const SQL: &str = "SELECT merge_files($1, $2, $3)";
        let mut session = self.session("list a merged file").await?;
        let row = session
            .row(SQL, &[&merged.token.0, &listings, &Json(wire::file(merged))])
            .await?;
        Ok(row.get(0))
    }

    /// Gives the right to merge back.
    pub async fn end_merging(&self, tokens: &[Token]) -> Result<(), Error> {
        const SQL: &str = "UPDATE tokens SET superseded_at = clock_timestamp()
            WHERE token = ANY ($1) AND writer = 'compaction' AND superseded_at IS NULL";
        let tokens: Vec<uuid::Uuid> = tokens.iter().map(|token| token.0).collect();
        let mut session = self.session("end merging files").await?;
        session.run(SQL, &[&tokens]).await
    }
}
