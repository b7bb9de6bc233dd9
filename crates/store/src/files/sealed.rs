//! What a seal leaves: the files and the counts that the commit makes visible.
//!
//! Made by [`super::BatchWriter::seal`], handed to `ledger::commit`. Nothing in it holds a value of a row.

use muster_batch::{DataFile, FileRows};
use muster_spec::{ContractName, ContractVersion, OffsetDelta, Severity, SourceId, Token};

use super::FileStore;
use crate::error::Error;

/// A sealed batch of one source.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The source.
    pub source: SourceId,
    /// The contract.
    pub contract: ContractName,
    /// The contract's version that judged it.
    pub contract_version: ContractVersion,
    /// The writer's token, also in the files' names.
    pub token: Token,
    /// What it answers for; nothing for a repair.
    pub delta: OffsetDelta,
    /// Its files under their final names: at most one good, one bad, one of keys and, of a repair, one patch.
    /// None where no row.
    pub files: Vec<DataFile>,
    /// Records received.
    pub received: u64,
    /// Good rows.
    pub good: u64,
    /// Bad records.
    pub bad: u64,
    /// Records delivered before.
    pub duplicates: u64,
    /// Records with a null payload.
    pub tombstones: u64,
    /// The rules that were broken, in the contract's order.
    pub rules: Vec<RuleCount>,
    /// Least and greatest event time of its good rows, microseconds since 1970-01-01 UTC.
    pub event_times: Option<(i64, i64)>,
    /// The duplicates' offsets as half-open ranges, rising.
    pub duplicate_offsets: Vec<(i64, i64)>,
    /// Rows of published files it holds, sorted and joined.
    pub file_rows: Vec<FileRows>,
}

/// How often a rule was broken in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCount {
    /// The rule's id.
    pub rule: String,
    /// Whether breaking it makes a row bad.
    pub severity: Severity,
    /// How many records broke it.
    pub rows: u64,
    /// Offsets of the first few that broke it on the bad side.
    pub sample: Vec<i64>,
}

impl RuleCount {
    /// The severity's word in the ledger.
    pub fn severity_word(&self) -> &'static str {
        match self.severity {
            Severity::Error => "error",
            Severity::Warn => "warn",
        }
    }
}

impl Sealed {
    /// Deletes the files, after a commit that was refused for certain: the batch is judged or read again.
    pub fn discard(self, store: &dyn FileStore) -> Result<(), Error> {
        self.files.iter().try_for_each(|file| store.remove(&file.path))
    }

    /// Bytes of its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}
