//! Models, runs, claims and predictions on a real PostgreSQL.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::{DateTime, Utc};
use muster_batch::{Alert, Cause, Prediction, Reason};
use muster_spec::{BatchId, ContractName, ModelVersion, Offset, PipelineName};
use muster_store::files::{ClaimWriter, ListedFile, check};
use muster_store::ledger::claims::Claim;
use muster_store::ledger::commit::Attempt;
use muster_store::ledger::models::NewModel;
use muster_store::ledger::predictions::ScoredClaim;
use muster_store::ledger::runs::{PURPOSE_SCORE, RunState, Slot};
use muster_store::ledger::sources::Assigned;
use muster_store::{Error, FileStore, FolderStore};

use crate::support::{Fixture, sealed, to_commit, topic_id};

pub const LEASE: Duration = Duration::from_mins(1);

pub fn pipeline() -> PipelineName {
    "visits".into()
}

pub fn model(digit: char) -> NewModel {
    NewModel {
        pipeline: pipeline(),
        version: ModelVersion::from(digit.to_string().repeat(64)),
        path: format!("models/{digit}"),
        pipeline_text: "version: 1".into(),
        view_version: "0".repeat(64),
        metrics: serde_json::json!({"auc": 0.8}),
        read_versions: BTreeMap::from([("test.visit".to_owned(), 3)]),
    }
}

pub fn slot(fixture: &Fixture, minute: i64) -> Slot {
    slot_of(fixture.contract.name.clone(), minute)
}

pub fn slot_of(contract: ContractName, minute: i64) -> Slot {
    Slot {
        pipeline: pipeline(),
        purpose: PURPOSE_SCORE.into(),
        at: DateTime::<Utc>::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap(),
        contracts: vec![contract],
        model: model('a').version,
        alone: false,
    }
}

pub async fn commit(fixture: &Fixture, source: &Assigned, from: i64, bad: u64) {
    let batch = to_commit(sealed(&fixture.contract, source, from, from + 10, bad));
    assert!(fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap()[0].is_committed());
}

pub async fn with_batches(count: i64) -> (Fixture, Assigned) {
    let fixture = Fixture::new().await;
    let source = fixture.assign(topic_id(), 1, "a").await.remove(0);
    for at in 0..count {
        commit(&fixture, &source, at * 10, 2).await;
    }
    fixture.score.keep_model(&model('a')).await.unwrap();
    (fixture, source)
}

pub async fn take(fixture: &Fixture, worker: &str, lease: Duration) -> Option<Claim> {
    fixture
        .score
        .take_claim(&pipeline(), PURPOSE_SCORE, worker, lease)
        .await
        .unwrap()
}

pub fn predictions(claim: &Claim, count: i64) -> Vec<Prediction> {
    let file = &claim.files[0];
    (0..count)
        .map(|at| Prediction {
            score: at as f64 / count as f64,
            band: if at % 2 == 0 {
                "looking".into()
            } else {
                "staying".into()
            },
            reasons: (at % 3 != 0).then(|| {
                vec![Reason {
                    feature: "page".into(),
                    contribution: -0.25,
                }]
            }),
            model: claim.model.clone(),
            entity: (at != 0).then(|| format!("visitor-{at}")),
            cause: Cause::Row(file.source, Offset(file.delta.unwrap().from.0 + at)),
        })
        .collect()
}

pub async fn write(fixture: &Fixture, claim: &Claim, predictions: &[Prediction]) -> Result<(), Error> {
    let scored = ScoredClaim {
        bands: &[],
        claim,
        predictions,
        features: None,
        alerts: &[],
    };
    fixture.score.write_predictions(scored).await
}

