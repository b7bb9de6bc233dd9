//! What training found out about a model: `metrics.json`.
//!
//! Written by training, shown by `muster train`, `models show` and `demo`.

use serde::{Deserialize, Serialize};

use crate::measures::Measures;

/// What training found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Labelled rows trained on.
    pub rows: u64,
    /// Rows without a label, left out.
    pub unlabelled: u64,
    /// Positive rows.
    pub positives: u64,
    /// The sha-256 of the encoded rows and their labels: what the model was trained on.
    pub data_sha256: String,
    /// Each row scored by a model that did not see it.
    pub out_of_fold: OutOfFold,
    /// A fifth of the rows, drawn apart from the folds, scored by a model trained on the rest.
    pub held_out: Measures,
    /// Plainer models on the same folds.
    pub baselines: Baselines,
    /// What each feature does in the final model, largest mean contribution first.
    pub importance: Vec<Importance>,
}

/// Measures of rows scored by models that did not see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutOfFold {
    /// How many folds.
    pub folds: u32,
    /// The seeds that folds were drawn with.
    pub seeds: Vec<u64>,
    /// The AUC for each seed.
    pub auc_by_seed: Vec<f64>,
    /// Their mean.
    pub auc_mean: f64,
    /// All measures, for the first seed.
    pub measures: Measures,
}

/// Plainer models, out of fold by the first seed's folds; `None` where they were not asked for or find no fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// Logistic regression.
    pub logistic: Option<Measures>,
    /// LightGBM's random forest.
    pub random_forest: Option<Measures>,
    /// Why one of them that was asked for is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// What a feature does in the final model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// The feature.
    pub feature: String,
    /// Splits on it.
    pub splits: u64,
    /// What those splits gained in training.
    pub gain: f64,
    /// The mean size of its contributions over the training rows, in log-odds.
    pub mean_absolute_contribution: f64,
}
