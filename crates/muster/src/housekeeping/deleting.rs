//! Deleting files: those that were removed from the list, when nobody can be reading them any more, and those that never
//! came onto it and never can.
//!
//! A process that dies between deleting and noting it leaves files noted as there: they are deleted once more, which is
//! nothing.

use std::sync::Arc;

use muster_store::files::FileStore;
use muster_store::files::sweep::{self, Swept};
use muster_store::{Error, Ledger};
use serde::Serialize;

use crate::failpoint;

/// Files deleted before it is noted.
const AT_ONCE: u32 = 500;

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Deleted {
    /// What was deleted and what still waits, in a line.
    pub fn told(self, held: u64) -> String {
        let held = match held {
            0 => String::new(),
            files => format!(" {files} removed files stay for those who read them."),
        };
        format!("Deleted {} removed files, {} bytes.{held}", self.files, self.bytes)
    }
}

/// Deletes all that nobody needs, nothing in a dry run; and how many removed files are still there for their readers.
pub async fn finish(ledger: &Ledger, files: &Arc<dyn FileStore>, dry_run: bool) -> Result<(Deleted, u64), Error> {
    let deleted = if dry_run {
        Deleted::default()
    } else {
        clean(ledger, files).await?
    };
    Ok((deleted, ledger.removed_files().await?))
}

/// Deletes all that nobody needs. Of what never came onto the list nothing is told.
pub async fn clean(ledger: &Ledger, files: &Arc<dyn FileStore>) -> Result<Deleted, Error> {
    sweep(ledger, files).await?;
    delete_removed(ledger, files).await
}

async fn delete_removed(ledger: &Ledger, files: &Arc<dyn FileStore>) -> Result<Deleted, Error> {
    let mut deleted = Deleted::default();
    loop {
        let found = ledger.deletable_files(AT_ONCE).await?;
        if found.is_empty() {
            return Ok(deleted);
        }
        failpoint::reach("delete.files");
        let (store, removed) = (Arc::clone(files), found.clone());
        blocking(move || removed.iter().try_for_each(|file| store.remove(&file.path))).await?;
        failpoint::reach("delete.note");
        let paths: Vec<&str> = found.iter().map(|file| file.path.as_str()).collect();
        ledger.note_deleted(&paths).await?;
        deleted.files += found.len() as u64;
        deleted.bytes += found.iter().map(|file| file.bytes).sum::<u64>();
    }
}

/// Deletes files whose writers can never list them.
async fn sweep(ledger: &Ledger, files: &Arc<dyn FileStore>) -> Result<Swept, Error> {
    let store = Arc::clone(files);
    let found = blocking(move || sweep::find(&*store)).await?;
    let verdicts = ledger.judge_files(&found).await?;
    let store = Arc::clone(files);
    blocking(move || sweep::remove(&*store, &found, &verdicts)).await
}

/// Works with the disk on a thread for that.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.expect("looking for files and deleting them does not panic")
}
