//! The alert sender: from the ledger's outbox to people.
//!
//! Run by `serve` and by `muster alerts send`; any number of them may run. A task for each target, so that a slow
//! receiver holds up no other, and one that assigns new alerts to targets and keeps the gauges. Nothing here is on the
//! way of ingest or scoring: they only write to the outbox. A sender that dies leaves its message to the lease; the next
//! one tries it again under the same id.

mod held;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use muster_batch::{Alert, AlertMessage, AlertState, RaisedAlert};
use muster_monitor::{Body, Courier, Delivery, Failure, Times, retry};
use muster_spec::{AlertTarget, TargetName};
use muster_store::Ledger;
use muster_store::ledger::alert_messages::{TakenMessage, Trouble, TryEnd};
use tokio::task::JoinSet;

use crate::metrics::Metrics;
use crate::project::Project;
use crate::shutdown::Shutdown;

/// How long a message that is being tried may hold up the end of a program that does other things too.
pub const SENDING_LIMIT: Duration = Duration::from_secs(5);
/// How often the outbox is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often the gauges are read from the ledger.
const GAUGES: Duration = Duration::from_secs(10);
/// How long a message is one sender's: longer than a try may take, with the ledger's own limits.
const LEASE: Duration = Duration::from_mins(2);
/// Alerts that one look at the outbox assigns.
const ASSIGNED_MAX: u32 = 5_000;
/// How long to rest after the ledger failed.
const REST: Duration = Duration::from_secs(5);

/// Sends alerts.
pub struct Sender {
    ledger: Ledger,
    posts: Vec<Arc<Post>>,
    metrics: Metrics,
    shutdown: Shutdown,
}

/// What delivers to one target.
pub struct Post {
    target: Arc<AlertTarget>,
    courier: Courier,
    project: PathBuf,
    link: Option<String>,
    worker: String,
}

impl Sender {
    /// A sender for all targets of a project. `link` is where messages lead.
    pub fn new(
        project: &Project,
        ledger: Ledger,
        link: Option<String>,
        metrics: Metrics,
        shutdown: Shutdown,
    ) -> anyhow::Result<Self> {
        let posts = project
            .targets
            .iter()
            .map(|target| Post::new(project, target, link.clone()).map(Arc::new))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            ledger,
            posts,
            metrics,
            shutdown,
        })
    }

    /// Sends until a stop is asked for. A message that is being tried is tried to its end.
    pub async fn run(self) {
        if self.posts.is_empty() {
            return;
        }
        let sender = Arc::new(self);
        let mut tasks = JoinSet::new();
        for post in &sender.posts {
            sender.show_at_once(post);
            if let Err(missing) = held::address(&post.target, &post.project) {
                tracing::warn!(target_name = %post.target.name, missing, "alerts for this target wait");
            }
            tasks.spawn(Arc::clone(&sender).serve(Arc::clone(post)));
        }
        tasks.spawn(Arc::clone(&sender).assign());
        while tasks.join_next().await.is_some() {}
    }

    /// Sends what is due now within the targets' limits, and ends. How many messages were delivered and how many were not.
    pub async fn once(&self) -> anyhow::Result<(u64, u64)> {
        let (mut delivered, mut failed) = (0, 0);
        while self.assign_some().await? > 0 {}
        for post in &self.posts {
            while let Some(taken) = self.take(post).await? {
                if self.try_once(post, &taken).await? {
                    delivered += 1;
                } else {
                    failed += 1;
                }
            }
        }
        Ok((delivered, failed))
    }

    /// One target's task.
    async fn serve(self: Arc<Self>, post: Arc<Post>) {
        while !self.shutdown.is_asked() {
            let rest = match self.serve_some(&post).await {
                Ok(()) => TICK,
                Err(error) => self.trouble(&error),
            };
            self.rest(rest).await;
        }
    }

    async fn serve_some(&self, post: &Post) -> anyhow::Result<()> {
        while !self.shutdown.is_asked() {
            let Some(taken) = self.take(post).await? else { break };
            self.try_once(post, &taken).await?;
        }
        Ok(())
    }

    /// The task that assigns alerts and keeps the gauges.
    async fn assign(self: Arc<Self>) {
        let mut gauged: Option<tokio::time::Instant> = None;
        while !self.shutdown.is_asked() {
            let rest = match self.assign_some().await {
                Ok(assigned) if assigned >= u64::from(ASSIGNED_MAX) => Duration::ZERO,
                Ok(_) => TICK,
                Err(error) => self.trouble(&error),
            };
            if gauged.is_none_or(|at| at.elapsed() >= GAUGES) {
                gauged = Some(tokio::time::Instant::now());
                if let Err(error) = self.gauge().await {
                    self.trouble(&error);
                }
            }
            self.rest(rest).await;
        }
    }

    async fn assign_some(&self) -> anyhow::Result<u64> {
        let targets = self.posts.iter().map(|post| &*post.target);
        Ok(self.ledger.assign_alerts(targets, ASSIGNED_MAX).await?)
    }

    async fn take(&self, post: &Post) -> anyhow::Result<Option<TakenMessage>> {
        let taken = self
            .ledger
            .take_alert_message(&post.target, &post.worker, LEASE)
            .await?;
        Ok(taken)
    }

    /// Tries a message once and writes down what came of it; whether it was delivered.
    async fn try_once(&self, post: &Post, taken: &TakenMessage) -> anyhow::Result<bool> {
        let delivery = post.deliver(&taken.message).await;
        let name = post.target.name.as_str();
        let outcome = match &delivery {
            Delivery::Taken => "delivered",
            Delivery::Failed { failure, why, .. } => {
                let word = failure.word();
                tracing::warn!(
                    target_name = name,
                    message = taken.message.id,
                    why,
                    "an alert message was not taken"
                );
                word
            }
        };
        self.metrics.alert_deliveries.with_label_values(&[name, outcome]).inc();
        let end = end_of(&delivery, taken.tries, rand::random());
        if !self.ledger.end_alert_try(taken, &end).await? {
            tracing::warn!(message = taken.message.id, "the message has passed to another sender");
        }
        Ok(delivery == Delivery::Taken)
    }

    /// Shows a target's gauges, at nought until the ledger knows it: a series that is not there raises no alarm.
    fn show_at_once(&self, post: &Post) {
        let metrics = &self.metrics;
        let labels = [post.target.name.as_str()];
        for gauge in [
            &metrics.alerts_waiting,
            &metrics.alerts_parked,
            &metrics.alert_oldest_secs,
            &metrics.alert_disabled,
        ] {
            gauge.with_label_values(&labels).set(0);
        }
    }

    async fn gauge(&self) -> anyhow::Result<()> {
        let unassigned = self.ledger.alerts_unassigned().await?;
        self.metrics.alerts_unassigned.set(unassigned as i64);
        for state in self.ledger.alert_targets().await? {
            // A name that no file of this project has would be a label without end.
            if !self.posts.iter().any(|post| post.target.name.as_str() == state.target) {
                continue;
            }
            let labels = [state.target.as_str()];
            let metrics = &self.metrics;
            metrics
                .alerts_waiting
                .with_label_values(&labels)
                .set(state.waiting as i64);
            metrics
                .alerts_parked
                .with_label_values(&labels)
                .set(state.parked as i64);
            let oldest = metrics.alert_oldest_secs.with_label_values(&labels);
            oldest.set(state.oldest_open.as_secs() as i64);
            let disabled = metrics.alert_disabled.with_label_values(&labels);
            disabled.set(i64::from(state.disabled_at.is_some()));
        }
        Ok(())
    }

    /// The ledger failed; how long to rest.
    fn trouble(&self, error: &anyhow::Error) -> Duration {
        self.metrics.errors.with_label_values(&["alert", "environment"]).inc();
        tracing::warn!(
            error = format!("{error:#}"),
            "trouble while sending alerts, trying again"
        );
        REST
    }

    async fn rest(&self, rest: Duration) {
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = self.shutdown.asked() => {}
        }
    }
}

