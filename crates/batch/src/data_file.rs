//! A sealed Parquet file as the ledger lists it.
//!
//! Made by `store::seal`, listed by the commit. Identity lies with the owner; the file may be superseded by another
//! that holds the same rows.

use muster_spec::{BatchId, ContractVersion, Token};

/// A sealed file, on disk under its final name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// What it holds.
    pub kind: FileKind,
    /// Its path below the project folder, `/` between parts.
    pub path: String,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// Least and greatest event time of its rows, microseconds since 1970-01-01 UTC; `None` where no row has one.
    pub event_times: Option<(i64, i64)>,
    /// The sha-256 of its bytes.
    pub sha256: [u8; 32],
    /// The contract its rows were judged by; `None` for features.
    pub contract_version: Option<ContractVersion>,
    /// The writer's token, also in its name.
    pub token: Token,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// Good rows.
    Good,
    /// Bad records.
    Bad,
    /// Key fingerprints.
    Keys,
    /// Features that were scored.
    Features,
    /// What a repair changed in bad records.
    Patch,
}

impl FileKind {
    /// The word in the ledger and in paths.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Keys => "keys",
            Self::Features => "features",
            Self::Patch => "patch",
        }
    }
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileOwner {
    /// A batch's.
    Batch(BatchId),
    /// A claim's, by the ledger's number.
    Claim(i64),
}
