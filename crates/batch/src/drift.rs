//! Drift: what is counted of a batch's features, and what a window of such counts says.
//!
//! Counts are made by `monitor` from the good rows of a batch and added to a window by the commit that makes the batch
//! visible. `monitor` holds a window against what the model was trained on; what it finds goes to the ledger. Counts
//! alone: no value of a row is in here.

use muster_spec::{ModelVersion, PipelineName};

/// The features of a batch's good rows, counted for one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftCounts {
    /// The pipeline.
    pub pipeline: PipelineName,
    /// The model whose training the cells come from.
    pub model: ModelVersion,
    /// How long the pipeline's windows are.
    pub window_secs: u64,
    /// Rows counted.
    pub rows: u64,
    /// For each feature after another: rows without a value, rows of a level that training did not see, rows in each
    /// cell. Windows add them up.
    pub counts: Vec<i64>,
    /// For each feature, which of 64 buckets its new levels fall into. Windows join them by `OR`.
    pub new_levels: Vec<i64>,
}

/// What a window says of one feature.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureDrift {
    /// The feature.
    pub feature: String,
    /// The worst that one of the measures says.
    pub state: DriftState,
    /// The measure that says so; `None` where nothing drifts.
    pub worst: Option<(DriftMeasure, Measurement)>,
    /// Rows of the window.
    pub rows: u64,
    /// The population stability index; `None` where training or window have no value to compare.
    pub psi: Option<Measurement>,
    /// What the index would be without drift, on the average.
    pub psi_expected: Option<f64>,
    /// The greatest distance between the distribution functions; `None` also where the feature has no order.
    pub ks: Option<Measurement>,
    /// How far the share of rows without a value is from training's.
    pub missing: Measurement,
    /// The share of rows without a value.
    pub missing_ratio: f64,
    /// The share of rows of a level that training did not see; `None` where the feature has no levels.
    pub new_levels: Option<Measurement>,
    /// About how many such levels there are.
    pub new_levels_distinct: u64,
}

/// A measure of drift, what it is held against, and how likely chance alone reaches it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// What was measured.
    pub value: f64,
    /// The limit it has reached, else the one it has not.
    pub threshold: f64,
    /// At most so likely is it without drift.
    pub chance: f64,
    /// What it says.
    pub state: DriftState,
}

/// What drift is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DriftMeasure {
    /// The population stability index.
    Psi,
    /// Kolmogorov and Smirnov's distance.
    Ks,
    /// The change of the share of rows without a value.
    Missing,
    /// The share of rows of new levels.
    NewLevels,
}

impl DriftMeasure {
    /// The word of alerts and of the pipeline file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Psi => "psi",
            Self::Ks => "ks",
            Self::Missing => "missing",
            Self::NewLevels => "new_levels",
        }
    }
}

/// What a measure says, from the least to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DriftState {
    /// Nothing: there are too few rows to tell.
    Few,
    /// Below its limits, or no more than chance explains.
    Fine,
    /// To be looked at.
    Warn,
    /// People are told.
    Alert,
}

impl DriftState {
    /// The word of the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Few => "few",
            Self::Fine => "fine",
            Self::Warn => "warn",
            Self::Alert => "alert",
        }
    }
}
