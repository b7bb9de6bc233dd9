//! Runs that meet each other, fail, or lose a scorer, on a real PostgreSQL.

use std::time::Duration;

use chrono::{DateTime, Utc};
use muster_batch::Alert;
use muster_store::ledger::runs::{OpenedRun, PURPOSE_SCORE, RunState, Slot};

use crate::scoring::{LEASE, commit, model, pipeline, predictions, slot, take, with_batches, write};
use crate::support::Fixture;

/// A slot that is skipped while another run works.
fn alone(fixture: &Fixture, at: DateTime<Utc>) -> Slot {
    Slot {
        at,
        alone: true,
        ..slot(fixture, 0)
    }
}

async fn database_now(fixture: &Fixture) -> DateTime<Utc> {
    let row = fixture.owner().await.query_one("SELECT clock_timestamp()", &[]).await;
    row.unwrap().get(0)
}

async fn open(fixture: &Fixture, slot: &Slot) -> OpenedRun {
    fixture.score.open_run(slot).await.unwrap()
}

async fn score_all(fixture: &Fixture) -> u64 {
    let mut count = 0;
    while let Some(claim) = take(fixture, "a", LEASE).await {
        write(fixture, &claim, &predictions(&claim, 8)).await.unwrap();
        count += 1;
    }
    count
}

#[tokio::test]
async fn a_slot_in_the_life_of_another_run_is_skipped_and_its_batches_wait_for_the_next() {
    let (fixture, source) = with_batches(2).await;
    let first = open(&fixture, &slot(&fixture, 0)).await;
    commit(&fixture, &source, 20, 2).await;
    let during = database_now(&fixture).await;
    let skipped = open(&fixture, &alone(&fixture, during)).await;
    assert_eq!(
        (skipped.opened, skipped.state, skipped.claims),
        (true, RunState::Skipped, 0)
    );
    let why = skipped.message.unwrap();
    assert_eq!(why, "the run of 2027-01-15 08:00:00 UTC was still at work");
    assert_eq!(score_all(&fixture).await, 2, "the skipped slot made no claim");
    assert_eq!(fixture.score.run(first.run).await.unwrap().state, RunState::Done);

    // Asked for late, the slot still fell into the run's life; one of before it did not, and is caught up.
    let late = open(&fixture, &alone(&fixture, during + Duration::from_micros(1))).await;
    assert_eq!(late.state, RunState::Skipped);
    let missed = open(&fixture, &alone(&fixture, during - Duration::from_hours(1))).await;
    assert_eq!((missed.state, missed.claims), (RunState::Open, 1));
    assert_eq!(score_all(&fixture).await, 1);
    let next = open(&fixture, &alone(&fixture, during + Duration::from_hours(1))).await;
    assert_eq!((next.state, next.message), (RunState::Skipped, None), "nothing is new");
}

#[tokio::test]
async fn of_two_slots_opened_at_once_that_must_not_overlap_one_is_skipped() {
    for _ in 0..3 {
        let (fixture, _) = with_batches(3).await;
        let now = database_now(&fixture).await;
        let slots = [0, 1].map(|minute| alone(&fixture, now + Duration::from_mins(minute)));
        let (one, two) = tokio::join!(open(&fixture, &slots[0]), open(&fixture, &slots[1]));
        let states = [one.state, two.state];
        assert!(
            states == [RunState::Open, RunState::Skipped] || states == [RunState::Skipped, RunState::Open],
            "{states:?}"
        );
        assert_eq!(one.claims + two.claims, 3);
    }
}

#[tokio::test]
async fn a_run_beside_another_is_opened_where_that_is_allowed() {
    let (fixture, source) = with_batches(1).await;
    let first = open(&fixture, &slot(&fixture, 0)).await;
    commit(&fixture, &source, 10, 2).await;
    let beside = open(&fixture, &slot(&fixture, 1)).await;
    assert_eq!((beside.state, beside.claims), (RunState::Open, 1));
    let open = fixture.score.open_claims(&pipeline(), PURPOSE_SCORE).await.unwrap();
    let runs: Vec<_> = open.iter().map(|open| open.run).collect();
    assert_eq!(runs, [first.run, beside.run]);
}

