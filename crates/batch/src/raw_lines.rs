//! Rows of a text file as they stand in it, cut into cells and not yet typed.
//!
//! Made by `contract`'s line reader for `publish` and `validate`. Offsets point into one shared buffer of unescaped
//! cell text; a row's own bytes are kept only where it cannot be cut (ragged, not in the file's encoding).

/// A run of consecutive data rows of a text file.
#[derive(Clone, Debug, Default)]
pub struct RawLines {
    /// The first row's number in the file, from 0, the header not counted.
    pub first_row: u64,
    /// Cells a row: the header's.
    pub width: usize,
    /// Each row's first physical line in the file, from 1.
    pub lines: Vec<u64>,
    /// The text of all cells, unescaped, in UTF-8, one after another, rows that could be cut only.
    pub text: Vec<u8>,
    /// Where each cell ends in `text`; `width` entries a row, rows that could not be cut have `width` empty ones.
    pub ends: Vec<u32>,
    /// Whether each cell is null (empty and unquoted); as many as `ends`.
    pub nulls: Vec<bool>,
    /// Rows that could not be cut: index into this run, what is wrong, and the row's bytes without the line's end.
    pub uncut: Vec<(u32, Uncut, Vec<u8>)>,
}

/// Why a row could not be cut into cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncut {
    /// It has more or fewer cells than the header.
    Ragged,
    /// Its bytes are not in the file's encoding.
    Encoding,
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
}
