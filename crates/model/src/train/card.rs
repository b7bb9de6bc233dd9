//! The model card: a page about a version for the people who decide by it.
//!
//! Written by training into `card.md`. Counts, ranges and measures of many rows only; no row's values.

use std::fmt::Write;

use muster_spec::pipeline::ModelSpec;

use super::TrainOptions;
use crate::encoder::{Code, Encoder};
use crate::forest::Forest;
use crate::matrix::Matrix;
use crate::measures::Measures;
use crate::metrics::Metrics;

pub(super) struct Card<'a> {
    pub options: &'a TrainOptions,
    pub spec: &'a ModelSpec,
    pub encoder: &'a Encoder,
    pub matrix: &'a Matrix,
    pub forest: &'a Forest,
    pub metrics: &'a Metrics,
}

impl Card<'_> {
    /// The card as Markdown.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("a text takes all that is written to it");
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let metrics = self.metrics;
        writeln!(out, "# Model of pipeline `{}`\n", self.options.pipeline)?;
        writeln!(
            out,
            "Boosted trees (LightGBM, {} trees, at most {} leaves) that give the probability that `{}` is `{}`.\n",
            self.forest.trees(),
            self.forest.leaves_max(),
            self.spec.label,
            self.spec.positive
        )?;
        writeln!(out, "## Data\n")?;
        let share = 100.0 * metrics.positives as f64 / metrics.rows.max(1) as f64;
        writeln!(
            out,
            "{} labelled rows, {} of them positive ({share:.1} %).",
            metrics.rows, metrics.positives
        )?;
        writeln!(out, "Rows without a label, not used: {}.\n", metrics.unlabelled)?;
        writeln!(out, "| feature | code | values | missing |")?;
        writeln!(out, "|---|---|---|---|")?;
        for (at, feature) in self.encoder.features().iter().enumerate() {
            let (code, values, missing) = self.feature(at, &feature.code);
            writeln!(out, "| `{}` | {code} | {values} | {missing} |", feature.name)?;
        }
        self.write_measures(out)?;
        writeln!(out, "\n## What counts\n")?;
        writeln!(
            out,
            "| feature | splits | gain | mean absolute contribution, log-odds |"
        )?;
        writeln!(out, "|---|---|---|---|")?;
        for importance in &metrics.importance {
            writeln!(
                out,
                "| `{}` | {} | {:.1} | {:.4} |",
                importance.feature, importance.splits, importance.gain, importance.mean_absolute_contribution
            )?;
        }
        writeln!(out, "\n## Caveats\n")?;
        writeln!(
            out,
            "- A probability is about rows like those above; the measures say nothing about other people or later times."
        )?;
        writeln!(
            out,
            "- Contributions say what moved the score, not what would change the outcome."
        )?;
        writeln!(out, "- No fairness between groups was measured in training.")?;
        writeln!(out, "- A level that training did not see is scored as unknown.")
    }

    fn feature(&self, at: usize, code: &Code) -> (&'static str, String, usize) {
        let values = (0..self.matrix.rows()).map(|row| self.matrix.row(row)[at]);
        match code {
            Code::Categorical(levels) => {
                let missing = values.filter(|value| *value as usize == levels.len()).count();
                ("categorical", format!("{} levels", levels.len()), missing)
            }
            Code::Ordinal(levels) => {
                let missing = values.filter(|value| value.is_nan()).count();
                ("ordinal", format!("{} levels", levels.len()), missing)
            }
            Code::Number | Code::Boolean => {
                let code = if matches!(code, Code::Boolean) {
                    "boolean"
                } else {
                    "number"
                };
                let (mut least, mut most, mut missing) = (f64::INFINITY, f64::NEG_INFINITY, 0);
                for value in values {
                    if value.is_nan() {
                        missing += 1;
                    } else {
                        (least, most) = (least.min(value), most.max(value));
                    }
                }
                let range = if least > most {
                    "none".to_owned()
                } else {
                    format!("{least} to {most}")
                };
                (code, range, missing)
            }
        }
    }

    fn write_measures(&self, out: &mut String) -> std::fmt::Result {
        let metrics = self.metrics;
        writeln!(out, "\n## Measures\n")?;
        writeln!(
            out,
            "Out of fold: {} folds, stratified. Mean AUC over {} fold seeds: {:.4}.\n",
            metrics.out_of_fold.folds,
            metrics.out_of_fold.seeds.len(),
            metrics.out_of_fold.auc_mean
        )?;
        writeln!(
            out,
            "| model, rows | AUC | accuracy | precision | recall | F1 | log loss |"
        )?;
        writeln!(out, "|---|---|---|---|---|---|---|")?;
        let lines = [
            ("this one, out of fold", Some(&metrics.out_of_fold.measures)),
            ("this one, held out", Some(&metrics.held_out)),
            ("logistic regression, out of fold", metrics.baselines.logistic.as_ref()),
            ("random forest, out of fold", metrics.baselines.random_forest.as_ref()),
        ];
        for (name, measures) in lines {
            let Some(measures) = measures else { continue };
            let Measures {
                auc,
                accuracy,
                precision,
                recall,
                f1,
                log_loss,
                ..
            } = measures;
            writeln!(
                out,
                "| {name} | {auc:.4} | {accuracy:.4} | {precision:.4} | {recall:.4} | {f1:.4} | {log_loss:.4} |"
            )?;
        }
        let confusion = &metrics.out_of_fold.measures.confusion;
        writeln!(out, "\n| at 0.5, out of fold | called positive | called negative |")?;
        writeln!(out, "|---|---|---|")?;
        writeln!(
            out,
            "| positive | {} | {} |",
            confusion.true_positive, confusion.false_negative
        )?;
        writeln!(
            out,
            "| negative | {} | {} |",
            confusion.false_positive, confusion.true_negative
        )
    }
}
