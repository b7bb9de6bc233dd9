//! The good and the bad rows of some batches, each side a part at a time, in the order of their offsets.
//!
//! Used by [`super::unit`], which puts the sides together again. A part is what was read of a file at once.

use std::ops::Range;

use anyhow::{Context, ensure};
use arrow::array::{AsArray, RecordBatch, TimestampMicrosecondArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use muster_batch::{BytesColumn, DecodedBatch, Finding, Headers, Origin, RawBatch};
use muster_contract::decode::Decoder;
use muster_contract::decode::stored::StoredRows;
use muster_spec::{Offset, OffsetDelta, RuleNumber};
use muster_store::FileStore;
use muster_store::files::{self, BadRecords, Batches};
use muster_store::ledger::history::HistoryFile;

use super::FindSchema;
use crate::repairing::rows::is_in;

/// What parts are made with.
pub struct Tools<'t> {
    /// Offsets of the source's rows that were made good since, as rising half-open ranges.
    pub repaired: &'t [(i64, i64)],
    pub files: &'t dyn FileStore,
    pub find: FindSchema<'t>,
    pub decoder: Decoder,
    pub stored: StoredRows,
    /// `event_id.conflict`, where the contract still looks for event ids.
    pub conflict: Option<RuleNumber>,
}

/// Some rows of one side.
pub trait Part: Sized {
    fn read(rows: &RecordBatch, file: &HistoryFile, tools: &mut Tools<'_>) -> anyhow::Result<Self>;

    /// Their offsets, rising.
    fn offsets(&self) -> &[i64];
}

/// One side of some batches of a source.
pub struct Side<'s, P> {
    left: Vec<&'s HistoryFile>,
    open: Option<(&'s HistoryFile, Batches)>,
    part: Option<P>,
    /// How much of the part was taken.
    taken: usize,
}

impl<'s, P: Part> Side<'s, P> {
    pub fn new(files: impl DoubleEndedIterator<Item = &'s HistoryFile>) -> Self {
        Self {
            left: files.rev().collect(),
            open: None,
            part: None,
            taken: 0,
        }
    }

