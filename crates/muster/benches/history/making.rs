//! A project with a ledger of many rows, made by the code that ingests and scores.
//!
//! Used by the bench beside it. Scores and reasons are drawn; everything else is as it would be.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use chrono::{TimeDelta, Utc};
use muster_batch::{Cause, JudgedBatch, Origin, Prediction, Reason};
use muster_contract::decode::Decoder;
use muster_contract::judge::Judge;
use muster_spec::{Contract, ModelVersion, Offset, PipelineName, Revision, TopicId};
use muster_store::files::ClaimWriter;
use muster_store::ledger::commit::{Attempt, BatchCommit, Outcome};
use muster_store::ledger::migrate::migrate;
use muster_store::ledger::models::NewModel;
use muster_store::ledger::predictions::ScoredClaim;
use muster_store::ledger::runs::{PURPOSE_SCORE, Slot};
use muster_store::ledger::sources::{Assigned, Partition};
use muster_store::{BatchWriter, FileStore, FolderStore, Ledger, Role, Settings};
use uuid::Uuid;

use crate::candidates::{BATCH_ROWS, entity, records, shipped};

const PARTITIONS: usize = 4;
/// Runs of records a batch: 204,800 rows, as ingest seals them.
const RUNS: usize = 25;
const REASONS: [&str; 3] = ["city", "company_size", "experience"];

/// What was made.
pub struct Made {
    /// Rows.
    pub rows: u64,
    topic: String,
    /// Rows of a partition; each begins where the one before ends.
    partition_rows: u64,
    /// The claim of each batch, partition by partition.
    claims: Vec<i64>,
}

impl Made {
    /// The record of a row.
    pub fn record(&self, row: u64) -> String {
        format!("{}/{}/{row}", self.topic, row / self.partition_rows)
    }

    /// The entity of a row, or of the next one where it is bad: entities are told of by their predictions.
    pub fn entity(row: u64) -> String {
        format!("entity/{}", entity(good(row) as usize))
    }

    /// The prediction of a row, or of the next one where it is bad.
    pub fn prediction(&self, row: u64) -> String {
        let row = good(row);
        let claim = self.claims[row as usize / (RUNS * BATCH_ROWS)];
        format!("prediction/{claim}-{row}")
    }
}

fn good(row: u64) -> u64 {
    row + u64::from(row.is_multiple_of(20))
}

/// Makes the project and its ledger.
pub async fn ledger(folder: &Path, url: &str, rows: usize) -> Made {
    project(folder);
    let contract = Arc::new(shipped());
    let settings = Settings::new(url);
    migrate(&settings).await.expect("migrates");
    let ingest = Ledger::new(&settings, Role::Ingest).expect("an address");
    let score = Ledger::new(&settings, Role::Score).expect("an address");
    ingest.keep_contract(&contract).await.expect("keeps the contract");
    for text in [contract.schema_text.clone(), muster_spec::all_text_schema(&contract)] {
        let id = muster_spec::schema_id(&text);
        ingest.keep_schema("", id, &text).await.expect("keeps a schema");
    }
    let model = model();
    score.keep_model(&model).await.expect("keeps the model");
    let (topic_id, partitions) = (TopicId(Uuid::new_v4()), PARTITIONS as i32);
    let wanted = (0..partitions).map(|partition| Partition {
        contract: contract.name.clone(),
        topic: contract.topic.as_str().into(),
        topic_id,
        partition,
        partitions,
    });
    let wanted: Vec<Partition> = wanted.collect();
    let mut sources = ingest.assign("bench", &wanted).await.expect("assigned");
    sources.sort_by_key(|source| source.partition);
    let batches = rows.div_ceil(PARTITIONS * RUNS * BATCH_ROWS);
    let mut making = Making {
        store: Arc::new(FolderStore::new(folder)),
        decoder: Decoder::new(Arc::clone(&contract)).expect("the contract is sound"),
        judge: Judge::new(Arc::clone(&contract)).expect("the rules compile"),
        contract,
        ingest,
        score,
        model,
        slots: 0,
    };
    let mut claims = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        for batch in 0..batches {
            claims.push(making.batch(source, (at * batches + batch) * RUNS * BATCH_ROWS).await);
        }
    }
    Made {
        rows: (claims.len() * RUNS * BATCH_ROWS) as u64,
        topic: making.contract.topic.clone(),
        partition_rows: (batches * RUNS * BATCH_ROWS) as u64,
        claims,
    }
}

/// The shipped contracts and pipelines.
fn project(folder: &Path) {
    for part in ["schemas", "pipelines"] {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(part);
        std::fs::create_dir_all(folder.join(part)).expect("a folder");
        for entry in std::fs::read_dir(shipped).expect("the folder ships with the repository") {
            let path = entry.expect("an entry").path();
            let to = folder.join(part).join(path.file_name().expect("a file's name"));
            std::fs::copy(&path, to).expect("copied");
        }
    }
}

