//! A Parquet file's rows, typed by the contract.
//!
//! Used by [`super::rows`]: the cells are the plain texts that `publish` would send, decoded as plain text.

use std::fs::File;
use std::sync::Arc;

use muster_batch::{DecodedBatch, RawLines};
use muster_contract::lines::LineDecoder;
use muster_spec::{Contract, TextFormat};

use crate::file_lines::ParquetLines;

/// Rows of a Parquet file.
pub struct ParquetRows {
    lines: ParquetLines,
    decoder: LineDecoder,
}

impl ParquetRows {
    /// Opens a file; its columns are found by name.
    pub fn open(file: File, contract: &Arc<Contract>) -> anyhow::Result<Self> {
        let lines = ParquetLines::open(file, contract)?;
        let decoder = LineDecoder::new(Arc::clone(contract), &TextFormat::default(), Arc::clone(lines.fit()))?;
        Ok(Self { lines, decoder })
    }

    /// The names of the file's columns.
    pub fn header(&self) -> &[String] {
        &self.lines.fit().header
    }

    /// Takes a run back for its buffers.
    pub fn recycle(&mut self, lines: RawLines) {
        self.lines.recycle(lines);
    }

    /// The next rows; `None` at the end of the file.
    pub fn next_batch(&mut self) -> anyhow::Result<Option<DecodedBatch>> {
        Ok(self.lines.next_run()?.map(|run| self.decoder.decode(run)))
    }
}
