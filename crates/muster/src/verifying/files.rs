//! Sealed files and models held against the sha-256 that they were listed with.
//!
//! Used by `muster verify --files`. Files are read by as many threads as there are processors, each a file at a time.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::bail;
use muster_model::{Model, ModelFiles};
use muster_spec::{ModelVersion, PipelineName};
use muster_store::ledger::verify::Listing;
use muster_store::{Error, FileStore, files};
use serde::Serialize;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FileFault {
    /// The file, below the project folder.
    pub path: String,
    /// What it holds.
    pub kind: String,
    /// What is wrong.
    pub fault: String,
    /// What it held of Kafka: what to ingest again.
    pub ranges: Vec<Range>,
    /// What to do where there is nothing to ingest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Records of a partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Range {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset.
    pub from: i64,
    /// The first offset beyond.
    pub to: i64,
}

/// Reads all of the files, whose listings come file by file; those that are not what they were, by their paths. Blocks.
pub fn check(
    store: &dyn FileStore,
    listings: &[Listing],
    progress: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<Vec<FileFault>> {
    let listed: Vec<&[Listing]> = listings
        .chunk_by(|one, other| one.file.path == other.file.path)
        .collect();
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let work = || -> anyhow::Result<()> {
        while let Some(owners) = listed.get(next.fetch_add(1, Ordering::Relaxed)) {
            let file = &owners[0];
            let why = match files::check(store, &file.file) {
                Ok(()) => None,
                Err(Error::Damaged { reason, .. }) => Some(reason),
                Err(Error::File { source, .. }) => Some(source.to_string()),
                Err(error) => return Err(error.into()),
            };
            if let Some(why) = why {
                let mut faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
                faults.push(fault(owners, why));
            }
            progress(file.bytes);
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(ended) => ended,
            Err(_) => bail!("reading a file panicked"),
        })
    })?;
    let mut faults = faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    faults.sort();
    Ok(faults)
}

fn fault(owners: &[Listing], fault: String) -> FileFault {
    let file = &owners[0];
    let range = |owner: &Listing| {
        let (from, to) = owner.delta?;
        let (topic, partition) = owner.place.clone();
        Some(Range {
            topic,
            partition,
            from,
            to,
        })
    };
    let of_repairs = owners.iter().filter(|owner| owner.delta.is_none());
    let of_repairs: Vec<String> = of_repairs.map(|owner| owner.batch.to_string()).collect();
    let hint = match file.run {
        Some(run) => Some(format!(
            "the features that run {run} scored are lost: its scores cannot be computed again"
        )),
        None if of_repairs.is_empty() => None,
        None => Some(format!(
            "what repairs made of rows is in it (batches {}), which no topic has: restore it from a backup",
            of_repairs.join(", ")
        )),
    };
    FileFault {
        path: file.file.path.clone(),
        kind: file.kind.clone(),
        fault,
        // Features are made of rows that are there still.
        ranges: if file.run.is_none() {
            join(owners.iter().filter_map(range))
        } else {
            Vec::new()
        },
        hint,
    }
}

/// Ranges that follow each other are one.
fn join(ranges: impl Iterator<Item = Range>) -> Vec<Range> {
    let mut joined: Vec<Range> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.topic == range.topic && last.partition == range.partition && last.to == range.from => {
                last.to = range.to;
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// Model versions that are not what was trained.
pub fn check_models(folder: &Path, models: &[(PipelineName, ModelVersion, String)]) -> Vec<FileFault> {
    let faults = models.iter().filter_map(|(pipeline, version, path)| {
        let loaded = ModelFiles::read(&folder.join(path), version).and_then(|files| Model::load(&files, version));
        let error = loaded.err()?;
        Some(FileFault {
            path: path.clone(),
            kind: "model".to_owned(),
            fault: error.to_string(),
            ranges: Vec::new(),
            hint: Some(format!(
                "take it from a backup, or train `{pipeline}` again and promote what comes of it"
            )),
        })
    });
    faults.collect()
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
