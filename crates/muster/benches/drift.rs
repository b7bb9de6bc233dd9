//! What drift costs: `cargo bench -p muster --bench drift`.
//!
//! Rows of the shipped contract `hr.candidate`, one in twenty bad, are judged and sealed as ingest does it, once with the
//! twelve features of `job-change` counted beside, once without: the peer. Then counting alone, whose figure divided by
//! twelve is a column's.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use muster_batch::{JudgedBatch, RawBatch};
use muster_contract::decode::Decoder;
use muster_contract::judge::{Expectations, Judge};
use muster_features::{RowFeatures, View};
use muster_monitor::drift::{Reference, Sketch};
use muster_spec::{Check, Contract, Offset, Pipeline, SourceId, Token};
use muster_store::{BatchWriter, FolderStore};
use uuid::Uuid;

use candidates::{BATCH_ROWS, records, shipped};
use figures::{Clock, Spent};

#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../tests/bench/figures.rs"]
mod figures;

mod candidates;

const BATCHES: usize = 24;
const ROUNDS: usize = 7;

fn main() {
    let contract = Arc::new(shipped());
    let pipeline = pipeline(&contract);
    let view = View::compile(&pipeline, &[Contract::clone(&contract)]).expect("the shipped view is one");
    let features = RowFeatures::new(&view).expect("it is planned");
    let batches = (figures::rows(BATCHES * BATCH_ROWS) / BATCH_ROWS).max(1);
    let records: Vec<RawBatch> = (0..batches).map(|at| records(&contract, at * BATCH_ROWS)).collect();
    let reference = reference(&contract, &pipeline, &features, &records);
    let columns = reference.features().len();
    let folder = tempfile::tempdir().expect("a folder");
    figures::compare(
        "drift",
        &format!("judge and seal, {columns} features counted, a twentieth bad"),
        "the same without drift",
        ROUNDS,
        || ingest(folder.path(), &contract, &records, Some((&features, &reference))),
        || ingest(folder.path(), &contract, &records, None),
    );
    let judged = judged(&contract, &records);
    let alone: Vec<Spent> = (0..figures::rounds(ROUNDS))
        .map(|_| count(&judged, &features, &reference))
        .collect();
    let mut column = Spent::median(&alone);
    figures::tell("drift", &format!("counting {columns} features alone"), column, None);
    column.cpu_secs /= columns as f64;
    column.wall_secs /= columns as f64;
    figures::tell("drift", "a column of them", column, None);
}

/// The pipeline that ships with the repository.
fn pipeline(contract: &Contract) -> Pipeline {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipelines/");
    let open = |file: &str| std::fs::read_to_string(format!("{folder}{file}")).ok();
    let yaml = open("job-change.yaml").expect("the pipeline ships with the repository");
    muster_spec::read::pipeline(
        "job-change",
        "job-change.yaml",
        &yaml,
        &open,
        std::slice::from_ref(contract),
    )
    .expect("the shipped pipeline is one")
}

/// The first batch's good rows as training.
fn reference(contract: &Arc<Contract>, pipeline: &Pipeline, features: &RowFeatures, records: &[RawBatch]) -> Reference {
    let judged = judged(contract, &records[..1]);
    let rows: RecordBatch = features.compute(&judged[0].good).expect("features");
    let levels = |name: &String| {
        let field = contract.field(name).expect("a field");
        let of_field = contract.rules.iter().filter(|rule| rule.field == Some(field));
        let mut levels = of_field.filter_map(|rule| match &rule.check {
            Check::OneOf(levels) => Some(levels.clone()),
            _ => None,
        });
        (name.clone(), levels.next().expect("an order"))
    };
    let ordinals: BTreeMap<String, Vec<String>> = pipeline.model.ordinal.iter().map(levels).collect();
    Reference::learn(&rows, &pipeline.model.categorical, &ordinals).expect("a reference")
}

fn judged(contract: &Arc<Contract>, records: &[RawBatch]) -> Vec<JudgedBatch> {
    let decoder = Decoder::new(Arc::clone(contract)).expect("the contract is sound");
    let mut judge = Judge::new(Arc::clone(contract)).expect("the rules compile");
    let mut keys = judge.key_state();
    let decoded = records.iter().map(|records| decoder.decode(records.clone()));
    decoded.map(|decoded| judge.judge(decoded, &mut keys)).collect()
}

/// Judges and seals decoded rows; the files are deleted again.
fn ingest(
    folder: &Path,
    contract: &Arc<Contract>,
    records: &[RawBatch],
    drift: Option<(&RowFeatures, &Reference)>,
) -> Spent {
    let store = Arc::new(FolderStore::new(folder));
    let files = Arc::clone(&store) as Arc<dyn muster_store::FileStore>;
    let writer = BatchWriter::new(files, Arc::clone(contract), SourceId(1), Token(Uuid::nil()), Offset(0));
    let mut writer = writer.expect("a writer");
    let decoder = Decoder::new(Arc::clone(contract)).expect("the contract is sound");
    let decoded: Vec<_> = records.iter().map(|records| decoder.decode(records.clone())).collect();
    let mut judge = Judge::new(Arc::clone(contract)).expect("the rules compile");
    let mut keys = judge.key_state();
    let mut sealed = None;
    let spent = Spent::of(Clock::Thread, || {
        let mut expectations = Expectations::new(contract);
        let mut sketch = drift.map(|(_, reference)| Sketch::empty(reference));
        for decoded in decoded {
            let judged = judge.judge(decoded, &mut keys);
            writer.push(&judged).expect("the batch is taken");
            expectations.add(&judged);
            if let (Some((features, reference)), Some(sketch)) = (drift, &mut sketch) {
                let rows = features.compute(&judged.good).expect("features");
                reference.count(&rows, sketch).expect("counted");
            }
        }
        let rows = writer.rows();
        sealed = Some(writer.seal(&|_| ()).expect("sealed"));
        rows
    });
    sealed.expect("sealed").discard(&*store).expect("deleted");
    spent
}

fn count(judged: &[JudgedBatch], features: &RowFeatures, reference: &Reference) -> Spent {
    Spent::of(Clock::Thread, || {
        let mut sketch = Sketch::empty(reference);
        for judged in judged {
            let rows = features.compute(&judged.good).expect("features");
            reference.count(&rows, &mut sketch).expect("counted");
        }
        assert!(
            sketch
                .features
                .iter()
                .all(|counted| counted.missing + counted.new + counted.known() == sketch.rows)
        );
        sketch.rows
    })
}
