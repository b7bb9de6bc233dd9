//! The features that a claim scored, as a sealed file of its own.
//!
//! Written by `muster score` before the claim is ended, listed in the same transaction as its predictions. Sealed
//! like a batch's files, in `feature-data/PIPELINE/`.

use std::sync::Arc;

use arrow::array::RecordBatch;
use muster_batch::{DataFile, FileKind};
use muster_spec::{PipelineName, Token};

use super::parquet_file::{Layout, ParquetFile};
use super::{FileStore, Step, path_part};
use crate::error::Error;

const LAYOUT: Layout<'static> = Layout {
    rising: &["_source", "_offset"],
    ..Layout::PLAIN
};

/// Takes the features of one claim.
pub struct ClaimWriter {
    store: Arc<dyn FileStore>,
    folder: String,
    stem: String,
    token: Token,
    file: Option<ParquetFile>,
}

impl ClaimWriter {
    /// The features of a claim of `pipeline`, by the ledger's number.
    pub fn new(store: Arc<dyn FileStore>, pipeline: &PipelineName, claim: i64, token: Token) -> Result<Self, Error> {
        Ok(Self {
            store,
            folder: format!("feature-data/{}", path_part(pipeline.as_str())?),
            stem: format!("c{claim}-{token}"),
            token,
            file: None,
        })
    }

    /// Adds rows; all of one schema.
    pub fn push(&mut self, features: &RecordBatch) -> Result<(), Error> {
        if features.num_rows() == 0 {
            return Ok(());
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => ParquetFile::create(
                &*self.store,
                FileKind::Features,
                &self.folder,
                &self.stem,
                features.schema(),
                &LAYOUT,
            )?,
        };
        self.file.insert(file).write(features)
    }

    /// Seals the file; `None` where there was no row.
    pub fn seal(self, told: &dyn Fn(Step)) -> Result<Option<DataFile>, Error> {
        let Some(file) = self.file else { return Ok(None) };
        let name = format!("{}.parquet", self.stem);
        file.seal(&*self.store, &self.folder, &name, self.token, told).map(Some)
    }
}