#[tokio::test]
async fn the_first_model_is_champion_and_later_ones_are_challengers_until_promoted() {
    let fixture = Fixture::new().await;
    assert_eq!(
        fixture.score.keep_model(&model('a')).await.unwrap().as_deref(),
        Some("champion")
    );
    assert_eq!(
        fixture.score.keep_model(&model('b')).await.unwrap().as_deref(),
        Some("challenger")
    );
    assert_eq!(
        fixture.score.keep_model(&model('a')).await.unwrap(),
        None,
        "kept before"
    );
    let champion = fixture.score.model(&pipeline(), "champion").await.unwrap().unwrap();
    assert_eq!(champion.model, model('a'));
    fixture
        .score
        .move_alias(&pipeline(), "champion", &model('b').version)
        .await
        .unwrap();
    let models = fixture.score.models(&pipeline()).await.unwrap();
    let aliases: Vec<_> = models
        .iter()
        .map(|entry| (entry.model.path.clone(), entry.aliases.clone()))
        .collect();
    assert_eq!(
        aliases,
        vec![
            ("models/b".to_owned(), vec!["champion".to_owned()]),
            ("models/a".to_owned(), vec![])
        ]
    );
    let unknown = fixture
        .score
        .move_alias(&pipeline(), "champion", &model('c').version)
        .await
        .unwrap_err();
    assert!(
        matches!(
            unknown,
            Error::Missing {
                what: "model version",
                ..
            }
        ),
        "{unknown}"
    );
    assert_eq!(fixture.number("SELECT count(*) FROM model_alias_moves").await, 3);
}

#[tokio::test]
async fn a_slot_has_one_run_however_many_scorers_open_it() {
    let (fixture, _) = with_batches(3).await;
    let slot = slot(&fixture, 0);
    let opened = futures_util::future::join_all((0..5).map(|_| fixture.score.open_run(&slot))).await;
    let opened: Vec<_> = opened.into_iter().map(Result::unwrap).collect();
    assert_eq!(opened.iter().filter(|run| run.opened).count(), 1);
    assert!(
        opened
            .iter()
            .all(|run| run.run == opened[0].run && run.state == RunState::Open && run.claims == 3)
    );
    assert_eq!(fixture.number("SELECT count(*) FROM claims").await, 3);
    let last = fixture.score.last_slot(&pipeline(), PURPOSE_SCORE).await.unwrap();
    assert_eq!(last, Some(slot.at));
}

#[tokio::test]
async fn a_run_without_new_batches_is_skipped_and_bad_batches_are_no_work() {
    let (fixture, source) = with_batches(0).await;
    commit(&fixture, &source, 0, 10).await;
    let opened = fixture.score.open_run(&slot(&fixture, 0)).await.unwrap();
    assert_eq!(
        (opened.opened, opened.state, opened.claims),
        (true, RunState::Skipped, 0)
    );
    commit(&fixture, &source, 10, 0).await;
    let opened = fixture.score.open_run(&slot(&fixture, 1)).await.unwrap();
    assert_eq!((opened.state, opened.claims), (RunState::Open, 1));
    let claim = take(&fixture, "a", LEASE).await.unwrap();
    write(&fixture, &claim, &predictions(&claim, 10)).await.unwrap();
    let opened = fixture.score.open_run(&slot(&fixture, 2)).await.unwrap();
    assert_eq!((opened.state, opened.claims), (RunState::Skipped, 0));
    let runs = fixture.score.runs(&pipeline(), 10).await.unwrap();
    let states: Vec<_> = runs.iter().map(|run| (run.state, run.predictions)).collect();
    assert_eq!(
        states,
        vec![(RunState::Skipped, 0), (RunState::Done, 10), (RunState::Skipped, 0)]
    );
    assert_eq!(runs[1].read_versions, BTreeMap::from([("test.visit".to_owned(), 2)]));
}

