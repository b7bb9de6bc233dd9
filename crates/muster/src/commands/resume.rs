//! `muster resume`: lets paused sources go on.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use muster_spec::Offset;
use muster_store::ledger::sources::SourceState;
use muster_store::{Ledger, Role};
use muster_stream::Topics;
use serde_json::json;

use crate::cli::ResumeArgs;
use crate::exit::Exit;
use crate::output::Output;
use crate::servers::{Database, kafka};

/// How long the broker may take to say where a log begins.
const LOG_LIMIT: Duration = Duration::from_secs(10);

/// Resumes the sources named; a source that was paused by a gap goes on where its log begins.
pub async fn run(folder: &Path, args: &ResumeArgs, output: Output) -> anyhow::Result<Exit> {
    let database = Database::open(folder, &args.database).await?;
    let ledger = database.ledger(Role::Ingest).await?;
    let named = |source: &&SourceState| {
        args.all
            || (args.topic.as_deref() == Some(&*source.topic)
                && args.partition.is_none_or(|partition| partition == source.partition))
    };
    let sources = ledger.sources().await?;
    let known: Vec<&SourceState> = sources.iter().filter(named).collect();
    if known.is_empty() && !args.all {
        bail!("the ledger knows no such source\n  hint: `muster reconcile` lists topics and partitions");
    }
    let mut resumed = Vec::new();
    for source in known.into_iter().filter(|source| source.paused.is_some()) {
        if resume(&ledger, source, args).await? {
            output.text(&format!("{} partition {} goes on", source.topic, source.partition))?;
            resumed.push(json!({ "topic": &*source.topic, "partition": source.partition }));
        }
    }
    if resumed.is_empty() {
        output.text("nothing was paused")?;
    }
    output.json(&json!({ "resumed": resumed }))?;
    database.close().await;
    Ok(Exit::Fine)
}

async fn resume(ledger: &Ledger, source: &SourceState, args: &ResumeArgs) -> anyhow::Result<bool> {
    let by_gap = source.paused.as_deref().is_some_and(|reason| reason.starts_with("gap"));
    let skip_to = if by_gap {
        Some(log_start(source, args).await?)
    } else {
        None
    };
    Ok(ledger.resume(source.source, skip_to).await?)
}

/// Where the source's log begins now.
async fn log_start(source: &SourceState, args: &ResumeArgs) -> anyhow::Result<Offset> {
    let connection =
        kafka(&args.kafka, None).context("a gap is skipped to where the log begins, which only Kafka knows")?;
    let (topic, partition) = (source.topic.clone(), source.partition);
    let read = tokio::task::spawn_blocking(move || Topics::new(&connection)?.watermarks(&topic, partition, LOG_LIMIT));
    let (first, _) = read.await??;
    Ok(first)
}
