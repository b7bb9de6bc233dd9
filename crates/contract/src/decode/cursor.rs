//! Reading Avro's binary encoding from one message, with every bound checked.
//!
//! Used by the plan (values of the contract's fields) and by the skipper (all else). Nothing is read past the message's
//! end and nothing is allocated. Encodings are those of Avro 1.11, "Binary Encoding".

use muster_batch::Refusal;

/// A place in a message. Every read either moves past a whole value or refuses the message.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    /// Above this, a length is absurd rather than cut short.
    bytes_max: usize,
}

impl<'a> Cursor<'a> {
    /// The start of a message whose kind is never longer than `bytes_max`.
    #[inline]
    pub(super) fn new(message: &'a [u8], bytes_max: usize) -> Self {
        Self {
            rest: message,
            bytes_max,
        }
    }

    /// How many bytes are left.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The message must end here.
    #[inline]
    pub(super) fn end(&self) -> Result<(), Refusal> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Trailing)
        }
    }

    /// One byte.
    #[inline]
    fn byte(&mut self) -> Result<u8, Refusal> {
        let (first, rest) = self.rest.split_first().ok_or(Refusal::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    /// A boolean: one byte, 0 or 1.
    #[inline]
    pub(super) fn boolean(&mut self) -> Result<bool, Refusal> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Refusal::Boolean),
        }
    }

    /// A zig-zag varint of at most 32 bits: five bytes, the last of at most four bits.
    #[inline]
    pub(super) fn int(&mut self) -> Result<i32, Refusal> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(unzigzag(u64::from(first)) as i32);
        }
        let coded = self.long_varint(first)?;
        u32::try_from(coded)
            .map(|coded| unzigzag(u64::from(coded)) as i32)
            .map_err(|_| Refusal::Varint)
    }

    /// A zig-zag varint of at most 64 bits: ten bytes, the last of at most one bit.
    #[inline]
    pub(super) fn long(&mut self) -> Result<i64, Refusal> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(unzigzag(u64::from(first)));
        }
        self.long_varint(first).map(unzigzag)
    }

    /// The rest of a varint whose first byte says that more follow.
    #[inline]
    fn long_varint(&mut self, first: u8) -> Result<u64, Refusal> {
        let mut coded = u64::from(first & 0x7f);
        for (place, byte) in self.rest.iter().take(9).enumerate() {
            coded |= u64::from(byte & 0x7f) << (7 * (place + 1));
            if *byte < 0x80 {
                if place == 8 && *byte > 1 {
                    return Err(Refusal::Varint);
                }
                self.rest = &self.rest[place + 1..];
                return Ok(coded);
            }
        }
        Err(if self.rest.len() < 9 {
            Refusal::Truncated
        } else {
            Refusal::Varint
        })
    }

    /// A union's branch number, or an enum's symbol number; `beyond` where it is not below `count`.
    #[inline]
    pub(super) fn index(&mut self, count: usize, beyond: Refusal) -> Result<usize, Refusal> {
        let number = self.long()?;
        usize::try_from(number)
            .ok()
            .filter(|number| *number < count)
            .ok_or(beyond)
    }

    /// A float: four bytes, little-endian.
    #[inline]
    pub(super) fn float(&mut self) -> Result<f32, Refusal> {
        let (bytes, rest) = self.rest.split_first_chunk::<4>().ok_or(Refusal::Truncated)?;
        self.rest = rest;
        Ok(f32::from_le_bytes(*bytes))
    }

    /// A double: eight bytes, little-endian.
    #[inline]
    pub(super) fn double(&mut self) -> Result<f64, Refusal> {
        let (bytes, rest) = self.rest.split_first_chunk::<8>().ok_or(Refusal::Truncated)?;
        self.rest = rest;
        Ok(f64::from_le_bytes(*bytes))
    }

    /// A fixed number of bytes.
    #[inline]
    pub(super) fn fixed(&mut self, size: usize) -> Result<&'a [u8], Refusal> {
        let (bytes, rest) = self.rest.split_at_checked(size).ok_or(Refusal::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A length and that many bytes.
    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Refusal> {
        let length = self.long()?;
        match usize::try_from(length)
            .ok()
            .and_then(|length| self.rest.split_at_checked(length))
        {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(self.bad_length(length)),
        }
    }

    /// The bytes of a text, checked to be UTF-8.
    #[inline]
    pub(super) fn text(&mut self) -> Result<&'a [u8], Refusal> {
        let bytes = self.bytes()?;
        if is_utf8(bytes) { Ok(bytes) } else { Err(Refusal::Utf8) }
    }

    /// Why a length that does not fit does not.
    #[cold]
    pub(super) fn bad_length(&self, length: i64) -> Refusal {
        if usize::try_from(length).is_ok_and(|length| length <= self.bytes_max) {
            Refusal::Truncated
        } else {
            Refusal::Length
        }
    }
}

#[inline]
fn unzigzag(coded: u64) -> i64 {
    (coded >> 1) as i64 ^ -((coded & 1) as i64)
}

/// Whether bytes are UTF-8. Short ASCII, which most fields are, is told without a call.
#[inline]
pub(super) fn is_utf8(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut seen = rest.iter().fold(0, |seen, byte| seen | u64::from(*byte));
    for word in words {
        seen |= u64::from_ne_bytes(*word);
    }
    seen & HIGH == 0 || simdutf8::basic::from_utf8(bytes).is_ok()
}

#[cfg(test)]
#[path = "cursor_tests.rs"]
mod tests;
