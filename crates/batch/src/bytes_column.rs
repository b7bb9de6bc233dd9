//! A column of byte strings in one buffer: payloads, keys.
//!
//! Filled by `stream`, read by decode and seal. The ends never decrease and the last is the buffer's length.

/// Byte strings one after another, each present or null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BytesColumn {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    nulls: Vec<u32>,
}

impl BytesColumn {
    /// An empty column with room for `rows` strings of `bytes` bytes in all.
    pub fn with_capacity(rows: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(rows),
            nulls: Vec::new(),
        }
    }

    /// Adds a string, or a null.
    ///
    /// # Panics
    /// When the column would hold 4 GiB: batches are bounded far below.
    pub fn push(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bytes.extend_from_slice(value),
            None => self.nulls.push(self.ends.len() as u32),
        }
        self.ends
            .push(u32::try_from(self.bytes.len()).expect("a batch stays below 4 GiB"));
    }

    /// How many strings there are, nulls included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no string.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes the strings take.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The string at `row`, or `None` for a null.
    pub fn get(&self, row: usize) -> Option<&[u8]> {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        let value = &self.bytes[start..self.ends[row] as usize];
        if value.is_empty() && self.nulls.binary_search(&(row as u32)).is_ok() {
            None
        } else {
            Some(value)
        }
    }

    /// All strings in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&[u8]>> {
        (0..self.len()).map(|row| self.get(row))
    }
}

#[cfg(test)]
#[path = "bytes_column_tests.rs"]
mod tests;
