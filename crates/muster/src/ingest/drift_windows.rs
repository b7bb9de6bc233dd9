//! Drift of windows: the champions that batches are counted by, the windows that are looked at, the metrics of both.
//!
//! One task beside the stages. Every ingesting process looks at every window that is due: the ledger keeps the first
//! look and refuses the others, so that people are told once. What a look needs lies in the ledger and in the model's
//! files: a process that dies leaves a window to the next look of any other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use muster_batch::DriftState;
use muster_features::RowFeatures;
use muster_model::model::REFERENCE;
use muster_model::{Error, ModelFiles};
use muster_monitor::drift::{Reference, Sketch, alerts, is_due, judge};
use muster_spec::ModelVersion;
use muster_store::ledger::drift::{DriftSeen, DriftWindow};
use muster_store::ledger::models::ModelEntry;
use tokio::sync::Mutex;

use super::Shared;
use super::drift::{Baseline, Baselines};
use crate::scoring::Planned;
use crate::scoring::alerts::targets;

/// How often windows are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Every how many looks champions are looked up.
const CHAMPIONS_EVERY: u32 = 3;

/// What is measured for drift, and where its models lie.
#[derive(Clone, Debug)]
pub struct DriftPlan {
    /// The project folder.
    pub folder: PathBuf,
    /// The pipelines.
    pub pipelines: Vec<Planned>,
}

/// Why a pipeline is not measured.
struct Unmeasured {
    why: String,
    /// Whether it may be otherwise the next time though the champion is the same.
    may_pass: bool,
}

impl Unmeasured {
    fn for_good(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            may_pass: false,
        }
    }
}

/// A pipeline and what it is measured by.
struct Measured {
    planned: Planned,
    features: Arc<RowFeatures>,
    baseline: Option<Arc<Baseline>>,
    /// The champion that was looked at last, and needs no second look.
    settled: Option<ModelVersion>,
    /// What was said last of why it is not measured.
    said: String,
}

/// The task's state.
pub struct DriftWindows {
    shared: Shared,
    folder: PathBuf,
    baselines: Baselines,
    measured: Vec<Measured>,
    /// Pipelines and features whose gauges are shown.
    shown: BTreeSet<(String, String)>,
}

impl DriftWindows {
    /// Watches these pipelines; what batches are counted by is put into `baselines`.
    pub fn new(shared: Shared, plan: DriftPlan, baselines: Baselines) -> anyhow::Result<Self> {
        let measured = |planned: Planned| {
            Ok(Measured {
                features: Arc::new(RowFeatures::new(&planned.view)?),
                planned,
                baseline: None,
                settled: None,
                said: String::new(),
            })
        };
        Ok(Self {
            shared,
            folder: plan.folder,
            baselines,
            measured: plan
                .pipelines
                .into_iter()
                .map(measured)
                .collect::<anyhow::Result<_>>()?,
            shown: BTreeSet::new(),
        })
    }

    /// Looks up the champions and what they were trained on.
    pub async fn find_champions(&mut self) {
        if self.measured.is_empty() {
            return;
        }
        for measured in &mut self.measured {
            let pipeline = &measured.planned.pipeline;
            match self.shared.ledger.model(&pipeline.name, "champion").await {
                Ok(champion) => measured.take(&self.shared, &self.folder, champion).await,
                Err(error) => return self.shared.trouble("drift", &error.to_string()),
            }
        }
        self.shared.readiness.ready("drift");
        let found = self.measured.iter().filter_map(|measured| {
            let baseline = Arc::clone(measured.baseline.as_ref()?);
            Some((measured.planned.view.source.clone(), baseline))
        });
        self.baselines.put(found);
    }

    /// Looks at every window that is due, then shows what the last ones say.
    pub async fn look(&mut self) {
        let mut seen = Vec::new();
        for baseline in self.measured.iter().filter_map(|measured| measured.baseline.clone()) {
            let looked = look_at_windows(&self.shared, &baseline).await;
            match looked {
                Ok(found) => seen.push((baseline, found)),
                Err(error) => return self.shared.trouble("drift", &error.to_string()),
            }
        }
        self.shared.readiness.ready("drift");
        self.show(&seen);
    }

    fn show(&mut self, seen: &[(Arc<Baseline>, Vec<DriftSeen>)]) {
        let metrics = &self.shared.metrics;
        let mut now = BTreeSet::new();
        for (baseline, found) in seen {
            let pipeline = baseline.pipeline.name.as_str();
            for drift in found {
                metrics.show_drift(pipeline, drift);
                now.insert((pipeline.to_owned(), drift.feature.clone()));
            }
        }
        for (pipeline, feature) in self.shown.difference(&now) {
            metrics.hide_drift(pipeline, feature);
        }
        self.shown = now;
    }
}

