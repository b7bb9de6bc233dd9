//! A run's predictions computed again from the features that were stored and the model that was, and compared to the bit.
//!
//! Used by `muster verify --run`. A claim is one piece of work: its features are read whole, as when they were scored, and its
//! predictions page by page.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use arrow::array::AsArray;
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use muster_batch::{Cause, FeatureFrame, Prediction, Reason};
use muster_model::{Model, ModelFiles};
use muster_spec::pipeline::Band;
use muster_spec::{ModelVersion, Offset, RunId, SourceId};
use muster_store::ledger::verify::{ScoredBefore, WrittenPrediction};
use muster_store::{Error, FolderStore, Ledger, files};
use serde::Serialize;

/// Predictions read at a time.
const PAGE_ROWS: u32 = 5_000;
/// Predictions named of each finding.
const EXAMPLES_MAX: usize = 5;

/// What is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The claim.
    pub claim: i64,
    /// Its batch.
    pub batch: i64,
    /// What differs.
    pub what: String,
    /// For how many predictions.
    pub predictions: u64,
    /// Some of them, as `muster trace` takes them.
    pub examples: Vec<String>,
}

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Claims.
    pub claims: u64,
    /// Predictions.
    pub predictions: u64,
    /// Those whose reasons were stored, and so compared.
    pub reasons: u64,
    /// Those whose bands were not: what they were when they were scored is not known.
    pub bands_unknown: u64,
    /// What is not as it was.
    pub findings: Vec<Finding>,
}

/// Computes predictions again.
pub struct Recomputing {
    /// The ledger.
    pub ledger: Ledger,
    /// The project folder's files.
    pub files: Arc<FolderStore>,
    models: HashMap<ModelVersion, Result<Arc<Model>, String>>,
}

impl Recomputing {
    /// Over this ledger and these files.
    pub fn new(ledger: Ledger, files: Arc<FolderStore>) -> Self {
        Self {
            ledger,
            files,
            models: HashMap::new(),
        }
    }

    /// All claims of a run. `progress` is told of predictions as they are compared.
    pub async fn run(&mut self, run: RunId, progress: &dyn Fn(u64)) -> anyhow::Result<Compared> {
        let mut compared = Compared::default();
        for claim in self.ledger.scored_claims(run).await? {
            self.claim(&claim, &mut compared, progress).await?;
            compared.claims += 1;
        }
        Ok(compared)
    }

    async fn claim(
        &mut self,
        claim: &ScoredBefore,
        compared: &mut Compared,
        progress: &dyn Fn(u64),
    ) -> anyhow::Result<()> {
        let find = |what: String, predictions: u64| Finding {
            claim: claim.claim,
            batch: claim.batch.0,
            what,
            predictions,
            examples: Vec::new(),
        };
        let (ended_with, there) = claim.predictions;
        if ended_with != there {
            let what = format!("it ended with {ended_with} predictions and has {there}");
            compared.findings.push(find(what, there.abs_diff(ended_with)));
        }
        let Some(listed) = &claim.features else {
            if there > 0 {
                compared
                    .findings
                    .push(find("its features are not listed".to_owned(), there));
            }
            return Ok(());
        };
        let model = match self.model(claim) {
            Ok(model) => model,
            Err(why) => {
                compared.findings.push(find(why, there));
                return Ok(());
            }
        };
        let (store, listed) = (Arc::clone(&self.files), listed.clone());
        let first = self
            .ledger
            .predictions_after(claim.claim, Offset(-1), PAGE_ROWS)
            .await?;
        let explain = first.iter().any(|written| written.reasons.is_some());
        let bands = claim.bands.clone();
        // Reading, decoding and scoring are work for a thread of their own.
        let again = tokio::task::spawn_blocking(move || again(&store, &listed, &model, bands.as_deref(), explain));
        let again = match again.await? {
            Ok(again) => again,
            Err(Unusable(why)) => {
                compared.findings.push(find(why, there));
                return Ok(());
            }
        };
        let mut comparing = Comparing::new(claim, again);
        let mut page = first;
        while let Some(last) = page.last() {
            let after = last.offset;
            for written in &page {
                comparing.compare(written, compared);
            }
            progress(page.len() as u64);
            page = self.ledger.predictions_after(claim.claim, after, PAGE_ROWS).await?;
        }
        comparing.finish(compared);
        Ok(())
    }

    /// The claim's model as it was archived, or what is wrong with it.
    fn model(&mut self, claim: &ScoredBefore) -> Result<Arc<Model>, String> {
        let known = self.models.entry(claim.model.clone());
        let model = known.or_insert_with(|| {
            let folder = self.files.locate(&claim.model_path);
            let loaded = ModelFiles::read(&folder, &claim.model).and_then(|files| Model::load(&files, &claim.model));
            loaded.map(Arc::new).map_err(|error| error.to_string())
        });
        model.clone()
    }
}

/// Why a claim cannot be computed again.
struct Unusable(String);

