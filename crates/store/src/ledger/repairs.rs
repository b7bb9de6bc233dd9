//! Repairs: who changes bad rows or has them judged again, and the commit that makes them good.
//!
//! Used by `muster bad repair` and `muster replay`. A repair works under a token of its own, which is in its files'
//! names; one that falls silent gives way when another begins. Its batches have no delta: the commit checks under the
//! source's lock that the verdicts and keys are those they were judged against. Whoever lost an answer asks for the same
//! attempt again: it happens once.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use muster_spec::{BatchId, ContractName, ContractVersion, Offset, Revision, SourceId, Token};
use serde::{Deserialize, Serialize};
use tokio_postgres::types::Json;

use super::commit::Attempt;
use super::listed::{LISTED, listed};
use super::wire::{self, WireFile};
use super::{Ledger, commit};
use crate::error::Error;
use crate::files::{ListedFile, Sealed, joined_files};

/// What is done to bad rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RepairKind {
    /// They are changed and judged again.
    Repair,
    /// They are judged again as they came.
    Replay,
}

/// A repair that is about to begin. Its texts are read by many: no value of a row belongs in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewRepair {
    /// The contract.
    pub contract: ContractName,
    /// The version that judges.
    pub contract_version: ContractVersion,
    /// What is done.
    pub kind: RepairKind,
    /// Who does it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// The rule whose rows are meant, if it is one's.
    pub rule: Option<String>,
    /// The names of the fields that are set.
    pub fields: Vec<String>,
}

/// A repair at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The ledger's number.
    pub id: i64,
    /// What its files and commits carry.
    pub token: Token,
}

/// What verdicts are judged against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedAgainst {
    /// The source's revision.
    pub revision: Revision,
    /// Up to where its records were judged; `None` where nothing was committed.
    pub next_offset: Option<Offset>,
}

/// Rows of one source that were judged again.
#[derive(Clone, Debug)]
pub struct RepairCommit {
    /// Whose.
    pub repair: Repair,
    /// What is done.
    pub kind: RepairKind,
    /// What was sealed. Its delta is empty.
    pub sealed: Sealed,
    /// What they were judged against.
    pub against: JudgedAgainst,
    /// Whether records that were accepted since matter: the contract asks for unique keys.
    pub keyed: bool,
    /// Offsets of the rows that are good now, rising.
    pub good: Vec<i64>,
    /// Offsets of the rows that were changed and are bad still, rising.
    pub still_bad: Vec<i64>,
    /// The rules those break, with how many of them.
    pub rules_left: BTreeMap<String, u64>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepairOutcome {
    /// It is in the ledger.
    Committed {
        /// Its number.
        batch: BatchId,
        /// The contract's version it was committed as.
        version: i64,
    },
    /// It is not, and never will be under this attempt: judge again.
    Fenced(RepairFence),
}

/// What it failed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RepairFence {
    /// The repair was given up: it had been silent for too long.
    Token,
    /// Verdicts changed since.
    Revision,
    /// Records were accepted since, and their keys matter.
    Offset,
    /// Some of the rows were repaired before.
    Verdict,
    /// The ledger knows no such source.
    Unknown,
}

/// One step in what became of a bad row.
#[derive(Clone, Debug, PartialEq)]
pub struct RepairStep {
    /// The repair, by the ledger's number.
    pub repair: i64,
    /// What was done.
    pub kind: String,
    /// By whom.
    pub author: String,
    /// Why.
    pub reason: String,
    /// The contract's version that judged.
    pub contract_version: ContractVersion,
    /// Its batch.
    pub batch: BatchId,
    /// When it was committed.
    pub committed_at: DateTime<Utc>,
    /// Whether the row was good then.
    pub good: bool,
    /// What was changed; `None` for a replay.
    pub patch: Option<ListedFile>,
}

#[derive(Debug, Serialize)]
struct WireRepair<'a> {
    tenant: &'a str,
    #[serde(flatten)]
    repair: &'a NewRepair,
}

