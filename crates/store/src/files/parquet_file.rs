//! One Parquet file on its way to being sealed: streamed, hashed while it is written, checked before it is named.
//!
//! Used by every writer in this folder. Memory is bounded by one row group. After any error the file takes nothing
//! more; dropping it deletes what is there.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use muster_batch::{DataFile, FileKind};
use muster_spec::Token;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use sha2::{Digest, Sha256};

use super::{FileStore, PendingFile, Step};
use crate::error::Error;

/// Encoded bytes of a row group at most: what a writer may hold in memory.
const ROW_GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How a file's rows and columns are laid out.
pub(super) struct Layout<'n> {
    /// Rows of a row group at most.
    pub(super) group_rows_max: usize,
    /// Rows of a page at most. Each column holds as many values unencoded.
    pub(super) page_rows_max: usize,
    /// Whole numbers that rise, nearly rise, never repeat or never change: stored as differences, with statistics a
    /// reader can skip by.
    pub(super) rising: &'n [&'n str],
    /// Other values that hardly repeat: no dictionary is tried.
    pub(super) distinct: &'n [&'n str],
}

impl Layout<'_> {
    /// Large groups and no column told apart.
    pub(super) const PLAIN: Layout<'static> = Layout {
        group_rows_max: 256 * 1024,
        page_rows_max: 20_000,
        rising: &[],
        distinct: &[],
    };
}

pub(super) struct ParquetFile {
    kind: FileKind,
    temporary: String,
    writer: Option<ArrowWriter<HashingFile>>,
    /// What the file said when it failed, which the layers between do not always pass on.
    fault: Arc<Mutex<Option<io::Error>>>,
    rows: u64,
}

/// A file whose bytes are all there, under its temporary name until it is renamed.
pub(super) struct WrittenFile {
    pub(super) kind: FileKind,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
    file: Box<dyn PendingFile>,
}

