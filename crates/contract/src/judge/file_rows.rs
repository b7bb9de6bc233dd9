//! Which rows of published files a source holds.
//!
//! Used by [`super::keys`]: a row seen again is a duplicate whatever the contract names. Rows of one file are spread
//! over the partitions of its topic, so ranges do not pay; a file is cut into blocks of 65,536 rows, each a short list
//! or a bitmap of 8 KiB, so that a row costs one bit where rows are many and a few bytes where they are few.

use std::collections::HashMap;

use muster_batch::FileRows as Range;
use muster_spec::FileSha;

/// Rows of published files.
#[derive(Clone, Debug, Default)]
pub(super) struct FileRows {
    files: Vec<(FileSha, HashMap<u64, Block>)>,
    places: HashMap<FileSha, usize>,
    /// The file of the row asked last: rows of one file come together.
    last: usize,
}

#[derive(Clone, Debug)]
enum Block {
    /// Sorted.
    Few(Vec<u16>),
    Bits(Box<[u64; 1024]>),
}

/// At this many rows a list is as large as a bitmap of a block with gaps would cost in moves.
const FEW_MAX: usize = 512;

impl FileRows {
    /// Adds a row; whether it was not there.
    pub(super) fn insert(&mut self, file: FileSha, row: u64) -> bool {
        let place = self.place(file);
        let blocks = &mut self.files[place].1;
        blocks
            .entry(row >> 16)
            .or_insert_with(|| Block::Few(Vec::new()))
            .insert(row as u16)
    }

    /// Adds a range of rows.
    pub(super) fn insert_range(&mut self, range: &Range) {
        for row in range.from..range.to {
            self.insert(range.file, row);
        }
    }

    fn place(&mut self, file: FileSha) -> usize {
        if self.files.get(self.last).is_some_and(|(known, _)| *known == file) {
            return self.last;
        }
        let files = &mut self.files;
        self.last = *self.places.entry(file).or_insert_with(|| {
            files.push((file, HashMap::new()));
            files.len() - 1
        });
        self.last
    }
}

impl Block {
    fn insert(&mut self, row: u16) -> bool {
        match self {
            Self::Few(rows) => match rows.binary_search(&row) {
                Ok(_) => false,
                Err(_) if rows.len() == FEW_MAX => {
                    let mut bits = Box::new([0; 1024]);
                    for row in rows.iter() {
                        bits[usize::from(row / 64)] |= 1 << (row % 64);
                    }
                    *self = Self::Bits(bits);
                    self.insert(row)
                }
                Err(at) => {
                    rows.insert(at, row);
                    true
                }
            },
            Self::Bits(bits) => {
                let word = &mut bits[usize::from(row / 64)];
                let fresh = *word >> (row % 64) & 1 == 0;
                *word |= 1 << (row % 64);
                fresh
            }
        }
    }
}

/// Rows of one batch as ranges, sorted by file and row.
pub(super) fn ranges(mut rows: Vec<(FileSha, u64)>) -> Vec<Range> {
    rows.sort_unstable();
    let mut ranges: Vec<Range> = Vec::new();
    for (file, row) in rows {
        match ranges.last_mut() {
            Some(last) if last.file == file && last.to == row => last.to += 1,
            _ => ranges.push(Range {
                file,
                from: row,
                to: row.saturating_add(1),
            }),
        }
    }
    ranges
}

#[cfg(test)]
#[path = "file_rows_tests.rs"]
mod tests;
