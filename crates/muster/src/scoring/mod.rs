//! Scoring: batches of good rows that are new, to predictions.
//!
//! Used by `score`, `serve` and `demo`. A slot of a pipeline's schedule opens one run; the run's claims are taken one
//! after another, by as many scorers as there are ([`passing`]). A claim's predictions and its mark are one fenced
//! transaction ([`claiming`]), so a row is scored once whatever dies when. A batch whose file is missing or altered is
//! parked and the rest goes on.

pub mod alerts;
mod claiming;
pub mod passing;
pub mod scheduling;
pub mod training;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muster_features::{GoodFile, View};
use muster_model::{Model, ModelFiles};
use muster_spec::{Contract, ModelVersion, Pipeline};
use muster_store::{FileStore, Ledger};

use crate::http::Readiness;
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;

/// A pipeline with its view planned.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The pipeline.
    pub pipeline: Arc<Pipeline>,
    /// Its feature view.
    pub view: Arc<View>,
}

impl Planned {
    /// Plans each of these pipelines.
    pub fn all(pipelines: &[Arc<Pipeline>], contracts: &[Arc<Contract>]) -> anyhow::Result<Vec<Self>> {
        let planned = pipelines.iter().map(|pipeline| Self::new(pipeline, contracts));
        planned.collect()
    }

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

/// What a scorer works with.
pub struct Tools {
    /// The ledger, with scoring's rights.
    pub ledger: Ledger,
    /// Where features are sealed.
    pub files: Arc<dyn FileStore>,
    /// The project folder: good files and models.
    pub folder: PathBuf,
    /// What is counted.
    pub metrics: Metrics,
    /// Which parts can work.
    pub readiness: Readiness,
    /// Whether the process is asked to stop.
    pub shutdown: Shutdown,
    /// How long a claim is left to its scorer without a sign of life.
    pub lease: Duration,
}

/// Scores. Cloning shares it.
#[derive(Clone)]
pub struct Scorer {
    tools: Arc<Tools>,
    worker: Arc<str>,
    models: Arc<Mutex<HashMap<ModelVersion, Arc<Model>>>>,
}

impl Scorer {
    /// A scorer with these tools.
    pub fn new(tools: Tools) -> Self {
        Self {
            tools: Arc::new(tools),
            worker: crate::worker::name().into(),
            models: Arc::default(),
        }
    }

    /// A model version, loaded and checked once.
    fn model(&self, version: &ModelVersion) -> Result<Arc<Model>, muster_model::Error> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = models.get(version) {
            return Ok(Arc::clone(known));
        }
        let folder = self.tools.folder.join("models").join(version.as_str());
        let files = ModelFiles::read(&folder, version)?;
        let model = Arc::new(Model::load(&files, version)?);
        models.insert(version.clone(), Arc::clone(&model));
        self.tools.readiness.ready("model");
        Ok(model)
    }

    /// Something around us failed and is tried again.
    fn trouble(&self, error: &str) {
        let errors = &self.tools.metrics.errors;
        errors.with_label_values(&["score", "environment"]).inc();
        self.tools.readiness.not_ready("score", error);
        tracing::warn!(error, "trouble while scoring, trying again");
    }
}

/// The ledger's good files as the features crate takes them.
fn good_files(folder: &std::path::Path, files: &[muster_store::ledger::good_files::GoodFile]) -> Vec<GoodFile> {
    let file = |listed: &muster_store::ledger::good_files::GoodFile| GoodFile {
        contract: listed.contract.clone(),
        path: folder.join(&listed.file.path),
        rows: listed.file.rows,
        first_row: listed.file.first_row,
        file_rows: listed.file.file_rows,
        bytes: listed.bytes,
        sha256: listed.file.sha256,
    };
    files.iter().map(file).collect()
}
