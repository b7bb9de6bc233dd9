//! Files: sealing batches into Parquet, opening what was sealed, sweeping what can never be listed.
//!
//! Used by `muster` on its sealing and scoring threads. Everything goes through [`FileStore`], a folder now. A file
//! lies under a temporary name until it is whole, synced and checked; its final name carries source and token, so no
//! two writers ever meet on one; an operation that failed is never tried again on the same handle.

mod bad;
mod batch_writer;
mod claim_file;
mod folder;
mod good;
mod keys;
mod lookup;
mod merge;
mod open;
mod parquet_file;
mod sealed;
pub mod sweep;
mod tally;
mod validate;

use std::fs::File;
use std::io::Write;

use crate::error::Error;

pub use bad::BadRecords;
pub use batch_writer::BatchWriter;
pub use claim_file::ClaimWriter;
pub use folder::FolderStore;
pub use good::with_positions;
pub use lookup::{SealedRow, row_at};
pub use merge::Merging;
pub use open::{Batches, ListedFile, check, joined_files, open, open_again, read_keys};
pub use sealed::{RuleCount, Sealed};
pub use validate::{ValidateWriter, Validated};

use muster_batch::FileKind;

pub(crate) use tally::joined;

/// Where sealed files are kept. Paths are below the project folder, with `/` between parts.
pub trait FileStore: Send + Sync {
    /// Begins a file in `folder` under a temporary name that no other file has.
    fn create(&self, folder: &str, name: &str) -> Result<Box<dyn PendingFile>, Error>;

    /// Opens a file for reading.
    fn open(&self, path: &str) -> Result<File, Error>;

    /// Makes renames in a folder durable.
    fn sync_folder(&self, folder: &str) -> Result<(), Error>;

    /// The paths of all files below a folder, in order; empty where there is no such folder.
    fn list(&self, folder: &str) -> Result<Vec<String>, Error>;

    /// Deletes a file; one that is gone already is no error.
    fn remove(&self, path: &str) -> Result<(), Error>;
}

/// A file that is being written under a temporary name. Dropped before it was renamed, it is deleted.
pub trait PendingFile: Write + Send {
    /// The path it has now.
    fn path(&self) -> &str;

    /// Makes its bytes durable.
    fn sync(&mut self) -> Result<(), Error>;

    /// Opens it for reading, under the name it has now.
    fn reopen(&self) -> Result<File, Error>;

    /// Gives it its final name, in the same folder. A file that has the name already is replaced only if `replace`.
    fn rename(&mut self, name: &str, replace: bool) -> Result<(), Error>;
}

/// What a seal is about to do: the places where it can be stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Write the last rows and the footer of a file.
    Write(FileKind),
    /// Make a file's bytes durable.
    Sync(FileKind),
    /// Read a file's footer back and count its rows.
    Check(FileKind),
    /// Give a file its final name.
    Rename(FileKind),
    /// Make the names durable.
    SyncFolders,
}

impl Step {
    /// The failpoint's name: the step, whatever the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Write(_) => "seal.write",
            Self::Sync(_) => "seal.sync",
            Self::Check(_) => "seal.check",
            Self::Rename(_) => "seal.rename",
            Self::SyncFolders => "seal.sync_folders",
        }
    }
}

/// A name as a part of a path: nothing that leads elsewhere.
pub(crate) fn path_part(name: &str) -> Result<&str, Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(Error::Path(name.into()));
    }
    Ok(name)
}