#[derive(Debug, Serialize)]
struct WireRepairBatch<'a> {
    tenant: &'a str,
    repair: i64,
    kind: RepairKind,
    token: uuid::Uuid,
    source: i64,
    revision: i64,
    next_offset: Option<i64>,
    contract: &'a str,
    contract_version: &'a str,
    repaired: u64,
    event_micros_min: Option<i64>,
    event_micros_max: Option<i64>,
    good: String,
    still_bad: String,
    rules_left: &'a BTreeMap<String, u64>,
    files: Vec<WireFile<'a>>,
}

#[derive(Deserialize)]
struct WireOutcome {
    batch: Option<i64>,
    version: Option<i64>,
    fenced: Option<RepairFence>,
}

impl Ledger {
    /// Begins a repair. Nothing is shown of it before its first commit.
    pub async fn begin_repair(&self, repair: &NewRepair, worker: &str, lease: Duration) -> Result<Repair, Error> {
        const SQL: &str = "SELECT repair_id, token FROM begin_repair($1, $2, $3)";
        let mut session = self.session("begin a repair").await?;
        let repair = Json(WireRepair {
            tenant: self.tenant(),
            repair,
        });
        let row = session.row(SQL, &[&repair, &worker, &lease.as_secs_f64()]).await?;
        Ok(Repair {
            id: row.get(0),
            token: Token(row.get(1)),
        })
    }

    /// Ends a repair: what it has sealed and not committed can be swept.
    pub async fn end_repair(&self, repair: Repair) -> Result<(), Error> {
        let mut session = self.session("end a repair").await?;
        session.run("SELECT end_repair($1)", &[&repair.id]).await
    }

    /// What verdicts on a source's rows would be judged against now. Goes before anything else of it is read.
    pub async fn judged_against(&self, source: SourceId) -> Result<JudgedAgainst, Error> {
        const SQL: &str = "SELECT revision, next_offset FROM sources WHERE id = $1";
        let mut session = self.session("read a source").await?;
        let row = session.row(SQL, &[&source.0]).await?;
        Ok(JudgedAgainst {
            revision: Revision(row.get(0)),
            next_offset: row.get::<_, Option<i64>>(1).map(Offset),
        })
    }

