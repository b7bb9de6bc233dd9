//! Predictions: written by binary COPY in the transaction that ends their claim.
//!
//! Called by `muster score`. The claim's fence makes each prediction once, so the table has no uniqueness index. The
//! claim's row is locked by the last statement only, after all rows are there.

use std::collections::BTreeMap;
use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use muster_batch::{Alert, DataFile, Prediction};
use muster_spec::pipeline::Band;
use serde_json::{Value, json};
use tokio_postgres::types::Json;

use super::claims::Claim;
use super::copy_rows::CopyRows;
use super::session::bounded;
use super::{Ledger, wire};
use crate::error::{Error, is_whole_retry};

const ACTION: &str = "write predictions";
/// How often the whole transaction is run again after a serialization failure or deadlock.
const RETRIES_MAX: u32 = 5;
/// Bytes sent at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// What a claim's scoring made.
#[derive(Clone, Copy, Debug)]
pub struct ScoredClaim<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// Its predictions, in the rows' order.
    pub predictions: &'a [Prediction],
    /// The sealed features that were scored.
    pub features: Option<&'a DataFile>,
    /// The pipeline's bands that the scores were put into.
    pub bands: &'a [Band],
    /// What people should be told.
    pub alerts: &'a [Alert],
}

impl Ledger {
    /// Writes a claim's predictions and ends it `done`, in one fenced transaction. [`Error::Fenced`] when the claim has
    /// passed on: nothing was written. When the connection is lost, [`Ledger::claim_is_done`] tells what became of it.
    pub async fn write_predictions(&self, scored: ScoredClaim<'_>) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            match self.write_once(scored).await {
                Err(Error::Refused { code, .. }) if is_whole_retry(&code) && tries < RETRIES_MAX => tries += 1,
                other => return other,
            }
        }
    }

    async fn write_once(&self, scored: ScoredClaim<'_>) -> Result<(), Error> {
        let mut session = self.session(ACTION).await?;
        let answer = self.settings.answer;
        let client = session.client_mut()?;
        let written = bounded(ACTION, answer, async {
            let transaction = client.transaction().await?;
            copy(&transaction, scored, self.tenant()).await?;
            let ended = end(&transaction, scored, self.tenant()).await?;
            if ended {
                // Ending holds the run's row, so claims that end at once count one after another.
                count(&transaction, scored).await?;
                keep_bands(&transaction, scored).await?;
                transaction.commit().await?;
            } else {
                transaction.rollback().await?;
            }
            Ok(ended)
        })
        .await;
        match written {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::Fenced {
                action: ACTION,
                token: scored.claim.token,
            }),
            Err(error) => {
                session.retire_if_silent(&error);
                Err(error)
            }
        }
    }

    /// Whether a claim ended `done` under this token: the question after a lost answer.
    pub async fn claim_is_done(&self, claim: &Claim) -> Result<bool, Error> {
        // The row's lock waits for a transaction that is still under way.
        const SQL: &str = "SELECT state = 'done' AND token = $2 FROM claims WHERE id = $1 FOR UPDATE";
        let mut session = self.session("look up a claim").await?;
        let row = session.row_maybe(SQL, &[&claim.id, &claim.token.0]).await?;
        Ok(row.is_some_and(|row| row.get::<_, Option<bool>>(0).unwrap_or(false)))
    }
}

async fn copy(
    transaction: &deadpool_postgres::Transaction<'_>,
    scored: ScoredClaim<'_>,
    tenant: &str,
) -> Result<(), tokio_postgres::Error> {
    const SQL: &str = "COPY predictions (tenant, claim_id, batch_id, source_id, record_offset, as_of, entity, score,
        band, reasons) FROM STDIN BINARY";
    if scored.predictions.is_empty() {
        return Ok(());
    }
    let mut sink = pin!(transaction.copy_in::<_, Bytes>(SQL).await?);
    let mut rows = CopyRows::new(tenant, scored.claim.id, scored.claim.batch.0);
    for prediction in scored.predictions {
        rows.push(prediction);
        if rows.byte_len() >= CHUNK_BYTES {
            sink.send(rows.take()).await?;
        }
    }
    sink.send(rows.end()).await?;
    sink.as_mut().finish().await?;
    Ok(())
}

/// Adds how many predictions fell into each band and twentieth of the score.
async fn count(
    transaction: &deadpool_postgres::Transaction<'_>,
    scored: ScoredClaim<'_>,
) -> Result<(), tokio_postgres::Error> {
    const SQL: &str = "INSERT INTO run_scores (run_id, band, twentieth, predictions)
        SELECT claims.run_id, counted.* FROM claims, unnest($2::text[], $3::smallint[], $4::bigint[]) AS counted
        WHERE claims.id = $1
        ON CONFLICT (run_id, band, twentieth)
        DO UPDATE SET predictions = run_scores.predictions + excluded.predictions";
    let mut counted: BTreeMap<(&str, i16), i64> = BTreeMap::new();
    for prediction in scored.predictions {
        let twentieth = ((prediction.score * 20.0) as i16).clamp(0, 19);
        *counted.entry((&prediction.band, twentieth)).or_default() += 1;
    }
    let bands: Vec<&str> = counted.keys().map(|(band, _)| *band).collect();
    let twentieths: Vec<i16> = counted.keys().map(|(_, twentieth)| *twentieth).collect();
    let predictions: Vec<i64> = counted.into_values().collect();
    transaction
        .execute(SQL, &[&scored.claim.id, &bands, &twentieths, &predictions])
        .await
        .map(drop)
}

/// Keeps what the scores were put into, for whoever computes them again.
async fn keep_bands(
    transaction: &deadpool_postgres::Transaction<'_>,
    scored: ScoredClaim<'_>,
) -> Result<(), tokio_postgres::Error> {
    const SQL: &str = "UPDATE claims SET bands = $2 WHERE id = $1";
    let bands = scored.bands.iter();
    let bands: Vec<Value> = bands
        .map(|band| json!({ "name": band.name, "from": band.from }))
        .collect();
    transaction
        .execute(SQL, &[&scored.claim.id, &Json(bands)])
        .await
        .map(drop)
}

async fn end(
    transaction: &deadpool_postgres::Transaction<'_>,
    scored: ScoredClaim<'_>,
    tenant: &str,
) -> Result<bool, tokio_postgres::Error> {
    const SQL: &str = "SELECT end_claim($1, $2, 'done', $3, NULL, $4, $5)";
    let files: Vec<DataFile> = scored.features.cloned().into_iter().collect();
    let row = transaction
        .query_one(
            SQL,
            &[
                &scored.claim.id,
                &scored.claim.token.0,
                &(scored.predictions.len() as i64),
                &Json(wire::files(&files)),
                &Json(wire::alerts(scored.alerts, tenant)),
            ],
        )
        .await?;
    Ok(row.get(0))
}