#[tokio::test]
async fn scorers_share_a_run_and_each_row_is_scored_once() {
    let (fixture, _) = with_batches(12).await;
    fixture.score.open_run(&slot(&fixture, 0)).await.unwrap();
    let fixture = Arc::new(fixture);
    let scorers = (0..4).map(|worker| {
        let fixture = Arc::clone(&fixture);
        tokio::spawn(async move {
            let mut done = 0;
            while let Some(claim) = take(&fixture, &format!("scorer-{worker}"), LEASE).await {
                write(&fixture, &claim, &predictions(&claim, 8)).await.unwrap();
                done += 1;
            }
            done
        })
    });
    let done = futures_util::future::join_all(scorers).await;
    assert_eq!(done.into_iter().map(Result::unwrap).sum::<i32>(), 12);
    let twice = "SELECT count(*) - count(DISTINCT (source_id, record_offset)) FROM predictions";
    assert_eq!(fixture.number(twice).await, 0);
    assert_eq!(fixture.number("SELECT count(*) FROM predictions").await, 96);
    let miscounted = "SELECT count(*) FROM run_scores FULL JOIN
        (SELECT band, floor(score * 20) AS twentieth, count(*) AS predictions FROM predictions GROUP BY 1, 2) AS made
        USING (band, twentieth) WHERE run_scores.predictions IS DISTINCT FROM made.predictions";
    assert_eq!(fixture.number(miscounted).await, 0, "all claims of the run are counted");
    let run = fixture.score.runs(&pipeline(), 1).await.unwrap().remove(0);
    assert_eq!(
        (run.state, run.claims, run.predictions, run.corrupt),
        (RunState::Done, 12, 96, 0)
    );
    assert_eq!(
        fixture.number("SELECT count(*) FROM predictions_rest").await,
        0,
        "the month has its partition"
    );
    let counts = fixture
        .score
        .prediction_counts(&pipeline(), PURPOSE_SCORE)
        .await
        .unwrap();
    assert_eq!((counts.count, counts.bands["looking"]), (96, 48));
    let sample = fixture
        .score
        .prediction_sample(&pipeline(), PURPOSE_SCORE, 3)
        .await
        .unwrap();
    assert_eq!(sample.len(), 3);
    assert_eq!((&sample[0].entity, sample[0].score), (&None, 0.0));
    assert_eq!(
        sample[1].reasons,
        Some(serde_json::json!([{"feature": "page", "contribution": -0.25}]))
    );
    assert_eq!(sample[2].position, Some(("test.visit.v1".to_owned(), 0, 2)));
}

#[tokio::test]
async fn a_zombie_scorers_predictions_are_not_written() {
    let (fixture, _) = with_batches(1).await;
    fixture.score.open_run(&slot(&fixture, 0)).await.unwrap();
    let zombie = take(&fixture, "zombie", Duration::from_millis(50)).await.unwrap();
    assert!(take(&fixture, "early", LEASE).await.is_none(), "the lease holds");
    assert!(
        fixture
            .score
            .extend_claim(&zombie, Duration::from_millis(100))
            .await
            .unwrap()
    );
    tokio::time::sleep(Duration::from_millis(200)).await;
    let holder = take(&fixture, "holder", LEASE).await.unwrap();
    assert_eq!((holder.id, holder.tries), (zombie.id, 2));
    assert!(!fixture.score.extend_claim(&zombie, LEASE).await.unwrap());
    let fenced = write(&fixture, &zombie, &predictions(&zombie, 8)).await.unwrap_err();
    assert!(
        matches!(fenced, Error::Fenced { token, .. } if token == zombie.token),
        "{fenced}"
    );
    assert_eq!(fixture.number("SELECT count(*) FROM predictions").await, 0);
    let parked = fixture.score.park_claim(&zombie, "no", &[]).await;
    assert!(matches!(parked, Err(Error::Fenced { .. })));
    write(&fixture, &holder, &predictions(&holder, 8)).await.unwrap();
    let again = write(&fixture, &holder, &predictions(&holder, 8)).await;
    assert!(matches!(again, Err(Error::Fenced { .. })), "a claim ends once");
    assert_eq!(fixture.number("SELECT count(*) FROM predictions").await, 8);
    assert!(fixture.score.claim_is_done(&holder).await.unwrap());
    assert!(!fixture.score.claim_is_done(&zombie).await.unwrap());
}

