//! Numbers written as text.
//!
//! Used by [`super::Parser`] for every numeric cell, so written for speed: short numbers, nearly all there are, are read
//! in one loop; the rest goes to a slower way with the same verdict.

use super::MARKED_BYTES_MAX;

/// The marks a number is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Between the whole and the fraction.
    pub decimal: u8,
    /// Between thousands, if anything.
    pub thousands: Option<u8>,
}

/// Powers of ten that a double holds exactly, as far as a short number needs them.
const POWERS: [f64; 17] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
];

/// Powers of ten that a float holds exactly.
const FLOAT_POWERS: [f32; 11] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];

/// What may stand for a blank in a number: a space that no line is broken at, and the narrow one.
pub const NO_BREAK_SPACES: [&[u8]; 2] = ["\u{a0}".as_bytes(), "\u{202f}".as_bytes()];

/// What may stand for a straight apostrophe in a number.
const APOSTROPHES: [&[u8]; 1] = ["\u{2019}".as_bytes()];

/// The most digits whose number always fits in 64 bits.
const DIGITS_MAX: usize = 19;

impl Marks {
    /// Whether numbers are written as everywhere in code: a point, and nothing between thousands.
    #[inline]
    pub fn plain(self) -> bool {
        self.decimal == b'.' && self.thousands.is_none()
    }

    /// The number with a point as its decimal mark and nothing between thousands; `None` where the marks stand wrong.
    fn normal(self, text: &[u8], room: &mut [u8; MARKED_BYTES_MAX]) -> Option<usize> {
        if text.len() > MARKED_BYTES_MAX {
            return None;
        }
        let mut ascii = [0; MARKED_BYTES_MAX];
        let text = self.in_ascii(text, &mut ascii);
        let mut written = 0;
        let mut put = |byte| {
            room[written] = byte;
            written += 1;
        };
        let (negative, digits) = sign(text);
        if negative {
            put(b'-');
        }
        let whole = digits.iter().take_while(|byte| self.in_whole(**byte)).count();
        let (whole, rest) = digits.split_at(whole);
        if self.thousands.is_some_and(|mark| whole.contains(&mark)) {
            let mut groups = whole.split(|byte| !byte.is_ascii_digit());
            let first = groups.next()?;
            if !(1..=3).contains(&first.len()) || groups.any(|group| group.len() != 3) {
                return None;
            }
        }
        whole
            .iter()
            .filter(|byte| byte.is_ascii_digit())
            .for_each(|byte| put(*byte));
        for byte in rest {
            match *byte {
                byte if byte == self.decimal => put(b'.'),
                b'.' => return None,
                byte => put(byte),
            }
        }
        Some(written)
    }

    /// The number with its mark between thousands in ASCII, where it was written as printers write it.
    fn in_ascii<'t>(self, text: &'t [u8], room: &'t mut [u8; MARKED_BYTES_MAX]) -> &'t [u8] {
        let (mark, signs) = match self.thousands {
            Some(b' ') => (b' ', &NO_BREAK_SPACES[..]),
            Some(b'\'') => (b'\'', &APOSTROPHES[..]),
            _ => return text,
        };
        if text.is_ascii() {
            return text;
        }
        let (mut from, mut written) = (0, 0);
        while from < text.len() {
            let sign = signs.iter().find(|sign| text[from..].starts_with(sign));
            room[written] = sign.map_or(text[from], |_| mark);
            from += sign.map_or(1, |sign| sign.len());
            written += 1;
        }
        &room[..written]
    }

    fn in_whole(self, byte: u8) -> bool {
        byte.is_ascii_digit() || self.thousands == Some(byte)
    }
}

/// A 32-bit integer.
#[inline]
pub fn int(text: &[u8], marks: Marks) -> Option<i32> {
    i32::try_from(long(text, marks)?).ok()
}

/// A 64-bit integer.
#[inline]
pub fn long(text: &[u8], marks: Marks) -> Option<i64> {
    if marks.thousands.is_some() {
        let mut room = [0; MARKED_BYTES_MAX];
        let written = marks.normal(text, &mut room)?;
        return plain_long(&room[..written]);
    }
    plain_long(text)
}

#[inline]
fn plain_long(text: &[u8]) -> Option<i64> {
    let (negative, mut digits) = sign(text);
    if digits.len() > DIGITS_MAX {
        let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
        digits = &digits[zeros.min(digits.len() - 1)..];
        if digits.len() > DIGITS_MAX {
            return None;
        }
    }
    if digits.is_empty() {
        return None;
    }
    let mut number = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    if negative {
        0_i64.checked_sub_unsigned(number)
    } else {
        i64::try_from(number).ok()
    }
}

