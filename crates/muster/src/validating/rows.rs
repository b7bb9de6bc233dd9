//! The rows of a file of any kind, typed by the contract.
//!
//! Used by [`super::validate`]. Text and Parquet come as cells of text, so that a value means the same in both. A record
//! of an Avro container goes through the contract's own decoder, so that it means what it would mean on Kafka.

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use muster_batch::{DecodedBatch, RawLines};
use muster_contract::lines::{Bounds, LineDecoder, LineReader, Shape};
use muster_spec::{Contract, TextFormat};

use super::avro_rows::AvroRows;
use super::avro_texts::AvroTexts;
use super::parquet_rows::ParquetRows;
use crate::cli::FileFormat;
use crate::file_lines::open_file;

/// How many bytes are looked at to tell what a file of JSON is.
const FIRST_BYTES: u64 = 64;

/// A file while it is read.
pub enum Rows {
    Lines(Box<Lines>),
    Parquet(Box<ParquetRows>),
    Avro(Box<AvroRows>),
}

/// A text file's reader and what types its cells.
pub struct Lines {
    reader: LineReader<Box<dyn Read + Send>>,
    decoder: LineDecoder,
}

impl Rows {
    /// Opens a file of the kind that is told, or that its name ends in; `-` is standard input.
    pub fn open(
        file: &Path,
        told: Option<FileFormat>,
        contract: &Arc<Contract>,
        format: &TextFormat,
    ) -> anyhow::Result<Self> {
        let kind = told.unwrap_or_else(|| FileFormat::of_name(file));
        let name = file.display().to_string();
        let unread = || format!("could not read `{name}` as {} of `{}`", kind.words(), contract.name);
        if kind == FileFormat::Parquet {
            if file == Path::new("-") {
                bail!("a Parquet file is read from its end, which standard input has not yet\n  hint: name the file");
            }
            let rows = ParquetRows::open(open_file(file)?, contract).with_context(unread)?;
            return Ok(Self::Parquet(Box::new(rows)));
        }
        let mut bytes: Box<dyn Read + Send> = if file == Path::new("-") {
            Box::new(std::io::stdin())
        } else {
            Box::new(open_file(file)?)
        };
        let shape = match kind {
            FileFormat::Avro => {
                let rows = AvroRows::open(bytes, contract).with_context(unread)?;
                return Ok(Self::Avro(Box::new(rows)));
            }
            FileFormat::Jsonl => {
                bytes = no_array(bytes).with_context(unread)?;
                Shape::Jsonl
            }
            _ => Shape::Csv,
        };
        let reader = LineReader::open(bytes, shape, contract, format, Bounds::default());
        let reader = reader.with_context(|| format!("could not read `{name}` as a file of `{}`", contract.name))?;
        let decoder = LineDecoder::new(Arc::clone(contract), format, Arc::clone(reader.fit()))?;
        Ok(Self::Lines(Box::new(Lines { reader, decoder })))
    }

    /// The names of the file's columns.
    pub fn header(&self) -> Vec<String> {
        match self {
            Self::Lines(lines) => lines.reader.header().to_vec(),
            Self::Parquet(rows) => rows.header().to_vec(),
            Self::Avro(rows) => rows.texts().header.clone(),
        }
    }

    /// What gives bad rows their text where they do not come with it.
    pub fn texts(&self) -> Option<Arc<AvroTexts>> {
        match self {
            Self::Avro(rows) => Some(Arc::clone(rows.texts())),
            Self::Lines(_) | Self::Parquet(_) => None,
        }
    }

    /// The next rows; `None` at the end of the file.
    pub fn next_batch(&mut self) -> anyhow::Result<Option<DecodedBatch>> {
        match self {
            Self::Lines(lines) => Ok(lines.reader.next_run()?.map(|run| lines.decoder.decode(run))),
            Self::Parquet(rows) => rows.next_batch(),
            Self::Avro(rows) => rows.next_batch(),
        }
    }

    /// Takes the buffers of rows back that are done with.
    pub fn recycle(&mut self, lines: RawLines) {
        match self {
            Self::Lines(of_text) => of_text.reader.recycle(lines),
            Self::Parquet(rows) => rows.recycle(lines),
            Self::Avro(_) => {}
        }
    }

    /// How many of the file's bytes were read: for a progress bar.
    pub fn bytes_read(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.reader.bytes_read(),
            Self::Avro(rows) => rows.bytes_read(),
            Self::Parquet(_) => 0,
        }
    }
}

/// The same bytes, unless they begin as one JSON array: its lines would all be no objects.
fn no_array(mut bytes: Box<dyn Read + Send>) -> anyhow::Result<Box<dyn Read + Send>> {
    let mut first = Vec::new();
    bytes.by_ref().take(FIRST_BYTES).read_to_end(&mut first)?;
    let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&first);
    if text.trim_ascii_start().first() == Some(&b'[') {
        bail!("it is a JSON array, and one object a line was expected\n  hint: `jq -c '.[]'` makes lines of it");
    }
    Ok(Box::new(Cursor::new(first).chain(bytes)))
}