    /// Reads on where all that was read is taken; nothing is left in the part at the end of the side.
    pub fn fill(&mut self, tools: &mut Tools<'_>) -> anyhow::Result<()> {
        while self.rest().is_empty() {
            if let Some((file, batches)) = &mut self.open {
                match batches.next() {
                    Some(rows) => {
                        let part = P::read(&rows?, file, tools)?;
                        // Sides are put together by offset: one that falls would be waited for without end.
                        ensure!(
                            part.offsets().is_sorted(),
                            "`{}` has not its rows in the order of their offsets",
                            file.file.path
                        );
                        self.part = Some(part);
                        self.taken = 0;
                    }
                    None => self.open = None,
                }
            } else if let Some(file) = self.left.pop() {
                self.open = Some((file, files::open(tools.files, &file.file, None)?));
            } else {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The part that was read last.
    pub fn part(&self) -> Option<&P> {
        self.part.as_ref()
    }

    /// The offsets that are still to be taken.
    pub fn rest(&self) -> &[i64] {
        self.part.as_ref().map_or(&[], |part| &part.offsets()[self.taken..])
    }

    /// Takes what lies up to an offset, as a range of the part.
    pub fn take(&mut self, upto: i64) -> Range<usize> {
        let more = self.rest().partition_point(|offset| *offset <= upto);
        let from = self.taken;
        self.taken += more;
        from..self.taken
    }
}

/// Good rows as the contract sees them.
pub struct GoodPart {
    pub rows: RecordBatch,
    pub findings: Vec<Finding>,
    pub times: TimestampMicrosecondArray,
    pub offsets: ScalarBuffer<i64>,
    pub is_asked: bool,
}

impl Part for GoodPart {
    fn read(stored: &RecordBatch, file: &HistoryFile, tools: &mut Tools<'_>) -> anyhow::Result<Self> {
        let (rows, findings) = tools.stored.rows(stored);
        let position = || {
            let offsets = stored.column_by_name("_offset")?.as_primitive_opt::<Int64Type>()?;
            let times = stored.column_by_name("_event_time")?;
            Some((
                offsets.values().clone(),
                times.as_primitive_opt::<TimestampMicrosecondType>()?.clone(),
            ))
        };
        let (offsets, times) = position().with_context(|| foreign(file, "good"))?;
        Ok(Self {
            rows,
            findings,
            times,
            offsets,
            is_asked: file.is_asked,
        })
    }

    fn offsets(&self) -> &[i64] {
        &self.offsets
    }
}

/// Bad records, decoded once more.
pub struct BadPart {
    pub decoded: DecodedBatch,
    pub offsets: Vec<i64>,
    pub timestamps: Vec<i64>,
    /// For each record, the ids of the rules it broke.
    pub violations: Vec<Vec<String>>,
    /// For each record, whether it was made good since: then it is judged as the row that it became.
    pub repaired: Vec<bool>,
    pub is_asked: bool,
}

impl Part for BadPart {
    fn read(rows: &RecordBatch, file: &HistoryFile, tools: &mut Tools<'_>) -> anyhow::Result<Self> {
        let records = BadRecords::read(rows).with_context(|| foreign(file, "bad"))?;
        let raw = raw(&records, file);
        learn(&mut tools.decoder, &raw, tools.find)?;
        let (offsets, timestamps) = (raw.offsets.clone(), raw.timestamps.clone());
        let mut decoded = tools.decoder.decode(raw);
        // Only positions and times are asked for from here on.
        if let Origin::Records(raw) = &mut decoded.origin {
            (raw.payloads, raw.keys, raw.headers) = Default::default();
        }
        let told = |record: usize| records.violations(record).map(str::to_owned).collect();
        let violations: Vec<Vec<String>> = (0..records.len()).map(told).collect();
        if let Some(rule) = tools.conflict {
            let conflicting = |record: u32| violations[record as usize].iter().any(|id| id == CONFLICT);
            let of_rows = decoded.record_of_row.iter().enumerate();
            let stays = of_rows.filter(|(_, record)| conflicting(**record));
            decoded
                .findings
                .extend(stays.map(|(row, _)| Finding { row: row as u32, rule }));
            decoded.findings.sort_unstable_by_key(|finding| finding.row);
        }
        Ok(Self {
            repaired: offsets.iter().map(|offset| is_in(tools.repaired, *offset)).collect(),
            decoded,
            offsets,
            timestamps,
            violations,
            is_asked: file.is_asked,
        })
    }

    fn offsets(&self) -> &[i64] {
        &self.offsets
    }
}

/// The id of [`Check::EventIdConflict`], whatever the contract's version.
const CONFLICT: &str = "event_id.conflict";

fn foreign(file: &HistoryFile, side: &str) -> String {
    format!("`{}` has not the columns of a {side} file", file.file.path)
}

/// The records as they came from Kafka.
fn raw(records: &BadRecords<'_>, file: &HistoryFile) -> RawBatch {
    let last = records.len().checked_sub(1);
    let mut raw = RawBatch {
        source: file.source,
        topic: file.topic.clone(),
        partition: file.partition,
        delta: OffsetDelta::new(
            Offset(last.map_or(0, |_| records.offset(0))),
            Offset(last.map_or(0, |last| records.offset(last) + 1)),
        ),
        offsets: Vec::with_capacity(records.len()),
        timestamps: Vec::with_capacity(records.len()),
        payloads: BytesColumn::default(),
        keys: BytesColumn::default(),
        headers: Headers::default(),
    };
    (0..records.len()).for_each(|record| records.copy(record, &mut raw));
    raw
}

/// Learns the schemas that records name.
fn learn(decoder: &mut Decoder, raw: &RawBatch, find: FindSchema<'_>) -> anyhow::Result<()> {
    for id in decoder.missing(raw) {
        match find(id)? {
            // One that does not resolve is remembered: its records are refused, as they would be live.
            Some(text) => drop(decoder.learn(id, &text)),
            None => decoder.unknown(id),
        }
    }
    Ok(())
}
