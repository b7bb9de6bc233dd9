//! `muster ingest`: events from Kafka, judged, split, sealed and accounted for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use muster_registry::Registry;
use muster_spec::{Contract, Pipeline};
use muster_store::{FolderStore, Role};
use muster_stream::{Connection, GroupProtocol, ReceiverConfig};

use crate::cli::{self, IngestArgs, IngestOptions};
use crate::dropping::Dropper;
use crate::exit::Exit;
use crate::http::Process;
use crate::ingest::assignments::Beginning;
use crate::ingest::drift_windows::DriftPlan;
use crate::ingest::sealing::SealLimits;
use crate::ingest::{Ingest, Plan, Shared, schemas};
use crate::output::Output;
use crate::project::Project;
use crate::reporting::answer;
use crate::scoring::Planned;
use crate::servers::{self, Database};

/// Ingests until a stop is asked for, or with `--once` until everything there is was committed.
pub async fn run(folder: &Path, args: &IngestArgs) -> anyhow::Result<Exit> {
    let project = Project::load(folder)?;
    let contracts = project.contracts_named(&args.contracts)?;
    let connection = servers::kafka(&args.kafka, None)?;
    let database = Database::open(folder, &args.database).await?;
    let ledger = database.ledger(Role::Ingest).await?;
    let process = Process::new(args.ingest.drain_secs)?;
    let shutdown = process.shutdown.clone();
    if !args.once {
        answer(&project, &database, Role::Ingest, (&args.http, &args.link), &process).await?;
    }
    let files = Arc::new(FolderStore::new(folder));
    let shared = Shared::new(ledger, files, process);
    let registry = schemas::registry(servers::registry_url(&args.kafka)?)?;
    let watching = Dropper::watch_if(args.watch, folder, &connection, &shared, &contracts)?;
    let drift = drift_of(&project, &contracts)?;
    let plan = plan(&args.ingest, contracts, connection, registry, drift);
    let ingest = Ingest::start(shared.clone(), plan).await?;
    if args.once {
        ingest.wait_committed().await?;
        ingest.wait_published().await;
    } else {
        shutdown.asked().await;
    }
    shutdown.ask();
    ingest.stop().await?;
    if let Some(watching) = watching {
        watching.await?;
    }
    let paused = !shared.progress.all_paused().is_empty();
    Output::say(&format!(
        "{} records committed",
        shared.rows_committed.load(std::sync::atomic::Ordering::Relaxed)
    ));
    drop(shared);
    database.close().await;
    Ok(if paused { Exit::Paused } else { Exit::Fine })
}

/// The pipelines that read these contracts, to be measured for drift.
fn drift_of(project: &Project, contracts: &[Arc<Contract>]) -> anyhow::Result<DriftPlan> {
    let reads = |pipeline: &&Arc<Pipeline>| {
        let mut names = contracts.iter().map(|contract| &contract.name);
        names.any(|name| pipeline.sources.contains(name))
    };
    let pipelines: Vec<Arc<Pipeline>> = project.pipelines.iter().filter(reads).cloned().collect();
    Ok(DriftPlan {
        folder: project.folder.clone(),
        pipelines: Planned::all(&pipelines, &project.contracts)?,
    })
}

/// What ingest works on, from the options of the command line.
pub fn plan(
    options: &IngestOptions,
    contracts: Vec<Arc<Contract>>,
    connection: Connection,
    registry: Option<Registry>,
    drift: DriftPlan,
) -> Plan {
    let topics = contracts.iter().map(|contract| contract.topic.clone()).collect();
    let mut receiver = ReceiverConfig::new(connection.clone(), options.group.clone(), topics);
    receiver.protocol = match options.group_protocol {
        cli::GroupProtocol::Classic => GroupProtocol::CooperativeSticky,
        cli::GroupProtocol::Consumer => GroupProtocol::Consumer,
    };
    let limits = SealLimits {
        rows: options.seal.seal_rows,
        payload_bytes: options.seal.seal_bytes,
        open: Duration::from_secs_f64(options.seal.seal_secs),
    };
    Plan {
        contracts,
        connection,
        receiver,
        limits,
        unknown: match options.from {
            cli::From::Earliest => Beginning::Earliest,
            cli::From::Latest => Beginning::Latest,
        },
        registry,
        drift,
    }
}
