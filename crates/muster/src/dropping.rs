//! The drop folder: files in `raw-data/CONTRACT/` are published as events.
//!
//! Used by `demo` and by `--watch`. A file is taken once its size and time have rested, and stays where it is: what the
//! ledger holds of it says whether there is anything left to publish.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use muster_spec::{Contract, all_text_schema, schema_id};
use muster_store::Ledger;
use muster_stream::{Connection, Publisher, PublisherConfig, Topics};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::ingest::Shared;
use crate::publishing::{FilePublisher, Progress, Published, sha_of};

/// How long a file's size and time must have rested.
const REST: Duration = Duration::from_secs(2);
/// How often the folders are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the broker may take to say what a topic is.
const TOPIC_LIMIT: Duration = Duration::from_secs(30);

/// The files of a contract's drop folder, in the alphabet's order.
pub fn files_of(folder: &Path, contract: &Contract) -> anyhow::Result<Vec<PathBuf>> {
    let drop = folder.join("raw-data").join(contract.name.as_str());
    let entries = match std::fs::read_dir(&drop) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("could not list `{}`", drop.display())),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("could not list `{}`", drop.display()))?
            .path();
        let ending = path
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let hidden = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_none_or(|name| name.starts_with('.'));
        if !hidden && path.is_file() && ["csv", "tsv", "txt", "jsonl", "ndjson", "json", "parquet"].contains(&&*ending)
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Publishes what lies in drop folders.
pub struct Dropper {
    /// The project folder.
    pub folder: PathBuf,
    /// The ledger, asked what it holds of a file.
    pub ledger: Ledger,
    /// Answers for threads that are not the runtime's.
    pub runtime: Handle,
    /// Asks about topics and makes them.
    pub topics: Arc<Topics>,
    /// Sends the records.
    pub publisher: Arc<Publisher>,
    /// With how many partitions a missing topic is made; `None` makes none.
    pub partitions: Option<i32>,
}

impl Dropper {
    /// One for a project folder. Must be made within the runtime.
    pub fn new(
        folder: &Path,
        connection: &Connection,
        ledger: &Ledger,
        partitions: Option<i32>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            ledger: ledger.clone(),
            runtime: Handle::current(),
            topics: Arc::new(Topics::new(connection)?),
            publisher: Arc::new(Publisher::new(&PublisherConfig::new(connection.clone()))?),
            partitions,
        })
    }

    /// Watches on a thread that may block, if that was asked for.
    pub fn watch_if(
        asked: bool,
        folder: &Path,
        connection: &Connection,
        shared: &Shared,
        contracts: &[Arc<Contract>],
    ) -> anyhow::Result<Option<JoinHandle<()>>> {
        if !asked {
            return Ok(None);
        }
        let dropper = Self::new(folder, connection, &shared.ledger, None)?;
        let (shared, contracts) = (shared.clone(), contracts.to_vec());
        Ok(Some(tokio::task::spawn_blocking(move || {
            dropper.watch(&shared, &contracts);
        })))
    }

    /// Publishes one file's missing rows. Blocks.
    pub fn publish(
        &self,
        contract: &Contract,
        path: &Path,
        pace: &dyn Fn(Progress) -> ControlFlow<()>,
    ) -> anyhow::Result<Published> {
        let facts = self
            .topics
            .ensure(&contract.topic, self.partitions, TOPIC_LIMIT)
            .with_context(|| format!("could not publish to topic `{}`", contract.topic))?;
        let file = sha_of(path)?;
        let held = self
            .runtime
            .block_on(self.ledger.file_rows_held(&contract.name, file))?;
        let publisher = FilePublisher {
            contract,
            frame_id: schema_id(&all_text_schema(contract)),
            partitions: facts.partitions,
            text_format: contract.text_format.clone(),
            shuffle: None,
            publisher: &self.publisher,
            pace,
        };
        publisher.publish(path, file, &held)
    }

    /// Publishes files as they come to rest, until a stop is asked for. Blocks.
    pub fn watch(&self, shared: &Shared, contracts: &[Arc<Contract>]) {
        let mut seen: HashMap<PathBuf, (u64, SystemTime, bool)> = HashMap::new();
        let pace = |_| {
            if shared.shutdown.is_asked() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        while !shared.shutdown.is_asked() {
            let mut looked = Ok(());
            for contract in contracts {
                match files_of(&self.folder, contract) {
                    Ok(files) => {
                        for path in files {
                            looked = looked.and(self.look_at(contract, &path, &mut seen, &pace));
                        }
                    }
                    Err(error) => looked = looked.and(Err(error)),
                }
            }
            match looked {
                Ok(()) => shared.readiness.ready("watch"),
                Err(_) if shared.shutdown.is_asked() => {}
                Err(error) => shared.trouble("watch", &format!("{error:#}")),
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Publishes a file that has rested and was not published as it is now.
    fn look_at(
        &self,
        contract: &Contract,
        path: &Path,
        seen: &mut HashMap<PathBuf, (u64, SystemTime, bool)>,
        pace: &dyn Fn(Progress) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let Ok(facts) = path.metadata() else { return Ok(()) };
        let (size, changed) = (facts.len(), facts.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        let known = seen.get(path).filter(|(was, at, _)| *was == size && *at == changed);
        if known.is_some_and(|(_, _, published)| *published) {
            return Ok(());
        }
        let rested = changed.elapsed().is_ok_and(|rested| rested >= REST) && known.is_some();
        seen.insert(path.to_owned(), (size, changed, false));
        if rested {
            let done = self.publish(contract, path, pace)?;
            seen.insert(path.to_owned(), (size, changed, true));
            tracing::info!(file = %path.display(), sent = done.sent, held = done.held, "published a file");
        }
        Ok(())
    }
}
