//! Rows of a text file as they stand in it, cut into cells and not yet typed.
//!
//! Made by `contract`'s line reader for `publish` and `validate`. Cells are places in one shared buffer; a row's own
//! bytes are kept only where it cannot be cut (ragged, not in the file's encoding, no JSON object). The buffers are
//! meant to be used again for the next run of rows.

use std::sync::Arc;

/// A run of consecutive data rows of a text file.
#[derive(Clone, Debug, Default)]
pub struct RawLines {
    /// The first row's number in the file, from 0, the header not counted.
    pub first_row: u64,
    /// Cells a row: the header's.
    pub width: usize,
    /// Each row's first physical line in the file, from 1.
    pub lines: Vec<u64>,
    /// What cells point into. A cell that is text is UTF-8; between cells anything may stand.
    pub text: Vec<u8>,
    /// Where each cell is, `width` entries a row in the file's order; rows that could not be cut have null ones.
    pub cells: Vec<Cell>,
    /// Rows that could not be cut, rising: index into this run, what is wrong, and the row's bytes as they are in the
    /// file, without the line's end.
    pub uncut: Vec<(u32, Uncut, Vec<u8>)>,
    /// Rows that alone have other columns than the contract, rising. Text files with a header have none: there all rows
    /// have the header's columns.
    pub misfits: Vec<(u32, Arc<Misfit>)>,
}

/// Where a cell's text is in [`RawLines::text`], or that it has none.
///
/// From `start` to `end` where `start` is less, null where they are equal; the two cells that are neither text nor null
/// have a start beyond their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Where the text begins.
    pub start: u32,
    /// Where the text ends.
    pub end: u32,
}

impl Cell {
    /// No value: empty and unquoted.
    pub const NULL: Self = Self { start: 0, end: 0 };
    /// Empty text: empty and quoted.
    pub const EMPTY: Self = Self { start: 1, end: 0 };
    /// The row does not have this column at all (an object without the member).
    pub const ABSENT: Self = Self { start: 2, end: 0 };
}

/// Columns in which a file or a row and the contract differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misfit {
    /// The contract's columns that are not there, by their names in the contract.
    pub missing: Vec<String>,
    /// Columns that the contract does not know, by their names in the file.
    pub unknown: Vec<String>,
}

/// Why a row could not be cut into cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncut {
    /// It has more or fewer cells than the header, or a quote that nothing closes.
    Ragged,
    /// Its bytes are not in the file's encoding.
    Encoding,
    /// It is not one JSON object.
    Json,
}

impl Uncut {
    /// The word people see, and the value of the header `muster-line`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ragged => "ragged",
            Self::Encoding => "encoding",
            Self::Json => "json",
        }
    }
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub enum Line<'a> {
    /// Its cells, in the file's order.
    Cells(Cells<'a>),
    /// Why it could not be cut, and its bytes.
    Uncut(Uncut, &'a [u8]),
}

/// The cells of one row.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    text: &'a [u8],
    cells: &'a [Cell],
}

impl<'a> Cells<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The text of one cell; `None` for a null or absent one.
    #[inline]
    pub fn get(&self, column: usize) -> Option<&'a [u8]> {
        text_of(self.text, self.cells[column])
    }

    /// All in the file's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&'a [u8]>> + use<'a> {
        let text = self.text;
        self.cells.iter().map(move |cell| text_of(text, *cell))
    }
}

impl RawLines {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many bytes the run holds.
    pub fn byte_len(&self) -> usize {
        self.text.len() + self.uncut.iter().map(|(_, _, raw)| raw.len()).sum::<usize>()
    }

    /// The text of one cell, its column counted in the file's order; `None` for a null cell and in a row that could not
    /// be cut.
    #[inline]
    pub fn cell(&self, row: usize, column: usize) -> Option<&[u8]> {
        text_of(&self.text, self.cells[row * self.width + column])
    }

    /// One row.
    pub fn row(&self, row: usize) -> Line<'_> {
        if let Some((why, raw)) = self.uncut(row) {
            return Line::Uncut(why, raw);
        }
        Line::Cells(self.cells(row))
    }

    /// Why a row could not be cut, and its bytes, if it could not.
    pub fn uncut(&self, row: usize) -> Option<(Uncut, &[u8])> {
        let at = self.uncut.binary_search_by_key(&(row as u32), |(at, ..)| *at).ok()?;
        let (_, why, raw) = &self.uncut[at];
        Some((*why, raw))
    }

    /// The cells of one row, all of them null where it could not be cut.
    #[inline]
    pub fn cells(&self, row: usize) -> Cells<'_> {
        let first = row * self.width;
        Cells {
            text: &self.text,
            cells: &self.cells[first..first + self.width],
        }
    }

    /// The columns in which this row alone and the contract differ.
    pub fn misfit(&self, row: usize) -> Option<&Misfit> {
        let at = self.misfits.binary_search_by_key(&(row as u32), |(at, _)| *at).ok()?;
        Some(&self.misfits[at].1)
    }

    /// Leaves the blanks around each cell out of it; a cell of nothing else is null.
    pub fn trim(&mut self) {
        for cell in &mut self.cells {
            let Some(text) = self.text.get(cell.start as usize..cell.end as usize) else {
                continue;
            };
            let end = cell.start + text.trim_ascii_end().len() as u32;
            let start = cell.end - text.trim_ascii_start().len() as u32;
            *cell = if start < end { Cell { start, end } } else { Cell::NULL };
        }
    }

    /// Makes the cells null whose text `is_missing` says is no value.
    pub fn forget(&mut self, is_missing: impl Fn(&[u8]) -> bool) {
        for cell in &mut self.cells {
            if text_of(&self.text, *cell).is_some_and(&is_missing) {
                *cell = Cell::NULL;
            }
        }
    }

    /// Empties the run and keeps its buffers.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.text.clear();
        self.cells.clear();
        self.uncut.clear();
        self.misfits.clear();
    }
}

#[inline]
fn text_of(text: &[u8], cell: Cell) -> Option<&[u8]> {
    if cell.start < cell.end {
        Some(&text[cell.start as usize..cell.end as usize])
    } else {
        (cell == Cell::EMPTY).then_some(&[])
    }
}
