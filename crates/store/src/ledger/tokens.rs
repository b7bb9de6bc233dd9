//! What the ledger knows about files that were found on disk: whether each is listed, and whether its writer may
//! still commit.
//!
//! Asked by `muster` between finding and sweeping. One statement answers both, so that a file which is not listed
//! and whose token is superseded can never be listed later.

use std::collections::HashSet;

use uuid::Uuid;

use super::Ledger;
use crate::error::Error;
use crate::files::sweep::{FoundFile, TokenState, Verdict};

impl Ledger {
    /// What may be done with each file found, in their order.
    pub async fn judge_files(&self, found: &[FoundFile]) -> Result<Vec<Verdict>, Error> {
        const SQL: &str = "SELECT asked.place, EXISTS (SELECT FROM files WHERE files.path = asked.path),
              CASE WHEN tokens.token IS NULL THEN 'unknown' WHEN superseded_at IS NULL THEN 'live' ELSE 'dead' END
            FROM unnest($1::bigint[], $2::text[], $3::uuid[]) AS asked (place, path, token)
            LEFT JOIN tokens ON tokens.token = asked.token
            ORDER BY asked.place";
        let places: Vec<i64> = (0..found.len() as i64).collect();
        let paths: Vec<&str> = found.iter().map(|file| file.path.as_str()).collect();
        let tokens: Vec<Option<Uuid>> = found.iter().map(|file| file.token.map(|token| token.0)).collect();
        let mut session = self.session("look up files").await?;
        let rows = session.rows(SQL, &[&places, &paths, &tokens]).await?;
        Ok(rows
            .iter()
            .map(|row| {
                let token = match row.get::<_, &str>(2) {
                    "live" => TokenState::Live,
                    "dead" => TokenState::Superseded,
                    _ => TokenState::Unknown,
                };
                Verdict::of(row.get(1), token)
            })
            .collect())
    }

    /// The paths of all files that are listed and not superseded.
    pub async fn listed_paths(&self) -> Result<HashSet<String>, Error> {
        const SQL: &str = "SELECT path FROM files WHERE version_removed IS NULL";
        let rows = self.session("list files").await?.rows(SQL, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}
