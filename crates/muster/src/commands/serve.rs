//! `muster serve`: ingest, score, alert sender and HTTP in one process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use muster_store::{FolderStore, Role};

use super::ingest::plan;
use crate::alerting::{SENDING_LIMIT, Sender};
use crate::cli::ServeArgs;
use crate::dropping::Dropper;
use crate::exit::Exit;
use crate::http::Process;
use crate::ingest::drift_windows::DriftPlan;
use crate::ingest::{Ingest, Shared, schemas};
use crate::project::Project;
use crate::reporting::answer;
use crate::scoring::{Planned, Scorer, Tools, scheduling};
use crate::servers::{self, Database};

/// Serves until a stop is asked for, then drains.
pub async fn run(folder: &Path, args: &ServeArgs) -> anyhow::Result<Exit> {
    let project = Project::load(folder)?;
    let planned = Planned::all(&project.pipelines, &project.contracts)?;
    let connection = servers::kafka(&args.kafka, None)?;
    let registry = schemas::registry(servers::registry_url(&args.kafka)?)?;
    let database = Database::open(folder, &args.database).await?;
    let process = Process::new(args.ingest.drain_secs)?;
    let shutdown = process.shutdown.clone();
    answer(&project, &database, Role::Ingest, (&args.http, &args.link), &process).await?;
    let files = Arc::new(FolderStore::new(folder));
    let ledger = database.ledger(Role::Ingest).await?;
    let shared = Shared::new(ledger, files.clone(), process.clone());
    // Connections of its own: whoever tells people never waits for, or holds up, ingest.
    let sender = Sender::new(
        &project,
        database.ledger(Role::Ingest).await?,
        args.link.public_url.clone(),
        process.metrics.clone(),
        shutdown.clone(),
    )?;
    let scorer = Scorer::new(Tools {
        ledger: database.ledger(Role::Score).await?,
        files,
        folder: folder.to_owned(),
        metrics: process.metrics,
        readiness: process.readiness,
        shutdown: shutdown.clone(),
        lease: Duration::from_secs_f64(args.score.lease_secs),
    });
    let watching = Dropper::watch_if(args.watch, folder, &connection, &shared, &project.contracts)?;
    let drift = DriftPlan {
        folder: folder.to_owned(),
        pipelines: planned.clone(),
    };
    let plan = plan(&args.ingest, project.contracts.clone(), connection, registry, drift);
    let ingest = Ingest::start(shared.clone(), plan).await?;
    let sending = tokio::spawn(sender.run());
    scheduling::run(&scorer, &planned, &shutdown).await?;
    shutdown.asked().await;
    ingest.stop().await?;
    // A try that is still under way is left to its lease.
    let _ = tokio::time::timeout(SENDING_LIMIT, sending).await;
    if let Some(watching) = watching {
        watching.await?;
    }
    let paused = !shared.progress.all_paused().is_empty();
    drop((shared, scorer));
    database.close().await;
    Ok(if paused { Exit::Paused } else { Exit::Fine })
}
