//! One claim: its batch's rows to features, scores and predictions, written in one fenced transaction.
//!
//! Called by a pass for each claim it takes. The claim's lease is kept alive for as long as the work goes on; when the
//! ledger cannot be told in time another scorer takes the claim, and what this one writes is refused. What goes wrong is
//! told apart by whom it stops: this batch, the whole run, or nobody for long.

use std::collections::HashMap;
use std::sync::Arc;

use muster_batch::{DataFile, FeatureFrame, Prediction};
use muster_features::compute;
use muster_model::Model;
use muster_spec::pipeline::Reasons;
use muster_store::files::ClaimWriter;
use muster_store::ledger::claims::Claim;
use muster_store::ledger::predictions::ScoredClaim;
use muster_store::{Domain, Error, Step};

use super::{Planned, Scorer, alerts, good_files};
use crate::failpoint;

/// How often a claim is tried before it is given up, by scorers that died on it among them.
pub const TRIES_MAX: u32 = 5;

/// How a claim ended.
#[derive(Debug)]
pub enum Ended {
    /// Its predictions are written.
    Scored(u64),
    /// Its file is missing or altered: it was parked.
    Corrupt,
    /// It was tried too often.
    GivenUp,
    /// Another scorer has it.
    PassedOn,
}

/// Why a claim has not ended.
#[derive(Debug)]
pub enum Fault {
    /// The batch's own: tried again, then given up.
    Batch(String),
    /// The whole run's, every claim would meet it: a model that is missing, a view that does not fit it.
    Run(String),
    /// The world's around us: it may pass, and nobody is to blame.
    Trouble(anyhow::Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error.domain() {
            Domain::Environment => Self::Trouble(error.into()),
            Domain::User | Domain::Internal => Self::Batch(error.to_string()),
        }
    }
}

impl From<muster_model::Error> for Fault {
    fn from(error: muster_model::Error) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<muster_features::Error> for Fault {
    fn from(error: muster_features::Error) -> Self {
        use muster_features::Error as Features;
        match error {
            Features::Disk { .. } => Self::Trouble(error.into()),
            Features::Entities | Features::Foreign { .. } => Self::Run(error.to_string()),
            _ => Self::Batch(error.to_string()),
        }
    }
}

impl From<arrow::error::ArrowError> for Fault {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Batch(error.to_string())
    }
}

struct Scored {
    predictions: Vec<Prediction>,
    file: Option<DataFile>,
}

impl Scorer {
    /// Scores one claim, keeping its lease alive meanwhile.
    pub(super) async fn score(&self, planned: &Planned, claim: &Claim) -> Result<Ended, Fault> {
        if claim.tries > TRIES_MAX {
            let message = format!("it was taken {TRIES_MAX} times and never ended: its scorers died");
            return self.give_up(planned, claim, &message).await;
        }
        let (tools, kept) = (Arc::clone(&self.tools), claim.clone());
        let lease = tokio::spawn(async move {
            loop {
                tokio::time::sleep(tools.lease / 3).await;
                match tools.ledger.extend_claim(&kept, tools.lease).await {
                    Ok(true) => {}
                    Ok(false) => return tracing::warn!(claim = kept.id, "lost a claim's lease"),
                    Err(error) => tracing::warn!(%error, claim = kept.id, "could not keep a claim's lease"),
                }
            }
        });
        let ended = self.score_leased(planned, claim).await;
        lease.abort();
        match ended {
            Err(Fault::Batch(message)) if claim.tries == TRIES_MAX => self.give_up(planned, claim, &message).await,
            other => other,
        }
    }

    async fn score_leased(&self, planned: &Planned, claim: &Claim) -> Result<Ended, Fault> {
        let model = self.model(&claim.model)?;
        let files = good_files(&self.tools.folder, &claim.files);
        let frame = match compute(&planned.view, &files, None, false).await {
            Ok(frame) => frame,
            Err(error) if error.corrupt().is_some() => return self.park(planned, claim, &error.to_string()).await,
            Err(error) => return Err(error.into()),
        };
        failpoint::reach("compute");
        let scored = self.predict(planned, &model, frame, claim).await?;
        failpoint::reach("predict");
        let alerts = alerts::of_claim(&planned.pipeline, &scored.predictions, claim);
        let ledger = &self.tools.ledger;
        let written = ledger
            .write_predictions(ScoredClaim {
                claim,
                predictions: &scored.predictions,
                features: scored.file.as_ref(),
                bands: &planned.pipeline.bands,
                alerts: &alerts,
            })
            .await;
        match written {
            Ok(()) => {}
            Err(Error::Fenced { .. }) => return Ok(Ended::PassedOn),
            // The answer was lost: what the ledger says is what happened.
            Err(error) if !ledger.claim_is_done(claim).await? => return Err(error.into()),
            Err(_) => {}
        }
        failpoint::reach("predicted");
        self.count(planned, &scored.predictions);
        Ok(Ended::Scored(scored.predictions.len() as u64))
    }

