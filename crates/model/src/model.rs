//! A loaded model version: rows of features in, probabilities, bands and reasons out.
//!
//! Used by `muster score` and by whatever explains a prediction later. Loading holds the files to the version's sha-256,
//! the forest to the encoder, and both to the golden rows; a model that loaded never calls LightGBM, never fails on data,
//! and can be shared between threads.

use std::sync::Arc;

use muster_batch::{Cause, FeatureFrame, Prediction, Reason};
use muster_spec::ModelVersion;
use serde::{Deserialize, Serialize};

use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::forest::{Forest, Reasons};
use crate::golden::Golden;
use crate::matrix::Matrix;
use crate::metrics::Metrics;
use crate::version::ModelFiles;

pub(crate) const MODEL: &str = "model.txt";
pub(crate) const ENCODER: &str = "encoder.json";
pub(crate) const FEATURES: &str = "features.json";
pub(crate) const GOLDEN: &str = "golden.json";
const METRICS: &str = "metrics.json";
/// The file of a version that says what it was trained on, for drift. Versions of before there was one have none.
pub const REFERENCE: &str = "reference.json";

const FORMAT: u32 = 1;

/// What the model was trained on, by name: `features.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Features {
    format: u32,
    /// The sha-256 of the feature view's SQL.
    view_version: String,
    /// The features in the order of the matrix's columns.
    features: Vec<String>,
    /// The field that held the label.
    label: String,
    /// Its positive value.
    positive: String,
}

#[cfg(feature = "train")]
impl Features {
    pub(crate) fn of(frame: &FeatureFrame, spec: &muster_spec::pipeline::ModelSpec, encoder: &Encoder) -> Self {
        Self {
            format: FORMAT,
            view_version: frame.view_version.clone(),
            features: encoder.features().iter().map(|feature| feature.name.clone()).collect(),
            label: spec.label.clone(),
            positive: spec.positive.clone(),
        }
    }
}

/// A model that may score.
#[derive(Debug)]
pub struct Model {
    version: ModelVersion,
    encoder: Encoder,
    features: Features,
    forest: Arc<Forest>,
    reasons: Reasons,
    names: Vec<Arc<str>>,
    metrics: Metrics,
}

/// Contributions of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The raw score of a row of which nothing is known, in log-odds.
    pub base: f64,
    /// For each row asked for, what each feature adds, in the order of [`Model::feature_names`]. With the base they add
    /// up to the row's raw score.
    pub contributions: Vec<Vec<f64>>,
}

impl Model {
    /// Loads a version. Fails unless the files are those of `version`, fit each other and answer the golden rows.
    pub fn load(files: &ModelFiles, version: &ModelVersion) -> Result<Self> {
        let damaged = |what: String| Error::Version {
            version: version.short().to_owned(),
            what,
        };
        if files.version() != *version {
            return Err(damaged("its files have another sha-256".into()));
        }
        let file = |name: &str| files.get(name).ok_or_else(|| damaged(format!("`{name}` is missing")));
        let text = std::str::from_utf8(file(MODEL)?).map_err(|_| damaged(format!("`{MODEL}` is not UTF-8")))?;
        let forest = Arc::new(Forest::parse(text)?);
        let encoder = Encoder::from_json(file(ENCODER)?)?;
        let features: Features = read_json(file(FEATURES)?).map_err(|what| damaged(format!("`{FEATURES}`: {what}")))?;
        let golden: Golden = read_json(file(GOLDEN)?).map_err(|what| damaged(format!("`{GOLDEN}`: {what}")))?;
        let metrics: Metrics = read_json(file(METRICS)?).map_err(|what| damaged(format!("`{METRICS}`: {what}")))?;
        if features.format != FORMAT {
            return Err(damaged(format!(
                "it has format {}, this build reads {FORMAT}",
                features.format
            )));
        }
        let names: Vec<Arc<str>> = encoder
            .features()
            .iter()
            .map(|feature| feature.name.as_str().into())
            .collect();
        let listed = features.features.iter().map(String::as_str);
        if !names.iter().map(AsRef::as_ref).eq(listed) || forest.columns() != names.len() {
            return Err(damaged(
                "its model, encoder and list of features do not fit each other".into(),
            ));
        }
        golden.check(&forest).map_err(damaged)?;
        let reasons = Reasons::new(forest.clone());
        Ok(Self {
            version: version.clone(),
            encoder,
            features,
            forest,
            reasons,
            names,
            metrics,
        })
    }

