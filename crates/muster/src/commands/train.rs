//! `muster train`: a pipeline's model, trained on the labelled good rows the ledger lists.

use std::path::Path;

use muster_model::Metrics;
use muster_store::Role;
use serde_json::{Value, json};

use crate::cli::TrainArgs;
use crate::exit::Exit;
use crate::output::{Output, table};
use crate::project::Project;
use crate::scoring::Planned;
use crate::scoring::training::{Kept, train_and_keep};
use crate::servers::Database;

/// Trains, keeps the version and says how good it is.
pub async fn run(folder: &Path, args: &TrainArgs, output: Output) -> anyhow::Result<Exit> {
    let project = Project::load(folder)?;
    let planned = Planned::new(&project.pipeline(&args.pipeline)?, &project.contracts)?;
    let database = Database::open(folder, &args.database).await?;
    let ledger = database.ledger(Role::Score).await?;
    let kept = train_and_keep(&ledger, folder, &planned, &project.contracts, args.fold_seeds).await?;
    output.json(&kept_json(&args.pipeline, &kept))?;
    output.text(&describe(&args.pipeline, &kept))?;
    database.close().await;
    Ok(Exit::Fine)
}

fn kept_json(pipeline: &str, kept: &Kept) -> Value {
    json!({
        "pipeline": pipeline,
        "version": kept.trained.version.as_str(),
        "alias": kept.alias,
        "metrics": kept.trained.metrics,
    })
}

/// What was trained, as people read it.
pub fn describe(pipeline: &str, kept: &Kept) -> String {
    let alias = kept.alias.as_deref().unwrap_or("kept before");
    format!(
        "{pipeline} {} ({alias})\n{}",
        kept.trained.version.short(),
        metrics_text(&kept.trained.metrics)
    )
}

/// Metrics as people read them.
pub fn metrics_text(metrics: &Metrics) -> String {
    let row = |name: &str, measures: &muster_model::Measures| {
        let numbers = [
            measures.auc,
            measures.accuracy,
            measures.precision,
            measures.recall,
            measures.f1,
            measures.log_loss,
        ];
        std::iter::once(name.to_owned())
            .chain(numbers.iter().map(|number| format!("{number:.4}")))
            .collect()
    };
    let mut rows = vec![
        row("LightGBM, out of fold", &metrics.out_of_fold.measures),
        row("LightGBM, held out", &metrics.held_out),
    ];
    let baselines = &metrics.baselines;
    let named = [
        ("logistic, out of fold", &baselines.logistic),
        ("random forest, out of fold", &baselines.random_forest),
    ];
    rows.extend(
        named
            .iter()
            .filter_map(|(name, measures)| measures.as_ref().map(|measures| row(name, measures))),
    );
    let header = ["model", "AUC", "accuracy", "precision", "recall", "F1", "log loss"];
    let seeds = &metrics.out_of_fold;
    let missing = baselines
        .missing
        .as_ref()
        .map_or(String::new(), |why| format!("{why}\n"));
    format!(
        "{} labelled rows, {} of them positive\n{}\n{missing}Out-of-fold AUC over {} fold seeds: {:.4}",
        metrics.rows,
        metrics.positives,
        table(&header, &[1, 2, 3, 4, 5, 6], rows),
        seeds.seeds.len(),
        seeds.auc_mean
    )
}
