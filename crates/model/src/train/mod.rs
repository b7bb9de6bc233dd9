//! Training: rows of features with labels in, an immutable model version out.
//!
//! Called by `muster train`. What must stay true: the same rows in the same order give the same bytes, on any machine
//! with this LightGBM, however the rows were cut into batches; the version holds no clock, path or host; our evaluator
//! gives LightGBM's own bits on every training row, or training fails.

mod card;
mod folds;
mod logistic;
mod parameters;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use muster_batch::FeatureFrame;
use muster_spec::pipeline::ModelSpec;
use muster_spec::{FileSha, ModelVersion};
use sha2::{Digest, Sha256};

use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::ffi::{Booster, Dataset, Output};
use crate::forest::{Forest, Reasons};
use crate::golden::Golden;
use crate::matrix::Matrix;
use crate::measures::{Measures, auc};
use crate::metrics::{Baselines, Importance, Metrics, OutOfFold};
use crate::model::{self, Features};
use crate::version::ModelFiles;
use card::Card;
use logistic::Logistic;
use parameters::Parameters;

/// A fifth of the rows is held out.
const HELD_OUT_FOLDS: u32 = 5;

/// Drawn apart from every seed's folds.
const HELD_OUT_SEED: u64 = 0x6865_6c64_206f_7574;

/// What training does beside the final model.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// The pipeline's name, for the card.
    pub pipeline: String,
    /// The pipeline file's text, kept with the version.
    pub pipeline_text: String,
    /// What new rows will be held against for drift, kept with the version as [`model::REFERENCE`].
    pub reference: Vec<u8>,
    /// How many fold seeds the out-of-fold AUC is the mean of: the model's seed and those after it. At least 1.
    pub fold_seeds: u32,
    /// Whether the plainer models are trained too.
    pub baselines: bool,
    /// How many models are trained at once. Changes nothing but the time.
    pub threads: usize,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            pipeline: String::new(),
            pipeline_text: String::new(),
            reference: Vec::new(),
            fold_seeds: 5,
            baselines: true,
            threads: 2,
        }
    }
}

/// A trained model version.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Its name: the sha-256 of its files.
    pub version: ModelVersion,
    /// Its files.
    pub files: ModelFiles,
    /// What `metrics.json` holds.
    pub metrics: Metrics,
}

/// Encoded training rows.
struct Rows {
    encoder: Encoder,
    names: Vec<String>,
    matrix: Matrix,
    labels: Vec<bool>,
    unlabelled: u64,
}

/// Trains a model on the labelled rows of `frame`, which are in the order of their positions. `ordinals` holds, by
/// feature, the levels of ordinal features in order.
pub fn train(
    frame: &FeatureFrame,
    spec: &ModelSpec,
    ordinals: &BTreeMap<String, Vec<String>>,
    options: &TrainOptions,
) -> Result<Trained> {
    let rows = Rows::of(frame, spec, ordinals)?;
    let parameters = Parameters::of(spec, &rows.encoder.categorical_columns())?;
    let all: Vec<usize> = (0..rows.labels.len()).collect();
    let booster = rows.boost(&all, &parameters)?;
    let text = booster.text()?;
    let forest = Arc::new(Forest::parse(&text)?);
    let golden = Golden::of(&forest);
    agree(&booster, &forest, &rows.matrix)?;
    agree(
        &booster,
        &forest,
        &golden
            .matrix(forest.columns())
            .expect("golden rows are made for this forest"),
    )?;
    let metrics = rows.metrics(spec, &parameters, &forest, options)?;
    let card = Card {
        options,
        spec,
        encoder: &rows.encoder,
        matrix: &rows.matrix,
        forest: &forest,
        metrics: &metrics,
    };
    let mut files = ModelFiles::default();
    files.insert("card.md", card.text().into_bytes());
    files.insert(model::ENCODER, rows.encoder.to_json());
    files.insert(model::FEATURES, json(&Features::of(frame, spec, &rows.encoder)));
    files.insert(model::GOLDEN, json(&golden));
    files.insert("metrics.json", json(&metrics));
    files.insert(model::MODEL, text.into_bytes());
    if !options.pipeline_text.is_empty() {
        files.insert("pipeline.yaml", options.pipeline_text.clone().into_bytes());
    }
    if !options.reference.is_empty() {
        files.insert(model::REFERENCE, options.reference.clone());
    }
    Ok(Trained {
        version: files.version(),
        files,
        metrics,
    })
}

