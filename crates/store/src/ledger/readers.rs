//! Open readers of a contract's version: what keeps a superseded file on disk.
//!
//! Opened by whoever reads files for longer than a moment. A reader that died gives way when its lease runs out.

use std::time::Duration;

use muster_spec::ContractName;

use super::Ledger;
use crate::error::Error;

/// An open reader, by the ledger's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The number.
    pub id: i64,
    /// The version it reads.
    pub version: i64,
}

impl Ledger {
    /// Opens a reader of the contract's version now.
    pub async fn open_reader(&self, contract: &ContractName, reader: &str, lease: Duration) -> Result<Reader, Error> {
        const SQL: &str = "INSERT INTO readers (contract, version, reader, leased_until)
            SELECT name, version, $2, clock_timestamp() + make_interval(secs => $3) FROM contracts WHERE name = $1
            RETURNING id, version";
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

    /// Closes a reader, and forgets those whose lease ran out.
    pub async fn close_reader(&self, reader: Reader) -> Result<(), Error> {
        const SQL: &str = "DELETE FROM readers WHERE id = $1 OR leased_until < clock_timestamp()";
        self.session("close a reader").await?.run(SQL, &[&reader.id]).await
    }
}
