//! Slots of schedules to passes.
//!
//! Used by `score` and `serve`: one task a pipeline, so that a slow one holds up no other. The last slot that has a run
//! in the ledger says where a schedule goes on, so a restart neither repeats a slot nor forgets one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use muster_spec::pipeline::Overlap;
use muster_store::ledger::runs::PURPOSE_SCORE;

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
        let slots = Slots::new(&planned.pipeline.schedule).map_err(|error| anyhow!(error))?;
        tasks.spawn(one(scorer.clone(), planned.clone(), Arc::new(slots), shutdown.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(())
}

/// One pipeline's schedule.
async fn one(scorer: Scorer, planned: Planned, slots: Arc<Slots>, shutdown: Shutdown) {
    let mut last = first_slot(&scorer, &planned, &shutdown).await;
    let mut passes = tokio::task::JoinSet::new();
    while !shutdown.is_asked() {
        let schedule = &planned.pipeline.schedule;
        let now = Utc::now();
        let due = slots.due(last, now, schedule.catchup, CATCHUP_MAX);
        last = last.max(now);
        for slot in due {
            if schedule.overlap == Overlap::Allow {
                let (scorer, planned) = (scorer.clone(), planned.clone());
                passes.spawn(async move { pass(&scorer, &planned, slot).await });
            } else {
                pass(&scorer, &planned, slot).await;
                if schedule.catchup != muster_spec::pipeline::Catchup::All {
                    // Slots that passed while this one worked are skipped.
                    last = last.max(Utc::now());
                }
            }
        }
        let rest = slots
            .after(last)
            .map_or(REST, |next| (next - Utc::now()).to_std().unwrap_or_default());
        tokio::select! {
            () = tokio::time::sleep(rest.clamp(Duration::from_millis(50), Duration::from_secs(30))) => {}
            () = shutdown.asked() => {}
        }
    }
    while passes.join_next().await.is_some() {}
}

/// Where the schedule goes on from: the last slot in the ledger, or now where there is none.
async fn first_slot(scorer: &Scorer, planned: &Planned, shutdown: &Shutdown) -> DateTime<Utc> {
    loop {
        match scorer.ledger.last_slot(&planned.pipeline.name, PURPOSE_SCORE).await {
            Ok(last) => return last.unwrap_or_else(Utc::now),
            Err(error) => scorer.trouble(&error.to_string()),
        }
        if shutdown.is_asked() {
            return Utc::now();
        }
        tokio::time::sleep(REST).await;
    }
}

/// One slot, tried again until it went through: claims that are left open are taken by the next try.
async fn pass(scorer: &Scorer, planned: &Planned, slot: DateTime<Utc>) {
    while !scorer.shutdown.is_asked() {
        match scorer.pass(planned, slot).await {
            Ok(Some(pass)) => {
                scorer.readiness.ready("score");
                tracing::info!(
                    pipeline = pass.pipeline,
                    state = pass.state,
                    predictions = pass.predictions,
                    "ran a slot"
                );
                return;
            }
            Ok(None) => {
                tracing::info!(pipeline = %planned.pipeline.name, "no champion yet");
                return;
            }
            Err(error) => scorer.trouble(&format!("{error:#}")),
        }
        tokio::time::sleep(REST).await;
    }
}
