//! Scoring: batches of good rows that are new, to predictions.
//!
//! Used by `score`, `serve` and `demo`. A slot of a pipeline's schedule opens one run; the run's claims are taken one
//! after another, by as many scorers as there are. A claim's predictions and its mark are one fenced transaction, so a
//! row is scored once whatever dies when. A batch whose file is missing or altered is parked and the rest goes on.

pub mod alerts;
pub mod scheduling;
pub mod training;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use muster_batch::{Alert, DataFile, FeatureFrame, Prediction};
use muster_features::{GoodFile, View, compute};
use muster_model::{Model, ModelFiles};
use muster_spec::pipeline::Reasons;
use muster_spec::{Contract, ModelVersion, Pipeline};
use muster_store::files::ClaimWriter;
use muster_store::ledger::claims::Claim;
use muster_store::ledger::predictions::ScoredClaim;
use muster_store::ledger::runs::{PURPOSE_SCORE, RunState, Slot};
use muster_store::{Error, FileStore, Ledger, Step};

use crate::failpoint;
use crate::http::Readiness;
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;

/// How long a claim is left to its scorer without a sign of life.
const LEASE: Duration = Duration::from_mins(1);
/// How often a claim is tried before it is given up.
const TRIES_MAX: u32 = 5;

/// A pipeline with its view planned.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The pipeline.
    pub pipeline: Arc<Pipeline>,
    /// Its feature view.
    pub view: Arc<View>,
}

impl Planned {
    /// Plans a pipeline's view over the project's contracts.
    pub fn new(pipeline: &Arc<Pipeline>, contracts: &[Arc<Contract>]) -> anyhow::Result<Self> {
        let contracts: Vec<Contract> = contracts.iter().map(|contract| Contract::clone(contract)).collect();
        let view = View::compile(pipeline, &contracts).map_err(|problems| {
            anyhow::anyhow!(
                "{}",
                problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            )
        })?;
        Ok(Self {
            pipeline: Arc::clone(pipeline),
            view: Arc::new(view),
        })
    }
}

/// What one pass over a pipeline did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pass {
    /// The pipeline.
    pub pipeline: String,
    /// `done`, `skipped`, or `open` while another scorer still works on it.
    pub state: &'static str,
    /// Batches this process scored.
    pub batches: u64,
    /// Predictions this process wrote.
    pub predictions: u64,
    /// Batches this process parked.
    pub corrupt: u64,
}

/// Scores.
#[derive(Clone)]
pub struct Scorer {
    ledger: Ledger,
    files: Arc<dyn FileStore>,
    folder: PathBuf,
    metrics: Metrics,
    readiness: Readiness,
    shutdown: Shutdown,
    worker: String,
    models: Arc<Mutex<HashMap<ModelVersion, Arc<Model>>>>,
}

/// How a claim ended.
enum Ended {
    Scored(u64),
    Corrupt,
    PassedOn,
}

impl Scorer {
    /// A scorer of the project in `folder`.
    pub fn new(
        ledger: Ledger,
        files: Arc<dyn FileStore>,
        folder: PathBuf,
        metrics: Metrics,
        readiness: Readiness,
        shutdown: Shutdown,
    ) -> Self {
        let worker = format!("score-{}", std::process::id());
        Self {
            ledger,
            files,
            folder,
            metrics,
            readiness,
            shutdown,
            worker,
            models: Arc::default(),
        }
    }

    /// Runs a slot: opens its run, or joins it, and works on claims until none is left. `None` when the pipeline has no
    /// champion yet.
    pub async fn pass(&self, planned: &Planned, at: DateTime<Utc>) -> anyhow::Result<Option<Pass>> {
        let pipeline = &planned.pipeline;
        let Some(champion) = self.ledger.model(&pipeline.name, "champion").await? else {
            return Ok(None);
        };
        let timer = self.metrics.run_secs.start_timer();
        let slot = Slot {
            pipeline: pipeline.name.clone(),
            purpose: PURPOSE_SCORE.to_owned(),
            at,
            contracts: pipeline.sources.clone(),
            model: champion.model.version.clone(),
        };
        let opened = self.ledger.open_run(&slot).await.context("could not open a run")?;
        let mut pass = Pass {
            pipeline: pipeline.name.to_string(),
            state: opened.state.word(),
            batches: 0,
            predictions: 0,
            corrupt: 0,
        };
        self.work(planned, &mut pass).await?;
        if opened.state != RunState::Skipped || pass.batches > 0 {
            let left = self.ledger.open_runs(&pipeline.name, PURPOSE_SCORE).await?;
            pass.state = if left.is_empty() { "done" } else { "open" };
        }
        timer.observe_duration();
        self.metrics
            .runs
            .with_label_values(&[pipeline.name.as_str(), pass.state])
            .inc();
        Ok(Some(pass))
    }

