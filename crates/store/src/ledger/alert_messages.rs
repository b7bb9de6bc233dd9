//! Alert messages: taken by a sender, tried, and ended; listed and sent again by people.
//!
//! Several senders may run: a message is one sender's for as long as its lease, and fenced by a token afterwards. A
//! message keeps its id and its alerts through all tries.

use std::time::Duration;

use chrono::{DateTime, Utc};
use muster_batch::{Alert, AlertMessage, AlertState, RaisedAlert};
use muster_spec::{AlertTarget, BatchId, RunId};
use serde::Serialize;
use tokio_postgres::Row;
use uuid::Uuid;

use super::Ledger;
use crate::error::Error;

/// A message that a sender holds.
#[derive(Clone, Debug, PartialEq)]
pub struct TakenMessage {
    /// The message.
    pub message: AlertMessage,
    /// What its end must carry.
    pub token: Uuid,
    /// The number of this try, from 1.
    pub tries: u32,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TryEnd {
    /// The receiver took it.
    Delivered,
    /// It is tried again.
    Again {
        /// After this.
        wait: Duration,
        /// The target is left alone for this long.
        rest: Duration,
        /// What went wrong.
        trouble: Trouble,
    },
    /// It is given up, until someone has it sent again.
    Parked {
        /// Whether the target wants no more messages at all.
        disable: bool,
        /// What went wrong.
        trouble: Trouble,
    },
}

/// What went wrong with a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// A word from a closed set.
    pub failure: &'static str,
    /// What people are told; holds no address and no secret.
    pub why: String,
}

/// A message as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageState {
    /// Its id.
    pub id: String,
    /// Who is told.
    pub target: String,
    /// What its alerts agree in.
    pub group: String,
    /// How many alerts it tells of.
    pub alerts: u64,
    /// `open`, `delivered` or `parked`.
    pub state: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried again, while it is open.
    pub next_try_at: Option<DateTime<Utc>>,
    /// What went wrong last, as a word.
    pub failure: Option<String>,
    /// What went wrong last, as people are told.
    pub last_error: Option<String>,
}