#[tokio::test]
async fn a_corrupt_batch_is_parked_and_the_run_goes_on() {
    let (fixture, _) = with_batches(2).await;
    fixture.score.open_run(&slot(&fixture, 0)).await.unwrap();
    let bad = take(&fixture, "a", LEASE).await.unwrap();
    let alert = Alert {
        fingerprint: "pipeline/visits/corrupt".into(),
        condition: "corrupt".into(),
        about: "visits".into(),
        state: muster_batch::AlertState::Firing,
        measured: None,
        threshold: None,
        window: "slot".into(),
        target: None,
    };
    fixture
        .score
        .park_claim(&bad, "file `x` is damaged", &[alert])
        .await
        .unwrap();
    let run = fixture.score.run(bad.run).await.unwrap();
    assert_eq!((run.state, run.corrupt), (RunState::Open, 1));
    let good = take(&fixture, "a", LEASE).await.unwrap();
    write(&fixture, &good, &predictions(&good, 8)).await.unwrap();
    assert!(take(&fixture, "a", LEASE).await.is_none());
    let run = fixture.score.run(bad.run).await.unwrap();
    assert_eq!((run.state, run.corrupt, run.predictions), (RunState::Done, 1, 8));
    let message = fixture
        .owner()
        .await
        .query_one(
            "SELECT message, (SELECT run_id FROM alerts) FROM claims WHERE state = 'corrupt'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(message.get::<_, &str>(0), "file `x` is damaged");
    assert_eq!(message.get::<_, i64>(1), run.run.0);
    assert_eq!(fixture.score.health().await.unwrap().alerts_due, 1);
}

#[tokio::test]
async fn a_score_that_is_no_probability_undoes_its_whole_claim() {
    let (fixture, _) = with_batches(1).await;
    fixture.score.open_run(&slot(&fixture, 0)).await.unwrap();
    let claim = take(&fixture, "a", LEASE).await.unwrap();
    let mut wrong = predictions(&claim, 8);
    wrong[7].score = 1.5;
    let refused = write(&fixture, &claim, &wrong).await.unwrap_err();
    assert!(
        !refused.to_string().contains("visitor-7"),
        "no value in an error: {refused}"
    );
    assert!(!refused.retry());
    assert_eq!(fixture.number("SELECT count(*) FROM predictions").await, 0);
    write(&fixture, &claim, &predictions(&claim, 8)).await.unwrap();
}

#[tokio::test]
async fn features_are_sealed_and_listed_with_their_claim() {
    let (fixture, _) = with_batches(1).await;
    fixture.score.open_run(&slot(&fixture, 0)).await.unwrap();
    let claim = take(&fixture, "a", LEASE).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn FileStore> = Arc::new(FolderStore::new(folder.path()));
    let mut writer = ClaimWriter::new(Arc::clone(&store), &pipeline(), claim.id, claim.token).unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("hours", DataType::Float64, true)]));
    let features = RecordBatch::try_new(schema, vec![Arc::new(Float64Array::from(vec![1.0; 8]))]).unwrap();
    writer.push(&features).unwrap();
    let file = writer.seal(&|_| ()).unwrap().unwrap();
    assert_eq!(
        file.path,
        format!("feature-data/visits/c{}-{}.parquet", claim.id, claim.token)
    );
    let scored = ScoredClaim {
        bands: &[],
        claim: &claim,
        predictions: &predictions(&claim, 8),
        features: Some(&file),
        alerts: &[],
    };
    fixture.score.write_predictions(scored).await.unwrap();
    let listed = ListedFile::whole(&file.path, 8, file.sha256);
    check(&*store, &listed).unwrap();
    assert_eq!(
        fixture
            .number("SELECT count(*) FROM files WHERE kind = 'features' AND claim_id IS NOT NULL")
            .await,
        1
    );
    let empty = ClaimWriter::new(store, &pipeline(), 2, claim.token).unwrap();
    assert!(empty.seal(&|_| ()).unwrap().is_none());
}

#[tokio::test]
async fn an_entitys_prediction_has_its_as_of_time() {
    let (fixture, _) = with_batches(1).await;
    fixture.score.open_run(&slot(&fixture, 0)).await.unwrap();
    let claim = take(&fixture, "a", LEASE).await.unwrap();
    let mut one = predictions(&claim, 1);
    one[0].cause = Cause::Entity(BatchId(claim.batch.0), 1_700_000_000_000_000);
    write(&fixture, &claim, &one).await.unwrap();
    let row = fixture
        .owner()
        .await
        .query_one("SELECT as_of::text, source_id FROM predictions", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), "2023-11-14 22:13:20+00");
    assert_eq!(row.get::<_, Option<i64>>(1), None);
}

/// A fixture with one taken claim.
pub async fn one_claim() -> (Fixture, Claim) {
    let (fixture, _) = with_batches(1).await;
    fixture.score.open_run(&slot(&fixture, 0)).await.unwrap();
    let claim = take(&fixture, "a", LEASE).await.unwrap();
    (fixture, claim)
}