fn model() -> NewModel {
    NewModel {
        pipeline: PipelineName::from("job-change"),
        version: ModelVersion::from("b".repeat(64)),
        path: "models/drawn".to_owned(),
        pipeline_text: String::new(),
        view_version: "1".to_owned(),
        metrics: serde_json::json!({}),
        read_versions: std::collections::BTreeMap::new(),
    }
}

struct Making {
    store: Arc<FolderStore>,
    contract: Arc<Contract>,
    decoder: Decoder,
    judge: Judge,
    ingest: Ledger,
    score: Ledger,
    model: NewModel,
    slots: i64,
}

impl Making {
    /// One batch of a source, committed and scored; its claim.
    async fn batch(&mut self, source: &Assigned, from: usize) -> i64 {
        let files = Arc::clone(&self.store) as Arc<dyn FileStore>;
        let writer = BatchWriter::new(
            files,
            Arc::clone(&self.contract),
            source.source,
            source.token,
            Offset(from as i64),
        );
        let mut writer = writer.expect("a writer");
        let mut keys = self.judge.key_state();
        let mut judged = Vec::with_capacity(RUNS);
        for run in 0..RUNS {
            let mut records = records(&self.contract, from + run * BATCH_ROWS);
            (records.source, records.partition) = (source.source, source.partition);
            let batch = self.judge.judge(self.decoder.decode(records), &mut keys);
            writer.push(&batch).expect("the batch is taken");
            judged.push(batch);
        }
        let batch = BatchCommit {
            sealed: writer.seal(&|_| ()).expect("sealed"),
            revision: Revision(0),
            statistics: Vec::new(),
            alerts: Vec::new(),
            drift: Vec::new(),
        };
        let outcomes = self.ingest.commit(Attempt::new(), &[batch]).await.expect("an answer");
        assert!(matches!(outcomes[..], [Outcome::Committed { .. }]), "{outcomes:?}");
        self.claim(&judged).await
    }

    async fn claim(&mut self, judged: &[JudgedBatch]) -> i64 {
        let pipeline = self.model.pipeline.clone();
        self.slots += 1;
        let slot = Slot {
            pipeline: pipeline.clone(),
            purpose: PURPOSE_SCORE.to_owned(),
            at: Utc::now() - TimeDelta::days(1) + TimeDelta::minutes(self.slots),
            contracts: vec![self.contract.name.clone()],
            model: self.model.version.clone(),
            alone: false,
        };
        let run = self.score.open_run(&slot).await.expect("a run");
        assert_eq!(run.claims, 1, "{run:?}");
        let lease = std::time::Duration::from_mins(10);
        let taken = self.score.take_claim(&pipeline, PURPOSE_SCORE, "bench", lease).await;
        let claim = taken.expect("an answer").expect("the batch that was committed");
        let files = Arc::clone(&self.store) as Arc<dyn FileStore>;
        let mut features = ClaimWriter::new(files, &pipeline, claim.id, claim.token).expect("a writer");
        let mut predictions = Vec::new();
        for batch in judged {
            features.push(&positioned(batch)).expect("features are taken");
            self.predict(batch, &mut predictions);
        }
        let file = features.seal(&|_| ()).expect("sealed");
        let scored = ScoredClaim {
            claim: &claim,
            predictions: &predictions,
            features: file.as_ref(),
            bands: &[],
            alerts: &[],
        };
        self.score.write_predictions(scored).await.expect("written");
        claim.id
    }

    fn predict(&self, judged: &JudgedBatch, predictions: &mut Vec<Prediction>) {
        let Origin::Records(records) = &judged.origin else {
            return;
        };
        let names = REASONS.map(Arc::<str>::from);
        let band: Arc<str> = "looking".into();
        for record in &judged.good_records {
            let offset = records.offsets[*record as usize];
            let score = (offset as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) as f64 / u64::MAX as f64;
            let reasons = names.iter().enumerate().map(|(at, name)| Reason {
                feature: Arc::clone(name),
                contribution: score - 0.3 * at as f64,
            });
            predictions.push(Prediction {
                score,
                band: Arc::clone(&band),
                reasons: Some(reasons.collect()),
                model: self.model.version.clone(),
                entity: Some(entity(offset as usize)),
                cause: Cause::Row(records.source, Offset(offset)),
            });
        }
    }
}

/// Good rows as features: their positions, then what the rows hold.
fn positioned(judged: &JudgedBatch) -> RecordBatch {
    let Origin::Records(records) = &judged.origin else {
        panic!("records were judged")
    };
    let offsets = judged
        .good_records
        .iter()
        .map(|record| records.offsets[*record as usize]);
    let sources: ArrayRef = Arc::new(Int64Array::from_value(records.source.0, judged.good_records.len()));
    let offsets: ArrayRef = Arc::new(Int64Array::from_iter_values(offsets));
    let names = judged.good.schema();
    let features = names.fields().iter().zip(judged.good.columns());
    let features = features.map(|(field, column)| (field.name().clone(), Arc::clone(column)));
    let positions = [("_source".to_owned(), sources), ("_offset".to_owned(), offsets)];
    let columns = positions
        .into_iter()
        .chain(features)
        .map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one batch are equally long")
}