    /// Scores a frame and seals the features it was scored on, off the runtime's threads.
    async fn predict(
        &self,
        planned: &Planned,
        model: &Arc<Model>,
        frame: FeatureFrame,
        claim: &Claim,
    ) -> Result<Scored, Fault> {
        let (pipeline, model) = (Arc::clone(&planned.pipeline), Arc::clone(model));
        let (files, claim, token) = (Arc::clone(&self.tools.files), claim.id, claim.token);
        let work = move || {
            let bands: HashMap<&str, Arc<str>> = pipeline
                .bands
                .iter()
                .map(|band| (band.name.as_str(), Arc::from(band.name.as_str())))
                .collect();
            let band = |score: f64| Arc::clone(&bands[pipeline.band(score)]);
            let explain = |band: &str| match &pipeline.reasons {
                Reasons::All => true,
                Reasons::OnDemand => false,
                Reasons::Bands(wanted) => wanted.iter().any(|wanted| wanted == band),
            };
            let predictions = model.predictions(&frame, &band, &explain)?;
            failpoint::reach("score");
            let mut writer = ClaimWriter::new(files, &pipeline.name, claim, token)?;
            writer.push(&features_with_positions(&frame)?)?;
            let file = writer.seal(&|step: Step| failpoint::reach(step.name()))?;
            Ok(Scored { predictions, file })
        };
        let worked = tokio::task::spawn_blocking(work).await;
        worked.unwrap_or_else(|_| Err(Fault::Batch("scoring it panicked".to_owned())))
    }

    /// Parks a claim whose file is not what was sealed.
    async fn park(&self, planned: &Planned, claim: &Claim, message: &str) -> Result<Ended, Fault> {
        tracing::error!(batch = %claim.batch, why = message, "parked a batch as corrupt");
        let pipeline = &planned.pipeline;
        let corrupt = &self.tools.metrics.corrupt;
        corrupt.with_label_values(&[pipeline.name.as_str()]).inc();
        let alerts = alerts::of_trouble(pipeline, "batch_corrupt", &format!("batch {}", claim.batch));
        let parked = self.tools.ledger.park_claim(claim, message, &alerts).await;
        ended_as(Ended::Corrupt, parked)
    }

    /// Ends a claim that was tried too often.
    async fn give_up(&self, planned: &Planned, claim: &Claim, message: &str) -> Result<Ended, Fault> {
        tracing::error!(batch = %claim.batch, why = message, "gave a batch up");
        let alerts = alerts::of_trouble(&planned.pipeline, "batch_failed", &format!("batch {}", claim.batch));
        let failed = self.tools.ledger.fail_claim(claim, message, &alerts).await;
        ended_as(Ended::GivenUp, failed)
    }

    fn count(&self, planned: &Planned, predictions: &[Prediction]) {
        for prediction in predictions {
            let labels = [planned.pipeline.name.as_str(), &*prediction.band];
            self.tools.metrics.predictions.with_label_values(&labels).inc();
        }
    }
}

fn ended_as(ended: Ended, written: Result<(), Error>) -> Result<Ended, Fault> {
    match written {
        Ok(()) => Ok(ended),
        Err(Error::Fenced { .. }) => Ok(Ended::PassedOn),
        Err(error) => Err(error.into()),
    }
}

/// The features with the positions they belong to: what a prediction is recomputed from.
fn features_with_positions(frame: &FeatureFrame) -> Result<arrow::array::RecordBatch, arrow::error::ArrowError> {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    let sources: ArrayRef = Arc::new(Int64Array::from_iter_values(
        frame.positions.iter().map(|(source, _)| source.0),
    ));
    let offsets: ArrayRef = Arc::new(Int64Array::from_iter_values(
        frame.positions.iter().map(|(_, offset)| offset.0),
    ));
    let mut columns: Vec<(String, ArrayRef)> = vec![("_source".into(), sources), ("_offset".into(), offsets)];
    let schema = frame.features.schema();
    let named = schema.fields().iter().map(|field| field.name().clone());
    columns.extend(named.zip(frame.features.columns().iter().cloned()));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}
