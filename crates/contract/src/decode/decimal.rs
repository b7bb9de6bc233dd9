//! Decimals as Avro writes them, as unscaled 128-bit integers.
//!
//! Used by the plan (messages) and by [`super::constant`] (defaults). Nothing is rounded: a number that does not fit
//! the contract's precision and scale exactly is no value.

/// How a writer's decimal becomes the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rescale {
    /// Digits after the point in the writer's schema.
    pub(super) from: i8,
    /// Digits after the point in the contract.
    pub(super) to: i8,
    /// Digits in all in the contract.
    pub(super) precision: u8,
}

impl Rescale {
    /// The contract's unscaled number for a writer's; `None` where it would need rounding or more digits.
    #[inline]
    pub(super) fn apply(self, unscaled: i128) -> Option<i128> {
        let factor = 10_i128.checked_pow(u32::from(self.to.abs_diff(self.from)));
        let rescaled = if self.to == self.from || unscaled == 0 {
            unscaled
        } else if self.to > self.from {
            unscaled.checked_mul(factor?)?
        } else if unscaled % factor? == 0 {
            unscaled / factor?
        } else {
            return None;
        };
        let beyond = 10_u128.checked_pow(u32::from(self.precision))?;
        (rescaled.unsigned_abs() < beyond).then_some(rescaled)
    }
}

/// A two's-complement big-endian integer of any length; `None` where it needs more than 128 bits. No bytes are 0.
#[inline]
pub(super) fn from_be_bytes(bytes: &[u8]) -> Option<i128> {
    let Some(first) = bytes.first() else {
        return Some(0);
    };
    let sign = if first & 0x80 == 0 { 0 } else { 0xff };
    let (above, low) = bytes.split_at(bytes.len().saturating_sub(16));
    if above.iter().any(|byte| *byte != sign) {
        return None;
    }
    let mut wide = [sign; 16];
    wide[16 - low.len()..].copy_from_slice(low);
    // What was cut off must have been the sign of what stayed.
    (above.is_empty() || (wide[0] ^ sign) & 0x80 == 0).then_some(i128::from_be_bytes(wide))
}

#[cfg(test)]
#[path = "decimal_tests.rs"]
mod tests;
