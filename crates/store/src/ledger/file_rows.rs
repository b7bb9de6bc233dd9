//! Rows of published files that batches hold: on their way to the ledger, and back when a source is assigned or a file
//! is published again.
//!
//! A batch of a keyed topic holds every sixth row of a file or so: as many ranges as rows, which the database would read
//! one by one. Where a block of 65,536 rows has many ranges it travels and is kept as bits, else as ranges, so that no
//! form is ever larger than the ranges would be.

use muster_batch::FileRows;
use muster_spec::{ContractName, FileSha, SourceId};
use serde::Serialize;
use tokio_postgres::Row;

use super::{Ledger, wire};
use crate::error::Error;
use crate::files::joined;

/// Rows of a block; `bit(65536)` in the ledger.
const BLOCK_ROWS: u64 = 1 << 16;
/// A block with more ranges becomes bits, which take as much as 512 ranges and are read in no time.
const RANGES_MAX: usize = 256;

/// A file's ranges as a multirange.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct WireFileRows {
    file: String,
    rows: String,
}

/// A block of a file's rows as hexadecimal digits, the first row leftmost.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct WireFileBlock {
    file: String,
    block: u64,
    bits: String,
}

/// Ranges sorted by file and row, as the seal makes them, in the ledger's two forms.
pub(super) fn packed(given: &[FileRows]) -> (Vec<WireFileRows>, Vec<WireFileBlock>) {
    let (mut ranges, mut blocks) = (Vec::new(), Vec::new());
    for of_file in given.chunk_by(|one, next| one.file == next.file) {
        let file = of_file[0].file;
        let mut few: Vec<FileRows> = Vec::new();
        for of_block in pieces(of_file).chunk_by(|one, next| block_of(one) == block_of(next)) {
            if of_block.len() > RANGES_MAX {
                blocks.push(WireFileBlock {
                    file: file.to_string(),
                    block: block_of(&of_block[0]),
                    bits: bits(of_block),
                });
            } else {
                few.extend_from_slice(of_block);
            }
        }
        let few = joined(few);
        if !few.is_empty() {
            ranges.push(WireFileRows {
                file: file.to_string(),
                rows: wire::multirange(few.iter().map(|range| (range.from as i64, range.to as i64))),
            });
        }
    }
    (ranges, blocks)
}

/// The same ranges, cut where a block with other ranges begins: one that covers whole blocks stays in one piece.
fn pieces(ranges: &[FileRows]) -> Vec<FileRows> {
    let mut pieces = Vec::with_capacity(ranges.len());
    for range in ranges {
        let (first, last) = (block_of(range), (range.to - 1) / BLOCK_ROWS);
        let mut from = range.from;
        for border in [first + 1, last].map(|block| block.saturating_mul(BLOCK_ROWS)) {
            if from < border && border < range.to {
                pieces.push(FileRows {
                    file: range.file,
                    from,
                    to: border,
                });
                from = border;
            }
        }
        pieces.push(FileRows { from, ..*range });
    }
    pieces
}

fn block_of(range: &FileRows) -> u64 {
    range.from / BLOCK_ROWS
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The bits of one block's ranges, as digits.
fn bits(ranges: &[FileRows]) -> String {
    let mut bytes = vec![0_u8; (BLOCK_ROWS / 8) as usize];
    for row in ranges.iter().flat_map(|range| range.from..range.to) {
        let row = row % BLOCK_ROWS;
        bytes[(row / 8) as usize] |= 0x80 >> (row % 8);
    }
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// The ranges of a block, whose bits the ledger writes as zeros and ones.
fn ranges(file: FileSha, block: u64, bits: &str) -> Vec<FileRows> {
    let first = block * BLOCK_ROWS;
    let mut ranges: Vec<FileRows> = Vec::new();
    for (row, _) in (first..).zip(bits.bytes()).filter(|(_, bit)| *bit == b'1') {
        match ranges.last_mut() {
            Some(last) if last.to == row => last.to += 1,
            _ => ranges.push(FileRows {
                file,
                from: row,
                to: row + 1,
            }),
        }
    }
    ranges
}

impl Ledger {
    /// Rows of published files that the source holds, whatever their verdict; of all partitions of the topic where it
    /// grew. Redeliveries are known by these.
    pub async fn file_rows_of(&self, source: SourceId) -> Result<Vec<FileRows>, Error> {
        const SQL: &str = "WITH mine AS (SELECT topic, topic_id FROM sources WHERE id = $1), near AS (
              SELECT sources.id FROM sources JOIN mine USING (topic, topic_id) JOIN topics USING (topic, topic_id)
              WHERE sources.id = $1 OR topics.grown_at IS NOT NULL)
            SELECT held.file_sha256, lower(part), upper(part), NULL::bigint, NULL::text
            FROM (SELECT file_sha256, range_agg(part) AS rows
                  FROM batch_file_rows, unnest(batch_file_rows.rows) AS part
                  WHERE source_id IN (SELECT id FROM near) GROUP BY file_sha256) AS held,
              unnest(held.rows) AS part
            UNION ALL
            SELECT file_sha256, NULL, NULL, block, bit_or(rows)::text FROM batch_file_blocks
            WHERE source_id IN (SELECT id FROM near) GROUP BY file_sha256, block";
        let mut session = self.session("list held file rows").await?;
        let rows = session.rows(SQL, &[&source.0]).await?;
        unpacked(&rows)
    }

    /// Rows of one published file that the ledger holds for a contract, whatever their verdict, as sorted ranges.
    pub async fn file_rows_held(&self, contract: &ContractName, file: FileSha) -> Result<Vec<FileRows>, Error> {
        const SQL: &str = "SELECT $2::bytea, lower(part), upper(part), NULL::bigint, NULL::text
            FROM (SELECT range_agg(part) AS rows
                  FROM batch_file_rows, unnest(batch_file_rows.rows) AS part
                  WHERE contract = $1 AND file_sha256 = $2) AS held, unnest(held.rows) AS part
            UNION ALL
            SELECT $2::bytea, NULL, NULL, block, bit_or(rows)::text FROM batch_file_blocks
            WHERE contract = $1 AND file_sha256 = $2 GROUP BY block";
        let mut session = self.session("list held file rows").await?;
        let rows = session.rows(SQL, &[&contract.as_str(), &file.0.as_slice()]).await?;
        unpacked(&rows)
    }
}

/// Rows in either form as sorted ranges that do not meet.
fn unpacked(rows: &[Row]) -> Result<Vec<FileRows>, Error> {
    let mut all = Vec::new();
    for row in rows {
        let file = FileSha(super::keys::digest(row.get(0))?);
        match row.get::<_, Option<i64>>(3) {
            Some(block) => all.extend(ranges(file, block as u64, row.get(4))),
            None => all.push(FileRows {
                file,
                from: row.get::<_, i64>(1) as u64,
                to: row.get::<_, i64>(2) as u64,
            }),
        }
    }
    Ok(joined(all))
}

#[cfg(test)]
#[path = "file_rows_tests.rs"]
mod tests;
