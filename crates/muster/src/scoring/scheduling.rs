//! Slots of schedules to passes.
//!
//! Used by `score`, `serve` and `demo`: one task a pipeline, so that a slow one holds up no other. The last slot that has
//! a run in the ledger says where a schedule goes on, so a restart neither repeats a slot nor forgets one. Whether a slot
//! overlaps another run is the ledger's to say, so that it holds for all processes together.

use std::time::Duration;

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use muster_spec::pipeline::Overlap;
use muster_store::ledger::runs::PURPOSE_SCORE;

use super::passing::Manner;
use super::{Planned, Scorer};
use crate::schedule::Slots;
use crate::shutdown::Shutdown;

/// How many missed slots are caught up at most.
const CATCHUP_MAX: usize = 1000;
/// How long to rest after trouble.
const REST: Duration = Duration::from_secs(5);

/// Runs every pipeline's schedule until a stop is asked for.
pub async fn run(scorer: &Scorer, planned: &[Planned], shutdown: &Shutdown) -> anyhow::Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for planned in planned {
        scorer.tools.metrics.expect_pipeline(&planned.pipeline);
        let slots = Slots::new(&planned.pipeline.schedule).map_err(|error| anyhow!(error))?;
        tasks.spawn(one(scorer.clone(), planned.clone(), slots, shutdown.clone()));
    }
    let looking = tokio::spawn(look_at_ledger(scorer.clone()));
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    looking.abort();
    Ok(())
}

/// Tells the metrics whether the ledger answers, between slots too.
async fn look_at_ledger(scorer: Scorer) {
    loop {
        let answers = scorer.tools.ledger.ping().await.is_ok();
        scorer.tools.metrics.ledger_up.set(i64::from(answers));
        tokio::time::sleep(REST).await;
    }
}

/// What a schedule has a scorer do.
#[derive(Clone, Copy, Debug)]
enum Errand {
    /// What runs of before left open.
    Left,
    /// The run of a slot.
    Slot(DateTime<Utc>),
}

/// One pipeline's schedule. Where runs may overlap each slot has a task of its own, which does not wait for others:
/// what a dead scorer left is looked for between the slots.
async fn one(scorer: Scorer, planned: Planned, slots: Slots, shutdown: Shutdown) {
    let schedule = &planned.pipeline.schedule;
    let first = first_slot(&scorer, &planned, &shutdown).await;
    if let Some(ran) = first {
        tell_deadline(&scorer, &planned, &slots, ran);
    }
    let mut last = first.unwrap_or_else(Utc::now);
    let mut due = vec![Errand::Left];
    let mut beside = tokio::task::JoinSet::new();
    while !shutdown.is_asked() {
        for errand in due {
            if schedule.overlap == Overlap::Allow {
                let (scorer, planned, slots) = (scorer.clone(), planned.clone(), slots.clone());
                beside.spawn(async move { run_errand(&scorer, &planned, &slots, errand).await });
            } else {
                run_errand(&scorer, &planned, &slots, errand).await;
            }
        }
        let rest = slots
            .after(last)
            .map_or(REST, |next| (next - Utc::now()).to_std().unwrap_or_default());
        tokio::select! {
            () = tokio::time::sleep(rest.clamp(Duration::from_millis(50), Duration::from_secs(30))) => {}
            () = shutdown.asked() => {}
        }
        while beside.try_join_next().is_some() {}
        let now = Utc::now();
        let slots = slots.due(last, now, schedule.catchup, CATCHUP_MAX);
        let left = (schedule.overlap == Overlap::Allow).then_some(Errand::Left);
        due = left.into_iter().chain(slots.into_iter().map(Errand::Slot)).collect();
        last = last.max(now);
    }
    while beside.join_next().await.is_some() {}
}

/// Shows by when the next two slots after an instant will have passed.
fn tell_deadline(scorer: &Scorer, planned: &Planned, slots: &Slots, ran: DateTime<Utc>) {
    if let Some(second) = slots.after(ran).and_then(|first| slots.after(first)) {
        scorer
            .tools
            .metrics
            .set_run_deadline(planned.pipeline.name.as_str(), second);
    }
}

/// Where the schedule goes on from: the last slot in the ledger; `None` where there is none, and at a stop.
async fn first_slot(scorer: &Scorer, planned: &Planned, shutdown: &Shutdown) -> Option<DateTime<Utc>> {
    loop {
        match scorer
            .tools
            .ledger
            .last_slot(&planned.pipeline.name, PURPOSE_SCORE)
            .await
        {
            Ok(last) => return last,
            Err(error) => scorer.trouble(&error.to_string()),
        }
        if shutdown.is_asked() {
            return None;
        }
        tokio::time::sleep(REST).await;
    }
}

/// One errand, tried again until it went through: claims that are left open are taken by the next try.
async fn run_errand(scorer: &Scorer, planned: &Planned, slots: &Slots, errand: Errand) {
    let alone = planned.pipeline.schedule.overlap == Overlap::Skip;
    let manner = Manner {
        alone,
        wait: (!alone).then_some(Duration::ZERO),
        talks: false,
    };
    let (readiness, shutdown) = (&scorer.tools.readiness, &scorer.tools.shutdown);
    while !shutdown.is_asked() {
        let passed = match errand {
            Errand::Left => scorer.take_over(planned, manner).await.map(Some),
            Errand::Slot(slot) => scorer.pass(planned, slot, manner).await,
        };
        match passed {
            Ok(Some(pass)) => {
                readiness.ready("score");
                if matches!(errand, Errand::Left) && pass.batches + pass.corrupt + pass.given_up == 0 {
                    return;
                }
                if let Errand::Slot(_) = errand {
                    tell_deadline(scorer, planned, slots, Utc::now());
                }
                tracing::info!(
                    pipeline = pass.pipeline,
                    state = pass.state,
                    batches = pass.batches,
                    predictions = pass.predictions,
                    why = pass.message,
                    ?errand,
                    "ran an errand"
                );
                return;
            }
            Ok(None) => {
                readiness.ready("score");
                tracing::info!(pipeline = %planned.pipeline.name, "no champion yet");
                return;
            }
            Err(error) => scorer.trouble(&format!("{error:#}")),
        }
        if matches!(errand, Errand::Left) && !alone {
            return; // the next one comes soon
        }
        tokio::select! {
            () = tokio::time::sleep(REST) => {}
            () = shutdown.asked() => {}
        }
    }
}