impl Rows {
    fn of(frame: &FeatureFrame, spec: &ModelSpec, ordinals: &BTreeMap<String, Vec<String>>) -> Result<Self> {
        let labels = labels(frame, spec)?;
        let labelled: Vec<usize> = (0..labels.len()).filter(|row| labels[*row].is_some()).collect();
        let unlabelled = (labels.len() - labelled.len()) as u64;
        let places = arrow::array::UInt32Array::from_iter_values(labelled.iter().map(|row| *row as u32));
        let columns = arrow::compute::take_record_batch(&frame.features, &places)
            .map_err(|error| Error::Rows(error.to_string()))?;
        let encoder = Encoder::learn(&columns, &spec.categorical, &spec.ordinal, ordinals)?;
        let matrix = encoder.encode(&columns)?;
        let labels: Vec<bool> = labels.into_iter().flatten().collect();
        let positives = labels.iter().filter(|label| **label).count();
        let folds = spec.folds.max(HELD_OUT_FOLDS) as usize;
        if spec.folds < 2 {
            return Err(Error::Rows(format!("{} folds are fewer than 2", spec.folds)));
        }
        if positives < folds || labels.len() - positives < folds {
            return Err(Error::Rows(format!(
                "{} labelled rows with {positives} positive ones; {folds} folds need as many of each kind",
                labels.len()
            )));
        }
        let names = model_names(&encoder);
        Ok(Self {
            encoder,
            names,
            matrix,
            labels,
            unlabelled,
        })
    }

    /// Trains LightGBM on some of the rows.
    fn boost(&self, rows: &[usize], parameters: &Parameters) -> Result<Booster> {
        let labels: Vec<f32> = rows.iter().map(|row| f32::from(u8::from(self.labels[*row]))).collect();
        let matrix = self.matrix.take(rows);
        let dataset = Dataset::new(&matrix, &labels, &self.names, &parameters.text)?;
        Booster::train(dataset, matrix.columns(), &parameters.text, parameters.iterations)
    }

    /// Scores some rows by LightGBM trained on others.
    fn boosted(&self, parameters: &Parameters, rows: &[usize], wanted: &[usize]) -> Result<Vec<f64>> {
        self.boost(rows, parameters)?
            .predict(&self.matrix.take(wanted), Output::Probability)
    }

    fn logistic(&self, rows: &[usize], wanted: &[usize]) -> Result<Vec<f64>> {
        let labels: Vec<bool> = rows.iter().map(|row| self.labels[*row]).collect();
        let fitted = Logistic::fit(&self.encoder, &self.matrix.take(rows), &labels)?;
        Ok(fitted.probabilities(&self.matrix.take(wanted)))
    }

    fn metrics(
        &self,
        spec: &ModelSpec,
        parameters: &Parameters,
        forest: &Arc<Forest>,
        options: &TrainOptions,
    ) -> Result<Metrics> {
        let seeds: Vec<u64> = (0..u64::from(options.fold_seeds.max(1)))
            .map(|at| spec.seed.wrapping_add(at))
            .collect();
        let boosted = |rows: &[usize], wanted: &[usize]| self.boosted(parameters, rows, wanted);
        let by_seed = self.out_of_fold(&seeds, spec.folds, options.threads, &boosted)?;
        let auc_by_seed: Vec<f64> = by_seed.iter().map(|scores| auc(scores, &self.labels)).collect();
        let fold = folds::stratified(&self.labels, HELD_OUT_FOLDS, spec.seed ^ HELD_OUT_SEED);
        let (kept, held_out) = split(&fold, 0);
        let held_out_labels: Vec<bool> = held_out.iter().map(|row| self.labels[*row]).collect();
        let held_out_scores = boosted(&kept, &held_out)?;
        let mut baselines = Baselines::default();
        if options.baselines {
            let forest = Parameters::random_forest(spec.seed, &self.encoder.categorical_columns());
            let by_forest = |rows: &[usize], wanted: &[usize]| self.boosted(&forest, rows, wanted);
            let by_logistic = |rows: &[usize], wanted: &[usize]| self.logistic(rows, wanted);
            let measure = |way: &Way<'_>| -> Result<Measures> {
                let scores = self.out_of_fold(&seeds[..1], spec.folds, options.threads, way)?;
                Ok(Measures::of(&scores[0], &self.labels))
            };
            baselines.random_forest = Some(measure(&by_forest)?);
            match measure(&by_logistic) {
                Ok(measures) => baselines.logistic = Some(measures),
                // It says nothing about the pipeline's own model.
                Err(Error::NoFit(why)) => baselines.missing = Some(why.to_owned()),
                Err(error) => return Err(error),
            }
        }
        Ok(Metrics {
            rows: self.labels.len() as u64,
            unlabelled: self.unlabelled,
            positives: self.labels.iter().filter(|label| **label).count() as u64,
            data_sha256: self.sha256(),
            out_of_fold: OutOfFold {
                folds: spec.folds,
                auc_mean: auc_by_seed.iter().sum::<f64>() / auc_by_seed.len() as f64,
                auc_by_seed,
                measures: Measures::of(&by_seed[0], &self.labels),
                seeds,
            },
            held_out: Measures::of(&held_out_scores, &held_out_labels),
            baselines,
            importance: self.importance(forest)?,
        })
    }

    /// Each row's score by a model that did not see it, for each seed's folds. `threads` models are trained at once;
    /// each is a function of its rows alone, so the answer does not depend on who finishes first.
    fn out_of_fold(&self, seeds: &[u64], folds: u32, threads: usize, way: &Way<'_>) -> Result<Vec<Vec<f64>>> {
        let fold_of: Vec<Vec<u32>> = seeds
            .iter()
            .map(|seed| folds::stratified(&self.labels, folds, *seed))
            .collect();
        let tasks: Vec<(usize, u32)> = (0..seeds.len())
            .flat_map(|seed| (0..folds).map(move |fold| (seed, fold)))
            .collect();
        let next = AtomicUsize::new(0);
        let scores = Mutex::new(vec![vec![0.0; self.labels.len()]; seeds.len()]);
        let work = || -> Result<()> {
            while let Some(&(seed, fold)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (rows, wanted) = split(&fold_of[seed], fold);
                let found = way(&rows, &wanted)?;
                let mut scores = scores.lock().expect("no holder of the lock panics");
                wanted
                    .iter()
                    .zip(found)
                    .for_each(|(row, score)| scores[seed][*row] = score);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.clamp(1, tasks.len())).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().expect("training does not panic"))
        })?;
        Ok(scores.into_inner().expect("no holder of the lock panics"))
    }

    fn importance(&self, forest: &Arc<Forest>) -> Result<Vec<Importance>> {
        let contributions = Reasons::new(forest.clone()).contributions(&self.matrix)?;
        let mut sizes = vec![0.0; self.matrix.columns()];
        for row in contributions.chunks(self.matrix.columns() + 1) {
            sizes.iter_mut().zip(row).for_each(|(size, share)| *size += share.abs());
        }
        let features = self.encoder.features().iter().zip(forest.importance()).zip(sizes);
        let mut importance: Vec<Importance> = features
            .map(|((feature, (splits, gain)), size)| Importance {
                feature: feature.name.clone(),
                splits,
                gain,
                mean_absolute_contribution: size / self.labels.len() as f64,
            })
            .collect();
        importance.sort_by(|left, right| {
            right
                .mean_absolute_contribution
                .total_cmp(&left.mean_absolute_contribution)
        });
        Ok(importance)
    }

    fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        self.matrix
            .values()
            .iter()
            .for_each(|value| hasher.update(value.to_bits().to_le_bytes()));
        self.labels.iter().for_each(|label| hasher.update([u8::from(*label)]));
        FileSha(hasher.finalize().into()).to_string()
    }
}

