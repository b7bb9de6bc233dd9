//! Drift of a batch: its good rows' features, counted as the champion's training was.
//!
//! Owned by sealing, one an open batch; what it counted is committed with the batch. Features come of the view's own
//! expressions, so a pipeline's drift is measured on what its model is given. A batch is counted by the champions there
//! were when it was opened; a pipeline whose champion has no training reference is not measured.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use muster_batch::{DriftCounts, JudgedBatch};
use muster_features::RowFeatures;
use muster_monitor::drift::{Reference, Sketch};
use muster_spec::{ContractName, ModelVersion, Pipeline};
use muster_store::files::with_positions;

use crate::metrics::Metrics;

/// What a pipeline's rows are held against.
#[derive(Debug)]
pub struct Baseline {
    /// The pipeline.
    pub pipeline: Arc<Pipeline>,
    /// Its champion.
    pub model: ModelVersion,
    /// What the champion was trained on.
    pub reference: Reference,
    /// How rows become features.
    pub features: Arc<RowFeatures>,
}

/// What batches are counted by now, by contract. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Baselines {
    held: Arc<Mutex<HashMap<ContractName, Vec<Arc<Baseline>>>>>,
}

impl Baselines {
    /// Puts others in the place of all.
    pub fn put(&self, baselines: impl IntoIterator<Item = (ContractName, Arc<Baseline>)>) {
        let mut held: HashMap<ContractName, Vec<Arc<Baseline>>> = HashMap::new();
        for (contract, baseline) in baselines {
            held.entry(contract).or_default().push(baseline);
        }
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// What a new batch of a contract is counted by.
    pub fn open(&self, contract: &ContractName) -> BatchDrift {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let baselines = held.get(contract).into_iter().flatten();
        BatchDrift {
            counted: baselines
                .map(|baseline| (Arc::clone(baseline), Sketch::empty(&baseline.reference)))
                .collect(),
        }
    }
}

/// The counts of a batch while it grows.
pub struct BatchDrift {
    counted: Vec<(Arc<Baseline>, Sketch)>,
}

impl BatchDrift {
    /// Adds a chunk's good rows. Rows whose features cannot be computed are counted as such and go on: a view's fault
    /// is no fault of the data.
    pub fn add(&mut self, judged: &JudgedBatch, metrics: &Metrics) {
        if judged.good.num_rows() == 0 {
            return;
        }
        for (baseline, sketch) in &mut self.counted {
            if let Err(why) = baseline.count(judged, sketch) {
                let pipeline = baseline.pipeline.name.as_str();
                let rows = judged.good.num_rows() as u64;
                metrics.drift_uncounted.with_label_values(&[pipeline]).inc_by(rows);
                tracing::debug!(pipeline, rows, %why, "could not count rows for drift");
            }
        }
    }

    /// What was counted, for the commit.
    pub fn counts(&self) -> Vec<DriftCounts> {
        let of = |(baseline, sketch): &(Arc<Baseline>, Sketch)| {
            let Baseline { pipeline, model, .. } = &**baseline;
            sketch.counts(&pipeline.name, model, pipeline.drift.window.as_secs())
        };
        self.counted.iter().map(of).collect()
    }
}

impl Baseline {
    fn count(&self, judged: &JudgedBatch, sketch: &mut Sketch) -> anyhow::Result<()> {
        let beside = if self.features.read_positions() {
            with_positions(judged)
        } else {
            None
        };
        let features = self.features.compute(beside.as_ref().unwrap_or(&judged.good))?;
        Ok(self.reference.count(&features, sketch)?)
    }
}