impl Post {
    /// What delivers to a target of a project.
    pub fn new(project: &Project, target: &Arc<AlertTarget>, link: Option<String>) -> anyhow::Result<Self> {
        Ok(Self {
            courier: Courier::new(target, Times::default())?,
            target: Arc::clone(target),
            project: project.folder.clone(),
            link,
            worker: format!("alert-{}", std::process::id()),
        })
    }

    /// The body of a message.
    pub fn body(&self, message: &AlertMessage) -> Body {
        Body::render(&self.target, message, self.link.as_deref())
    }

    /// Tries to deliver a message, once.
    pub async fn deliver(&self, message: &AlertMessage) -> Delivery {
        match held::address(&self.target, &self.project) {
            Ok(address) => {
                self.courier
                    .deliver(&address, &message.id, self.body(message).text)
                    .await
            }
            Err(why) => Delivery::Failed {
                failure: Failure::Unconfigured,
                why,
                retry_after: None,
            },
        }
    }
}

/// What is written down of a try; `jitter` is from 0 to 1.
fn end_of(delivery: &Delivery, tries: u32, jitter: f64) -> TryEnd {
    let Delivery::Failed {
        failure,
        why,
        retry_after,
    } = delivery
    else {
        return TryEnd::Delivered;
    };
    let trouble = Trouble {
        failure: failure.word(),
        why: why.clone(),
    };
    if *failure == Failure::Gone {
        return TryEnd::Parked { disable: true, trouble };
    }
    match retry::wait(tries, jitter, *retry_after) {
        Some(wait) => TryEnd::Again {
            wait,
            // Who asks for time does so for all that we have for them.
            rest: retry_after.unwrap_or_default().min(wait),
            trouble,
        },
        None => TryEnd::Parked {
            disable: false,
            trouble,
        },
    }
}

/// A message that says it is a test.
pub fn test_message(target: &TargetName) -> AlertMessage {
    let now = chrono::Utc::now().timestamp_micros();
    AlertMessage {
        id: format!("msg_{}", uuid::Uuid::new_v4().simple()),
        target: target.clone(),
        group: "test".to_owned(),
        made_at: now,
        alerts: vec![RaisedAlert {
            id: 0,
            alert: Alert {
                fingerprint: "muster/test".to_owned(),
                condition: "test".to_owned(),
                about: "muster".to_owned(),
                state: AlertState::Firing,
                measured: None,
                threshold: None,
                window: "nothing is wrong".to_owned(),
                target: None,
            },
            batch: None,
            run: None,
            raised_at: now,
        }],
    }
}

#[cfg(test)]
#[path = "alerting_tests.rs"]
mod tests;
