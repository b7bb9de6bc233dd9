//! What a worker loads before it consumes a source: key files that still matter.
//!
//! Called on assignment. Which key files matter follows from event times alone, so a rebuild after
//! any restart gives the same verdicts.

use std::time::Duration;

use muster_spec::SourceId;

use super::Ledger;
use super::listed::listed;
use crate::error::Error;
use crate::files::{ListedFile, joined_files};

/// What a source must remember of the batches before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysToLoad {
    /// The key files, in the order of their batches.
    pub files: Vec<KeyFile>,
    /// The greatest event time among the source's accepted rows, microseconds since 1970-01-01 UTC.
    pub greatest_event_time: Option<i64>,
}

/// A key file to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// The file.
    pub file: ListedFile,
    /// Whose keys it holds: another source's where the topic's partitions grew.
    pub source: SourceId,
}

impl Ledger {
    /// The key files whose entries may still decide: those reaching to less than twice `within` before the greatest
    /// event time accepted, of this source, and of the topic's other partitions while less than that has passed since
    /// partitions were added. `within` is the longest window of the contract's rules; `None` for rules without
    /// windows: everything.
    pub async fn keys_to_load(&self, source: SourceId, within: Option<Duration>) -> Result<KeysToLoad, Error> {
        const SQL: &str = include_str!("keys_to_load.sql");
        let mut session = self.session("list key files").await?;
        let reach: Option<i64> =
            within.map(|within| i64::try_from(within.as_micros().saturating_mul(2)).unwrap_or(i64::MAX));
        let rows = session.rows(SQL, &[&source.0, &reach]).await?;
        let mut keys = KeysToLoad::default();
        for row in &rows {
            keys.greatest_event_time = row.get(0);
            if let Some(source) = row.get::<_, Option<i64>>(1) {
                keys.files.push(KeyFile {
                    file: listed(row, 2)?,
                    source: SourceId(source),
                });
            }
        }
        keys.files = joined_files(keys.files, |keys| &mut keys.file);
        Ok(keys)
    }
}

/// The 32 bytes of a sha-256 column.
pub(super) fn digest(bytes: &[u8]) -> Result<[u8; 32], Error> {
    bytes
        .try_into()
        .map_err(|_| Error::Answer("a sha-256 has not 32 bytes".into()))
}
