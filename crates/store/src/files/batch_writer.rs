//! The batch of one source while it grows, and its seal.
//!
//! Fed by `muster` with judged batches as they come, in offset order; sealed when rows, bytes or seconds say so. No
//! file comes to be where there is no row. Dropped without a seal, or failed, it leaves nothing behind; a process
//! that is killed leaves temporary files, which the sweeper takes once the token is superseded.

use std::sync::Arc;

use arrow::array::RecordBatch;
use muster_batch::{DataFile, FileKind, JudgedBatch, KeyEntries, Origin, RawBatch};
use muster_spec::{Contract, Offset, OffsetDelta, SourceId, Token};

use super::good::GoodLayout;
use super::parquet_file::{Layout, ParquetFile, WrittenFile};
use super::sealed::Sealed;
use super::tally::{self, Tally};
use super::{FileStore, Step, bad, good, keys, path_part};
use crate::error::Error;

/// What a batch answers for.
#[derive(Clone, Copy)]
enum Span {
    /// Every record of a delta, as it grows.
    Delta(OffsetDelta),
    /// Records of the bad side that were judged again: what is bad still stays where it is. Numbered by its writer.
    Repair(u64),
}

/// Takes the judged batches of one source.
pub struct BatchWriter {
    store: Arc<dyn FileStore>,
    contract: Arc<Contract>,
    source: SourceId,
    token: Token,
    span: Span,
    good: Option<ParquetFile>,
    bad: Option<ParquetFile>,
    keys: Option<ParquetFile>,
    patch: Option<ParquetFile>,
    key_times: Option<(i64, i64)>,
    keys_without_time: bool,
    tally: Tally,
    failed: bool,
}

impl BatchWriter {
    /// A batch of `source` that begins at `from`.
    pub fn new(
        store: Arc<dyn FileStore>,
        contract: Arc<Contract>,
        source: SourceId,
        token: Token,
        from: Offset,
    ) -> Result<Self, Error> {
        Self::spanning(
            store,
            contract,
            source,
            token,
            Span::Delta(OffsetDelta::new(from, from)),
        )
    }

    /// Records of `source` that were judged again: good rows, their keys, and the patch that made them so. `number` tells
    /// it from others under the same token.
    pub fn of_repair(
        store: Arc<dyn FileStore>,
        contract: Arc<Contract>,
        source: SourceId,
        token: Token,
        number: u64,
    ) -> Result<Self, Error> {
        Self::spanning(store, contract, source, token, Span::Repair(number))
    }

    fn spanning(
        store: Arc<dyn FileStore>,
        contract: Arc<Contract>,
        source: SourceId,
        token: Token,
        span: Span,
    ) -> Result<Self, Error> {
        path_part(contract.name.as_str())?;
        Ok(Self {
            tally: Tally::new(&contract),
            store,
            contract,
            source,
            token,
            span,
            good: None,
            bad: None,
            keys: None,
            patch: None,
            key_times: None,
            keys_without_time: false,
            failed: false,
        })
    }

    /// What it answers for so far; nothing for a repair.
    pub fn delta(&self) -> OffsetDelta {
        match self.span {
            Span::Delta(delta) => delta,
            Span::Repair(_) => OffsetDelta::new(Offset(0), Offset(0)),
        }
    }

    /// Whether no offset was handed to it.
    pub fn is_empty(&self) -> bool {
        self.delta().is_empty()
    }

    /// Records received so far.
    pub fn rows(&self) -> u64 {
        self.tally.received
    }

    /// Bytes of its files so far, as they will be on disk.
    pub fn bytes(&self) -> u64 {
        let files = [&self.good, &self.bad, &self.keys, &self.patch];
        files.iter().copied().flatten().map(|file| file.bytes() as u64).sum()
    }