/// A 64-bit float.
#[inline]
pub fn double(text: &[u8], marks: Marks) -> Option<f64> {
    if marks.plain() {
        return plain_double(text);
    }
    let mut room = [0; MARKED_BYTES_MAX];
    let written = marks.normal(text, &mut room)?;
    plain_double(&room[..written])
}

/// A 32-bit float, rounded once, from the digits.
#[inline]
pub fn float(text: &[u8], marks: Marks) -> Option<f32> {
    if marks.plain() {
        return plain_float(text);
    }
    let mut room = [0; MARKED_BYTES_MAX];
    let written = marks.normal(text, &mut room)?;
    plain_float(&room[..written])
}

#[inline]
fn plain_double(text: &[u8]) -> Option<f64> {
    if let Some((negative, digits, fraction)) = short(text)
        && digits <= 1 << f64::MANTISSA_DIGITS
    {
        // Both numbers are exact in a double, so one division rounds once: the nearest double.
        let value = digits as f64 / POWERS[fraction];
        return Some(if negative { -value } else { value });
    }
    let (negative, rest) = sign(text);
    if starts_number(rest) {
        let value = fast_float2::parse::<f64, _>(text).ok()?;
        return value.is_finite().then_some(value);
    }
    let value = if rest.eq_ignore_ascii_case(b"nan") {
        f64::NAN
    } else if infinite(rest) {
        f64::INFINITY
    } else {
        return None;
    };
    Some(if negative { -value } else { value })
}

#[inline]
fn plain_float(text: &[u8]) -> Option<f32> {
    if let Some((negative, digits, fraction)) = short(text)
        && digits <= 1 << f32::MANTISSA_DIGITS
        && fraction < FLOAT_POWERS.len()
    {
        let value = digits as f32 / FLOAT_POWERS[fraction];
        return Some(if negative { -value } else { value });
    }
    if starts_number(sign(text).1) {
        let value = fast_float2::parse::<f32, _>(text).ok()?;
        return value.is_finite().then_some(value);
    }
    plain_double(text).map(|value| value as f32)
}

/// A short number without a power: its sign, its digits as one number, how many of them are a fraction. `None` says
/// only that it is none of these.
#[inline]
fn short(text: &[u8]) -> Option<(bool, u64, usize)> {
    let (negative, rest) = sign(text);
    if rest.len() > POWERS.len() - 1 {
        return None;
    }
    let mut number = 0_u64;
    let mut point = usize::MAX;
    for (at, byte) in rest.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            number = number * 10 + u64::from(digit);
        } else if *byte == b'.' && point == usize::MAX {
            point = at;
        } else {
            return None;
        }
    }
    match point {
        usize::MAX if rest.is_empty() => None,
        usize::MAX => Some((negative, number, 0)),
        0 if rest.len() == 1 => None,
        point => Some((negative, number, rest.len() - 1 - point)),
    }
}

/// A decimal's unscaled number at `scale`, exact.
pub fn decimal(text: &[u8], marks: Marks, precision: u32, scale: u32) -> Option<i128> {
    let mut room = [0; MARKED_BYTES_MAX];
    if marks.plain() {
        return plain_decimal(text, precision, scale);
    }
    let written = marks.normal(text, &mut room)?;
    plain_decimal(&room[..written], precision, scale)
}

fn plain_decimal(text: &[u8], precision: u32, scale: u32) -> Option<i128> {
    let (negative, rest) = sign(text);
    let (whole, fraction) = match memchr::memchr(b'.', rest) {
        Some(point) if point + 1 < rest.len() => (&rest[..point], &rest[point + 1..]),
        Some(_) => return None,
        None => (rest, &rest[..0]),
    };
    if whole.is_empty() || fraction.len() > scale as usize {
        return None;
    }
    let zeros = whole.iter().take_while(|byte| **byte == b'0').count();
    if whole.len() - zeros > (precision.checked_sub(scale)?) as usize {
        return None;
    }
    let mut number = 0_i128;
    for byte in whole[zeros..].iter().chain(fraction) {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i128::from(byte - b'0');
    }
    let number = number.checked_mul(10_i128.checked_pow(scale - fraction.len() as u32)?)?;
    Some(if negative { -number } else { number })
}

#[inline]
fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    }
}

#[inline]
fn starts_number(rest: &[u8]) -> bool {
    matches!(rest.first(), Some(b'0'..=b'9' | b'.'))
}

fn infinite(text: &[u8]) -> bool {
    text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity")
}
