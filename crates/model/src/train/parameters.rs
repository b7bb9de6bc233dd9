//! From a pipeline's parameters to LightGBM's.
//!
//! Used by training. A pipeline may set what changes how trees are learned; what would make training differ from
//! machine to machine, read files, or give a model that our evaluator does not know, is ours to set. LightGBM takes
//! names it does not know in silence, so names are held to its own list here.

use std::collections::BTreeMap;

use muster_spec::pipeline::ModelSpec;

use crate::error::{Error, Result};
use crate::ffi;

/// How many rounds a model may have.
const ITERATIONS_MAX: u32 = 10_000;

/// LightGBM's own default.
const ITERATIONS: u32 = 100;

/// What a pipeline may set, by LightGBM's main names.
const SETTABLE: [&str; 41] = [
    "bagging_fraction",
    "bagging_freq",
    "bin_construct_sample_cnt",
    "boost_from_average",
    "boosting",
    "cat_l2",
    "cat_smooth",
    "data_sample_strategy",
    "drop_rate",
    "extra_trees",
    "feature_fraction",
    "feature_fraction_bynode",
    "is_unbalance",
    "lambda_l1",
    "lambda_l2",
    "learning_rate",
    "max_bin",
    "max_cat_threshold",
    "max_cat_to_onehot",
    "max_delta_step",
    "max_depth",
    "max_drop",
    "min_data_in_bin",
    "min_data_in_leaf",
    "min_data_per_group",
    "min_gain_to_split",
    "min_sum_hessian_in_leaf",
    "neg_bagging_fraction",
    "num_iterations",
    "num_leaves",
    "other_rate",
    "path_smooth",
    "pos_bagging_fraction",
    "scale_pos_weight",
    "sigmoid",
    "skip_drop",
    "top_rate",
    "uniform_drop",
    "use_missing",
    "xgboost_dart_mode",
    "zero_as_missing",
];

/// Parameters as LightGBM takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    /// `key=value key=value`.
    pub text: String,
    /// Rounds of training.
    pub iterations: u32,
}

impl Parameters {
    /// A pipeline's model.
    pub(super) fn of(spec: &ModelSpec, categorical: &[usize]) -> Result<Self> {
        let main_names = main_names()?;
        let mut settings = BTreeMap::new();
        for (name, value) in &spec.params {
            let main = main_names.get(name.as_str()).map(String::as_str);
            let Some(main) = main.filter(|main| SETTABLE.contains(main)) else {
                let what = match main {
                    Some(_) => "is set by Muster itself",
                    None => "is none of LightGBM's",
                };
                return Err(Error::parameter(name, what));
            };
            if value.is_empty() || value.contains(|letter: char| letter.is_whitespace() || letter == '=') {
                return Err(Error::parameter(name, "has a value with spaces, `=` or nothing in it"));
            }
            if settings.insert(main.to_owned(), value.clone()).is_some() {
                return Err(Error::parameter(name, "is set twice, perhaps under another name"));
            }
        }
        let iterations = match settings.remove("num_iterations") {
            None => ITERATIONS,
            Some(value) => match value.parse() {
                Ok(iterations @ 1..=ITERATIONS_MAX) => iterations,
                _ => {
                    return Err(Error::parameter(
                        "num_iterations",
                        format!("is no whole number in 1..={ITERATIONS_MAX}"),
                    ));
                }
            },
        };
        Ok(Self::with(settings, iterations, spec.seed, categorical))
    }

    /// The random forest that a pipeline's model is held against.
    pub(super) fn random_forest(seed: u64, categorical: &[usize]) -> Self {
        let settings = [
            ("boosting", "rf"),
            ("bagging_freq", "1"),
            ("bagging_fraction", "0.632"),
            ("feature_fraction", "0.5"),
            ("num_leaves", "63"),
            ("min_data_in_leaf", "10"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self::with(settings.into_iter().collect(), 200, seed, categorical)
    }

    /// Adds what is ours to set: same bytes on every machine, no reading or writing of files, no linear leaves.
    fn with(settings: BTreeMap<String, String>, iterations: u32, seed: u64, categorical: &[usize]) -> Self {
        // LightGBM's seeds are 31 bits.
        let seed = (seed ^ seed >> 31) & 0x7fff_ffff;
        let mut text =
            format!("objective=binary deterministic=true force_col_wise=true num_threads=1 verbosity=-1 seed={seed}");
        if !categorical.is_empty() {
            let columns: Vec<String> = categorical.iter().map(usize::to_string).collect();
            text.push_str(" categorical_feature=");
            text.push_str(&columns.join(","));
        }
        for (name, value) in settings {
            text.extend([" ", &name, "=", &value]);
        }
        Self { text, iterations }
    }
}

/// LightGBM's main name by every name it takes.
fn main_names() -> Result<BTreeMap<String, String>> {
    let aliases: BTreeMap<String, Vec<String>> = serde_json::from_str(&ffi::parameter_aliases()?)
        .map_err(|error| Error::LightGbm(format!("its list of parameters does not parse: {error}")))?;
    let mut names = BTreeMap::new();
    for (main, others) in aliases {
        for other in others {
            names.insert(other, main.clone());
        }
        names.insert(main.clone(), main);
    }
    Ok(names)
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
