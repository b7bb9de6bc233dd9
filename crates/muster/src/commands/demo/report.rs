//! What the demo shows at its end: the account, the worst rules, the model, some predictions.
//!
//! Read from the ledger, so that it shows what is there and not what the process believes.

use std::time::Duration;

use muster_model::Metrics;
use muster_store::Ledger;
use muster_store::ledger::health::{BrokenRule, PredictionCounts, ShownPrediction};
use muster_store::ledger::reconcile::Reconciled;
use muster_store::ledger::runs::PURPOSE_SCORE;
use serde_json::{Map, Value, json};

use crate::commands::reconcile::account;
use crate::commands::score::describe;
use crate::commands::train::metrics_text;
use crate::output::table;
use crate::publishing::Published;
use crate::scoring::Planned;
use crate::scoring::passing::Pass;

/// How many predictions are shown.
const SHOWN: u32 = 10;
/// How many rules are shown to people.
const RULES_SHOWN: usize = 10;
/// How many reasons of a prediction are shown to people.
const REASONS_SHOWN: usize = 3;

/// A model as it is shown.
struct ShownModel {
    pipeline: String,
    version: String,
    metrics: Metrics,
}

/// The whole report.
pub struct Report {
    reconciled: Reconciled,
    rules: Vec<BrokenRule>,
    models: Vec<ShownModel>,
    predictions: PredictionCounts,
    sample: Vec<ShownPrediction>,
    published: Published,
    passes: Vec<Pass>,
    took: Duration,
}

impl Report {
    /// Reads it from the ledger.
    pub async fn read(
        ledger: &Ledger,
        planned: &[Planned],
        published: Published,
        passes: Vec<Pass>,
        took: Duration,
    ) -> anyhow::Result<Self> {
        let mut models = Vec::new();
        for planned in planned {
            if let Some(entry) = ledger.model(&planned.pipeline.name, "champion").await? {
                models.push(ShownModel {
                    pipeline: planned.pipeline.name.to_string(),
                    version: entry.model.version.to_string(),
                    metrics: serde_json::from_value(entry.model.metrics)?,
                });
            }
        }
        let (mut predictions, mut sample) = (PredictionCounts::default(), Vec::new());
        for planned in planned {
            let name = &planned.pipeline.name;
            let counts = ledger.prediction_counts(name, PURPOSE_SCORE).await?;
            predictions.count += counts.count;
            predictions.bands.extend(counts.bands);
            sample.extend(ledger.prediction_sample(name, PURPOSE_SCORE, SHOWN).await?);
        }
        Ok(Self {
            reconciled: ledger.reconcile().await?,
            rules: ledger.broken_rules(None).await?,
            models,
            predictions,
            sample,
            published,
            passes,
            took,
        })
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let rules: Map<String, Value> = self
            .rules
            .iter()
            .map(|rule| (rule.rule.clone(), json!(rule.rows)))
            .collect();
        json!({
            "reconcile": self.reconciled.rows,
            "faults": self.reconciled.faults,
            "rules": rules,
            "model": self.models.first().map(model_json),
            "predictions": {
                "count": self.predictions.count,
                "bands": self.predictions.bands,
                "sample": self.sample.iter().map(sample_json).collect::<Vec<Value>>(),
            },
            "published": self.published,
            "runs": self.passes,
            "took_secs": self.took.as_secs_f64(),
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut parts = vec![account(&self.reconciled)];
        if !self.rules.is_empty() {
            let rows = self
                .rules
                .iter()
                .take(RULES_SHOWN)
                .map(|rule| vec![rule.rule.clone(), rule.rows.to_string()]);
            parts.push(table(&["broken rule", "rows"], &[1], rows));
        }
        for model in &self.models {
            let version = model.version.get(..12).unwrap_or(&model.version);
            parts.push(format!(
                "{} {version} (champion)\n{}",
                model.pipeline,
                metrics_text(&model.metrics)
            ));
        }
        parts.extend(self.passes.iter().map(describe));
        if !self.sample.is_empty() {
            let bands = self.predictions.bands.iter();
            let bands: Vec<String> = bands.map(|(band, count)| format!("{count} {band}")).collect();
            parts.push(format!(
                "{} predictions: {}\n{}",
                self.predictions.count,
                bands.join(", "),
                self.sample_text()
            ));
        }
        parts.push(format!("Took {:.1} s.", self.took.as_secs_f64()));
        parts.join("\n\n")
    }

    fn sample_text(&self) -> String {
        let row = |shown: &ShownPrediction| {
            let reasons = shown.reasons.as_ref().and_then(Value::as_array);
            let reasons = reasons.into_iter().flatten().take(REASONS_SHOWN).filter_map(|reason| {
                Some(format!(
                    "{} {:+.2}",
                    reason["feature"].as_str()?,
                    reason["contribution"].as_f64()?
                ))
            });
            let reasons: Vec<String> = reasons.collect();
            vec![
                shown.entity.clone().unwrap_or_default(),
                format!("{:.3}", shown.score),
                shown.band.clone(),
                reasons.join(", "),
            ]
        };
        table(
            &["entity", "score", "band", "reasons (log-odds)"],
            &[1],
            self.sample.iter().map(row),
        )
    }
}

fn sample_json(shown: &ShownPrediction) -> Value {
    let position = shown
        .position
        .as_ref()
        .map(|(topic, partition, offset)| json!({ "topic": topic, "partition": partition, "offset": offset }));
    json!({
        "entity": shown.entity,
        "score": shown.score,
        "band": shown.band,
        "reasons": shown.reasons,
        "position": position,
        "model_version": shown.model,
    })
}

fn model_json(model: &ShownModel) -> Value {
    let measures = &model.metrics.out_of_fold.measures;
    json!({
        "pipeline": model.pipeline,
        "version": model.version,
        "auc": measures.auc,
        "accuracy": measures.accuracy,
        "precision": measures.precision,
        "recall": measures.recall,
        "f1": measures.f1,
        "log_loss": measures.log_loss,
    })
}
