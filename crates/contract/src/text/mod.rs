//! Text that is not yet typed, parsed strictly as a contract's field.
//!
//! Used by the readers of text files for every cell, and by the decoder of records where a writer sends text and the
//! contract has another type. A [`Parser`] is made once a field and holds no state between values; parsing allocates
//! nothing. What is accepted is one table, the same for CSV, JSONL and all-text Avro:
//!
//! | field | accepted | refused, among others |
//! |---|---|---|
//! | boolean | `true`, `false` in any case | `1`, `yes`, `t` |
//! | int, long | `-`, digits; leading zeros | a leading `+`, `47.5`, `47.0`, `1e3`, `0x1F`, `1_000`, ` 5`, more than fits |
//! | float, double | `-`, digits with one decimal mark and a digit on at least one side, `e` and a whole power; `nan`, `inf`, `infinity` in any case | a leading `+`, `1e`, `.`, digits that mean more than the type's greatest |
//! | decimal | `-`, digits with one decimal mark and digits on both sides of it, no more of them than precision and scale allow | `1e3`, `1.250` at scale 2, `.5` |
//! | date | `2021-03-09`, years 0001 to 9999; or the format's pattern | `2021-3-9`, `2021-02-30`, a time beside it |
//! | timestamp | `2021-03-09T12:30:00`, `t` or a space between, up to 9 digits of fraction, `Z` or an offset; or the format's pattern | second 60, a date alone |
//! | text, bytes | everything, as it is (bytes: its UTF-8) | |
//! | enum | one of the symbols, exactly | another case |
//!
//! `nan` and `inf` are numbers so that a range breaks on them and says so. A timestamp without an offset is in UTC;
//! digits finer than the field's unit are cut off. Where the format has a mark between thousands, it stands either
//! nowhere in a number or between every three digits left of the decimal mark; for a blank a no-break space (U+00A0, U+202F)
//! may stand, for `'` also `’` (U+2019). A pattern is read as strictly as it is
//! written: `%d` is two digits, `%-d` one or two, `%e` a blank or two digits; names of months and days in any case.
//! Where a field has a unit, a number may be followed by it, with or without a blank between.
//! Empty text is refused by every kind but text and bytes: whether a file's empty cell is a null is decided before.

mod number;
mod time;

use muster_spec::{Field, FieldKind, TextFormat};

use crate::decode::slot::Slot;

pub use number::Marks;
pub use time::Pattern;

/// The longest number with marks other than a decimal point that is read, in bytes.
pub const MARKED_BYTES_MAX: usize = 64;

/// Parses text as one field.
#[derive(Clone, Debug)]
pub struct Parser {
    kind: Kind,
    marks: Marks,
    /// What stands after each number.
    unit: Option<Box<[u8]>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Decimal { precision: u32, scale: u32 },
    Text,
    Enum(Box<[Box<[u8]>]>),
    Date(Option<Pattern>),
    TimestampMillis(Option<Pattern>),
    TimestampMicros(Option<Pattern>),
}

impl Parser {
    /// The parser of a field's values as the format writes them.
    ///
    /// A pattern that is none (checked when a contract is read) makes a parser that refuses everything, and so does a
    /// decimal with a scale below zero, which Avro does not have.
    pub fn new(field: &Field, format: &TextFormat) -> Self {
        let pattern = |text: &Option<String>| text.as_deref().map(Pattern::new);
        let kind = match &field.kind {
            FieldKind::Boolean => Kind::Boolean,
            FieldKind::Int => Kind::Int,
            FieldKind::Long => Kind::Long,
            FieldKind::Float => Kind::Float,
            FieldKind::Double => Kind::Double,
            FieldKind::Text | FieldKind::Bytes => Kind::Text,
            FieldKind::Enum(symbols) => Kind::Enum(symbols.iter().map(|symbol| symbol.as_bytes().into()).collect()),
            FieldKind::Date => Kind::Date(pattern(&format.date)),
            FieldKind::TimestampMillis => Kind::TimestampMillis(pattern(&format.timestamp)),
            FieldKind::TimestampMicros => Kind::TimestampMicros(pattern(&format.timestamp)),
            FieldKind::Decimal { precision, scale } => match u32::try_from(*scale) {
                Ok(scale) => Kind::Decimal {
                    precision: u32::from(*precision),
                    scale,
                },
                Err(_) => Kind::Enum(Box::default()),
            },
        };
        let marks = Marks {
            decimal: format.decimal,
            thousands: format.thousands,
        };
        let unit = field.unit.as_deref().map(|unit| unit.as_bytes().into());
        Self { kind, marks, unit }
    }

