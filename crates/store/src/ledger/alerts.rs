//! The alert outbox: what is put here with a fact is assigned to targets, and told by messages.
//!
//! Filled by commits, pauses and ended claims; `raise` is for facts that have no statement of their own. Emptied by
//! senders, by way of [`super::alert_messages`]. Read by metrics and by `muster alerts list`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use muster_batch::Alert;
use muster_spec::AlertTarget;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_postgres::types::Json;

use super::{Ledger, wire};
use crate::error::Error;

/// What waits for a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetState {
    /// The target.
    pub target: String,
    /// Alerts that it was not told of yet.
    pub waiting: u64,
    /// Messages that it did not take yet, and that are tried again.
    pub open: u64,
    /// Messages that were given up.
    pub parked: u64,
    /// How long the oldest open message has been tried.
    pub oldest_open: Duration,
    /// Since when it is disabled, if it is.
    pub disabled_at: Option<DateTime<Utc>>,
    /// How it said that it wants no more messages.
    pub disabled_reason: Option<String>,
}

impl Ledger {
    /// Puts alerts into the outbox.
    pub async fn raise(&self, alerts: &[Alert]) -> Result<(), Error> {
        if alerts.is_empty() {
            return Ok(());
        }
        let alerts = Json(wire::alerts(alerts, self.tenant()));
        let mut session = self.session("raise an alert").await?;
        session.run("SELECT put_alerts($1, NULL, NULL)", &[&alerts]).await
    }

    /// Writes down which of these targets are to be told of alerts that nobody looked at yet, at most `count_max` of
    /// them. How many there were.
    pub async fn assign_alerts(
        &self,
        targets: impl Iterator<Item = &AlertTarget>,
        count_max: u32,
    ) -> Result<u64, Error> {
        let target = |target: &AlertTarget| {
            let by: Vec<&str> = target.grouping.by.iter().map(|by| by.word()).collect();
            json!({ "target": target.name.as_str(), "by": by })
        };
        let targets = Json(targets.map(target).collect::<Vec<Value>>());
        let mut session = self.session("assign alerts").await?;
        let parameters: super::session::Parameters<'_> = &[&self.tenant(), &targets, &i64::from(count_max)];
        let row = session.row("SELECT assign_alerts($1, $2, $3)", parameters).await?;
        Ok(row.get::<_, i64>(0) as u64)
    }

    /// What waits for each target that was ever to be told of something, by name.
    pub async fn alert_targets(&self) -> Result<Vec<TargetState>, Error> {
        const SQL: &str = "WITH waiting AS (
              SELECT target, count(*) AS alerts FROM alert_deliveries
              WHERE tenant = $1 AND message_id IS NULL AND NOT muted GROUP BY target
            ), messages AS (
              SELECT target, coalesce(sum(alerts) FILTER (WHERE state = 'open'), 0) AS alerts,
                count(*) FILTER (WHERE state = 'open') AS open, count(*) FILTER (WHERE state = 'parked') AS parked,
                extract(epoch FROM clock_timestamp() - min(made_at) FILTER (WHERE state = 'open'))::float8 AS oldest_secs
              FROM alert_messages WHERE tenant = $1 GROUP BY target
            )
            SELECT target, (coalesce(waiting.alerts, 0) + coalesce(messages.alerts, 0))::bigint,
              coalesce(messages.open, 0), coalesce(messages.parked, 0), coalesce(messages.oldest_secs, 0),
              known.disabled_at, known.disabled_reason
            FROM waiting FULL JOIN messages USING (target)
              FULL JOIN (SELECT * FROM alert_targets WHERE tenant = $1) AS known USING (target)
            ORDER BY target";
        let mut session = self.session("look at the alert outbox").await?;
        let rows = session.rows(SQL, &[&self.tenant()]).await?;
        Ok(rows
            .iter()
            .map(|row| TargetState {
                target: row.get(0),
                waiting: row.get::<_, i64>(1) as u64,
                open: row.get::<_, i64>(2) as u64,
                parked: row.get::<_, i64>(3) as u64,
                oldest_open: Duration::try_from_secs_f64(row.get(4)).unwrap_or_default(),
                disabled_at: row.get(5),
                disabled_reason: row.get(6),
            })
            .collect())
    }

    /// How many alerts no sender has looked at.
    pub async fn alerts_unassigned(&self) -> Result<u64, Error> {
        const SQL: &str = "SELECT count(*) FROM alerts WHERE tenant = $1 AND assigned_at IS NULL";
        let mut session = self.session("count alerts").await?;
        Ok(session.row(SQL, &[&self.tenant()]).await?.get::<_, i64>(0) as u64)
    }
}
