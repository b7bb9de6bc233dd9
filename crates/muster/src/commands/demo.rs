//! `muster demo`: the whole of it on this machine.
//!
//! Publishes what lies in `raw-data/`, ingests it, trains where there is no champion, scores, and shows what came of it.
//! Without brokers an in-process one is used, which keeps 5 MiB a partition, so the publisher waits for the ledger.

mod report;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use muster_sandbox::MockBroker;
use muster_spec::Contract;
use muster_store::{FolderStore, Ledger, Role};
use muster_stream::Publisher;

use super::ingest::plan;
use super::score::{exit_of, once};
use crate::alerting::{SENDING_LIMIT, Sender};
use crate::cli::DemoArgs;
use crate::dropping::{Dropper, files_of};
use crate::exit::Exit;
use crate::http::Process;
use crate::ingest::drift_windows::DriftPlan;
use crate::ingest::{Ingest, Shared, schemas};
use crate::output::Output;
use crate::project::Project;
use crate::publishing::{Progress, Published};
use crate::reporting::answer;
use crate::scoring::passing::Pass;
use crate::scoring::training::train_and_keep;
use crate::scoring::{Planned, Scorer, Tools, scheduling};
use crate::servers::{self, Database};
use crate::shipped;
use crate::shutdown::Shutdown;
use report::Report;

/// How many bytes may be published and not yet committed on the in-process broker: less than it keeps of a partition.
const AHEAD_BYTES_MAX: u64 = 2 << 20;

/// How long batches may be waited for that another scorer holds, as one that was killed in the middle.
const HELD_LIMIT: Duration = Duration::from_mins(5);

/// What the demo's steps share.
struct Demo<'a> {
    project: &'a Project,
    planned: Vec<Planned>,
    folder: &'a Path,
    shared: Shared,
    scorer: Scorer,
    score_ledger: Ledger,
    dropper: Arc<Dropper>,
    on_mock: bool,
    output: Output,
}

/// Runs the demo; stays up unless told `--once`.
pub async fn run(folder: &Path, args: &DemoArgs, output: Output) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let laid_out = shipped::lay_out(folder)
        .with_context(|| format!("could not lay out the shipped project in `{}`", folder.display()))?;
    if laid_out {
        Output::say(&format!(
            "`{}` is new: laid out the shipped project in it",
            folder.display()
        ));
    }
    let project = Project::load(folder)?;
    let planned = Planned::all(&project.pipelines, &project.contracts)?;
    let database = Database::open(folder, &args.database).await?;
    let mock = if args.kafka.brokers.is_none() {
        Some(mock_broker(&project, args.partitions)?)
    } else {
        None
    };
    let connection = servers::kafka(&args.kafka, mock.as_ref().map(MockBroker::brokers))?;
    let process = Process::new(args.ingest.drain_secs)?;
    let shutdown = process.shutdown.clone();
    if !args.once {
        answer(&project, &database, Role::Ingest, (&args.http, &args.link), &process).await?;
    }
    let ingest_ledger = database.ledger(Role::Ingest).await?;
    let score_ledger = database.ledger(Role::Score).await?;
    let files = Arc::new(FolderStore::new(folder));
    let shared = Shared::new(ingest_ledger.clone(), files.clone(), process.clone());
    let dropper = Dropper::new(
        folder,
        &connection,
        &ingest_ledger,
        mock.is_none().then_some(args.partitions),
    )?;
    // Connections of its own: whoever tells people never waits for, or holds up, ingest.
    let sender = Sender::new(
        &project,
        database.ledger(Role::Ingest).await?,
        args.link.public_url.clone(),
        process.metrics.clone(),
        shutdown.clone(),
    )?;
    let scorer = Scorer::new(Tools {
        ledger: score_ledger.clone(),
        files,
        folder: folder.to_owned(),
        metrics: process.metrics,
        readiness: process.readiness,
        shutdown: shutdown.clone(),
        lease: Duration::from_secs_f64(args.score.lease_secs),
    });
    let demo = Demo {
        project: &project,
        planned,
        folder,
        shared: shared.clone(),
        scorer,
        score_ledger,
        dropper: Arc::new(dropper),
        on_mock: mock.is_some(),
        output,
    };
    demo.make_topics().await?;
    let mut options = args.ingest.clone();
    if options.group == "muster" {
        // Another demo on the same brokers is another group: each ingests everything.
        options.group = format!("muster-demo-{}", uuid::Uuid::new_v4().simple());
    }
    let registry = schemas::registry(servers::registry_url(&args.kafka)?)?;
    let drift = DriftPlan {
        folder: folder.to_owned(),
        pipelines: demo.planned.clone(),
    };
    let brokers = connection.brokers().to_owned();
    let plan = plan(&options, project.contracts.clone(), connection, registry, drift);
    let ingest = Ingest::start(shared.clone(), plan).await?;
    let shown = demo.once(&ingest, began).await;
    if shown.is_ok() && !args.once {
        Output::say(&format!("staying up until Ctrl-C; Kafka answers on {brokers}"));
        let sending = tokio::spawn(sender.run());
        demo.stay(&shutdown).await?;
        let _ = tokio::time::timeout(SENDING_LIMIT, sending).await;
    }
    ingest.stop().await?;
    drop(demo);
    database.close().await;
    let exit = shown?;
    Ok(if shared.progress.all_paused().is_empty() {
        exit
    } else {
        Exit::Paused
    })
}

fn mock_broker(project: &Project, partitions: i32) -> anyhow::Result<MockBroker> {
    let mut topics: Vec<(&str, i32)> = project
        .contracts
        .iter()
        .flat_map(|contract| {
            let dead = contract.dead_letter.as_ref().map(|dead| dead.topic.as_str());
            [Some(contract.topic.as_str()), dead]
        })
        .flatten()
        .map(|topic| (topic, partitions))
        .collect();
    // Contracts may share a dead-letter topic.
    topics.sort_unstable();
    topics.dedup();
    MockBroker::start(&topics).context("could not start the in-process broker")
}