    /// The value that the text means; `None` where it means none of the field's type.
    #[inline]
    pub fn parse<'a>(&self, text: &'a str) -> Option<Slot<'a>> {
        self.parse_bytes(text.as_bytes())
    }

    /// As [`Parser::parse`], for text whose UTF-8 was checked before: text slots borrow it unchecked.
    #[inline]
    pub fn parse_bytes<'a>(&self, text: &'a [u8]) -> Option<Slot<'a>> {
        let mut slot = Slot::Null;
        self.parse_into(text, &mut slot).then_some(slot)
    }

    /// As [`Parser::parse_bytes`], with the value put in its slot at once: handing a slot on costs as much as parsing a
    /// short text. False, and the slot as it was, where the text means none of the field's type.
    #[inline]
    pub fn parse_into<'a>(&self, text: &'a [u8], slot: &mut Slot<'a>) -> bool {
        let text = match &self.unit {
            None => text,
            Some(unit) => match text.strip_suffix(&**unit) {
                Some(number) => without_blank(number),
                None => text,
            },
        };
        match &self.kind {
            Kind::Text => *slot = Slot::Bytes(text),
            Kind::Double => return put(slot, number::double(text, self.marks), Slot::Double),
            Kind::Long => return put(slot, number::long(text, self.marks), Slot::Long),
            Kind::Int => return put(slot, number::int(text, self.marks), Slot::Int),
            Kind::Float => return put(slot, number::float(text, self.marks), Slot::Float),
            Kind::Boolean => return put(slot, boolean(text), Slot::Boolean),
            Kind::Enum(symbols) => {
                if !symbols.iter().any(|symbol| **symbol == *text) {
                    return false;
                }
                *slot = Slot::Bytes(text);
            }
            Kind::Decimal { precision, scale } => {
                let decimal = number::decimal(text, self.marks, *precision, *scale);
                return put(slot, decimal, Slot::Decimal);
            }
            Kind::Date(pattern) => return put(slot, time::date(text, pattern.as_ref()), Slot::Int),
            Kind::TimestampMillis(pattern) => {
                let millis = time::micros(text, pattern.as_ref()).map(|micros| micros.div_euclid(1000));
                return put(slot, millis, Slot::Long);
            }
            Kind::TimestampMicros(pattern) => {
                return put(slot, time::micros(text, pattern.as_ref()), Slot::Long);
            }
        }
        true
    }

    /// Whether every text is a value, so that nothing is to be parsed.
    #[inline]
    pub fn takes_all(&self) -> bool {
        matches!(self.kind, Kind::Text)
    }
}

/// A number without the blank before its unit.
fn without_blank(number: &[u8]) -> &[u8] {
    let mut blanks = std::iter::once(&b" "[..]).chain(number::NO_BREAK_SPACES);
    blanks.find_map(|blank| number.strip_suffix(blank)).unwrap_or(number)
}

/// Puts a value in its slot, if there is one.
#[inline]
fn put<'a, T>(slot: &mut Slot<'a>, value: Option<T>, kind: impl FnOnce(T) -> Slot<'a>) -> bool {
    match value {
        Some(value) => {
            *slot = kind(value);
            true
        }
        None => false,
    }
}

#[inline]
fn boolean(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if text.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "properties_tests.rs"]
mod properties_tests;
