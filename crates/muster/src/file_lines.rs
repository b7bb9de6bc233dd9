//! A file's rows as cells of text, whatever the file is: CSV, JSON lines or Parquet.
//!
//! Used by `publish` and the drop folder, which send rows as they stand, and by `init` and `profile`, which look at a file
//! that no contract describes yet.

mod parquet;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use muster_batch::RawLines;
use muster_contract::lines::{Bounds, ColumnsFit, LineReader, Shape};
use muster_spec::{Contract, TextFormat};

pub use parquet::ParquetLines;

use crate::cli::FileFormat;

/// A file while it is read.
pub enum FileLines {
    Text(Box<LineReader<File>>),
    Parquet(Box<ParquetLines>),
}

impl FileLines {
    /// Opens a file of a contract; what its name ends in says what it is.
    pub fn open(path: &Path, contract: &Contract, format: &TextFormat) -> anyhow::Result<Self> {
        let kind = FileFormat::of_name(path);
        let unread = || format!("could not read `{}` as a file of `{}`", path.display(), contract.name);
        let file = open_file(path)?;
        let shape = match kind {
            FileFormat::Parquet => {
                plain(contract).with_context(unread)?;
                let lines = ParquetLines::open(file, contract).with_context(unread)?;
                return Ok(Self::Parquet(Box::new(lines)));
            }
            FileFormat::Jsonl => Shape::Jsonl,
            _ => Shape::Csv,
        };
        let reader = LineReader::open(file, shape, contract, format, Bounds::default()).with_context(unread)?;
        Ok(Self::Text(Box::new(reader)))
    }

    /// Opens a CSV or Parquet file that no contract describes yet: its columns come as they are.
    pub fn open_unknown(path: &Path, format: &TextFormat) -> anyhow::Result<Self> {
        let unread = || format!("could not read `{}`", path.display());
        let file = open_file(path)?;
        if FileFormat::of_name(path) == FileFormat::Parquet {
            let lines = ParquetLines::open_unknown(file, format).with_context(unread)?;
            return Ok(Self::Parquet(Box::new(lines)));
        }
        let reader = LineReader::open_unknown(file, format, Bounds::default()).with_context(unread)?;
        Ok(Self::Text(Box::new(reader)))
    }

    /// The file's columns beside the contract's.
    pub fn fit(&self) -> &Arc<ColumnsFit> {
        match self {
            Self::Text(reader) => reader.fit(),
            Self::Parquet(lines) => lines.fit(),
        }
    }

    /// The next rows; `None` at the end of the file.
    pub fn next_run(&mut self) -> anyhow::Result<Option<RawLines>> {
        match self {
            Self::Text(reader) => Ok(reader.next_run()?),
            Self::Parquet(lines) => lines.next_run(),
        }
    }

    /// Takes a run back whose rows are done with, for its buffers.
    pub fn recycle(&mut self, lines: RawLines) {
        match self {
            Self::Text(reader) => reader.recycle(lines),
            Self::Parquet(reader) => reader.recycle(lines),
        }
    }

    /// The places of columns in which bytes were met that are no text.
    pub fn columns_of_bytes(&self) -> Vec<usize> {
        match self {
            Self::Text(_) => Vec::new(),
            Self::Parquet(lines) => lines.columns_of_bytes(),
        }
    }

    /// How many of the file's bytes were read, where that is known: for a progress bar.
    pub fn bytes_read(&self) -> u64 {
        match self {
            Self::Text(reader) => reader.bytes_read(),
            Self::Parquet(_) => 0,
        }
    }
}

/// Parquet's values are published as plain text, which a contract whose text is written otherwise would misread.
fn plain(contract: &Contract) -> anyhow::Result<()> {
    let format = &contract.text_format;
    if format.decimal != b'.' || format.date.is_some() || format.timestamp.is_some() {
        bail!(
            "the contract's `text:` says how numbers or dates are written, and a Parquet file has them plain\n  \
             hint: publish it to a contract without `decimal`, `date` and `timestamp`"
        );
    }
    Ok(())
}

/// Opens a file, or says which one could not be.
pub fn open_file(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("could not open `{}`", path.display()))
}
