//! A pipeline: which sources' rows become which features, which model scores them, and when.
//!
//! Read from `pipelines/NAME.yaml` by `crate::read`; used by `features` (view), `model` (training), `muster`
//! (schedule, bands). A pipeline that exists is whole: its sources are contracts of the project, its bands cover [0, 1].

use std::time::Duration;

use crate::ids::{ContractName, PipelineName};

/// A pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Its name, from its file's.
    pub name: PipelineName,
    /// The pipeline file's text, kept with every model version.
    pub text: String,
    /// The contracts whose good rows it reads.
    pub sources: Vec<ContractName>,
    /// Its features.
    pub features: FeatureSpec,
    /// Its model.
    pub model: ModelSpec,
    /// Names for ranges of scores, highest `from` first; the last begins at 0.
    pub bands: Vec<Band>,
    /// For which predictions reasons are made at scoring time.
    pub reasons: Reasons,
    /// When it scores.
    pub schedule: Schedule,
    /// When new rows no longer look like those the model was trained on.
    pub drift: Drift,
    /// What people are told about.
    pub alerts: Vec<PipelineAlert>,
}

impl Pipeline {
    /// The band of a probability: the first whose `from` it reaches.
    pub fn band(&self, score: f64) -> &str {
        let reached = self.bands.iter().find(|band| score >= band.from);
        reached.or(self.bands.last()).map_or("", |band| &band.name)
    }
}

/// A pipeline's features.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureSpec {
    /// The view's file, beside the pipeline's: `job-change.sql`.
    pub view: String,
    /// The view's SQL.
    pub sql: String,
    /// What makes a row of features.
    pub mode: Mode,
    /// The field that names the entity.
    pub entity: String,
}

/// What makes a row of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each new good row, once.
    Rows,
    /// Each entity that new batches name, as of a time.
    Entities,
}

/// A pipeline's model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// What kind of model.
    pub kind: ModelKind,
    /// The field that holds the label; it never reaches a feature.
    pub label: String,
    /// The label's value that counts as positive, as text.
    pub positive: String,
    /// Features encoded as unordered levels.
    pub categorical: Vec<String>,
    /// Features encoded in the order of their `one_of`.
    pub ordinal: Vec<String>,
    /// LightGBM's parameters as they are written, in the file's order.
    pub params: Vec<(String, String)>,
    /// The seed of folds and of training.
    pub seed: u64,
    /// How many folds the out-of-fold metrics use.
    pub folds: u32,
}

/// What kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// Gradient-boosted trees by LightGBM, binary.
    Lightgbm,
}

/// A name for scores from `from` up to the next band.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// The name people see.
    pub name: String,
    /// The least score of the band.
    pub from: f64,
}

/// For which predictions reasons are made at scoring time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reasons {
    /// For all.
    All,
    /// For none; they are made when asked for.
    OnDemand,
    /// For those in these bands.
    Bands(Vec<String>),
}

/// When a pipeline scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Five cron fields.
    pub score: String,
    /// An IANA time zone.
    pub timezone: String,
    /// What a slot does while the last one's run still works.
    pub overlap: Overlap,
    /// What happens to slots that passed while no scorer ran.
    pub catchup: Catchup,
}

/// What a slot does while the last one's run still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// The slot is skipped.
    Skip,
    /// The slot's run begins beside it.
    Allow,
}

/// What happens to slots that passed while no scorer ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catchup {
    /// Only the latest is run.
    Latest,
    /// None is run.
    None,
    /// Each is run, oldest first.
    All,
}

/// An alert condition on a run: a measure's name, a comparison, a number.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineAlert {
    /// The name people see.
    pub id: String,
    /// `positive_rate > 0.6`.
    pub when: String,
    /// The alert target.
    pub to: String,
}

/// When new rows no longer look like those the model was trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// Rows committed within this long are looked at together.
    pub window: Duration,
    /// Of fewer rows nothing is said.
    pub min_rows: u64,
    /// Limits of the population stability index.
    pub psi: DriftLimits,
    /// Limits of Kolmogorov and Smirnov's distance, 0 to 1.
    pub ks: DriftLimits,
    /// Limits of the change in the share of rows without a value, 0 to 1.
    pub missing: DriftLimits,
    /// Limits of the share of rows whose level training did not see, 0 to 1.
    pub new_levels: DriftLimits,
    /// How likely a window without drift may be called one with drift, over all features and measures.
    pub false_alarms: f64,
    /// The alert target; `None` for those that the pipeline's alerts name.
    pub to: Option<String>,
}

/// Two limits of a measure of drift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriftLimits {
    /// From here on it is shown.
    pub warn: f64,
    /// From here on people are told.
    pub alert: f64,
}

impl Default for Drift {
    fn default() -> Self {
        let limits = |warn, alert| DriftLimits { warn, alert };
        Self {
            window: Duration::from_hours(1),
            min_rows: 200,
            psi: limits(0.1, 0.25),
            ks: limits(0.1, 0.2),
            missing: limits(0.05, 0.1),
            new_levels: limits(0.01, 0.05),
            false_alarms: 0.001,
            to: None,
        }
    }
}
