//! `muster trace`: what became of a record, a prediction's record, or an entity's records.

use std::path::Path;
use std::sync::Arc;

use muster_store::{FolderStore, Role};
use serde_json::json;

use crate::cli::{TraceArgs, Traced};
use crate::exit::Exit;
use crate::output::Output;
use crate::servers::{Database, kafka};
use crate::traces::{Tracer, describe};

/// Follows what was named and tells of it; nothing to follow is a finding.
pub async fn run(folder: &Path, args: &TraceArgs, output: Output) -> anyhow::Result<Exit> {
    let database = Database::open(folder, &args.database).await?;
    let tracer = Tracer {
        ledger: database.ledger(Role::Read).await?,
        files: Arc::new(FolderStore::new(folder)),
        reveal: args.reveal,
    };
    let traces = match &args.what {
        Traced::Record {
            topic,
            partition,
            offset,
        } => tracer.record(topic, *partition, *offset).await,
        Traced::Prediction { claim, offset } => tracer.prediction(*claim, *offset).await,
        Traced::Entity(key) => tracer.entity(key, args.count).await,
    };
    drop(tracer);
    database.close().await;
    let mut traces = traces?;
    if args.bytes {
        let connection = kafka(&args.kafka, None)?;
        // The client waits for its broker.
        let looked = tokio::task::spawn_blocking(move || {
            for trace in &mut traces {
                trace.look_at_log(&connection);
            }
            traces
        });
        traces = looked.await?;
    }
    output.json(&json!({ "traces": traces }))?;
    if traces.is_empty() {
        output.text("The ledger knows nothing of that.")?;
        return Ok(Exit::Finding);
    }
    let texts: Vec<String> = traces.iter().map(describe).collect();
    output.text(&texts.join("\n\n"))?;
    Ok(Exit::Fine)
}
