//! Rows that are past their age, and files that nobody lists any more.
//!
//! Used by `muster retain`, and by all who delete what was removed. What a batch counted, its predictions and what was
//! told of it stay in the ledger; only the rows go. A removed file is deleted when no run or reader that is open holds a
//! version of its contract from before its removal: no clock decides.

use std::time::Duration;

use chrono::{DateTime, Utc};
use muster_spec::ContractName;

use super::Ledger;
use crate::error::Error;

/// What a contract has of a kind that is past its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastFiles {
    /// The contract.
    pub contract: ContractName,
    /// `good`, `bad` or `features`.
    pub kind: String,
    /// The ledger's numbers of the listings that may go, oldest first.
    pub listings: Vec<i64>,
    /// Files they lie in.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Rows that are past their age too and stay: they are still to be scored, or to be published as dead letters.
    pub awaited_rows: u64,
    /// Since when the oldest of all is kept.
    pub oldest: DateTime<Utc>,
}

/// A file that may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletableFile {
    /// Its path.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
}

impl Ledger {
    /// What is older than `age`, by contract and kind; of one contract where it is named. `awaited` takes rows that
    /// somebody still waits for with the others.
    pub async fn past_files(
        &self,
        contract: Option<&ContractName>,
        age: Duration,
        awaited: bool,
    ) -> Result<Vec<PastFiles>, Error> {
        const SQL: &str = "SELECT contract, kind,
              coalesce(array_agg(id ORDER BY kept_since, id) FILTER (WHERE $3 OR NOT awaited), '{}'),
              count(DISTINCT path) FILTER (WHERE $3 OR NOT awaited),
              coalesce(sum(rows) FILTER (WHERE $3 OR NOT awaited), 0)::bigint,
              coalesce(sum(rows) FILTER (WHERE NOT $3 AND awaited), 0)::bigint, min(kept_since)
            FROM aging_files
            WHERE ($1::text IS NULL OR contract = $1) AND kept_since < clock_timestamp() - make_interval(secs => $2)
            GROUP BY contract, kind ORDER BY contract, kind";
        let mut session = self.session("look for rows past their age").await?;
        let name = contract.map(ContractName::as_str);
        let rows = session.rows(SQL, &[&name, &age.as_secs_f64(), &awaited]).await?;
        let past = rows.iter().map(|row| PastFiles {
            contract: row.get::<_, &str>(0).into(),
            kind: row.get(1),
            listings: row.get(2),
            files: row.get::<_, i64>(3) as u64,
            rows: row.get::<_, i64>(4) as u64,
            awaited_rows: row.get::<_, i64>(5) as u64,
            oldest: row.get(6),
        });
        Ok(past.collect())
    }

    /// Takes listings off a contract's list that are past their age; how many were still there and awaited by nobody.
    pub async fn retain_files(&self, contract: &ContractName, listings: &[i64], awaited: bool) -> Result<u64, Error> {
        const SQL: &str = "SELECT retain_files($1, $2, $3)";
        let mut session = self.session("remove rows past their age").await?;
        let row = session.row(SQL, &[&contract.as_str(), &listings, &awaited]).await?;
        Ok(row.get::<_, i64>(0) as u64)
    }

    /// Files that were removed, are still there and that nobody can read any more.
    pub async fn deletable_files(&self, count_max: u32) -> Result<Vec<DeletableFile>, Error> {
        const SQL: &str = "SELECT path, bytes FROM deletable_files LIMIT $1";
        let mut session = self.session("list files to delete").await?;
        let rows = session.rows(SQL, &[&i64::from(count_max)]).await?;
        let deletable = rows.iter().map(|row| DeletableFile {
            path: row.get(0),
            bytes: row.get::<_, i64>(1) as u64,
        });
        Ok(deletable.collect())
    }

    /// Writes down that files were deleted.
    pub async fn note_deleted(&self, paths: &[&str]) -> Result<(), Error> {
        const SQL: &str = "UPDATE files SET deleted_at = clock_timestamp() WHERE path = ANY ($1)";
        let mut session = self.session("note deleted files").await?;
        session.run(SQL, &[&paths]).await
    }

    /// How many removed files are still there: more than can be deleted, as long as somebody may read them.
    pub async fn removed_files(&self) -> Result<u64, Error> {
        const SQL: &str = "SELECT count(DISTINCT path) FROM files AS removed
            WHERE version_removed IS NOT NULL AND deleted_at IS NULL
              AND NOT EXISTS (SELECT FROM files WHERE files.path = removed.path AND files.version_removed IS NULL)";
        let mut session = self.session("count removed files").await?;
        Ok(session.row(SQL, &[]).await?.get::<_, i64>(0) as u64)
    }
}