    /// Offsets of a source's rows that were made good, up to a version of its contract where one is told, as half-open
    /// ranges, rising.
    pub async fn repaired_rows(&self, source: SourceId, upto: Option<i64>) -> Result<Vec<(i64, i64)>, Error> {
        const SQL: &str = "SELECT lower(range), upper(range)
            FROM repaired_rows JOIN batches ON batches.id = batch_id, unnest(repaired_rows.good) AS range
            WHERE repaired_rows.source_id = $1 AND batches.version <= coalesce($2, batches.version) ORDER BY 1";
        let mut session = self.session("list repaired rows").await?;
        let rows = session.rows(SQL, &[&source.0, &upto]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// The key files that may hold keys accepted between two event times, microseconds since 1970-01-01 UTC: the
    /// source's, and those of the topic's other partitions where it grew.
    pub async fn keys_between(&self, source: SourceId, from: i64, to: i64) -> Result<Vec<ListedFile>, Error> {
        let sql = format!(
            "WITH mine AS (SELECT topic, topic_id FROM sources WHERE id = $1), near AS (
              SELECT sources.id FROM sources JOIN mine USING (topic, topic_id) JOIN topics USING (topic, topic_id)
              WHERE sources.id = $1 OR topics.grown_at IS NOT NULL)
            SELECT {LISTED} FROM files
            WHERE source_id IN (SELECT id FROM near) AND kind = 'keys' AND version_removed IS NULL
              AND (event_micros_max IS NULL OR event_micros_max >= $2 AND event_micros_min <= $3)
            ORDER BY id"
        );
        let mut session = self.session("list key files").await?;
        let rows = session.rows(&sql, &[&source.0, &from, &to]).await?;
        let files = rows
            .iter()
            .map(|row| listed(row, 0))
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(joined_files(files, |file| file))
    }

    /// Commits rows of one source that were judged again. An answer that was lost is asked for again, with the same
    /// attempt: [`Error::OutcomeUnknown`] says so. The repair is held for another `lease`.
    pub async fn commit_repair(
        &self,
        attempt: Attempt,
        batch: &RepairCommit,
        lease: Duration,
    ) -> Result<RepairOutcome, Error> {
        const SQL: &str = "SELECT commit_repair($1, $2, $3)";
        let mut session = self.session("commit a repair").await?;
        let given = Json(wire_batch(batch, self.tenant()));
        let answer = session.row(SQL, &[&attempt.0, &given, &lease.as_secs_f64()]).await;
        let row = answer.map_err(|error| commit::lost(error, attempt))?;
        let Json(outcome) = row
            .try_get::<_, Json<WireOutcome>>(0)
            .map_err(|error| Error::Answer(error.to_string()))?;
        match outcome {
            WireOutcome {
                batch: Some(batch),
                version: Some(version),
                fenced: None,
            } => Ok(RepairOutcome::Committed {
                batch: BatchId(batch),
                version,
            }),
            WireOutcome {
                fenced: Some(fence), ..
            } => Ok(RepairOutcome::Fenced(fence)),
            _ => Err(Error::Answer("a repair is neither committed nor fenced".into())),
        }
    }

    /// What was done to a bad row, in order.
    pub async fn repairs_of(&self, source: SourceId, offset: Offset) -> Result<Vec<RepairStep>, Error> {
        let sql = format!(
            "SELECT repairs.id, repairs.kind, author, reason, batches.contract_version, batches.id,
              committed_at, repaired_rows.good @> $2::bigint, {LISTED}
            FROM repaired_rows JOIN repairs ON repairs.id = repair_id JOIN batches ON batches.id = repaired_rows.batch_id
              LEFT JOIN files ON files.batch_id = batches.id AND files.kind = 'patch' AND version_removed IS NULL
            WHERE repaired_rows.source_id = $1 AND (repaired_rows.good @> $2::bigint OR still_bad @> $2::bigint)
            ORDER BY batches.id"
        );
        let mut session = self.session("list repairs of a row").await?;
        let rows = session.rows(&sql, &[&source.0, &offset.0]).await?;
        rows.iter()
            .map(|row| {
                Ok(RepairStep {
                    repair: row.get(0),
                    kind: row.get(1),
                    author: row.get(2),
                    reason: row.get(3),
                    contract_version: row.get::<_, &str>(4).into(),
                    batch: BatchId(row.get(5)),
                    committed_at: row.get(6),
                    good: row.get(7),
                    patch: match row.get::<_, Option<&str>>(8) {
                        Some(_) => Some(listed(row, 8)?),
                        None => None,
                    },
                })
            })
            .collect()
    }
}

fn wire_batch<'a>(given: &'a RepairCommit, tenant: &'a str) -> WireRepairBatch<'a> {
    let sealed = &given.sealed;
    WireRepairBatch {
        tenant,
        repair: given.repair.id,
        kind: given.kind,
        token: sealed.token.0,
        source: sealed.source.0,
        revision: given.against.revision.0,
        next_offset: given.against.next_offset.filter(|_| given.keyed).map(|offset| offset.0),
        contract: sealed.contract.as_str(),
        contract_version: sealed.contract_version.as_str(),
        repaired: sealed.good,
        event_micros_min: sealed.event_times.map(|(least, _)| least),
        event_micros_max: sealed.event_times.map(|(_, greatest)| greatest),
        good: wire::multirange(ranges(&given.good)),
        still_bad: wire::multirange(ranges(&given.still_bad)),
        rules_left: &given.rules_left,
        files: wire::files(&sealed.files),
    }
}

/// Rising offsets as half-open ranges.
fn ranges(offsets: &[i64]) -> impl Iterator<Item = (i64, i64)> {
    offsets
        .chunk_by(|one, next| one + 1 == *next)
        .map(|run| (run[0], run[run.len() - 1] + 1))
}