#[tokio::test]
async fn a_failed_run_keeps_its_reason_and_its_claims_go_to_the_next_run() {
    let (fixture, _) = with_batches(3).await;
    fixture.score.keep_model(&model('b')).await.unwrap();
    let failing = open(&fixture, &slot(&fixture, 0)).await;
    let held = take(&fixture, "slow", LEASE).await.unwrap();
    let mine = take(&fixture, "a", LEASE).await.unwrap();
    assert!(fixture.score.release_claim(&mine, false).await.unwrap());
    let alert = Alert {
        fingerprint: "pipeline/visits/run_failed".into(),
        condition: "run_failed".into(),
        about: "visits".into(),
        state: muster_batch::AlertState::Firing,
        measured: None,
        threshold: None,
        window: "run".into(),
        target: Some("people".into()),
    };
    let alerts = [alert];
    assert!(
        fixture
            .score
            .fail_run(failing.run, "the model is gone", &alerts)
            .await
            .unwrap()
    );
    assert!(
        !fixture.score.fail_run(failing.run, "again", &alerts).await.unwrap(),
        "it fails once"
    );
    let failed = fixture.score.run(failing.run).await.unwrap();
    assert_eq!(
        (failed.state, failed.message.as_deref()),
        (RunState::Failed, Some("the model is gone"))
    );
    let told = format!(
        "SELECT count(*) FROM alerts WHERE target = 'people' AND run_id = {}",
        failing.run
    );
    assert_eq!(fixture.number(&told).await, 1);
    assert!(
        take(&fixture, "a", LEASE).await.is_none(),
        "nobody works for a failed run"
    );

    let mut after = slot(&fixture, 1);
    after.model = model('b').version;
    after.alone = true;
    let next = open(&fixture, &after).await;
    assert_eq!(
        (next.state, next.claims),
        (RunState::Open, 3),
        "a failed run blocks no slot"
    );
    let claim = take(&fixture, "a", LEASE).await.unwrap();
    assert_eq!((claim.run, claim.model.clone()), (next.run, model('b').version));
    write(&fixture, &claim, &predictions(&claim, 8)).await.unwrap();
    assert_eq!(score_all(&fixture).await, 1);
    // Who held a claim all the while ends it for the run that has it now, by the model it began with.
    write(&fixture, &held, &predictions(&held, 8)).await.unwrap();
    let done = fixture.score.run(next.run).await.unwrap();
    assert_eq!((done.state, done.predictions), (RunState::Done, 24));
    let models = "SELECT count(DISTINCT model_version) FROM claims WHERE state = 'done'";
    assert_eq!(fixture.number(models).await, 2);
}

#[tokio::test]
async fn a_run_none_of_whose_batches_could_be_scored_has_failed() {
    let (fixture, _) = with_batches(2).await;
    let opened = open(&fixture, &slot(&fixture, 0)).await;
    for _ in 0..2 {
        let claim = take(&fixture, "a", LEASE).await.unwrap();
        fixture.score.park_claim(&claim, "file `x` is gone", &[]).await.unwrap();
    }
    let run = fixture.score.run(opened.run).await.unwrap();
    assert_eq!((run.state, run.corrupt), (RunState::Failed, 2));
    let message = run.message.unwrap();
    assert!(
        message.contains("none of its batches") && message.contains("`x`"),
        "{message}"
    );
    assert_eq!(
        open(&fixture, &slot(&fixture, 1)).await.state,
        RunState::Skipped,
        "parked is parked"
    );
}

#[tokio::test]
async fn a_claim_that_is_given_back_is_free_at_once_and_its_old_token_writes_nothing() {
    let (fixture, _) = with_batches(1).await;
    open(&fixture, &slot(&fixture, 0)).await;
    let tries = |claim: &muster_store::ledger::claims::Claim| claim.tries;
    let first = take(&fixture, "a", LEASE).await.unwrap();
    assert!(fixture.score.release_claim(&first, true).await.unwrap());
    assert!(
        !fixture.score.release_claim(&first, true).await.unwrap(),
        "it is no longer held"
    );
    let second = take(&fixture, "b", LEASE).await.unwrap();
    assert!(write(&fixture, &first, &predictions(&first, 8)).await.is_err());
    assert!(fixture.score.release_claim(&second, false).await.unwrap());
    let third = take(&fixture, "c", LEASE).await.unwrap();
    assert_eq!(
        (tries(&first), tries(&second), tries(&third)),
        (1, 2, 2),
        "trouble around us counts for nothing"
    );
    write(&fixture, &third, &predictions(&third, 8)).await.unwrap();
    let live = "SELECT count(*) FROM tokens WHERE writer = 'claim' AND superseded_at IS NULL";
    assert_eq!(fixture.number(live).await, 0);
}

#[tokio::test]
async fn open_claims_are_told_with_their_holders_and_for_how_long() {
    let (fixture, _) = with_batches(4).await;
    let opened = open(&fixture, &slot(&fixture, 0)).await;
    take(&fixture, "a", LEASE).await.unwrap();
    take(&fixture, "a", LEASE * 2).await.unwrap();
    take(&fixture, "dead", Duration::from_millis(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let told = fixture.score.open_claims(&pipeline(), PURPOSE_SCORE).await.unwrap();
    let seen: Vec<_> = told
        .iter()
        .map(|open| (open.run, open.worker.as_deref(), open.count))
        .collect();
    assert_eq!(
        seen,
        vec![
            (opened.run, Some("a"), 2),
            (opened.run, Some("dead"), 1),
            (opened.run, None, 1)
        ]
    );
    assert!(
        told[0].left > LEASE / 2 && told[0].left <= LEASE,
        "the first lease to end: {:?}",
        told[0].left
    );
    assert_eq!((told[1].left, told[2].left), (Duration::ZERO, Duration::ZERO));
    assert!(told[2].until.is_none());
}
