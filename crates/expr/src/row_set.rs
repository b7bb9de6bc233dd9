//! A set of rows of one batch, one bit a row.
//!
//! Made by the rules of this crate, combined and read by the judge. Bits past the last row are never set, so that
//! counting needs no mask.

use arrow::array::{Array, BooleanArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};

/// Rows of a batch of `rows` rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSet {
    words: Vec<u64>,
    rows: usize,
}

impl RowSet {
    /// No row of `rows`.
    pub fn empty(rows: usize) -> Self {
        Self {
            words: vec![0; rows.div_ceil(64)],
            rows,
        }
    }

    /// The rows that are null; `None` where there is none.
    pub fn nulls_of(nulls: Option<&NullBuffer>) -> Option<Self> {
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0)?;
        Some(Self::unset(nulls.inner()))
    }

    /// The rows at which a boolean is there and false; `None` where there is none.
    pub fn false_of(values: &BooleanArray) -> Option<Self> {
        if values.false_count() == 0 {
            return None;
        }
        let mut set = Self::unset(values.values());
        if let Some(nulls) = values.nulls() {
            let valid = nulls.inner().bit_chunks();
            set.words
                .iter_mut()
                .zip(valid.iter_padded())
                .for_each(|(word, valid)| *word &= valid);
        }
        Some(set)
    }

    fn unset(bits: &BooleanBuffer) -> Self {
        let mut words: Vec<u64> = bits
            .bit_chunks()
            .iter_padded()
            .take(bits.len().div_ceil(64))
            .map(|word| !word)
            .collect();
        if let (Some(last), 1..) = (words.last_mut(), bits.len() % 64) {
            *last &= (1 << (bits.len() % 64)) - 1;
        }
        Self {
            words,
            rows: bits.len(),
        }
    }

    /// How many rows the batch has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row.
    #[inline]
    pub fn insert(&mut self, row: usize) {
        debug_assert!(row < self.rows);
        self.words[row / 64] |= 1 << (row % 64);
    }

    /// Takes a row out.
    pub fn remove(&mut self, row: usize) {
        self.words[row / 64] &= !(1 << (row % 64));
    }

    /// Whether a row is in the set.
    #[inline]
    pub fn contains(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    /// Sets the 64 rows from `64 * at` on.
    pub(crate) fn set_word(&mut self, at: usize, word: u64) {
        self.words[at] = word;
    }

    /// How many rows are in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no row is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Adds the rows of `other`.
    pub fn extend(&mut self, other: &Self) {
        debug_assert_eq!(self.rows, other.rows);
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(word, other)| *word |= other);
    }

    /// Adds the rows of `part`, a set over the rows from `from` on.
    pub(crate) fn extend_at(&mut self, from: usize, part: &Self) {
        part.iter().for_each(|row| self.insert(from + row));
    }

    /// Takes the rows of `other` out.
    pub fn subtract(&mut self, other: &Self) {
        debug_assert_eq!(self.rows, other.rows);
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(word, other)| *word &= !other);
    }

    /// The rows, rising.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest.checked_sub(1)?;
                Some(at * 64 + bit)
            })
        })
    }

    /// The rows that are not in the set, as a filter.
    pub fn complement(&self) -> BooleanArray {
        let words: Vec<u64> = self.words.iter().map(|word| !word).collect();
        BooleanArray::new(BooleanBuffer::new(Buffer::from_vec(words), 0, self.rows), None)
    }
}

#[cfg(test)]
#[path = "row_set_tests.rs"]
mod tests;
