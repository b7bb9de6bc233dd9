//! One value of one row, before it is pushed to a column.
//!
//! Made by the decoders and by the strict text parser, taken by [`super::columns::Columns`]. Borrows text and bytes
//! from the message or from a compiled default; owns nothing, so that a row of slots costs no allocation.

/// A value. Which kind stands for which field:
///
/// | field | slot |
/// |---|---|
/// | boolean | `Boolean` |
/// | int, date (days since 1970-01-01) | `Int` |
/// | long, timestamp (milli- or microseconds since 1970-01-01 UTC, as the field says) | `Long` |
/// | float, double | `Float`, `Double` |
/// | text, enum (the symbol) | `Bytes`, valid UTF-8 |
/// | bytes, fixed | `Bytes` |
/// | decimal | `Decimal`, the unscaled number at the field's scale |
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slot<'a> {
    /// No value.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A 32-bit integer, or days since 1970-01-01.
    Int(i32),
    /// A 64-bit integer, or a time since 1970-01-01 UTC in the field's unit.
    Long(i64),
    /// A 32-bit float.
    Float(f32),
    /// A 64-bit float.
    Double(f64),
    /// An unscaled decimal.
    Decimal(i128),
    /// Bytes, or UTF-8 text.
    Bytes(&'a [u8]),
}