/// Scores the second rows by a model trained on the first.
type Way<'a> = dyn Fn(&[usize], &[usize]) -> Result<Vec<f64>> + Sync + 'a;

/// The rows outside and inside a fold.
fn split(fold_of: &[u32], fold: u32) -> (Vec<usize>, Vec<usize>) {
    (0..fold_of.len()).partition(|row| fold_of[*row] != fold)
}

/// Whether each row is positive; `None` where it has no label.
fn labels(frame: &FeatureFrame, spec: &ModelSpec) -> Result<Vec<Option<bool>>> {
    let label = frame
        .label
        .as_ref()
        .ok_or_else(|| Error::Rows("the rows have no label".into()))?;
    if label.len() != frame.features.num_rows() {
        return Err(Error::Rows("the labels are not as many as the rows".into()));
    }
    let text = cast(label, &DataType::Utf8).map_err(|error| Error::Rows(format!("the label has no text: {error}")))?;
    let number: Option<f64> = spec.positive.parse().ok();
    let positive = |level: &str| {
        // `1` and `1.0` are the same label: a column of doubles writes it the second way.
        level == spec.positive || number.is_some_and(|number| level.parse() == Ok(number))
    };
    Ok(text
        .as_string::<i32>()
        .iter()
        .map(|level| level.map(positive))
        .collect())
}

/// The features' names in the model's text, where LightGBM takes no spaces and no punctuation.
fn model_names(encoder: &Encoder) -> Vec<String> {
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let all_plain = encoder.features().iter().all(|feature| plain(&feature.name));
    let named = encoder.features().iter().enumerate();
    named
        .map(|(at, feature)| {
            if all_plain {
                feature.name.clone()
            } else {
                format!("feature_{at}")
            }
        })
        .collect()
}

/// Holds that our evaluator answers as LightGBM does, to the bit.
fn agree(booster: &Booster, forest: &Forest, matrix: &Matrix) -> Result<()> {
    let theirs = booster.predict(matrix, Output::Probability)?;
    let ours = forest.probabilities(matrix)?;
    let different = theirs
        .iter()
        .zip(&ours)
        .filter(|(theirs, ours)| theirs.to_bits() != ours.to_bits())
        .count();
    if different == 0 {
        return Ok(());
    }
    Err(Error::LightGbm(format!(
        "{different} of {} rows are scored otherwise by our evaluator",
        ours.len()
    )))
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("the files of a version have text for keys");
    bytes.push(b'\n');
    bytes
}
