//! Training: labelled good rows of the ledger to a model version.
//!
//! Used by `muster train` and by `demo` when there is no champion. Reads the files as they were listed at one version of
//! each contract, in the one training order, so that the same rows give the same model bytes however they were cut.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use arrow::compute::{filter_record_batch, is_not_null};
use muster_batch::FeatureFrame;
use muster_features::compute;
use muster_model::{TrainOptions, Trained, train};
use muster_monitor::drift::Reference;
use muster_spec::{Check, Contract, Pipeline};
use muster_store::Ledger;
use muster_store::ledger::models::NewModel;

use super::{Planned, good_files};
use crate::reading::Reading;

/// A model version that was trained and kept.
#[derive(Debug)]
pub struct Kept {
    /// What training made.
    pub trained: Trained,
    /// The alias it took: `champion`, `challenger`; `None` when the very same version was kept before.
    pub alias: Option<String>,
}

/// Trains a pipeline's model and keeps the version, in `models/` and in the ledger.
pub async fn train_and_keep(
    ledger: &Ledger,
    folder: &Path,
    planned: &Planned,
    contracts: &[std::sync::Arc<Contract>],
    fold_seeds: u32,
) -> anyhow::Result<Kept> {
    let pipeline = &planned.pipeline;
    let mut read_versions = BTreeMap::new();
    let mut files = Vec::new();
    let mut readings = Vec::new();
    for source in &pipeline.sources {
        let reading = Reading::open(ledger, source, "train").await?;
        let version = reading.as_ref().map_or(0, Reading::version);
        files.extend(ledger.good_files(source, version).await?);
        read_versions.insert(source.to_string(), version);
        readings.extend(reading);
    }
    if files.is_empty() {
        bail!(
            "there are no good rows to train `{}` on\n  hint: ingest some first",
            pipeline.name
        );
    }
    let frame = compute(&planned.view, &good_files(folder, &files), None, true).await?;
    for reading in readings {
        reading.close().await;
    }
    let ordinals = ordinals(pipeline, contracts);
    let options = TrainOptions {
        pipeline: pipeline.name.to_string(),
        pipeline_text: pipeline.text.clone(),
        reference: reference(pipeline, &frame, &ordinals)?.to_json(),
        fold_seeds,
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        ..TrainOptions::default()
    };
    let spec = pipeline.model.clone();
    let models = folder.join("models");
    let trained = tokio::task::spawn_blocking(move || {
        let trained = train(&frame, &spec, &ordinals, &options)?;
        trained.files.write(&models)?;
        Ok::<_, muster_model::Error>(trained)
    });
    let trained = trained
        .await?
        .with_context(|| format!("could not train `{}`", pipeline.name))?;
    let alias = ledger
        .keep_model(&NewModel {
            pipeline: pipeline.name.clone(),
            version: trained.version.clone(),
            path: format!("models/{}", trained.version),
            pipeline_text: pipeline.text.clone(),
            view_version: planned.view.version.clone(),
            metrics: serde_json::to_value(&trained.metrics)?,
            read_versions,
        })
        .await?;
    Ok(Kept { trained, alias })
}

/// What new rows will be held against: the rows with a label, which are those a model is trained on.
fn reference(
    pipeline: &Pipeline,
    frame: &FeatureFrame,
    ordinals: &BTreeMap<String, Vec<String>>,
) -> anyhow::Result<Reference> {
    let labels = frame.label.as_ref().context("training's rows have no label")?;
    let labelled = filter_record_batch(&frame.features, &is_not_null(labels)?)?;
    let spec = &pipeline.model;
    let ordered = ordinals.iter().filter(|(name, _)| spec.ordinal.contains(name));
    let ordered = ordered.map(|(name, levels)| (name.clone(), levels.clone())).collect();
    Ok(Reference::learn(&labelled, &spec.categorical, &ordered)?)
}

/// The levels of ordinal features, in the order of the `one_of` their contracts give them.
fn ordinals(pipeline: &Pipeline, contracts: &[std::sync::Arc<Contract>]) -> BTreeMap<String, Vec<String>> {
    let mut ordinals = BTreeMap::new();
    for contract in contracts
        .iter()
        .filter(|contract| pipeline.sources.contains(&contract.name))
    {
        for rule in &contract.rules {
            if let (Some(field), Check::OneOf(levels)) = (rule.field, &rule.check) {
                ordinals.insert(contract.fields[field].name.clone(), levels.clone());
            }
        }
    }
    ordinals
}
