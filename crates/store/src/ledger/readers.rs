//! Open readers of a contract's version: what keeps a removed file on disk.
//!
//! Opened by whoever reads files for longer than a moment, before it lists them; any role may. A reader that died gives
//! way when its lease runs out. A scorer needs none: its run holds the version, and its claim the batch.

use std::time::Duration;

use muster_spec::ContractName;

use super::Ledger;
use crate::error::Error;

/// An open reader, by the ledger's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The number.
    pub id: i64,
    /// The version it reads; what is listed later is kept for it too.
    pub version: i64,
}

impl Ledger {
    /// Opens a reader of the contract's version now.
    pub async fn open_reader(&self, contract: &ContractName, reader: &str, lease: Duration) -> Result<Reader, Error> {
        const SQL: &str = "SELECT id, version FROM open_reader($1, $2, $3)";
        let mut session = self.session("open a reader").await?;
        let row = session
            .row_maybe(SQL, &[&contract.as_str(), &reader, &lease.as_secs_f64()])
            .await?
            .ok_or_else(|| Error::Missing {
                what: "contract",
                name: contract.to_string(),
            })?;
        Ok(Reader {
            id: row.get(0),
            version: row.get(1),
        })
    }

    /// Lengthens a reader's lease; `false` when it had run out.
    pub async fn extend_reader(&self, reader: Reader, lease: Duration) -> Result<bool, Error> {
        const SQL: &str = "SELECT extend_reader($1, $2)";
        let mut session = self.session("extend a reader").await?;
        Ok(session.row(SQL, &[&reader.id, &lease.as_secs_f64()]).await?.get(0))
    }

    /// Closes a reader, and forgets those whose lease ran out.
    pub async fn close_reader(&self, reader: Reader) -> Result<(), Error> {
        const SQL: &str = "SELECT close_reader($1)";
        self.session("close a reader").await?.run(SQL, &[&reader.id]).await
    }
}
