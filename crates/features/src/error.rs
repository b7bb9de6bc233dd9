//! Why features could not be computed.
//!
//! Returned by [`crate::compute`]. A file that is not what was sealed is told apart from everything else: its batch is
//! parked and the others go on.

use std::path::{Path, PathBuf};

/// Why features could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listed file is not there.
    #[error("`{path}` is not there")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A listed file has another length than the sealed one.
    #[error("`{path}` has {found} bytes, {sealed} were sealed")]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes it has.
        found: u64,
        /// Bytes it had.
        sealed: u64,
    },
    /// A listed file's bytes are not the sealed ones.
    #[error("`{path}` was altered: its sha-256 is not the sealed one")]
    Altered {
        /// The file.
        path: PathBuf,
    },
    /// A listed file is as it was sealed and still cannot be read.
    #[error("`{path}` cannot be read as a sealed file: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        why: String,
    },
    /// The disk did not give a file, for another reason than that it is not there.
    #[error("`{path}` cannot be opened")]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was asked for is not built.
    #[error("features of entities as of a time are not built yet: the view must have `mode: rows`")]
    Entities,
    /// A file of a contract the view does not read.
    #[error("`{path}` holds rows of `{contract}`, which the view does not read")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its contract.
        contract: String,
    },
    /// The view gave another number of rows than its files hold.
    #[error("the view gave {given} rows for {listed} rows of its files")]
    Rows {
        /// Rows of the view.
        given: u64,
        /// Rows of the files.
        listed: u64,
    },
    /// The query failed on the rows: a cast, a division.
    #[error("the feature view failed: {0}")]
    Query(String),
}

impl Error {
    /// The file that is not what was sealed, where that is the reason: its batch is corrupt.
    pub fn corrupt(&self) -> Option<&Path> {
        match self {
            Self::Missing { path }
            | Self::Length { path, .. }
            | Self::Altered { path }
            | Self::Unreadable { path, .. } => Some(path),
            Self::Disk { .. } | Self::Entities | Self::Foreign { .. } | Self::Rows { .. } | Self::Query(_) => None,
        }
    }
}