impl Ledger {
    /// Takes a target's next message to try: one that is to be tried again, or a new one when its group is due. `None`
    /// where there is nothing to do for this sender now.
    pub async fn take_alert_message(
        &self,
        target: &AlertTarget,
        sender: &str,
        lease: Duration,
    ) -> Result<Option<TakenMessage>, Error> {
        const TAKE: &str = "SELECT message_id, token, group_key, made_at, tries
            FROM take_alert_message($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        const ALERTS: &str =
            "SELECT alerts.id, alerts.fingerprint, condition, about, alerts.state, measured, threshold,
              measured_over, alerts.target, batch_id, run_id, alerts.raised_at
            FROM alert_deliveries JOIN alerts ON alerts.id = alert_deliveries.alert_id
            WHERE message_id = $1 ORDER BY alerts.id";
        let mut session = self.session("take an alert message").await?;
        let (grouping, limits) = (&target.grouping, target.limits);
        let taken = session
            .row_maybe(
                TAKE,
                &[
                    &self.tenant(),
                    &target.name.as_str(),
                    &sender,
                    &lease.as_secs_f64(),
                    &grouping.wait.as_secs_f64(),
                    &grouping.interval.as_secs_f64(),
                    &grouping.repeat.as_secs_f64(),
                    &(limits.messages_per_minute as i32),
                    &(limits.alerts_max as i64),
                    &target.resolved,
                ],
            )
            .await?;
        let Some(taken) = taken else { return Ok(None) };
        let id: String = taken.get(0);
        let alerts = session.rows(ALERTS, &[&id]).await?;
        Ok(Some(TakenMessage {
            message: AlertMessage {
                id,
                target: target.name.clone(),
                group: taken.get(2),
                made_at: taken.get::<_, DateTime<Utc>>(3).timestamp_micros(),
                alerts: alerts.iter().map(raised).collect::<Result<_, _>>()?,
            },
            token: taken.get(1),
            tries: taken.get::<_, i32>(4) as u32,
        }))
    }

    /// Writes down what came of a try; `false` when the message has passed to another sender.
    pub async fn end_alert_try(&self, taken: &TakenMessage, end: &TryEnd) -> Result<bool, Error> {
        const SQL: &str = "SELECT end_alert_try($1, $2, $3, $4, $5, $6, $7, $8)";
        let none = Duration::ZERO;
        let (state, trouble, wait, rest, disable) = match end {
            TryEnd::Delivered => ("delivered", None, none, none, false),
            TryEnd::Again { wait, rest, trouble } => ("open", Some(trouble), *wait, *rest, false),
            TryEnd::Parked { disable, trouble } => ("parked", Some(trouble), none, none, *disable),
        };
        let failure = trouble.map(|trouble| trouble.failure);
        let why = trouble.map(|trouble| trouble.why.as_str());
        let mut session = self.session("end a try of an alert message").await?;
        let row = session
            .row(
                SQL,
                &[
                    &taken.message.id,
                    &taken.token,
                    &state,
                    &failure,
                    &why,
                    &wait.as_secs_f64(),
                    &rest.as_secs_f64(),
                    &disable,
                ],
            )
            .await?;
        Ok(row.get(0))
    }

    /// Has a message tried again at once, whatever became of it; its target is enabled. `false` where there is no such
    /// message, or a sender is trying it right now.
    pub async fn resend_alert_message(&self, id: &str) -> Result<bool, Error> {
        Ok(self.resend(None, Some(id)).await? > 0)
    }

    /// Has all messages of a target that were not delivered tried again at once, and enables the target. How many.
    pub async fn resend_alert_messages_of(&self, target: &str) -> Result<u64, Error> {
        self.resend(Some(target), None).await
    }

    async fn resend(&self, target: Option<&str>, message: Option<&str>) -> Result<u64, Error> {
        const SQL: &str = "SELECT resend_alert_messages($1, $2, $3)";
        let mut session = self.session("send alert messages again").await?;
        let row = session.row(SQL, &[&self.tenant(), &target, &message]).await?;
        Ok(row.get::<_, i64>(0) as u64)
    }

    /// The last messages, newest first: of one target or of all, in one state or in any.
    pub async fn alert_messages(
        &self,
        target: Option<&str>,
        state: Option<&str>,
        count_max: u32,
    ) -> Result<Vec<MessageState>, Error> {
        const SQL: &str = "SELECT id, target, group_key, alerts, state, made_at, tries,
              CASE WHEN state = 'open' THEN next_try_at END, failure, last_error
            FROM alert_messages
            WHERE tenant = $1 AND ($2::text IS NULL OR target = $2) AND ($3::text IS NULL OR state = $3)
            ORDER BY made_at DESC, id LIMIT $4";
        let mut session = self.session("list alert messages").await?;
        let rows = session
            .rows(SQL, &[&self.tenant(), &target, &state, &i64::from(count_max)])
            .await?;
        Ok(rows.iter().map(message_state).collect())
    }
}

fn raised(row: &Row) -> Result<RaisedAlert, Error> {
    let state = match row.get(4) {
        "firing" => AlertState::Firing,
        "resolved" => AlertState::Resolved,
        other => return Err(Error::Answer(format!("an alert is `{other}`"))),
    };
    Ok(RaisedAlert {
        id: row.get(0),
        alert: Alert {
            fingerprint: row.get(1),
            condition: row.get(2),
            about: row.get(3),
            state,
            measured: row.get(5),
            threshold: row.get(6),
            window: row.get(7),
            target: row.get(8),
        },
        batch: row.get::<_, Option<i64>>(9).map(BatchId),
        run: row.get::<_, Option<i64>>(10).map(RunId),
        raised_at: row.get::<_, DateTime<Utc>>(11).timestamp_micros(),
    })
}

fn message_state(row: &Row) -> MessageState {
    MessageState {
        id: row.get(0),
        target: row.get(1),
        group: row.get(2),
        alerts: row.get::<_, i64>(3) as u64,
        state: row.get(4),
        made_at: row.get(5),
        tries: row.get::<_, i32>(6) as u32,
        next_try_at: row.get(7),
        failure: row.get(8),
        last_error: row.get(9),
    }
}