impl From<Error> for Unusable {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl From<anyhow::Error> for Unusable {
    fn from(error: anyhow::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

/// The predictions of stored features, in the order of their positions.
fn again(
    store: &FolderStore,
    listed: &files::ListedFile,
    model: &Model,
    bands: Option<&[Band]>,
    explain: bool,
) -> Result<Vec<Prediction>, Unusable> {
    let batches = files::open(store, listed, None)?.collect::<Result<Vec<_>, Error>>()?;
    let schema = batches.first().context("the features have no row")?.schema();
    let rows = concat_batches(&schema, &batches).context("the features are not of one kind")?;
    let column = |name: &str| {
        let column = rows
            .column_by_name(name)
            .and_then(|column| column.as_primitive_opt::<Int64Type>());
        column.with_context(|| format!("the features have no column `{name}`"))
    };
    let positions = column("_source")?.values().iter().zip(column("_offset")?.values());
    let positions: Vec<_> = positions
        .map(|(source, offset)| (SourceId(*source), Offset(*offset)))
        .collect();
    let is_feature = |name: &String| !matches!(name.as_str(), "_source" | "_offset");
    let names = schema.fields().iter().map(|field| field.name().clone());
    let features: Vec<usize> = names
        .enumerate()
        .filter(|(_, name)| is_feature(name))
        .map(|(at, _)| at)
        .collect();
    let frame = FeatureFrame {
        entities: vec![None; positions.len()],
        as_of: vec![i64::MIN; positions.len()],
        features: rows.project(&features).context("the features cannot be read")?,
        positions,
        label: None,
        // The features that this very model was given.
        view_version: model.view_version().to_owned(),
    };
    let band_of = |score: f64| -> Arc<str> {
        let bands = bands.unwrap_or_default();
        let reached = bands.iter().find(|band| score >= band.from).or(bands.last());
        reached.map_or("", |band| band.name.as_str()).into()
    };
    let mut predictions = model
        .predictions(&frame, &band_of, &|_| explain)
        .context("the features do not fit the model")?;
    predictions.sort_by_key(position);
    Ok(predictions)
}

fn position(prediction: &Prediction) -> (SourceId, Offset) {
    match prediction.cause {
        Cause::Row(source, offset) => (source, offset),
        Cause::Entity(..) => (SourceId(0), Offset(0)),
    }
}

/// A claim's predictions while they are compared.
struct Comparing<'c> {
    claim: &'c ScoredBefore,
    again: Vec<Prediction>,
    met: Vec<bool>,
    /// What differs, with how often and where.
    differs: Vec<Finding>,
}

impl<'c> Comparing<'c> {
    fn new(claim: &'c ScoredBefore, again: Vec<Prediction>) -> Self {
        Self {
            claim,
            met: vec![false; again.len()],
            again,
            differs: Vec::new(),
        }
    }

    fn compare(&mut self, written: &WrittenPrediction, compared: &mut Compared) {
        compared.predictions += 1;
        let wanted = (written.source, written.offset);
        let Ok(at) = self.again.binary_search_by_key(&wanted, position) else {
            return self.find("there are no features for it", written.offset);
        };
        if std::mem::replace(&mut self.met[at], true) {
            return self.find("it is there twice", written.offset);
        }
        let again = &self.again[at];
        let scores = again.score.to_bits() == written.score.to_bits();
        let bands = self.claim.bands.is_none() || *again.band == *written.band;
        let reasons = match (&again.reasons, &written.reasons) {
            (Some(again), Some(written)) => same(again, written),
            (_, None) => true,
            (None, Some(_)) => false,
        };
        compared.bands_unknown += u64::from(self.claim.bands.is_none());
        compared.reasons += u64::from(written.reasons.is_some());
        for (what, is_same) in [
            ("its score is another", scores),
            ("its band is another", bands),
            ("its reasons are others", reasons),
        ] {
            if !is_same {
                self.find(what, written.offset);
            }
        }
    }

    fn find(&mut self, what: &str, offset: Offset) {
        let at = self
            .differs
            .iter()
            .position(|finding| finding.what == what)
            .unwrap_or_else(|| {
                self.differs.push(Finding {
                    claim: self.claim.claim,
                    batch: self.claim.batch.0,
                    what: what.to_owned(),
                    predictions: 0,
                    examples: Vec::new(),
                });
                self.differs.len() - 1
            });
        let finding = &mut self.differs[at];
        finding.predictions += 1;
        if finding.examples.len() < EXAMPLES_MAX {
            finding
                .examples
                .push(format!("prediction/{}-{offset}", self.claim.claim));
        }
    }

    fn finish(mut self, compared: &mut Compared) {
        let missing = self.met.iter().enumerate().filter(|(_, met)| !**met);
        let missing: Vec<Offset> = missing.map(|(at, _)| position(&self.again[at]).1).collect();
        for offset in missing {
            self.find("it is missing", offset);
        }
        compared.findings.append(&mut self.differs);
    }
}

/// Whether reasons are the same to the bit. The ledger's numbers know no negative zero.
fn same(again: &[Reason], written: &[Reason]) -> bool {
    let bits = |reason: &Reason| (reason.contribution + 0.0).to_bits();
    again.len() == written.len()
        && again
            .iter()
            .zip(written)
            .all(|(one, other)| one.feature == other.feature && bits(one) == bits(other))
}
