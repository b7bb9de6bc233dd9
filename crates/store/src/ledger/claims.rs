//! Claims: the work of a run, one a batch, so that several scorers share it.
//!
//! Taken by `muster score` under a lease by the database's clock. A lease that ran out lets another scorer take the
//! claim; its new token fences the one before, whatever that one still writes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use muster_batch::Alert;
use muster_spec::{BatchId, ModelVersion, PipelineName, RunId, Token};
use tokio_postgres::types::Json;

use super::good_files::GoodFile;
use super::{Ledger, wire};
use crate::error::Error;

/// A claim that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The claim, by the ledger's number.
    pub id: i64,
    /// What its predictions, file and end must carry.
    pub token: Token,
    /// Its run.
    pub run: RunId,
    /// The run's slot.
    pub slot: DateTime<Utc>,
    /// The batch to score.
    pub batch: BatchId,
    /// The model version that scores it.
    pub model: ModelVersion,
    /// How often it was taken, this time included.
    pub tries: u32,
    /// The batch's good rows; none where they were superseded away.
    pub files: Vec<GoodFile>,
}

/// Open claims of one run that one scorer holds, or that are free.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenClaims {
    /// Their run.
    pub run: RunId,
    /// Who took them last; `None` when nobody did.
    pub worker: Option<String>,
    /// How many.
    pub count: u64,
    /// When the first of their leases runs out, by the database's clock; `None` when nobody holds them.
    pub until: Option<DateTime<Utc>>,
    /// How long that is from now; nothing when one of them can be taken at once.
    pub left: Duration,
}

impl Ledger {
    /// Takes the next claim of the pipeline's open runs, oldest first; `None` when none is free.
    pub async fn take_claim(
        &self,
        pipeline: &PipelineName,
        purpose: &str,
        worker: &str,
        lease: Duration,
    ) -> Result<Option<Claim>, Error> {
        const SQL: &str = "SELECT claim_id, token, run_id, slot_utc, batch_id, model_version, tries
            FROM take_claim($1, $2, $3, $4)";
        let mut session = self.session("take a claim").await?;
        let taken = session
            .row_maybe(SQL, &[&pipeline.as_str(), &purpose, &worker, &lease.as_secs_f64()])
            .await?;
        drop(session);
        let Some(row) = taken else { return Ok(None) };
        let batch = BatchId(row.get(4));
        Ok(Some(Claim {
            id: row.get(0),
            token: Token(row.get(1)),
            run: RunId(row.get(2)),
            slot: row.get(3),
            batch,
            model: row.get::<_, &str>(5).into(),
            tries: row.get::<_, i32>(6) as u32,
            files: self.good_files_of(batch).await?,
        }))
    }

    /// Lengthens a claim's lease; `false` when it has passed on or ended.
    pub async fn extend_claim(&self, claim: &Claim, lease: Duration) -> Result<bool, Error> {
        const SQL: &str = "SELECT extend_claim($1, $2, $3)";
        let mut session = self.session("extend a claim").await?;
        let row = session
            .row(SQL, &[&claim.id, &claim.token.0, &lease.as_secs_f64()])
            .await?;
        Ok(row.get(0))
    }

    /// Gives a claim back before its lease runs out; the try counts when the claim is to blame and not the world around
    /// it. `false` when it has passed on or ended.
    pub async fn release_claim(&self, claim: &Claim, counts: bool) -> Result<bool, Error> {
        const SQL: &str = "SELECT release_claim($1, $2, $3)";
        let mut session = self.session("give a claim back").await?;
        Ok(session.row(SQL, &[&claim.id, &claim.token.0, &counts]).await?.get(0))
    }

    /// The claims of the pipeline's open runs that have not ended, by run and holder.
    pub async fn open_claims(&self, pipeline: &PipelineName, purpose: &str) -> Result<Vec<OpenClaims>, Error> {
        const SQL: &str = "SELECT runs.id, claims.worker, count(*), min(claims.leased_until),
              coalesce(extract(epoch FROM min(claims.leased_until) - clock_timestamp()), 0)::double precision
            FROM claims JOIN runs ON runs.id = claims.run_id
            WHERE runs.pipeline = $1 AND runs.purpose = $2 AND runs.state = 'open' AND claims.state = 'open'
            GROUP BY 1, 2 ORDER BY 1, 2";
        let mut session = self.session("read the open claims").await?;
        let rows = session.rows(SQL, &[&pipeline.as_str(), &purpose]).await?;
        let open = rows.iter().map(|row| OpenClaims {
            run: RunId(row.get(0)),
            worker: row.get(1),
            count: row.get::<_, i64>(2) as u64,
            until: row.get(3),
            left: Duration::try_from_secs_f64(row.get(4)).unwrap_or_default(),
        });
        Ok(open.collect())
    }

    /// Parks a claim whose file is missing or altered; the run goes on. [`Error::Fenced`] when it has passed on.
    pub async fn park_claim(&self, claim: &Claim, message: &str, alerts: &[Alert]) -> Result<(), Error> {
        self.end_without(claim, "corrupt", message, alerts).await
    }

    /// Gives a claim up after too many tries; the run goes on. [`Error::Fenced`] when it has passed on.
    pub async fn fail_claim(&self, claim: &Claim, message: &str, alerts: &[Alert]) -> Result<(), Error> {
        self.end_without(claim, "failed", message, alerts).await
    }

    async fn end_without(
        &self,
        claim: &Claim,
        state: &'static str,
        message: &str,
        alerts: &[Alert],
    ) -> Result<(), Error> {
        const ACTION: &str = "end a claim";
        const SQL: &str = "SELECT end_claim($1, $2, $3, NULL, $4, NULL, $5)";
        let alerts = Json(wire::alerts(alerts, self.tenant()));
        let mut session = self.session(ACTION).await?;
        let row = session
            .row(SQL, &[&claim.id, &claim.token.0, &state, &message, &alerts])
            .await?;
        if row.get(0) {
            return Ok(());
        }
        Err(Error::Fenced {
            action: ACTION,
            token: claim.token,
        })
    }
}
