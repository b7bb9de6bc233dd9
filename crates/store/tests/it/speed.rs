//! How fast a seal, a commit and predictions are; told with `--nocapture`, never held to a figure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_batch::{AlertState, Cause, JudgedBatch, Prediction, Reason};
use muster_spec::{Offset, SourceId};
use muster_store::ledger::commit::Attempt;
use muster_store::{BatchWriter, FileStore, FolderStore};

use crate::support::{Fate, Fixture, contract, judged, sealed, to_commit, token, topic_id};

const RUN_ROWS: i64 = 8192;

/// The CPU time of this thread, as the kernel counts it.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(
        text.split(' ')
            .next()
            .and_then(|nanos| nanos.parse().ok())
            .expect("a number"),
    )
}

#[test]
fn speed_of_a_seal() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn FileStore> = Arc::new(FolderStore::new(folder.path()));
    let contract = contract();
    for (label, bad_every) in [("no bad row", i64::MAX), ("one in ten bad", 10), ("all bad", 1)] {
        let batches: Vec<JudgedBatch> = (0..32)
            .map(|run| {
                let fates: Vec<Fate> = (0..RUN_ROWS)
                    .map(|at| match at % bad_every {
                        0 if bad_every != i64::MAX => Fate::Bad(vec!["visitor_id.required", "columns"], None),
                        _ => Fate::Good((run * RUN_ROWS + at) * 7919 % 100_003, (run * RUN_ROWS + at) * 1000),
                    })
                    .collect();
                judged(&contract, SourceId(1), run * RUN_ROWS, &fates)
            })
            .collect();
        let mut best = Duration::MAX;
        let mut best_cpu = Duration::MAX;
        let mut bytes = 0;
        for _ in 0..3 {
            let mut writer = BatchWriter::new(
                Arc::clone(&store),
                Arc::clone(&contract),
                SourceId(1),
                token(),
                Offset(0),
            )
            .unwrap();
            let (begun, cpu_begun) = (Instant::now(), cpu());
            for batch in &batches {
                writer.push(batch).unwrap();
            }
            let sealed = writer.seal(&|_| ()).unwrap();
            best = best.min(begun.elapsed());
            best_cpu = best_cpu.min(cpu().saturating_sub(cpu_begun));
            bytes = sealed.bytes();
        }
        let rows = 32 * RUN_ROWS;
        println!(
            "seal, {label}: {:.2} M rows/s, {:.2} M rows a CPU second, {:.1} bytes a row (3 fields, 2 keys a good row)",
            rows as f64 / best.as_secs_f64() / 1e6,
            rows as f64 / best_cpu.as_secs_f64() / 1e6,
            bytes as f64 / rows as f64
        );
    }
}

/// Commits of one batch, without alerts, with ends that never began, and with alerts, beside an outbox of a hundred
/// thousand.
#[tokio::test(flavor = "multi_thread")]
async fn speed_of_a_commit_with_alerts() {
    let fixture = Fixture::new().await;
    let filled = "INSERT INTO alerts (fingerprint, condition, about, measured_over)
        SELECT 'contract/c' || n % 500 || '/rows', 'rows', 'c' || n % 500, '' FROM generate_series(1, 100000) AS n;
        ANALYZE alerts";
    fixture.owner().await.batch_execute(filled).await.unwrap();
    let sources = fixture.assign(topic_id(), 3, "a").await;
    let alert = |at: usize, state| muster_batch::Alert {
        fingerprint: format!("contract/test.visit/rule_{at}/{state:?}"),
        state,
        ..crate::commit::alert()
    };
    let mut times: [Vec<Duration>; 3] = Default::default();
    for round in 0..100 {
        for (kind, source) in sources.iter().enumerate() {
            let mut batch = to_commit(sealed(&fixture.contract, source, round * 10, round * 10 + 10, 1));
            let state = [AlertState::Resolved, AlertState::Firing][kind.saturating_sub(1)];
            batch.alerts = (0..if kind == 0 { 0 } else { 5 }).map(|at| alert(at, state)).collect();
            let begun = Instant::now();
            fixture.ingest.commit(Attempt::new(), &[batch]).await.unwrap();
            times[kind].push(begun.elapsed());
        }
    }
    for (kind, times) in ["no alert", "5 ends that never began", "5 alerts"]
        .iter()
        .zip(&mut times)
    {
        times.sort();
        println!("commit, {kind}: median {:?}", times[times.len() / 2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn speed_of_a_commit() {
    let fixture = Fixture::new().await;
    for count in [1, 8, 32] {
        let sources = fixture.assign(topic_id(), count, "a").await;
        let mut times = Vec::new();
        for round in 0..60 {
            let batches: Vec<_> = sources
                .iter()
                .map(|source| to_commit(sealed(&fixture.contract, source, round * 100, round * 100 + 100, 5)))
                .collect();
            let begun = Instant::now();
            fixture.ingest.commit(Attempt::new(), &batches).await.unwrap();
            times.push(begun.elapsed());
        }
        times.sort();
        println!(
            "commit of {count} sources: median {:?}, p95 {:?}, max {:?}",
            times[30], times[57], times[59]
        );
        let begun = Instant::now();
        fixture.assign(topic_id(), count, "a").await;
        println!("assigning {count} new sources: {:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn speed_of_predictions() {
    let (fixture, claim) = crate::scoring::one_claim().await;
    let reasons: Vec<Reason> = (0..13)
        .map(|at| Reason {
            feature: format!("feature_{at}").into(),
            contribution: 0.123_456 * f64::from(at),
        })
        .collect();
    let predictions: Vec<Prediction> = (0..50_000)
        .map(|at| Prediction {
            score: 0.5,
            band: "looking".into(),
            reasons: Some(reasons.clone()),
            model: claim.model.clone(),
            entity: Some(at.to_string()),
            cause: Cause::Row(claim.files[0].source, Offset(at)),
        })
        .collect();
    let begun = Instant::now();
    crate::scoring::write(&fixture, &claim, &predictions).await.unwrap();
    let took = begun.elapsed();
    println!(
        "predictions with 13 reasons: {:.0} rows/s",
        50_000.0 / took.as_secs_f64()
    );
}