impl ParquetFile {
    pub(super) fn create(
        store: &dyn FileStore,
        kind: FileKind,
        folder: &str,
        name: &str,
        schema: SchemaRef,
        layout: &Layout<'_>,
    ) -> Result<Self, Error> {
        let file = store.create(folder, name)?;
        let temporary = file.path().to_owned();
        let hashing = HashingFile::new(file);
        let fault = Arc::clone(&hashing.fault);
        let properties = properties(layout, &schema);
        let writer = ArrowWriter::try_new(hashing, schema, Some(properties))
            .map_err(|error| write_error(&temporary, &fault, &error))?;
        Ok(Self {
            kind,
            temporary,
            writer: Some(writer),
            fault,
            rows: 0,
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let Some(writer) = &mut self.writer else {
            return Err(Error::Broken(self.temporary.clone()));
        };
        if let Err(error) = writer.write(batch) {
            self.writer = None;
            return Err(write_error(&self.temporary, &self.fault, &error));
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    pub(super) fn kind(&self) -> FileKind {
        self.kind
    }

    /// Bytes written and still in memory, as a measure of the file's size.
    pub(super) fn bytes(&self) -> usize {
        let size = |writer: &ArrowWriter<HashingFile>| writer.bytes_written() + writer.in_progress_size();
        self.writer.as_ref().map_or(0, size)
    }

    /// Writes the last rows and the footer.
    pub(super) fn finish(mut self) -> Result<WrittenFile, Error> {
        let writer = self
            .writer
            .take()
            .ok_or_else(|| Error::Broken(self.temporary.clone()))?;
        let hashed = writer
            .into_inner()
            .map_err(|error| write_error(&self.temporary, &self.fault, &error))?;
        Ok(WrittenFile {
            kind: self.kind,
            rows: self.rows,
            bytes: hashed.bytes,
            sha256: hashed.hasher.finalize().into(),
            file: hashed.file,
        })
    }
}

impl ParquetFile {
    /// Seals a file that stands for itself: its footer, its bytes and its name are durable. Tells each step before it is
    /// done.
    pub(super) fn seal(
        self,
        store: &dyn FileStore,
        folder: &str,
        name: &str,
        token: Token,
        told: &dyn Fn(Step),
    ) -> Result<DataFile, Error> {
        let kind = self.kind;
        told(Step::Write(kind));
        let mut written = self.finish()?;
        told(Step::Sync(kind));
        written.sync()?;
        told(Step::Check(kind));
        written.check()?;
        told(Step::Rename(kind));
        let path = written.rename(name, false)?.to_owned();
        told(Step::SyncFolders);
        store.sync_folder(folder)?;
        Ok(DataFile {
            kind,
            path,
            rows: written.rows,
            bytes: written.bytes,
            event_times: None,
            sha256: written.sha256,
            contract_version: None,
            token,
        })
    }
}

impl WrittenFile {
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        self.file.sync()
    }

    /// Reads the footer back: the size and the number of rows are what was written.
    pub(super) fn check(&self) -> Result<(), Error> {
        let path = self.file.path();
        let file = self.file.reopen()?;
        let bytes = file
            .metadata()
            .map_err(|error| Error::file("look at", path, error))?
            .len();
        if bytes != self.bytes {
            let reason = format!("{bytes} bytes are there and {} were written", self.bytes);
            return Err(Error::damaged(path, reason));
        }
        let rows = footer_rows(path, &file)?;
        if rows != self.rows {
            let reason = format!("its footer says {rows} rows and {} were written", self.rows);
            return Err(Error::damaged(path, reason));
        }
        Ok(())
    }

    pub(super) fn rename(&mut self, name: &str, replace: bool) -> Result<&str, Error> {
        self.file.rename(name, replace)?;
        Ok(self.file.path())
    }
}

/// The rows a file's footer tells.
pub(super) fn footer_rows(path: &str, file: &std::fs::File) -> Result<u64, Error> {
    let options = ArrowReaderOptions::new();
    let metadata = unwound(path, || ArrowReaderMetadata::load(file, options))?
        .map_err(|error| Error::damaged(path, error.to_string()))?;
    Ok(metadata.metadata().file_metadata().num_rows() as u64)
}

/// Runs what reads bytes that cannot be trusted: a panic in it is a damaged file.
pub(super) fn unwound<T>(path: &str, read: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| Error::damaged(path, "its reader panicked"))
}

fn properties(layout: &Layout<'_>, schema: &Schema) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by("muster".into())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1")))
        .set_max_row_group_row_count(Some(layout.group_rows_max))
        .set_data_page_row_count_limit(layout.page_rows_max)
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES_MAX))
        .set_statistics_enabled(EnabledStatistics::None);
    // A merged file's columns may be of types that their fields had before.
    let is_whole = |name: &&&str| {
        let field = schema.field_with_name(name);
        field.is_ok_and(|field| field.data_type().is_integer() || matches!(field.data_type(), DataType::Timestamp(..)))
    };
    for name in layout.rising.iter().filter(is_whole) {
        let column = ColumnPath::from(*name);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column.clone(), Encoding::DELTA_BINARY_PACKED)
            .set_column_statistics_enabled(column, EnabledStatistics::Page);
    }
    for name in layout.distinct {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(*name), false);
    }
    properties.build()
}

/// The file's own error where there was one, else the encoder's.
fn write_error(path: &str, fault: &Mutex<Option<io::Error>>, error: &ParquetError) -> Error {
    match fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(source) => Error::file("write", path, source),
        None => Error::Encode {
            path: path.to_owned(),
            reason: error.to_string(),
        },
    }
}

/// Hashes what it writes. After an error it never touches the file again, though buffers above it still try to empty
/// themselves when they are dropped.
struct HashingFile {
    file: Box<dyn PendingFile>,
    hasher: Sha256,
    bytes: u64,
    failed: bool,
    fault: Arc<Mutex<Option<io::Error>>>,
}

impl HashingFile {
    fn new(file: Box<dyn PendingFile>) -> Self {
        Self {
            file,
            hasher: Sha256::new(),
            bytes: 0,
            failed: false,
            fault: Arc::default(),
        }
    }
}

impl Write for HashingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        let written = match self.file.write(bytes) {
            Ok(written) => written,
            Err(error) => {
                // A signal between two writes is no failure: the caller writes on.
                if error.kind() == io::ErrorKind::Interrupted {
                    return Err(error);
                }
                self.failed = true;
                let told = io::Error::from(error.kind());
                *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                return Err(told);
            }
        };
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        self.file.flush()
    }
}
