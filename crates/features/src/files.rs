//! Sealed files of good rows, and the check that they still are what was sealed.
//!
//! Listed by the ledger, given to [`crate::compute`] by `train` and `score`. The whole file is hashed before a row of it
//! is used: a prediction must never rest on bytes that nobody judged. A file may hold the rows of several batches: then it
//! is listed once for each, with where its rows are.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use muster_batch::DataFile;
use muster_spec::ContractName;
use sha2::{Digest, Sha256};

use crate::Error;

/// The good rows of a batch in a sealed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoodFile {
    /// The contract its rows were judged by.
    pub contract: ContractName,
    /// Where it is.
    pub path: PathBuf,
    /// Rows of the batch.
    pub rows: u64,
    /// Rows of others before them.
    pub first_row: u64,
    /// Rows of the whole file.
    pub file_rows: u64,
    /// The file's bytes.
    pub bytes: u64,
    /// The sha-256 of its bytes.
    pub sha256: [u8; 32],
}

impl GoodFile {
    /// A good file as it was sealed, below the project folder.
    pub fn new(contract: ContractName, project: &Path, file: &DataFile) -> Self {
        Self {
            contract,
            path: project.join(&file.path),
            rows: file.rows,
            first_row: 0,
            file_rows: file.rows,
            bytes: file.bytes,
            sha256: file.sha256,
        }
    }

    /// Checks that the file is there, whole and unaltered; gives its absolute path.
    pub(crate) fn verify(&self) -> Result<PathBuf, Error> {
        let mut file = File::open(&self.path).map_err(|source| self.unopened(source))?;
        let found = file.metadata().map_err(|source| self.unopened(source))?.len();
        if found != self.bytes {
            return Err(Error::Length {
                path: self.path.clone(),
                found,
                sealed: self.bytes,
            });
        }
        if hash(&mut file).map_err(|source| self.unopened(source))? != self.sha256 {
            return Err(Error::Altered {
                path: self.path.clone(),
            });
        }
        self.path.canonicalize().map_err(|source| self.unopened(source))
    }

    fn unopened(&self, source: std::io::Error) -> Error {
        let path = self.path.clone();
        if source.kind() == ErrorKind::NotFound {
            return Error::Missing { path };
        }
        Error::Disk { path, source }
    }
}

fn hash(file: &mut File) -> std::io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(&buffer[..read]);
    }
}
