//! Good and bad rows put together in the order in which they came.
//!
//! Used by [`super::Backtest`]. A unit is as much of both sides as one of them has read: at least one side's part is used up
//! with each, so a source of any size passes in a few parts at a time.

use arrow::array::Array;
use arrow::compute::interleave_record_batch;
use muster_batch::{BytesColumn, DecodedBatch, Finding, Headers, Origin, RawBatch, Refused};
use muster_spec::{Offset, OffsetDelta, SourceId};

use super::sides::{BadPart, GoodPart, Side, Tools};

/// Some records of a source as they came.
pub struct Unit {
    pub decoded: DecodedBatch,
    /// For each record, what became of it.
    pub was: Vec<Was>,
    /// Whether it was committed in the time asked for. A source commits in the order of offsets, so no unit is both.
    pub is_asked: bool,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Was {
    /// Good.
    Good { offset: i64 },
    /// Bad; its index in the bad side's part.
    Bad { record: usize },
}

/// The next records of a source; `None` at its end.
pub fn next(
    good: &mut Side<'_, GoodPart>,
    bad: &mut Side<'_, BadPart>,
    tools: &mut Tools<'_>,
) -> anyhow::Result<Option<Unit>> {
    good.fill(tools)?;
    bad.fill(tools)?;
    let ends = [good.rest().last(), bad.rest().last()];
    let Some(upto) = ends.into_iter().flatten().min().copied() else {
        return Ok(None);
    };
    let (good_taken, bad_taken) = (good.take(upto), bad.take(upto));
    let mut made = Making::new(good_taken.len() + bad_taken.len());
    let (mut good_at, mut bad_at) = (good_taken.start, bad_taken.start);
    while good_at < good_taken.end || bad_at < bad_taken.end {
        let of_good = good.part().filter(|_| good_at < good_taken.end);
        let of_bad = bad.part().filter(|_| bad_at < bad_taken.end);
        match (of_good, of_bad) {
            (Some(part), other) if other.is_none_or(|other| part.offsets[good_at] < other.offsets[bad_at]) => {
                made.good(part, good_at);
                good_at += 1;
            }
            (_, Some(part)) => {
                if !part.repaired[bad_at] {
                    made.bad(part, bad_at);
                }
                bad_at += 1;
            }
            (Some(_) | None, None) => break,
        }
    }
    made.finish(good.part(), good_taken.start, bad.part()).map(Some)
}

/// A unit while its records are lined up.
struct Making {
    was: Vec<Was>,
    is_asked: bool,
    offsets: Vec<i64>,
    timestamps: Vec<i64>,
    /// For each row, its side and its row there.
    rows: Vec<(usize, usize)>,
    record_of_row: Vec<u32>,
    refused: Vec<Refused>,
    findings: Vec<Finding>,
}

/// Which side a row is of.
const GOOD: usize = 0;
const BAD: usize = 1;

impl Making {
    fn new(records: usize) -> Self {
        Self {
            was: Vec::with_capacity(records),
            is_asked: false,
            offsets: Vec::with_capacity(records),
            timestamps: Vec::with_capacity(records),
            rows: Vec::with_capacity(records),
            record_of_row: Vec::with_capacity(records),
            refused: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn good(&mut self, part: &GoodPart, row: usize) {
        let offset = part.offsets[row];
        let micros = part.times.values()[row];
        self.timestamps.push(if part.times.is_valid(row) {
            micros.div_euclid(1000)
        } else {
            -1
        });
        self.row(&part.findings, (GOOD, row));
        self.offsets.push(offset);
        self.was.push(Was::Good { offset });
        self.is_asked |= part.is_asked;
    }

    fn bad(&mut self, part: &BadPart, record: usize) {
        let decoded = &part.decoded;
        self.timestamps.push(part.timestamps[record]);
        let at = record as u32;
        if let Ok(row) = decoded.record_of_row.binary_search(&at) {
            self.row(&decoded.findings, (BAD, row));
        } else if let Ok(refused) = decoded.refused.binary_search_by_key(&at, |refused| refused.record) {
            let record = self.offsets.len() as u32;
            self.refused.push(Refused {
                record,
                ..decoded.refused[refused]
            });
        }
        self.offsets.push(part.offsets[record]);
        self.was.push(Was::Bad { record });
        self.is_asked |= part.is_asked;
    }

    fn row(&mut self, findings: &[Finding], (side, row): (usize, usize)) {
        let own = findings.partition_point(|finding| (finding.row as usize) < row);
        let own = findings[own..].iter().take_while(|finding| finding.row as usize == row);
        let here = self.rows.len() as u32;
        self.findings.extend(own.map(|finding| Finding {
            row: here,
            rule: finding.rule,
        }));
        self.record_of_row.push(self.offsets.len() as u32);
        self.rows.push((side, row));
    }

    fn finish(self, good: Option<&GoodPart>, from: usize, bad: Option<&BadPart>) -> anyhow::Result<Unit> {
        let sides = [good.map(|part| &part.rows), bad.map(|part| &part.decoded.rows)];
        let rows = match sides {
            // Nothing stands between the rows of one side: no need to copy them.
            [Some(good), _] if self.rows.iter().all(|(side, _)| *side == GOOD) => {
                good.slice(from.min(good.num_rows()), self.rows.len())
            }
            [Some(good), Some(bad)] => interleave_record_batch(&[good, bad], &self.rows)?,
            [only_good, only_bad] => {
                let only = only_good
                    .or(only_bad)
                    .ok_or_else(|| anyhow::anyhow!("a unit has rows of no side"))?;
                let rows: Vec<(usize, usize)> = self.rows.iter().map(|(_, row)| (0, *row)).collect();
                interleave_record_batch(&[only], &rows)?
            }
        };
        // Judging asks for offsets and times; deliveries, which headers and payloads tell of, were looked at before.
        let origin = Origin::Records(RawBatch {
            source: SourceId(0),
            topic: "".into(),
            partition: 0,
            delta: OffsetDelta::new(
                Offset(self.offsets.first().copied().unwrap_or_default()),
                Offset(self.offsets.last().map_or(0, |last| last + 1)),
            ),
            offsets: self.offsets,
            timestamps: self.timestamps,
            payloads: BytesColumn::default(),
            keys: BytesColumn::default(),
            headers: Headers::default(),
        });
        Ok(Unit {
            decoded: DecodedBatch {
                origin,
                rows,
                record_of_row: self.record_of_row,
                refused: self.refused,
                findings: self.findings,
                tombstones: Vec::new(),
            },
            was: self.was,
            is_asked: self.is_asked,
        })
    }
}
