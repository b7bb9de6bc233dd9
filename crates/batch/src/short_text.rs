//! A short text as two words: what tables of values that repeat are keyed by.
//!
//! Used by `expr` (verdicts on texts seen before) and `monitor` (cells of a feature's levels). People data repeats
//! itself: finding a known text of at most 32 bytes costs a load and a comparison, no hashing of its bytes one by one.

/// The longest text that has a key.
pub const SHORT_MAX: usize = 32;

/// A text of at most 32 bytes; equal texts give equal keys, others never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortText {
    /// The first 16 bytes; of a shorter text all of it, and zeros. In halves, so that a key takes 40 bytes and not 48.
    head: [u64; 2],
    /// The last 16 bytes of a text longer than 16; else zeros.
    tail: [u64; 2],
    length: u32,
}

impl ShortText {
    /// No text's key.
    pub const NONE: Self = Self {
        head: [0; 2],
        tail: [0; 2],
        length: u32::MAX,
    };

    /// The key of `bytes[start..end]`. Reads whole words of what lies around it. `None` where it is longer.
    #[inline]
    pub fn of(bytes: &[u8], start: usize, end: usize) -> Option<Self> {
        let length = end - start;
        if length > SHORT_MAX {
            return None;
        }
        let (head, tail) = ends(bytes, start, length);
        Some(Self {
            head: halves(head),
            tail: halves(tail),
            length: length as u32,
        })
    }

    /// Its place in a table of `slots`, a power of two above 1.
    #[inline]
    pub fn slot(self, slots: usize) -> usize {
        let [low, high] = [0, 1].map(|half| self.head[half] ^ self.tail[half].rotate_left(29));
        let folded = low ^ high.rotate_left(31) ^ u64::from(self.length);
        (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - slots.trailing_zeros())) as usize
    }
}

/// The first and the last 16 bytes of a text of at most 32; of a shorter one, all of it and 0.
#[inline]
fn ends(bytes: &[u8], start: usize, length: usize) -> (u128, u128) {
    if length > 16 {
        return (load(bytes, start), load(bytes, start + length - 16));
    }
    let head = if start + 16 <= bytes.len() {
        load(bytes, start)
    } else {
        let mut padded = [0; 16];
        padded[..length].copy_from_slice(&bytes[start..start + length]);
        u128::from_le_bytes(padded)
    };
    let kept = if length == 16 { !0 } else { (1 << (8 * length)) - 1 };
    (head & kept, 0)
}

#[inline]
fn halves(word: u128) -> [u64; 2] {
    [word as u64, (word >> 64) as u64]
}

#[inline]
fn load(bytes: &[u8], at: usize) -> u128 {
    let (word, _) = bytes[at..].split_first_chunk::<16>().expect("16 bytes are there");
    u128::from_le_bytes(*word)
}

#[cfg(test)]
#[path = "short_text_tests.rs"]
mod tests;
