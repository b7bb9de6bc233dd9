//! What ingest looks at now and then: lag, sources that may go on, files that can never be listed, a broker that is back.
//!
//! One task beside the stages. It only observes and gives orders; nothing waits for it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use muster_stream::{Lag, Receiver, Topics};

use super::Shared;
use super::pausing::{Pausing, SharedReceiver, tell};
use crate::housekeeping::deleting::clean;

/// How often lag is read.
const LAG_EVERY: Duration = Duration::from_secs(1);
/// Every how many lag readings paused sources are looked up in the ledger.
const RESUMED_EVERY: u32 = 2;
/// Every how many lag readings files are swept.
const SWEEP_EVERY: u32 = 60;

/// How long the broker may take to answer whether it is back.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(2);

/// What is watched.
pub struct Watched {
    /// What every part of ingest shares.
    pub shared: Shared,
    /// Takes sources again.
    pub pausing: Pausing,
    /// Knows the lag.
    pub receiver: SharedReceiver,
    /// Asks the broker.
    pub topics: Arc<Topics>,
    /// The topics that are received.
    pub names: Vec<String>,
}

/// Watches until the task is aborted.
pub async fn run(watched: Watched) {
    let Watched {
        shared,
        pausing,
        receiver,
        topics,
        names,
    } = watched;
    let mut turn = 0_u32;
    let mut shown = Shown::new();
    loop {
        tokio::time::sleep(LAG_EVERY).await;
        turn = turn.wrapping_add(1);
        let mut held = Vec::new();
        tell(&receiver, |receiver: &Receiver| held = receiver.lag());
        show(&shared, &held, &mut shown);
        let answered = shared.ledger.ping().await;
        shared.metrics.ledger_up.set(i64::from(answered.is_ok()));
        match answered {
            Ok(()) => shared.readiness.ready("ledger"),
            Err(error) => shared.readiness.not_ready("ledger", error.to_string()),
        }
        if turn.is_multiple_of(RESUMED_EVERY) {
            take_resumed(&shared, &pausing).await;
            look_for_broker(&shared, &topics, &names).await;
        }
        if turn % SWEEP_EVERY == 10 {
            sweep_files(&shared).await;
        }
    }
}

/// Finds out whether a broker that gave trouble answers again: where nothing is published no record will tell.
async fn look_for_broker(shared: &Shared, topics: &Arc<Topics>, names: &[String]) {
    if shared.readiness.is_ready("kafka") {
        return;
    }
    let (topics, names) = (Arc::clone(topics), names.to_vec());
    let asked = move || {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        topics.describe(&names, DESCRIBE_LIMIT).is_ok()
    };
    if tokio::task::spawn_blocking(asked).await.unwrap_or(false) {
        shared.readiness.ready("kafka");
    }
}

/// The sources whose gauges are shown.
type Shown = BTreeSet<(Arc<str>, i32)>;

/// Shows the held sources' gauges and takes back those of sources that another worker holds now.
fn show(shared: &Shared, held: &[Lag], shown: &mut Shown) {
    let metrics = &shared.metrics;
    let paused = shared.progress.all_paused();
    let now: Shown = held.iter().map(|lag| (lag.topic.clone(), lag.partition)).collect();
    for (topic, partition) in shown.difference(&now) {
        let labels = [&**topic, &partition.to_string()];
        // Either may never have been shown: there is nothing to take back then.
        let _ = metrics.lag.remove_label_values(&labels);
        let _ = metrics.paused.remove_label_values(&labels);
    }
    for lag in held {
        let labels = [&*lag.topic, &lag.partition.to_string()];
        let is_paused = paused.contains(&(lag.topic.clone(), lag.partition));
        metrics.paused.with_label_values(&labels).set(i64::from(is_paused));
        // What was read and is not committed still lags. A topic made again begins before where the old one ended.
        let known = shared.progress.next(&lag.topic, lag.partition);
        let committed = known.map_or(lag.next, |next| next.min(lag.next));
        if let Some(high) = lag.high_watermark {
            metrics
                .lag
                .with_label_values(&labels)
                .set((high.0 - committed.0).max(0));
        }
    }
    *shown = now;
}

/// Takes sources again that somebody let go on.
async fn take_resumed(shared: &Shared, pausing: &Pausing) {
    let paused = shared.progress.all_paused();
    if paused.is_empty() {
        return shared.readiness.ready("resume");
    }
    match shared.ledger.sources().await {
        Ok(sources) => {
            shared.readiness.ready("resume");
            for source in sources.iter().filter(|source| source.paused.is_none()) {
                if paused.contains(&(source.topic.clone(), source.partition)) {
                    shared.paused(&source.topic, source.partition, false);
                    pausing.retake(source.source);
                }
            }
        }
        Err(error) => shared.trouble("resume", &error.to_string()),
    }
}

/// Deletes files that can never be listed, and those that were removed from the list and nobody reads.
async fn sweep_files(shared: &Shared) {
    match clean(&shared.ledger, &shared.files).await {
        Ok(_) => shared.readiness.ready("sweep"),
        Err(error) => shared.trouble("sweep", &error.to_string()),
    }
}
