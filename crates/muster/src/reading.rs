//! A hold on a contract's files while they are read: what is listed under it is not deleted.
//!
//! Used by whoever lists files and then reads them: training, reports, key rebuilds, dead letters, merging. A scorer needs
//! none, its run and its claim hold what it reads. Taken before the files are listed, given back when it is dropped.

use std::time::Duration;

use muster_spec::ContractName;
use muster_store::ledger::readers::Reader;
use muster_store::{Error, Ledger};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long a reader that died keeps files from being deleted.
const LEASE: Duration = Duration::from_mins(2);

/// An open hold. Dropped, it is given back soon; [`Reading::close`] waits for that.
#[derive(Debug)]
pub struct Reading {
    version: i64,
    /// Dropped to end the task.
    held: oneshot::Sender<()>,
    keeping: JoinHandle<()>,
}

impl Reading {
    /// Holds a contract's files as of now; `None` where the ledger knows no such contract, which has no files then.
    pub async fn open(ledger: &Ledger, contract: &ContractName, reader: &str) -> Result<Option<Self>, Error> {
        let reader = match ledger.open_reader(contract, reader, LEASE).await {
            Ok(reader) => reader,
            Err(Error::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (held, dropped) = oneshot::channel();
        let keeping = tokio::spawn(keep(ledger.clone(), reader, dropped));
        Ok(Some(Self {
            version: reader.version,
            held,
            keeping,
        }))
    }

    /// Holds the files of all contracts that the ledger knows.
    pub async fn open_all(ledger: &Ledger, reader: &str) -> Result<Vec<Self>, Error> {
        let mut readings = Vec::new();
        for contract in ledger.contract_names().await? {
            readings.extend(Self::open(ledger, &contract, reader).await?);
        }
        Ok(readings)
    }

    /// The contract's version that is read.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Gives the hold back.
    pub async fn close(self) {
        drop(self.held);
        // A task that panicked has left the hold to its lease.
        let _ = self.keeping.await;
    }
}

/// Renews the lease until the hold is dropped, then closes the reader.
async fn keep(ledger: Ledger, reader: Reader, mut dropped: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            _ = &mut dropped => break,
            () = tokio::time::sleep(LEASE / 4) => {}
        }
        match ledger.extend_reader(reader, LEASE).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(
                reader = reader.id,
                "lost a reader's lease: files may go while they are read"
            ),
            Err(error) => tracing::warn!(%error, reader = reader.id, "could not keep a reader's lease"),
        }
    }
    if let Err(error) = ledger.close_reader(reader).await {
        tracing::debug!(%error, reader = reader.id, "could not close a reader");
    }
}
