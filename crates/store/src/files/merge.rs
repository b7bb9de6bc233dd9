//! Several sealed files of a source as one: the same rows in the same order, and nothing decided anew.
//!
//! Used by `muster compact`. The files are checked against the ledger before a row of them is taken; the new one is sealed
//! as a batch's files are. Where each batch's rows begin follows from the order of the parts, and the ledger notes it when
//! it lists the file in their place.

use std::sync::Arc;

use muster_batch::{DataFile, FileKind};
use muster_spec::{BatchId, Contract, SourceId, Token};

use super::good::GoodLayout;
use super::open::{joined_files, open};
use super::parquet_file::{Layout, ParquetFile};
use super::{FileStore, ListedFile, Step, bad, keys, path_part};
use crate::error::Error;

/// What a merged file is made of.
#[derive(Clone, Debug)]
pub struct Merging<'m> {
    /// What the files hold: good rows, bad records or keys.
    pub kind: FileKind,
    /// Their contract.
    pub contract: &'m Contract,
    /// Their source.
    pub source: SourceId,
    /// The batch of the first part: with the token it makes a name that no other file has.
    pub first_batch: BatchId,
    /// The token of whoever merges.
    pub token: Token,
    /// The parts in the order in which their rows are to lie.
    pub parts: &'m [ListedFile],
}

impl Merging<'_> {
    /// Writes and seals the file, telling each step before it is done. `None` where the parts have no row. On an error
    /// nothing is left behind.
    pub fn seal(&self, store: &Arc<dyn FileStore>, told: &dyn Fn(Step)) -> Result<Option<DataFile>, Error> {
        let good = GoodLayout::new(self.contract);
        let (side, ending, layout) = match self.kind {
            FileKind::Good => ("good-data", "parquet", good.layout()),
            FileKind::Keys => ("good-data", "keys", keys::LAYOUT),
            FileKind::Bad => ("bad-data", "parquet", bad::LAYOUT),
            FileKind::Features | FileKind::Patch => {
                return Err(Error::Encode {
                    path: self.kind.word().to_owned(),
                    reason: "files of this kind are not merged".to_owned(),
                });
            }
        };
        let folder = format!("{side}/{}", path_part(self.contract.name.as_str())?);
        let stem = format!("s{}-m{}-{}", self.source, self.first_batch, self.token);
        let Some(file) = self.write(&**store, &folder, &stem, &layout)? else {
            return Ok(None);
        };
        let name = format!("{stem}.{ending}");
        file.seal(&**store, &folder, &name, self.token, told).map(Some)
    }

    /// Copies the rows of the parts one after another.
    fn write(
        &self,
        store: &dyn FileStore,
        folder: &str,
        stem: &str,
        layout: &Layout<'_>,
    ) -> Result<Option<ParquetFile>, Error> {
        let mut file: Option<ParquetFile> = None;
        for part in joined_files(self.parts.to_vec(), |part| part) {
            for rows in open(store, &part, None)? {
                let rows = rows?;
                if file.is_none() {
                    let name = format!("{stem}.{}", self.kind.word());
                    let begun = ParquetFile::create(store, self.kind, folder, &name, rows.schema(), layout)?;
                    file = Some(begun);
                }
                file.as_mut().map_or(Ok(()), |file| file.write(&rows))?;
            }
        }
        Ok(file)
    }
}