    /// The version.
    pub fn version(&self) -> &ModelVersion {
        &self.version
    }

    /// The features, in the order of contributions.
    pub fn feature_names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The sha-256 of the feature view it was trained on.
    pub fn view_version(&self) -> &str {
        &self.features.view_version
    }

    /// What training found out about it.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The raw score of a row of which nothing is known, in log-odds: what contributions start from.
    pub fn base(&self) -> f64 {
        self.reasons.base()
    }

    /// The probability of the positive class for each row.
    pub fn score(&self, frame: &FeatureFrame) -> Result<Vec<f64>> {
        self.forest.probabilities(&self.encode(frame)?)
    }

    /// What each feature adds to the raw scores of these rows of the frame.
    pub fn explain(&self, frame: &FeatureFrame, rows: &[usize]) -> Result<Explained> {
        let shares = self.reasons.contributions(&self.encode(frame)?.take(rows))?;
        let width = self.names.len() + 1;
        let contributions = shares.chunks(width).map(|row| row[..width - 1].to_vec()).collect();
        Ok(Explained {
            base: self.base(),
            contributions,
        })
    }

    /// Scores every row of a frame of positions. `band` names a probability's band; `explain` says for which bands
    /// reasons are made now.
    pub fn predictions(
        &self,
        frame: &FeatureFrame,
        band: &dyn Fn(f64) -> Arc<str>,
        explain: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Prediction>> {
        let rows = frame.features.num_rows();
        if frame.positions.len() != rows || frame.entities.len() != rows {
            return Err(Error::Signature(
                "the rows have no positions; only `mode: rows` is scored so far".into(),
            ));
        }
        let matrix = self.encode(frame)?;
        let scores = self.forest.probabilities(&matrix)?;
        let bands: Vec<Arc<str>> = scores.iter().map(|score| band(*score)).collect();
        let explained: Vec<usize> = (0..rows).filter(|row| explain(&bands[*row])).collect();
        let shares = self.reasons.contributions(&matrix.take(&explained))?;
        let mut shares = explained.iter().zip(shares.chunks(self.names.len() + 1)).peekable();
        let mut predictions = Vec::with_capacity(rows);
        for (row, (score, band)) in scores.into_iter().zip(bands).enumerate() {
            let reasons = shares.next_if(|(explained, _)| **explained == row);
            let (source, offset) = frame.positions[row];
            predictions.push(Prediction {
                score,
                band,
                reasons: reasons.map(|(_, shares)| self.reasons_of(shares)),
                model: self.version.clone(),
                entity: frame.entities[row].clone(),
                cause: Cause::Row(source, offset),
            });
        }
        Ok(predictions)
    }

    /// A row's contributions as reasons, largest first by size, equal ones in the features' order.
    fn reasons_of(&self, shares: &[f64]) -> Vec<Reason> {
        let named = self.names.iter().zip(shares);
        let mut reasons: Vec<Reason> = named
            .map(|(feature, contribution)| Reason {
                feature: feature.clone(),
                contribution: *contribution,
            })
            .collect();
        reasons.sort_by(|left, right| right.contribution.abs().total_cmp(&left.contribution.abs()));
        reasons
    }

    fn encode(&self, frame: &FeatureFrame) -> Result<Matrix> {
        if frame.view_version != self.features.view_version {
            return Err(Error::Signature(
                "the feature view is not the one it was trained on".into(),
            ));
        }
        self.encoder.encode(&frame.features)
    }
}

fn read_json<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> std::result::Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}
