//! Runs: one a slot of a pipeline's schedule and purpose.
//!
//! Opened by `muster score`. Opening makes the claims, all batches with good rows that none covers yet; with none the
//! run is skipped. A run ends with its last claim. One that cannot go on is failed with the reason kept; its open claims
//! go to the pipeline's next run, so that it blocks none and loses nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use muster_batch::Alert;
use muster_spec::{ContractName, ModelVersion, PipelineName, RunId};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::{Ledger, wire};
use crate::error::Error;

/// What the scheduled champion's runs are for.
pub const PURPOSE_SCORE: &str = "score";

/// A slot to open a run for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The pipeline.
    pub pipeline: PipelineName,
    /// What for: [`PURPOSE_SCORE`], or a challenger's or repeated scoring's own, named with its version.
    pub purpose: String,
    /// The slot, in UTC.
    pub at: DateTime<Utc>,
    /// The contracts whose batches are scored.
    pub contracts: Vec<ContractName>,
    /// The model version that scores.
    pub model: ModelVersion,
    /// Whether the slot is skipped when it falls into the life of another run of this pipeline and purpose.
    pub alone: bool,
}

/// The run of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedRun {
    /// The run.
    pub run: RunId,
    /// Whether this call opened it; else another scorer did.
    pub opened: bool,
    /// What it is now.
    pub state: RunState,
    /// Its claims.
    pub claims: u64,
    /// Why it was skipped or failed, where there is more to say than that nothing was new.
    pub message: Option<String>,
}

/// What a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunState {
    /// Claims are left.
    Open,
    /// All claims ended.
    Done,
    /// There was nothing to score.
    Skipped,
    /// It was given up, or none of its batches could be scored.
    Failed,
}

impl RunState {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "done" => Self::Done,
            "skipped" => Self::Skipped,
            "failed" => Self::Failed,
            _ => Self::Open,
        }
    }

    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// A run as the ledger has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The run.
    pub run: RunId,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// What for.
    pub purpose: String,
    /// Its slot.
    pub slot: DateTime<Utc>,
    /// The model version its claims were made with.
    pub model: ModelVersion,
    /// What it is now.
    pub state: RunState,
    /// Why it was skipped or failed.
    pub message: Option<String>,
    /// The contracts' versions it read.
    pub read_versions: BTreeMap<String, i64>,
    /// Claims made.
    pub claims: u64,
    /// Predictions written.
    pub predictions: u64,
    /// Claims that ended without: corrupt or given up.
    pub corrupt: u64,
    /// When it was opened.
    pub started_at: DateTime<Utc>,
    /// When its last claim ended.
    pub ended_at: Option<DateTime<Utc>>,
}

const RUN_COLUMNS: &str = "id, pipeline, purpose, slot_utc, model_version, state, read_versions, claims, predictions,
    corrupt, started_at, ended_at, message";

impl Ledger {
    /// Opens the one run of a slot and makes its claims; or finds the run another scorer opened.
    pub async fn open_run(&self, slot: &Slot) -> Result<OpenedRun, Error> {
        const SQL: &str = "SELECT run_id, opened, state, claims, message FROM open_run($1, $2, $3, $4, $5, $6, $7)";
        let contracts: Vec<&str> = slot.contracts.iter().map(ContractName::as_str).collect();
        let mut session = self.session("open a run").await?;
        let row = session
            .row(
                SQL,
                &[
                    &self.tenant(),
                    &slot.pipeline.as_str(),
                    &slot.purpose,
                    &slot.at,
                    &contracts,
                    &slot.model.as_str(),
                    &slot.alone,
                ],
            )
            .await?;
        Ok(OpenedRun {
            run: RunId(row.get(0)),
            opened: row.get(1),
            state: RunState::of(row.get(2)),
            claims: row.get::<_, i64>(3) as u64,
            message: row.get(4),
        })
    }

    /// Gives a run up with the reason people see; `false` when it has ended before. Its open claims go to the pipeline's
    /// next run.
    pub async fn fail_run(&self, run: RunId, message: &str, alerts: &[Alert]) -> Result<bool, Error> {
        const SQL: &str = "SELECT fail_run($1, $2, $3)";
        let alerts = Json(wire::alerts(alerts, self.tenant()));
        let mut session = self.session("fail a run").await?;
        Ok(session.row(SQL, &[&run.0, &message, &alerts]).await?.get(0))
    }

    /// A run.
    pub async fn run(&self, run: RunId) -> Result<Run, Error> {
        let sql = format!("SELECT {RUN_COLUMNS} FROM runs WHERE id = $1");
        let mut session = self.session("read a run").await?;
        self::run(&session.row(&sql, &[&run.0]).await?)
    }

    /// The pipeline's last runs, newest first.
    pub async fn runs(&self, pipeline: &PipelineName, count_max: u32) -> Result<Vec<Run>, Error> {
        let sql = format!("SELECT {RUN_COLUMNS} FROM runs WHERE pipeline = $1 ORDER BY id DESC LIMIT $2");
        let mut session = self.session("read the runs").await?;
        let rows = session.rows(&sql, &[&pipeline.as_str(), &i64::from(count_max)]).await?;
        rows.iter().map(run).collect()
    }

    /// The last slot that has a run: where a schedule goes on from.
    pub async fn last_slot(&self, pipeline: &PipelineName, purpose: &str) -> Result<Option<DateTime<Utc>>, Error> {
        const SQL: &str = "SELECT max(slot_utc) FROM runs WHERE pipeline = $1 AND purpose = $2";
        let mut session = self.session("read the last slot").await?;
        Ok(session.row(SQL, &[&pipeline.as_str(), &purpose]).await?.get(0))
    }
}

fn run(row: &Row) -> Result<Run, Error> {
    let Json(read_versions) = row
        .try_get::<_, Json<BTreeMap<String, i64>>>(6)
        .map_err(|error| Error::Answer(error.to_string()))?;
    Ok(Run {
        run: RunId(row.get(0)),
        pipeline: row.get::<_, &str>(1).into(),
        purpose: row.get(2),
        slot: row.get(3),
        model: row.get::<_, &str>(4).into(),
        state: RunState::of(row.get(5)),
        read_versions,
        claims: row.get::<_, i64>(7) as u64,
        predictions: row.get::<_, i64>(8) as u64,
        corrupt: row.get::<_, i64>(9) as u64,
        started_at: row.get(10),
        ended_at: row.get(11),
        message: row.get(12),
    })
}