    /// Adds judged records, which begin where the last ones ended; of a repair, whichever records.
    pub fn push(&mut self, judged: &JudgedBatch) -> Result<(), Error> {
        if self.failed {
            return Err(Error::Broken(self.stem()));
        }
        let Origin::Records(records) = &judged.origin else {
            return Err(self.encode_error("lines of a file have no position"));
        };
        let joined = match self.span {
            Span::Delta(delta) => Span::Delta(delta.join(records.delta).ok_or(Error::NotContiguous {
                expected: delta.to.0,
                found: records.delta.from.0,
            })?),
            repair @ Span::Repair(_) => repair,
        };
        // Until all of it is written the writer counts as failed: half a batch must never be sealed.
        self.failed = true;
        self.push_good(judged, records)?;
        self.push_bad(judged, records)?;
        self.push_keys(&judged.keys)?;
        self.tally.add(judged, records);
        self.span = joined;
        self.failed = false;
        Ok(())
    }

    fn push_good(&mut self, judged: &JudgedBatch, records: &RawBatch) -> Result<(), Error> {
        if judged.good_records.is_empty() {
            return Ok(());
        }
        let schema = good::schema(&judged.good.schema());
        let rows = good::rows(judged, records, Arc::clone(&schema)).map_err(|error| self.arrow_error(&error))?;
        if self.good.is_none() {
            let layout = GoodLayout::new(&self.contract);
            self.good = Some(self.create(FileKind::Good, schema, &layout.layout())?);
        }
        self.good.as_mut().map_or(Ok(()), |file| file.write(&rows))
    }

    fn push_bad(&mut self, judged: &JudgedBatch, records: &RawBatch) -> Result<(), Error> {
        if judged.bad_records.is_empty() || matches!(self.span, Span::Repair(_)) {
            return Ok(());
        }
        let schema = bad::schema();
        let rows = bad::rows(judged, records, &self.contract, Arc::clone(&schema))
            .map_err(|error| self.arrow_error(&error))?;
        if self.bad.is_none() {
            self.bad = Some(self.create(FileKind::Bad, schema, &bad::LAYOUT)?);
        }
        self.bad.as_mut().map_or(Ok(()), |file| file.write(&rows))
    }

    /// Adds what a repair changed: rows of one schema, as `muster` writes them.
    pub fn push_patch(&mut self, changes: &RecordBatch) -> Result<(), Error> {
        if changes.num_rows() == 0 {
            return Ok(());
        }
        if self.patch.is_none() {
            let layout = Layout {
                rising: &["_offset"],
                ..Layout::PLAIN
            };
            self.patch = Some(self.create(FileKind::Patch, changes.schema(), &layout)?);
        }
        self.patch.as_mut().map_or(Ok(()), |file| file.write(changes))
    }

    fn push_keys(&mut self, entries: &KeyEntries) -> Result<(), Error> {
        if entries.is_empty() {
            return Ok(());
        }
        self.keys_without_time |= entries.event_times.contains(&i64::MIN);
        self.key_times = tally::join(self.key_times, tally::bounds(&entries.event_times));
        let schema = keys::schema();
        let rows =
            keys::rows(entries, &self.contract, Arc::clone(&schema)).map_err(|error| self.arrow_error(&error))?;
        if self.keys.is_none() {
            self.keys = Some(self.create(FileKind::Keys, schema, &keys::LAYOUT)?);
        }
        self.keys.as_mut().map_or(Ok(()), |file| file.write(&rows))
    }

    fn create(
        &self,
        kind: FileKind,
        schema: arrow::datatypes::SchemaRef,
        layout: &Layout<'_>,
    ) -> Result<ParquetFile, Error> {
        let begin = match self.span {
            Span::Delta(delta) => delta.from.to_string(),
            Span::Repair(number) => format!("repair{number}"),
        };
        let name = format!("s{}-{begin}-{}.{}", self.source, self.token, kind.word());
        ParquetFile::create(&*self.store, kind, &self.folder(kind), &name, schema, layout)
    }

