//! The places in a text where cells and rows may end: delimiters, line feeds, quotes.
//!
//! Used by the cutter. 64 bytes are compared at once in a loop that compilers turn into vector instructions, and their
//! results gathered into the bits of one word: most bytes are looked at once, and no branch is taken for them.

const BLOCK: usize = 64;

/// Walks over the structural bytes of a text in order. The text is handed in at each step, because the cutter changes
/// what lies behind the walk.
#[derive(Clone, Debug)]
pub(super) struct Structure {
    delimiter: u8,
    /// Where the block begins whose bits `mask` holds.
    base: usize,
    /// The structural bytes of the block that were not yet met.
    mask: u64,
}

impl Structure {
    /// A walk that begins at `start`.
    pub(super) fn new(delimiter: u8, text: &[u8], start: usize) -> Self {
        Self {
            delimiter,
            base: start,
            mask: mask(text, start, delimiter),
        }
    }

    /// The next structural byte's place.
    #[inline]
    pub(super) fn next(&mut self, text: &[u8]) -> Option<usize> {
        while self.mask == 0 {
            self.base += BLOCK;
            if self.base >= text.len() {
                return None;
            }
            self.mask = mask(text, self.base, self.delimiter);
        }
        let at = self.base + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(at)
    }

    /// Goes on from `place`, which lies ahead.
    pub(super) fn seek(&mut self, text: &[u8], place: usize) {
        let ahead = place - self.base;
        if ahead < BLOCK {
            self.mask &= u64::MAX << ahead;
        } else {
            self.base = place;
            self.mask = mask(text, place, self.delimiter);
        }
    }
}

/// One bit a byte of the block at `base`, the first byte's lowest; bytes beyond the text have none.
#[inline]
fn mask(text: &[u8], base: usize, delimiter: u8) -> u64 {
    let Some(rest) = text.get(base..) else { return 0 };
    if let Some(block) = rest.first_chunk() {
        return bits(block, delimiter);
    }
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    // A delimiter that is NUL must not be found in the padding.
    bits(&block, delimiter) & !(u64::MAX << rest.len())
}

#[inline]
fn bits(block: &[u8; BLOCK], delimiter: u8) -> u64 {
    let mut found = [0_u8; BLOCK];
    for (found, byte) in found.iter_mut().zip(block) {
        *found = u8::from(*byte == delimiter) | u8::from(*byte == b'\n') | u8::from(*byte == b'"');
    }
    let mut mask = 0;
    for (at, eight) in found.as_chunks::<8>().0.iter().enumerate() {
        // The product's highest byte takes bit i from byte i: each byte is 0 or 1 and is moved by 56 - 7 i places.
        let gathered = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= gathered << (8 * at);
    }
    mask
}

#[cfg(test)]
#[path = "structure_tests.rs"]
mod tests;
