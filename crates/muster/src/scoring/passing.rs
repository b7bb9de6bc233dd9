//! One pass over a pipeline: a slot's run opened or joined, and its claims worked on until none is left.
//!
//! Used by `score --once` and `demo` for a pass now, by schedules for each slot. What another scorer holds is waited for
//! and taken over when its lease runs out, so that a scorer that dies leaves nothing undone; a pass that does not wait to
//! the end says what is left, whose it is and until when.

use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use muster_spec::RunId;
use muster_store::ledger::claims::{Claim, OpenClaims};
use muster_store::ledger::runs::{OpenedRun, PURPOSE_SCORE, RunState, Slot};

use super::claiming::{Ended, Fault};
use super::{Planned, Scorer, alerts};
use crate::failpoint;
use crate::output::Output;

/// How often it is looked whether others have ended what they hold.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How a pass goes about what others do.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Whether its slot is skipped when it falls into the life of another run.
    pub alone: bool,
    /// How long it waits for claims that others hold; `None` for as long as it takes.
    pub wait: Option<Duration>,
    /// Whether it tells people that it waits.
    pub talks: bool,
}

/// What one pass over a pipeline did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pass {
    /// The pipeline.
    pub pipeline: String,
    /// `done`, `skipped`, `failed`, or `open` while others still work.
    pub state: &'static str,
    /// Batches this process scored.
    pub batches: u64,
    /// Predictions this process wrote.
    pub predictions: u64,
    /// Batches this process parked because a file is missing or altered.
    pub corrupt: u64,
    /// Batches this process gave up.
    pub given_up: u64,
    /// Why it failed, or was skipped for another reason than that nothing was new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What others held when it ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
}

/// Batches of a run that another scorer holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Held {
    /// The run, by the ledger's number.
    pub run: i64,
    /// Who holds them; nothing where they wait to be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// How many.
    pub batches: u64,
    /// When the first of them may be taken over, unless its holder renews it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl From<&OpenClaims> for Held {
    fn from(open: &OpenClaims) -> Self {
        Self {
            run: open.run.0,
            worker: open.worker.clone(),
            batches: open.count,
            until: open.until.map(|until| until.to_rfc3339_opts(SecondsFormat::Secs, true)),
        }
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            run,
            worker,
            batches,
            until,
        } = self;
        let noun = if *batches == 1 { "batch" } else { "batches" };
        match (worker, until) {
            (Some(worker), Some(until)) => write!(out, "{batches} {noun} of run {run} held by {worker} until {until}"),
            _ => write!(out, "{batches} {noun} of run {run} not taken by anybody"),
        }
    }
}

impl Pass {
    fn new(planned: &Planned) -> Self {
        Self {
            pipeline: planned.pipeline.name.to_string(),
            state: RunState::Open.word(),
            batches: 0,
            predictions: 0,
            corrupt: 0,
            given_up: 0,
            message: None,
            held: Vec::new(),
        }
    }
}

impl Scorer {
    /// Runs a slot: opens its run, or joins it, and works on the pipeline's claims until none is left or the wait is
    /// over. `None` when the pipeline has no champion yet.
    pub async fn pass(&self, planned: &Planned, at: DateTime<Utc>, manner: Manner) -> anyhow::Result<Option<Pass>> {
        let (pipeline, ledger) = (&planned.pipeline, &self.tools.ledger);
        let Some(champion) = ledger.model(&pipeline.name, "champion").await? else {
            return Ok(None);
        };
        let timer = self.tools.metrics.run_secs.start_timer();
        let mut pass = Pass::new(planned);
        if manner.alone {
            // What a dead scorer left must not make this slot one that is skipped.
            self.work(planned, &mut pass).await?;
        }
        let slot = Slot {
            pipeline: pipeline.name.clone(),
            purpose: PURPOSE_SCORE.to_owned(),
            at,
            contracts: pipeline.sources.clone(),
            model: champion.model.version.clone(),
            alone: manner.alone,
        };
        let opened = ledger.open_run(&slot).await?;
        self.work_and_wait(planned, manner, &mut pass).await?;
        self.conclude(&mut pass, &opened).await?;
        timer.observe_duration();
        let runs = &self.tools.metrics.runs;
        runs.with_label_values(&[pipeline.name.as_str(), pass.state]).inc();
        Ok(Some(pass))
    }

    /// Works on what runs of before left open, those of dead scorers among them, and opens none.
    pub async fn take_over(&self, planned: &Planned, manner: Manner) -> anyhow::Result<Pass> {
        let mut pass = Pass::new(planned);
        self.work_and_wait(planned, manner, &mut pass).await?;
        if pass.held.is_empty() {
            pass.state = RunState::Done.word();
        }
        Ok(pass)
    }