    /// Takes claims until none is free or a stop is asked for.
    async fn work(&self, planned: &Planned, pass: &mut Pass) -> anyhow::Result<()> {
        while !self.shutdown.is_asked() {
            let taken = self
                .ledger
                .take_claim(&planned.pipeline.name, PURPOSE_SCORE, &self.worker, LEASE)
                .await?;
            let Some(claim) = taken else { return Ok(()) };
            failpoint::reach("claim");
            match self.score(planned, &claim).await {
                Ok(Ended::Scored(predictions)) => {
                    pass.batches += 1;
                    pass.predictions += predictions;
                }
                Ok(Ended::Corrupt) => pass.corrupt += 1,
                Ok(Ended::PassedOn) => tracing::warn!(claim = claim.id, "the claim passed on to another scorer"),
                Err(error) if claim.tries >= TRIES_MAX => {
                    let message = format!("{error:#}");
                    let alert = about_run(&planned.pipeline, "claim_failed", &claim);
                    self.ledger.fail_claim(&claim, &message, &[alert]).await?;
                    tracing::error!(claim = claim.id, message, "gave a claim up");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Scores one claim, keeping its lease alive meanwhile.
    async fn score(&self, planned: &Planned, claim: &Claim) -> anyhow::Result<Ended> {
        let ledger = self.ledger.clone();
        let kept = claim.clone();
        let lease = tokio::spawn(async move {
            loop {
                tokio::time::sleep(LEASE / 3).await;
                if let Err(error) = ledger.extend_claim(&kept, LEASE).await {
                    tracing::warn!(%error, claim = kept.id, "could not keep a claim's lease");
                }
            }
        });
        let ended = self.score_leased(planned, claim).await;
        lease.abort();
        ended
    }

    async fn score_leased(&self, planned: &Planned, claim: &Claim) -> anyhow::Result<Ended> {
        let model = self.model(&claim.model)?;
        let files = good_files(&self.folder, &claim.files);
        let frame = match compute(&planned.view, &files, None, false).await {
            Ok(frame) => frame,
            Err(error) if error.corrupt().is_some() => return self.park(planned, claim, &error.to_string()).await,
            Err(error) => return Err(error).context("could not compute features"),
        };
        failpoint::reach("compute");
        let scored = self.predict(planned, &model, frame, claim).await?;
        failpoint::reach("predict");
        let alerts = alerts::of_claim(&planned.pipeline, &scored.predictions, claim);
        let written = self
            .ledger
            .write_predictions(ScoredClaim {
                claim,
                predictions: &scored.predictions,
                features: scored.file.as_ref(),
                alerts: &alerts,
            })
            .await;
        match written {
            Ok(()) => {}
            Err(Error::Fenced { .. }) => return Ok(Ended::PassedOn),
            // The answer was lost: what the ledger says is what happened.
            Err(error) if !self.ledger.claim_is_done(claim).await? => return Err(error.into()),
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
    ) -> anyhow::Result<Scored> {
        let (pipeline, model) = (Arc::clone(&planned.pipeline), Arc::clone(model));
        let (files, claim, token) = (Arc::clone(&self.files), claim.id, claim.token);
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
            anyhow::Ok(Scored { predictions, file })
        };
        tokio::task::spawn_blocking(work).await?
    }

    async fn park(&self, planned: &Planned, claim: &Claim, message: &str) -> anyhow::Result<Ended> {
        let alert = about_run(&planned.pipeline, "batch_corrupt", claim);
        tracing::error!(batch = %claim.batch, message, "parked a batch as corrupt");
        self.metrics
            .corrupt
            .with_label_values(&[planned.pipeline.name.as_str()])
            .inc();
        match self.ledger.park_claim(claim, message, &[alert]).await {
            Ok(()) => Ok(Ended::Corrupt),
            Err(Error::Fenced { .. }) => Ok(Ended::PassedOn),
            Err(error) => Err(error.into()),
        }
    }

    /// A model version, loaded and checked once.
    fn model(&self, version: &ModelVersion) -> anyhow::Result<Arc<Model>> {
        let known = self
            .models
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(version)
            .cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let folder = self.folder.join("models").join(version.as_str());
        let files = ModelFiles::read(&folder, version)?;
        let model = Arc::new(Model::load(&files, version)?);
        self.models
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(version.clone(), Arc::clone(&model));
        self.readiness.ready("model");
        Ok(model)
    }

    /// Something around us failed and is tried again.
    fn trouble(&self, error: &str) {
        self.metrics.errors.with_label_values(&["score", "environment"]).inc();
        self.readiness.not_ready("score", error);
        tracing::warn!(error, "trouble while scoring, trying again");
    }

    fn count(&self, planned: &Planned, predictions: &[Prediction]) {
        for prediction in predictions {
            let labels = [planned.pipeline.name.as_str(), &*prediction.band];
            self.metrics.predictions.with_label_values(&labels).inc();
        }
    }
}

struct Scored {
    predictions: Vec<Prediction>,
    file: Option<DataFile>,
}

/// The ledger's good files as the features crate takes them.
fn good_files(folder: &std::path::Path, files: &[muster_store::ledger::good_files::GoodFile]) -> Vec<GoodFile> {
    let file = |listed: &muster_store::ledger::good_files::GoodFile| GoodFile {
        contract: listed.contract.clone(),
        path: folder.join(&listed.file.path),
        rows: listed.file.rows,
        bytes: listed.bytes,
        sha256: listed.file.sha256,
    };
    files.iter().map(file).collect()
}

/// The features with the positions they belong to: what a prediction is recomputed from.
fn features_with_positions(frame: &FeatureFrame) -> anyhow::Result<arrow::array::RecordBatch> {
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
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )?)
}

/// An alert about a claim of a run.
fn about_run(pipeline: &Pipeline, condition: &str, claim: &Claim) -> Alert {
    Alert {
        fingerprint: format!("pipeline/{}/{condition}", pipeline.name),
        condition: condition.to_owned(),
        about: pipeline.name.to_string(),
        measured: None,
        threshold: None,
        window: format!("batch {}", claim.batch),
        target: None,
    }
}
