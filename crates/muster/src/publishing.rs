//! Rows of files to events.
//!
//! Used by `publish`, `ingest --watch` and `demo`. Each row goes out as it stands in the file, every value a text, as
//! Avro in an all-text schema or as JSON, whichever the topic's records are, with headers that name file and row; nothing
//! is judged here. What the ledger holds of a file already is left out, so that a restart publishes what is missing; what
//! arrives twice all the same is counted as a duplicate.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use muster_batch::FileRows;
use muster_batch::raw_lines::{Line, RawLines};
use muster_contract::decode::{JsonWriter, TextWriter};
use muster_contract::lines::{ColumnsFit, columns_header};
use muster_spec::contract::Format;
use muster_spec::{Contract, FileSha, SchemaId, TextFormat};
use muster_stream::{Outgoing, Publisher, partition_of_row};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use sha2::{Digest, Sha256};

use crate::file_lines::{FileLines, open_file};

/// How long acknowledgements may take at the end of a file.
const FLUSH_LIMIT: Duration = Duration::from_mins(2);
/// How many rows lie between two reports of progress.
const REPORT_ROWS: u64 = 1000;

/// Publishes files of one contract.
pub struct FilePublisher<'a> {
    /// The contract whose topic they go to.
    pub contract: &'a Contract,
    /// The id that frames name: of the contract's all-text schema.
    pub frame_id: SchemaId,
    /// The topic's number of partitions.
    pub partitions: i32,
    /// How the files are written.
    pub text_format: TextFormat,
    /// The seed of a random order; `None` publishes in the file's.
    pub shuffle: Option<u64>,
    /// Sends the records.
    pub publisher: &'a Publisher,
    /// Told of progress; may wait, and may break off.
    pub pace: &'a dyn Fn(Progress) -> ControlFlow<()>,
}

/// How far publishing is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Rows sent since the last report.
    pub rows: u64,
    /// Bytes of their payloads, keys and headers.
    pub bytes: u64,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Published {
    /// Rows sent.
    pub sent: u64,
    /// Rows the ledger held already.
    pub held: u64,
}

/// The sha-256 of a file's bytes.
pub fn sha_of(path: &Path) -> anyhow::Result<FileSha> {
    let mut file = open_file(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file
            .read(&mut buffer)
            .with_context(|| format!("could not read `{}`", path.display()))?;
        if read == 0 {
            return Ok(FileSha(hasher.finalize().into()));
        }
        hasher.update(&buffer[..read]);
    }
}

impl FilePublisher<'_> {
    /// Publishes the rows of a file that are not among `held`, and waits until all are acknowledged.
    pub fn publish(&self, path: &Path, file: FileSha, held: &[FileRows]) -> anyhow::Result<Published> {
        let mut reader = FileLines::open(path, self.contract, &self.text_format)?;
        let fit = Arc::clone(reader.fit());
        let mut sender = Sender::new(self, file, held, &fit);
        if let Some(seed) = self.shuffle {
            let mut runs = Vec::new();
            while let Some(run) = reader.next_run()? {
                runs.push(run);
            }
            let mut order: Vec<(usize, usize)> = runs
                .iter()
                .enumerate()
                .flat_map(|(run, lines)| (0..lines.len()).map(move |row| (run, row)))
                .collect();
            order.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
            for (run, row) in order {
                sender.send(&runs[run], row)?;
            }
        } else {
            while let Some(run) = reader.next_run()? {
                for row in 0..run.len() {
                    sender.send(&run, row)?;
                }
                reader.recycle(run);
            }
        }
        let published = sender.finish()?;
        let deliveries = self.publisher.flush(FLUSH_LIMIT)?;
        if deliveries.failed > 0 {
            bail!(
                "{} records of `{}` were not acknowledged\n  hint: publish again with --resume",
                deliveries.failed,
                path.display()
            );
        }
        Ok(published)
    }
}

/// Writes rows as the topic's records are.
enum RowWriter {
    Avro(TextWriter),
    Json(JsonWriter),
}

/// Sends rows of one file.
struct Sender<'a> {
    plan: &'a FilePublisher<'a>,
    file: FileSha,
    held: &'a [FileRows],
    writer: RowWriter,
    fit: &'a ColumnsFit,
    /// Where the key is in the file.
    key: Option<usize>,
    /// What `muster-columns` says of every row, if anything.
    misfit: Option<String>,
    published: Published,
    unreported: Progress,
}

impl<'a> Sender<'a> {
    fn new(plan: &'a FilePublisher<'a>, file: FileSha, held: &'a [FileRows], fit: &'a ColumnsFit) -> Self {
        Self {
            plan,
            file,
            held,
            writer: match plan.contract.format {
                Format::Avro => RowWriter::Avro(TextWriter::new(plan.frame_id)),
                Format::Json => RowWriter::Json(JsonWriter::new(plan.contract)),
            },
            fit,
            key: fit.order[plan.contract.key],
            misfit: fit.misfit.as_ref().map(columns_header),
            published: Published::default(),
            unreported: Progress::default(),
        }
    }

    /// Sends a row unless it is held.
    fn send(&mut self, run: &RawLines, row: usize) -> anyhow::Result<()> {
        let number = run.first_row + row as u64;
        if self.held.iter().any(|held| held.from <= number && number < held.to) {
            self.published.held += 1;
            return Ok(());
        }
        let row_number = number.to_be_bytes();
        let mut headers: Vec<(&str, Option<&[u8]>)> =
            vec![("muster-file", Some(&self.file.0)), ("muster-row", Some(&row_number))];
        let of_row = run.misfit(row).map(columns_header);
        let (payload, key): (&[u8], Option<&[u8]>) = match run.row(row) {
            Line::Cells(cells) => {
                if let Some(misfit) = of_row.as_deref().or(self.misfit.as_deref()) {
                    headers.push(("muster-columns", Some(misfit.as_bytes())));
                }
                let key = self
                    .key
                    .and_then(|column| cells.get(column))
                    .filter(|key| !key.is_empty());
                let cells = self.fit.arrange(run, row);
                let payload = match &mut self.writer {
                    RowWriter::Avro(writer) => writer.write(cells),
                    RowWriter::Json(writer) => {
                        let missing = self.fit.misfit_of(run, row).map(|misfit| &misfit.missing[..]);
                        writer.write(cells, missing.unwrap_or_default())
                    }
                };
                (payload, key)
            }
            Line::Uncut(why, raw) => {
                headers.push(("muster-line", Some(why.code().as_bytes())));
                (raw, None)
            }
        };
        let partition = key
            .is_none()
            .then(|| partition_of_row(&self.file, number, self.plan.partitions));
        let bytes = payload.len() + key.map_or(0, <[u8]>::len) + 100;
        self.plan.publisher.send(&Outgoing {
            topic: &self.plan.contract.topic,
            partition,
            key,
            payload: Some(payload),
            headers: &headers,
            timestamp_ms: None,
        })?;
        self.published.sent += 1;
        self.unreported.rows += 1;
        self.unreported.bytes += bytes as u64;
        if self.unreported.rows == REPORT_ROWS {
            self.report()
        } else {
            Ok(())
        }
    }

    fn report(&mut self) -> anyhow::Result<()> {
        match (self.plan.pace)(std::mem::take(&mut self.unreported)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                bail!("publishing was broken off; what is missing goes out next time, with `publish` by --resume")
            }
        }
    }

    fn finish(mut self) -> anyhow::Result<Published> {
        self.report()?;
        Ok(self.published)
    }
}