/// Works until the task is aborted.
pub async fn run(windows: Arc<Mutex<DriftWindows>>) {
    let mut turn = 0_u32;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        turn = turn.wrapping_add(1);
        let mut windows = windows.lock().await;
        if turn.is_multiple_of(CHAMPIONS_EVERY) {
            windows.find_champions().await;
        }
        windows.look().await;
    }
}

impl Measured {
    /// Takes the champion there is as what rows are held against.
    async fn take(&mut self, shared: &Shared, folder: &Path, champion: Option<ModelEntry>) {
        let version = champion.as_ref().map(|entry| entry.model.version.clone());
        if version.is_some() && version == self.settled {
            return;
        }
        self.settled.clone_from(&version);
        let found = match champion {
            Some(entry) => self.read(folder, &entry).await,
            None => Err(Unmeasured::for_good("it has no model yet")),
        };
        let pipeline = &self.planned.pipeline.name;
        let is_measured = shared.metrics.drift_measured.with_label_values(&[pipeline.as_str()]);
        match found {
            Ok(baseline) => {
                tracing::info!(%pipeline, model = baseline.model.short(), rows = baseline.reference.rows(),
                    "measuring drift from the champion's training");
                is_measured.set(1);
                self.said.clear();
                self.baseline = Some(Arc::new(baseline));
            }
            Err(Unmeasured { why, may_pass }) => {
                is_measured.set(0);
                self.baseline = None;
                if may_pass {
                    self.settled = None;
                }
                if self.said != why {
                    tracing::warn!(%pipeline, why, "drift is not measured");
                    self.said = why;
                }
            }
        }
    }

    async fn read(&self, folder: &Path, champion: &ModelEntry) -> Result<Baseline, Unmeasured> {
        let (planned, model) = (&self.planned, &champion.model);
        if model.view_version != planned.view.version {
            let why = "the champion was trained on another feature view: train again";
            return Err(Unmeasured::for_good(why));
        }
        let (path, version) = (folder.join(&model.path), model.version.clone());
        let read = tokio::task::spawn_blocking(move || ModelFiles::read(&path, &version)).await;
        let files = match read {
            Ok(Ok(files)) => files,
            Ok(Err(error)) => {
                return Err(Unmeasured {
                    may_pass: matches!(error, Error::File { .. }),
                    why: error.to_string(),
                });
            }
            Err(error) => return Err(Unmeasured::for_good(error.to_string())),
        };
        let Some(bytes) = files.get(REFERENCE) else {
            let why = "the champion was trained before training kept a reference: train again";
            return Err(Unmeasured::for_good(why));
        };
        let reference = Reference::from_json(bytes).map_err(|error| Unmeasured::for_good(error.to_string()))?;
        Ok(Baseline {
            pipeline: Arc::clone(&planned.pipeline),
            model: model.version.clone(),
            reference,
            features: Arc::clone(&self.features),
        })
    }
}

/// Looks at a pipeline's windows; gives what the last one that says something says.
async fn look_at_windows(shared: &Shared, baseline: &Baseline) -> Result<Vec<DriftSeen>, muster_store::Error> {
    let Baseline { pipeline, model, .. } = baseline;
    for window in shared.ledger.drift_windows(&pipeline.name, model).await? {
        if is_due(window.rows, window.looked_rows, window.is_over, pipeline.drift.min_rows) {
            look_at(shared, baseline, &window).await?;
        }
    }
    shared.ledger.drift_seen(&pipeline.name, model).await
}

async fn look_at(shared: &Shared, baseline: &Baseline, window: &DriftWindow) -> Result<(), muster_store::Error> {
    let Baseline {
        pipeline,
        model,
        reference,
        ..
    } = baseline;
    let Some(sketch) = Sketch::of_window(reference, window.rows, &window.counts, &window.new_levels) else {
        tracing::error!(pipeline = %pipeline.name, "a window of drift does not fit its model's reference");
        return Ok(());
    };
    let found = judge(reference, &sketch, &pipeline.drift, window.looks);
    let since = window.began_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let to = match &pipeline.drift.to {
        Some(target) => vec![Some(target.clone())],
        None => targets(pipeline),
    };
    let alerts = alerts(&pipeline.name, &to, &found, &window.told, &since);
    let ledger = &shared.ledger;
    if !ledger.put_drift(&pipeline.name, model, window, &found, &alerts).await? {
        // Another process was quicker.
        return Ok(());
    }
    for drift in found.iter().filter(|drift| drift.state >= DriftState::Warn) {
        if let Some((measure, measured)) = drift.worst {
            tracing::warn!(pipeline = %pipeline.name, feature = drift.feature, measure = measure.word(),
                measured = measured.value, limit = measured.threshold, rows = drift.rows, since, "drift");
        }
    }
    Ok(())
}
