//! The headers of a batch's records in one buffer.
//!
//! Filled by `stream`, read by decode (event ids, rows of files) and by seal (the `_headers` column). A record without
//! headers takes four bytes and no allocation.

/// The headers of each record, in the record's order; a name may stand twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

const NULL: u32 = u32::MAX;

impl Headers {
    /// Adds the next record's headers.
    ///
    /// # Panics
    /// When the headers of a batch would take 4 GiB: batches are bounded far below.
    pub fn push<'a>(&mut self, headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>) {
        for (name, value) in headers {
            self.bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(name.as_bytes());
            self.bytes
                .extend_from_slice(&value.map_or(NULL, |value| value.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(value.unwrap_or_default());
        }
        self.ends
            .push(u32::try_from(self.bytes.len()).expect("the headers of a batch stay below 4 GiB"));
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes the headers take.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether a record has no header at all.
    pub fn none_at(&self, record: usize) -> bool {
        self.slice(record).is_empty()
    }

    /// The headers of one record.
    pub fn iter(&self, record: usize) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        encoded_headers(self.slice(record))
    }

    /// The first value under a name; `None` where the name is absent or its value is null.
    pub fn get(&self, record: usize, name: &str) -> Option<&[u8]> {
        self.iter(record)
            .find(|(found, _)| *found == name)
            .and_then(|(_, value)| value)
    }

    /// The headers of one record as they are kept: for each, the name's length (4 bytes, little-endian), the name,
    /// the value's length (all ones for null), the value. Empty for a record without headers.
    pub fn encoded(&self, record: usize) -> &[u8] {
        self.slice(record)
    }

    fn slice(&self, record: usize) -> &[u8] {
        let start = if record == 0 { 0 } else { self.ends[record - 1] as usize };
        &self.bytes[start..self.ends[record] as usize]
    }
}

/// The headers of one record from how they are kept; ends where the bytes are not that.
pub fn encoded_headers(mut rest: &[u8]) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
    std::iter::from_fn(move || {
        let (name, tail) = split_part(rest)?;
        let (value, tail) = split_part(tail)?;
        rest = tail;
        Some((std::str::from_utf8(name?).ok()?, value))
    })
}

/// The first part, `None` where it is null, and what comes after it.
fn split_part(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, tail) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    let (value, tail) = tail.split_at_checked(if length == NULL { 0 } else { length as usize })?;
    Some(((length != NULL).then_some(value), tail))
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
