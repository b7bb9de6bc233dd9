//! Reading sealed files back: nothing is believed before its sha-256 was checked.
//!
//! Used for training, scoring, key rebuilds and the dead-letter topic. A truncated, altered or missing file is
//! [`Error::Damaged`] with its name, never a panic.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use arrow::array::RecordBatch;
use muster_batch::KeyEntries;
use muster_spec::Contract;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::ParquetMetaData;
use sha2::{Digest, Sha256};

use super::parquet_file::unwound;
use super::{FileStore, keys};
use crate::error::Error;

/// Rows read at a time, and their bytes where they are large: a merged file may hold many large records.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: u64 = 8 << 20;

/// What a batch has in a file, as the ledger lists it: all of its rows, or some of a merged one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// The file's path below the project folder.
    pub path: String,
    /// Rows of the batch.
    pub rows: u64,
    /// Rows of others before them.
    pub first_row: u64,
    /// Rows of the whole file.
    pub file_rows: u64,
    /// The sha-256 of the file's bytes.
    pub sha256: [u8; 32],
}

impl ListedFile {
    /// A file that holds these rows and no others.
    pub fn whole(path: impl Into<String>, rows: u64, sha256: [u8; 32]) -> Self {
        Self {
            path: path.into(),
            rows,
            first_row: 0,
            file_rows: rows,
            sha256,
        }
    }

    /// Takes the rows that follow in the same file; `false` where these do not.
    fn join(&mut self, next: &Self) -> bool {
        let follows = self.path == next.path && self.first_row + self.rows == next.first_row;
        if follows {
            self.rows += next.rows;
        }
        follows
    }
}

/// Neighbours in one file as one, so that it is opened and checked once for all of them. `file` finds what is listed in an
/// item. The first of neighbours stands for them all, at its place.
pub fn joined_files<T>(items: Vec<T>, file: impl Fn(&mut T) -> &mut ListedFile) -> Vec<T> {
    let mut joined: Vec<T> = Vec::with_capacity(items.len());
    let mut places: HashMap<String, usize> = HashMap::new();
    for mut item in items {
        let next = file(&mut item);
        let place = places.get(&next.path);
        if place.is_some_and(|&place| file(&mut joined[place]).join(next)) {
            continue;
        }
        places.insert(next.path.clone(), joined.len());
        joined.push(item);
    }
    joined
}

/// The rows of a file, a batch at a time.
pub struct Batches {
    path: String,
    rows_left: u64,
    reader: Option<ParquetRecordBatchReader>,
}

/// Checks a file's bytes against what the ledger lists.
pub fn check(store: &dyn FileStore, listed: &ListedFile) -> Result<(), Error> {
    checked(store, listed).map(drop)
}

fn checked(store: &dyn FileStore, listed: &ListedFile) -> Result<File, Error> {
    let mut file = store.open(&listed.path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file
            .read(&mut buffer)
            .map_err(|error| Error::file("read", &*listed.path, error))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    if <[u8; 32]>::from(hasher.finalize()) != listed.sha256 {
        return Err(Error::damaged(&*listed.path, "its sha-256 is not the listed one"));
    }
    Ok(file)
}

/// Opens a file, checks it and reads the rows that are listed. `columns` are the ones to read, all when `None`; a name the
/// file lacks is an error.
pub fn open(store: &dyn FileStore, listed: &ListedFile, columns: Option<&[&str]>) -> Result<Batches, Error> {
    rows(checked(store, listed)?, listed, columns)
}

/// Opens a file that the caller checked just before, for other rows of it.
pub fn open_again(store: &dyn FileStore, listed: &ListedFile) -> Result<Batches, Error> {
    rows(store.open(&listed.path)?, listed, None)
}

fn rows(file: File, listed: &ListedFile, columns: Option<&[&str]>) -> Result<Batches, Error> {
    let damaged = |reason: String| Error::damaged(&*listed.path, reason);
    let reader = unwound(&listed.path, || -> Result<_, String> {
        let mut builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
        let rows = builder.metadata().file_metadata().num_rows() as u64;
        if rows != listed.file_rows {
            return Err(format!(
                "its footer says {rows} rows and the ledger {}",
                listed.file_rows
            ));
        }
        if let Some(columns) = columns {
            let missing = columns
                .iter()
                .find(|name| builder.schema().field_with_name(name).is_err());
            if let Some(missing) = missing {
                return Err(format!("it has no column `{missing}`"));
            }
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        if listed.rows < rows {
            builder = builder
                .with_offset(listed.first_row as usize)
                .with_limit(listed.rows as usize);
        }
        let at_once = rows_at_once(builder.metadata());
        builder
            .with_batch_size(at_once)
            .build()
            .map_err(|error| error.to_string())
    })?
    .map_err(damaged)?;
    Ok(Batches {
        path: listed.path.clone(),
        rows_left: listed.rows,
        reader: Some(reader),
    })
}

/// How many rows are read at a time, by the largest rows of a row group.
fn rows_at_once(metadata: &ParquetMetaData) -> usize {
    let groups = metadata.row_groups().iter();
    let rows = groups.map(|group| {
        let row_bytes = group.total_byte_size().max(1) as u64 / group.num_rows().max(1) as u64;
        (BATCH_BYTES / row_bytes.max(1)).max(1) as usize
    });
    rows.min().map_or(BATCH_ROWS, |rows| rows.min(BATCH_ROWS))
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        let next = match unwound(&self.path, || reader.next()) {
            Ok(Some(Ok(batch))) => {
                self.rows_left = self.rows_left.saturating_sub(batch.num_rows() as u64);
                return Some(Ok(batch));
            }
            Ok(Some(Err(error))) => Some(Err(Error::damaged(&*self.path, error.to_string()))),
            Ok(None) if self.rows_left > 0 => {
                let reason = format!("{} rows are missing at its end", self.rows_left);
                Some(Err(Error::damaged(&*self.path, reason)))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        };
        self.reader = None;
        next
    }
}

/// Reads a key file. Keys of rules that the contract no longer has are left out.
pub fn read_keys(store: &dyn FileStore, listed: &ListedFile, contract: &Contract) -> Result<KeyEntries, Error> {
    let mut entries = KeyEntries::default();
    for batch in open(store, listed, None)? {
        let batch = batch?;
        unwound(&listed.path, || keys::append(&batch, contract, &mut entries))?
            .ok_or_else(|| Error::damaged(&*listed.path, "its columns are not a key file's"))?;
    }
    Ok(entries)
}