    /// What the pass is in the end: its run's state, unless a run failed in it or others still hold claims.
    async fn conclude(&self, pass: &mut Pass, opened: &OpenedRun) -> anyhow::Result<()> {
        let run = self.tools.ledger.run(opened.run).await?;
        let state = if pass.message.is_some() {
            RunState::Failed
        } else if !pass.held.is_empty() {
            RunState::Open
        } else if run.state == RunState::Skipped && pass.batches + pass.corrupt + pass.given_up > 0 {
            RunState::Done
        } else {
            run.state
        };
        pass.state = state.word();
        if matches!(state, RunState::Failed | RunState::Skipped) {
            pass.message = pass.message.take().or(run.message);
        }
        Ok(())
    }

    /// Takes claims, and waits for those of others, until there are none.
    async fn work_and_wait(&self, planned: &Planned, manner: Manner, pass: &mut Pass) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut told: Vec<(RunId, Option<String>, u64)> = Vec::new();
        loop {
            self.work(planned, pass).await?;
            let open = self
                .tools
                .ledger
                .open_claims(&planned.pipeline.name, PURPOSE_SCORE)
                .await?;
            pass.held = open.iter().map(Held::from).collect();
            let is_over = manner.wait.is_some_and(|wait| begun.elapsed() >= wait);
            let Some(soonest) = open.iter().map(|open| open.left).min() else {
                return Ok(());
            };
            if is_over || self.tools.shutdown.is_asked() {
                return Ok(());
            }
            let now: Vec<_> = open
                .iter()
                .map(|open| (open.run, open.worker.clone(), open.count))
                .collect();
            if told != now {
                tell(planned, manner, &pass.held);
                told = now;
            }
            tokio::select! {
                () = tokio::time::sleep(soonest.clamp(Duration::from_millis(50), LOOK_EVERY)) => {}
                () = self.tools.shutdown.asked() => {}
            }
        }
    }

    /// Takes claims until none is free or a stop is asked for.
    async fn work(&self, planned: &Planned, pass: &mut Pass) -> anyhow::Result<()> {
        let (ledger, name) = (&self.tools.ledger, &planned.pipeline.name);
        while !self.tools.shutdown.is_asked() {
            let lease = self.tools.lease;
            let taken = ledger.take_claim(name, PURPOSE_SCORE, &self.worker, lease).await?;
            let Some(claim) = taken else { return Ok(()) };
            failpoint::reach("claim");
            match self.score(planned, &claim).await {
                Ok(Ended::Scored(predictions)) => {
                    pass.batches += 1;
                    pass.predictions += predictions;
                }
                Ok(Ended::Corrupt) => pass.corrupt += 1,
                Ok(Ended::GivenUp) => pass.given_up += 1,
                Ok(Ended::PassedOn) => tracing::warn!(claim = claim.id, "the claim passed on to another scorer"),
                Err(Fault::Batch(message)) => {
                    tracing::warn!(batch = %claim.batch, tries = claim.tries, why = message, "could not score a batch");
                    ledger.release_claim(&claim, true).await?;
                }
                Err(Fault::Run(message)) => {
                    self.fail_run(planned, &claim, &message).await?;
                    pass.message = Some(message);
                }
                Err(Fault::Trouble(error)) => {
                    // Given back so that nobody waits for its lease; where that fails too, the lease runs out.
                    if let Err(error) = ledger.release_claim(&claim, false).await {
                        tracing::debug!(%error, claim = claim.id, "could not give a claim back");
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Gives up a claim's run, which no claim of it could pass. What is open of it goes to the next run.
    async fn fail_run(&self, planned: &Planned, claim: &Claim, message: &str) -> anyhow::Result<()> {
        let (ledger, run) = (&self.tools.ledger, claim.run);
        ledger.release_claim(claim, false).await?;
        let alerts = alerts::of_trouble(&planned.pipeline, "run_failed", &format!("run {run}"));
        if ledger.fail_run(run, message, &alerts).await? {
            tracing::error!(pipeline = %planned.pipeline.name, %run, why = message, "a run failed");
        }
        Ok(())
    }
}

/// Says what is waited for.
fn tell(planned: &Planned, manner: Manner, held: &[Held]) {
    let pipeline = planned.pipeline.name.as_str();
    for held in held {
        if manner.talks {
            Output::say(&format!("{pipeline}: waiting for {held}"));
        } else {
            tracing::info!(pipeline, %held, "waiting");
        }
    }
}
