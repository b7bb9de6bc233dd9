//! What stands where: sources with their counts, the last runs, the conditions that are met. Asked again and again by
//! whoever looks on.
//!
//! Used by `muster top`, with the read role. The counts are those of `muster reconcile`: they are added up once, and
//! from then on only what was committed since is asked for, so that looking every second costs the ledger as much after
//! a year as on the first day. A contract's version says what is new: it is the order of commits, so nothing is counted
//! twice or left out.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::Ledger;
use super::counts::{Counts, SUMS};
use super::runs::RunState;
use super::session::Session;
use crate::error::Error;

/// How far back the rate of a source looks.
pub const RATE_OVER: Duration = Duration::from_mins(1);

/// A topic's partition.
pub type Place = (String, i32);

/// The ledger as it was at one moment; begins empty, and [`Ledger::look`] brings it up to now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// When it was looked at, by the database's clock; `None` before the first time.
    pub at: Option<DateTime<Utc>>,
    /// Every partition that a worker ever took, summed over the topic's incarnations.
    pub sources: BTreeMap<Place, Source>,
    /// Every pipeline that ever had a run or a model.
    pub pipelines: Vec<PipelineStanding>,
    /// Conditions whose last word is that they are met, the latest first.
    pub firing: Vec<Firing>,
    /// Up to which version each contract's batches are counted.
    counted: BTreeMap<String, i64>,
}

/// A topic's partition, as its last incarnation stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// The contract its records are held against.
    pub contract: String,
    /// Who took it last.
    pub worker: Option<String>,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// Since when.
    pub paused_at: Option<DateTime<Utc>>,
    /// One past the last committed offset.
    pub next_offset: Option<i64>,
    /// Records received in the last [`RATE_OVER`].
    pub received_lately: u64,
    /// What became of its records since the first.
    pub counts: Counts,
    /// When its last batch was committed.
    pub committed_at: Option<DateTime<Utc>>,
    /// The greatest event time of its good rows.
    pub newest_event: Option<DateTime<Utc>>,
}

/// A pipeline with its last run.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineStanding {
    /// The pipeline.
    pub pipeline: String,
    /// Its last run that was not skipped: one that is open, or else the one that ended last.
    pub last: Option<LastRun>,
    /// The last slot that a scorer met, skipped ones with it.
    pub last_slot: Option<DateTime<Utc>>,
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct LastRun {
    /// Its slot.
    pub slot: DateTime<Utc>,
    /// What it is now.
    pub state: RunState,
    /// Predictions written.
    pub predictions: u64,
    /// How long it took, or has taken so far.
    pub took: Duration,
    /// Why it was skipped or failed.
    pub message: Option<String>,
}

/// A condition that is met.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// What is met.
    pub condition: String,
    /// The contract or pipeline it is about.
    pub about: String,
    /// What was measured.
    pub measured: Option<f64>,
    /// What it was held against.
    pub threshold: Option<f64>,
    /// What was measured over.
    pub window: String,
    /// When it was last raised.
    pub raised_at: DateTime<Utc>,
}

impl Ledger {
    /// Brings what is known up to now. A failure leaves it as it was.
    pub async fn look(&self, known: &mut Standing) -> Result<(), Error> {
        let mut session = self.session("look at the ledger").await?;
        let mut seen = known.clone();
        count_new(&mut session, &mut seen).await?;
        read_sources(&mut session, &mut seen).await?;
        seen.pipelines = pipelines(&mut session, self.tenant()).await?;
        seen.firing = firing(&mut session, self.tenant()).await?;
        *known = seen;
        Ok(())
    }
}

/// Adds what was committed since the last time.
async fn count_new(session: &mut Session, seen: &mut Standing) -> Result<(), Error> {
    // One statement, one snapshot: every batch of a version that is read here is read here too.
    let sql = format!(
        "WITH span AS (
          SELECT name AS contract, contracts.version AS upto, coalesce(known.version, 0) AS after
          FROM contracts LEFT JOIN jsonb_to_recordset($1) AS known (contract text, version bigint)
            ON known.contract = contracts.name)
        SELECT span.contract, span.upto, new.* FROM span LEFT JOIN LATERAL (
          SELECT sources.topic, sources.partition, {SUMS}, max(committed_at),
            max(event_time_max) FILTER (WHERE isfinite(event_time_max))
          FROM batches JOIN sources ON sources.id = batches.source_id
          WHERE batches.contract = span.contract AND batches.version > span.after AND batches.version <= span.upto
          GROUP BY sources.topic, sources.partition) AS new ON true"
    );
    let known: Vec<Value> = seen
        .counted
        .iter()
        .map(|(contract, version)| json!({ "contract": contract, "version": version }))
        .collect();
    for row in session.rows(&sql, &[&Json(known)]).await? {
        seen.counted.insert(row.get(0), row.get(1));
        let Some(topic) = row.get::<_, Option<String>>(2) else {
            continue;
        };
        let source = seen.sources.entry((topic, row.get(3))).or_default();
        source.counts.add(&Counts::read(&row, 4));
        source.committed_at = source.committed_at.max(row.get(10));
        source.newest_event = source.newest_event.max(row.get(11));
    }
    Ok(())
}

