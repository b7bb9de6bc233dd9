//! `muster publish`: a file's rows as events.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use muster_registry::subject_of;
use muster_spec::contract::Format;
use muster_spec::{Contract, FileSha, SchemaId, all_text_schema, schema_id};
use muster_store::{Ledger, Role};
use muster_stream::{Connection, Publisher, PublisherConfig, Topics};

use crate::cli::PublishArgs;
use crate::exit::Exit;
use crate::ingest::schemas;
use crate::output::Output;
use crate::project::Project;
use crate::publishing::{FilePublisher, Progress, Published, sha_of};
use crate::servers::{self, Database};
use crate::shutdown::Shutdown;
use crate::text_flags::text_format;

/// How long the broker may take to say what a topic is.
const TOPIC_LIMIT: Duration = Duration::from_secs(30);
/// How long what was sent may take to be acknowledged after a stop was asked for.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// Publishes the files, one after another.
pub async fn run(folder: &Path, args: PublishArgs, output: Output) -> anyhow::Result<Exit> {
    let project = Project::load(folder)?;
    let contract = project.contract(&args.contract)?;
    let connection = servers::kafka(&args.kafka, None)?;
    let frame_id = frame_id(&args, &contract).await?;
    let database = if args.resume {
        Some(Database::open(folder, &args.database).await?)
    } else {
        None
    };
    let ledger = match &database {
        Some(database) => Some(database.ledger(Role::Read).await?),
        None => None,
    };
    let shutdown = Shutdown::on_signals(DRAIN_LIMIT)?;
    let runtime = tokio::runtime::Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let held = |file: FileSha| held(ledger.as_ref(), &runtime, &contract, file);
        publish(&args, &contract, frame_id, &connection, &held, &shutdown)
    });
    let published = work.await??;
    output.json(&published)?;
    for (file, done) in &published {
        output.text(&format!("{file}: {} rows sent, {} held already", done.sent, done.held))?;
    }
    if let Some(database) = database {
        database.close().await;
    }
    Ok(Exit::Fine)
}

type Held = Vec<muster_batch::FileRows>;

/// What the ledger holds of a file.
fn held(
    ledger: Option<&Ledger>,
    runtime: &tokio::runtime::Handle,
    contract: &Contract,
    file: FileSha,
) -> anyhow::Result<Held> {
    let Some(ledger) = ledger else { return Ok(Held::new()) };
    Ok(runtime.block_on(ledger.file_rows_held(&contract.name, file))?)
}

/// The id the rows are framed with: the registry's for the schema they are written in, or the schema's own. Objects of
/// JSON have no frame.
async fn frame_id(args: &PublishArgs, contract: &Contract) -> anyhow::Result<SchemaId> {
    let written = all_text_schema(contract);
    let framed = contract.format == Format::Avro;
    let url = servers::registry_url(&args.kafka)?.filter(|_| framed);
    let Some(registry) = schemas::registry(url)? else {
        return Ok(schema_id(&written));
    };
    let subject = subject_of(&contract.topic);
    let registered = registry.register(&subject, &written).await;
    registered.with_context(|| format!("could not register the rows' schema under `{subject}`"))
}

fn publish(
    args: &PublishArgs,
    contract: &Arc<Contract>,
    frame_id: SchemaId,
    connection: &Connection,
    held: &dyn Fn(FileSha) -> anyhow::Result<Held>,
    shutdown: &Shutdown,
) -> anyhow::Result<Vec<(String, Published)>> {
    let topics = Topics::new(connection)?;
    let facts = topics
        .ensure(&contract.topic, args.partitions, TOPIC_LIMIT)
        .with_context(|| {
            format!(
                "could not publish to topic `{}`\n  hint: --partitions N makes a missing topic",
                contract.topic
            )
        })?;
    let mut config = PublisherConfig::new(connection.clone());
    config.rows_per_sec = args.rate.map(f64::from);
    let publisher = Publisher::new(&config)?;
    let mut published = Vec::new();
    for path in &args.files {
        let size = path
            .metadata()
            .with_context(|| format!("could not read `{}`", path.display()))?
            .len();
        let bar = Output::bar(size, "bytes");
        let pace = |step: Progress| {
            bar.inc(step.bytes);
            if shutdown.is_asked() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let file = sha_of(path)?;
        let plan = FilePublisher {
            contract,
            frame_id,
            partitions: facts.partitions,
            text_format: text_format(&args.text, contract)?,
            shuffle: args.shuffle.then_some(args.seed),
            publisher: &publisher,
            pace: &pace,
        };
        let done = plan.publish(path, file, &held(file)?)?;
        bar.finish_and_clear();
        published.push((path.display().to_string(), done));
    }
    Ok(published)
}