    /// Writes footers, syncs, reads the footers back, renames, syncs the folders. Tells each step before it is done.
    /// On an error everything is deleted again: what was never handed to a commit can never be listed.
    pub fn seal(mut self, told: &dyn Fn(Step)) -> Result<Sealed, Error> {
        if self.failed {
            return Err(Error::Broken(self.stem()));
        }
        let mut written = Vec::new();
        let files = [&mut self.good, &mut self.bad, &mut self.keys, &mut self.patch];
        for file in files.map(Option::take).into_iter().flatten() {
            told(Step::Write(file.kind()));
            written.push(file.finish()?);
        }
        for file in &mut written {
            told(Step::Sync(file.kind));
            file.sync()?;
        }
        for file in &written {
            told(Step::Check(file.kind));
            file.check()?;
        }
        let mut files = Vec::new();
        let named = self.name(&mut written, &mut files, told);
        if let Err(error) = named {
            for file in &files {
                // The first error is the one to tell; the sweeper takes what cannot be deleted.
                drop(self.store.remove(&file.path));
            }
            return Err(error);
        }
        Ok(self.sealed(files))
    }

    fn name(&self, written: &mut [WrittenFile], files: &mut Vec<DataFile>, told: &dyn Fn(Step)) -> Result<(), Error> {
        for file in written {
            told(Step::Rename(file.kind));
            let ending = match file.kind {
                FileKind::Keys | FileKind::Patch => file.kind.word(),
                FileKind::Good | FileKind::Bad | FileKind::Features => "parquet",
            };
            let path = file.rename(&format!("{}.{ending}", self.stem()), false)?.to_owned();
            files.push(self.data_file(file, path));
        }
        if !files.is_empty() {
            told(Step::SyncFolders);
        }
        let mut folders: Vec<_> = files.iter().map(|file| self.folder(file.kind)).collect();
        folders.sort();
        folders.dedup();
        folders.iter().try_for_each(|folder| self.store.sync_folder(folder))
    }

    fn data_file(&self, file: &WrittenFile, path: String) -> DataFile {
        let event_times = match file.kind {
            FileKind::Good => self.tally.event_times,
            // Keys without a time always matter: their file has no bounds to be left out by.
            FileKind::Keys => self.key_times.filter(|_| !self.keys_without_time),
            FileKind::Bad | FileKind::Features | FileKind::Patch => None,
        };
        DataFile {
            kind: file.kind,
            path,
            rows: file.rows,
            bytes: file.bytes,
            event_times,
            sha256: file.sha256,
            contract_version: Some(self.contract.version.clone()),
            token: self.token,
        }
    }

    fn sealed(mut self, files: Vec<DataFile>) -> Sealed {
        Sealed {
            source: self.source,
            contract: self.contract.name.clone(),
            contract_version: self.contract.version.clone(),
            token: self.token,
            delta: self.delta(),
            files,
            received: self.tally.received,
            good: self.tally.good,
            bad: self.tally.bad,
            duplicates: self.tally.duplicates,
            tombstones: self.tally.tombstones,
            rules: self.tally.rules(&self.contract),
            event_times: self.tally.event_times,
            file_rows: self.tally.take_file_rows(),
            duplicate_offsets: self.tally.duplicate_offsets,
        }
    }

    /// The final name without its ending.
    fn stem(&self) -> String {
        match self.span {
            Span::Delta(delta) => format!("s{}-{}-{}-{}", self.source, delta.from, delta.to, self.token),
            Span::Repair(number) => format!("s{}-repair{number}-{}", self.source, self.token),
        }
    }

    fn folder(&self, kind: FileKind) -> String {
        let side = match kind {
            FileKind::Bad | FileKind::Patch => "bad-data",
            FileKind::Good | FileKind::Keys | FileKind::Features => "good-data",
        };
        format!("{side}/{}", self.contract.name)
    }

    fn arrow_error(&self, error: &arrow::error::ArrowError) -> Error {
        self.encode_error(&error.to_string())
    }

    fn encode_error(&self, reason: &str) -> Error {
        Error::Encode {
            path: self.stem(),
            reason: reason.into(),
        }
    }
}