impl Demo<'_> {
    /// One pass: what is in the topics, then what is in `raw-data/`, then model and predictions, then the report.
    async fn once(&self, ingest: &Ingest, began: Instant) -> anyhow::Result<Exit> {
        ingest.wait_committed().await?;
        let published = self.publish(ingest).await?;
        ingest.wait_committed().await?;
        if self.shared.shutdown.is_asked() {
            anyhow::bail!("stopped before the end; run it again to go on");
        }
        let mut passes = Vec::new();
        for planned in &self.planned {
            if let Some(pass) = self.train_and_score(planned).await? {
                passes.push(pass);
            }
        }
        ingest.find_champions().await;
        let exit = exit_of(&passes);
        ingest.wait_published().await;
        let report = Report::read(&self.score_ledger, &self.planned, published, passes, began.elapsed()).await?;
        self.output.json(&report.json())?;
        self.output.text(&report.text())?;
        Ok(exit)
    }

    /// Makes the topics that are missing, so that ingest finds them at once.
    async fn make_topics(&self) -> anyhow::Result<()> {
        if self.on_mock {
            return Ok(());
        }
        let dropper = Arc::clone(&self.dropper);
        let names: Vec<String> = self
            .project
            .contracts
            .iter()
            .map(|contract| contract.topic.clone())
            .collect();
        tokio::task::spawn_blocking(move || {
            for name in names {
                dropper
                    .topics
                    .ensure(&name, dropper.partitions, Duration::from_secs(30))?;
            }
            anyhow::Ok(())
        })
        .await?
    }

    /// Publishes what `raw-data/` holds and the ledger does not.
    async fn publish(&self, ingest: &Ingest) -> anyhow::Result<Published> {
        let mut published = Published::default();
        let before = self.shared.rows_committed.load(Ordering::Relaxed);
        for contract in &self.project.contracts {
            for path in files_of(self.folder, contract)? {
                Output::say(&format!("publishing {}", path.display()));
                let done = self
                    .publish_file(ingest, contract, path, before + published.sent)
                    .await?;
                published.sent += done.sent;
                published.held += done.held;
            }
        }
        Ok(published)
    }

    /// Publishes one file; `before` is what this process will have committed once everything sent so far is.
    async fn publish_file(
        &self,
        ingest: &Ingest,
        contract: &Arc<Contract>,
        path: std::path::PathBuf,
        before: u64,
    ) -> anyhow::Result<Published> {
        let (dropper, contract, shared) = (Arc::clone(&self.dropper), Arc::clone(contract), self.shared.clone());
        let on_mock = self.on_mock;
        let work = tokio::task::spawn_blocking(move || {
            let ahead = std::cell::Cell::new(Progress::default());
            let sent = std::cell::Cell::new(before);
            let pace = |step: Progress| {
                sent.set(sent.get() + step.rows);
                ahead.set(Progress {
                    rows: 0,
                    bytes: ahead.get().bytes + step.bytes,
                });
                if on_mock && ahead.get().bytes > AHEAD_BYTES_MAX {
                    ahead.set(Progress::default());
                    return wait_for_ledger(&shared, &dropper.publisher, sent.get());
                }
                if shared.shutdown.is_asked() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            dropper.publish(&contract, &path, &pace)
        });
        tokio::pin!(work);
        loop {
            tokio::select! {
                published = &mut work => return published?,
                () = tokio::time::sleep(Duration::from_millis(200)) => if on_mock { ingest.seal_now() },
            }
        }
    }

    /// Trains a pipeline that has no champion and labelled rows, then scores what is new.
    async fn train_and_score(&self, planned: &Planned) -> anyhow::Result<Option<Pass>> {
        let name = &planned.pipeline.name;
        if self.score_ledger.model(name, "champion").await?.is_none() {
            let mut rows = 0;
            for source in &planned.pipeline.sources {
                let version = self.score_ledger.contract_version(source).await?;
                rows += self
                    .score_ledger
                    .good_files(source, version)
                    .await?
                    .iter()
                    .map(|file| file.file.rows)
                    .sum::<u64>();
            }
            if rows == 0 {
                Output::say(&format!("{name}: no good rows yet"));
                return Ok(None);
            }
            Output::say(&format!("training {name} on {rows} rows"));
            train_and_keep(&self.score_ledger, self.folder, planned, &self.project.contracts, 1).await?;
        }
        once(&self.scorer, planned, HELD_LIMIT).await.map(Some)
    }

    /// Goes on as `serve --watch` would, until a stop is asked for.
    async fn stay(&self, shutdown: &Shutdown) -> anyhow::Result<()> {
        let (dropper, shared, contracts) = (
            Arc::clone(&self.dropper),
            self.shared.clone(),
            self.project.contracts.clone(),
        );
        let watching = tokio::task::spawn_blocking(move || dropper.watch(&shared, &contracts));
        scheduling::run(&self.scorer, &self.planned, shutdown).await?;
        shutdown.asked().await;
        watching.await?;
        Ok(())
    }
}

/// Waits until the ledger holds everything that was sent.
fn wait_for_ledger(shared: &Shared, publisher: &Publisher, sent: u64) -> ControlFlow<()> {
    if publisher.flush(Duration::from_mins(1)).is_err() {
        return ControlFlow::Break(());
    }
    while shared.rows_committed.load(Ordering::Relaxed) < sent {
        if shared.shutdown.is_asked() {
            return ControlFlow::Break(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    ControlFlow::Continue(())
}