/// How every source stands, and how much it received lately.
async fn read_sources(session: &mut Session, seen: &mut Standing) -> Result<(), Error> {
    const SQL: &str = "WITH lately AS (
          SELECT sources.topic, sources.partition, sum(received)::bigint AS received
          FROM batches JOIN sources ON sources.id = batches.source_id
          WHERE committed_at > now() - make_interval(secs => $1) GROUP BY sources.topic, sources.partition)
        SELECT DISTINCT ON (sources.topic, sources.partition) sources.topic, sources.partition, sources.contract,
          sources.worker, sources.paused_reason, sources.paused_at, sources.next_offset, coalesce(lately.received, 0)
        FROM sources JOIN topics USING (topic, topic_id) LEFT JOIN lately USING (topic, partition)
        ORDER BY sources.topic, sources.partition, topics.incarnation DESC";
    for row in session.rows(SQL, &[&RATE_OVER.as_secs_f64()]).await? {
        let source = seen.sources.entry((row.get(0), row.get(1))).or_default();
        source.contract = row.get(2);
        source.worker = row.get(3);
        source.paused = row.get(4);
        source.paused_at = row.get(5);
        source.next_offset = row.get(6);
        source.received_lately = row.get::<_, i64>(7) as u64;
    }
    seen.at = Some(session.row("SELECT clock_timestamp()", &[]).await?.get(0));
    Ok(())
}

async fn pipelines(session: &mut Session, tenant: &str) -> Result<Vec<PipelineStanding>, Error> {
    const SQL: &str = "SELECT pipelines.name, last.slot_utc, last.state, last.predictions,
          extract(epoch FROM coalesce(last.ended_at, clock_timestamp()) - last.started_at)::float8, last.message,
          (SELECT slot_utc FROM runs WHERE runs.pipeline = pipelines.name AND purpose = $1 AND tenant = $2
            ORDER BY slot_utc DESC LIMIT 1)
        FROM pipelines LEFT JOIN LATERAL (
          SELECT * FROM runs
          WHERE runs.pipeline = pipelines.name AND purpose = $1 AND tenant = $2 AND state <> 'skipped'
          ORDER BY ended_at DESC NULLS FIRST LIMIT 1) AS last ON true
        ORDER BY pipelines.name";
    let rows = session.rows(SQL, &[&super::runs::PURPOSE_SCORE, &tenant]).await?;
    Ok(rows
        .iter()
        .map(|row| PipelineStanding {
            pipeline: row.get(0),
            last: row.get::<_, Option<DateTime<Utc>>>(1).map(|slot| LastRun {
                slot,
                state: RunState::of(row.get(2)),
                predictions: row.get::<_, i64>(3) as u64,
                took: Duration::try_from_secs_f64(row.get(4)).unwrap_or_default(),
                message: row.get(5),
            }),
            last_slot: row.get(6),
        })
        .collect())
}

/// The last alert of every fingerprint that says that a condition is met. Fingerprints are few and alerts may be many:
/// the index is walked from one fingerprint to the next.
async fn firing(session: &mut Session, tenant: &str) -> Result<Vec<Firing>, Error> {
    const SQL: &str = "WITH RECURSIVE known AS (
          (SELECT fingerprint FROM alerts ORDER BY fingerprint LIMIT 1)
          UNION ALL
          SELECT (SELECT alerts.fingerprint FROM alerts WHERE alerts.fingerprint > known.fingerprint
            ORDER BY alerts.fingerprint LIMIT 1)
          FROM known WHERE known.fingerprint IS NOT NULL)
        SELECT last.condition, last.about, last.measured, last.threshold, last.measured_over, last.raised_at
        FROM known CROSS JOIN LATERAL (
          SELECT * FROM alerts WHERE alerts.fingerprint = known.fingerprint AND tenant = $1
          ORDER BY id DESC LIMIT 1) AS last
        WHERE last.state = 'firing' ORDER BY last.raised_at DESC";
    let rows = session.rows(SQL, &[&tenant]).await?;
    Ok(rows.iter().map(one_firing).collect())
}

fn one_firing(row: &Row) -> Firing {
    Firing {
        condition: row.get(0),
        about: row.get(1),
        measured: row.get(2),
        threshold: row.get(3),
        window: row.get(4),
        raised_at: row.get(5),
    }
}
