//! Rows that are past their age, taken off the list.
//!
//! What their batches counted stays in the ledger and so do their predictions: the account adds up as before, and a report
//! says that rows are gone. Rows that somebody still waits for stay unless it is told otherwise.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use muster_spec::ContractName;
use muster_store::Ledger;
use serde::Serialize;

use crate::failpoint;

/// Listings removed in one statement.
const AT_ONCE: usize = 500;

/// Removes rows.
pub struct Retaining<'r> {
    /// The ledger, with ingest's rights.
    pub ledger: &'r Ledger,
    /// Of this contract only.
    pub contract: Option<&'r ContractName>,
    /// How long rows are kept.
    pub age: Duration,
    /// Whether rows go that are still to be scored or published.
    pub awaited: bool,
}

/// What went, or would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retained {
    /// The contract.
    pub contract: String,
    /// `good`, `bad` or `features`.
    pub kind: String,
    /// Files in which rows went.
    pub files: u64,
    /// Rows.
    pub rows: u64,
    /// Rows past their age that stay, for somebody waits for them.
    pub awaited_rows: u64,
    /// Since when the oldest of them all was kept.
    pub oldest: String,
}

impl Retaining<'_> {
    /// Removes what is past its age; with `dry` only says what.
    pub async fn run(&self, dry: bool) -> anyhow::Result<Vec<Retained>> {
        let mut all = Vec::new();
        for past in self.ledger.past_files(self.contract, self.age, self.awaited).await? {
            for listings in past.listings.chunks(AT_ONCE).filter(|_| !dry) {
                failpoint::reach("retain.commit");
                self.ledger.retain_files(&past.contract, listings, self.awaited).await?;
                failpoint::reach("retain.committed");
            }
            all.push(Retained {
                contract: past.contract.to_string(),
                kind: past.kind,
                files: past.files,
                rows: past.rows,
                awaited_rows: past.awaited_rows,
                oldest: DateTime::<Utc>::to_rfc3339_opts(&past.oldest, SecondsFormat::Secs, true),
            });
        }
        Ok(all)
    }
}
