//! Fingerprints of keys: xxh3-128 of a value's canonical bytes.
//!
//! Used by [`super::Judge`]. They are sealed into key files and compared years later, so the canonical bytes are part
//! of the file format: an integer, date or timestamp is its 64-bit value, a decimal its unscaled 128-bit value, a float
//! its 64-bit bits with -0 as 0 and every NaN as one, a truth value one byte, text and bytes themselves; all little
//! endian. The seed is made from the rule's id, so that a contract may number its rules anew.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType,
};
use muster_batch::{Origin, RawLines};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128_with_seed};

/// The fingerprint of no key.
pub(super) const NO_KEY: u128 = 0;

/// The seed of a rule's fingerprints.
pub(super) fn seed(rule_id: &str) -> u64 {
    xxh3_64(rule_id.as_bytes())
}

/// The fingerprint of canonical bytes.
#[inline]
pub(super) fn of_bytes(bytes: &[u8], seed: u64) -> u128 {
    // One fingerprint stands for no key; a key that meets it is one in 2^128.
    xxh3_128_with_seed(bytes, seed).max(1)
}

/// The fingerprints of a column's values, [`NO_KEY`] for a null.
pub(super) fn of_column(column: &dyn Array, seed: u64, into: &mut Vec<u128>) {
    into.clear();
    into.reserve(column.len());
    let whole = |value: i64| of_bytes(&value.to_le_bytes(), seed);
    match column.data_type() {
        DataType::Int32 => each(column.as_primitive::<Int32Type>().iter(), into, |value| {
            whole(value.into())
        }),
        DataType::Date32 => each(column.as_primitive::<Date32Type>().iter(), into, |value| {
            whole(value.into())
        }),
        DataType::Int64 => each(column.as_primitive::<Int64Type>().iter(), into, whole),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            each(column.as_primitive::<TimestampMillisecondType>().iter(), into, whole);
        }
        DataType::Timestamp(..) => each(column.as_primitive::<TimestampMicrosecondType>().iter(), into, whole),
        DataType::Decimal128(..) => {
            let values = column.as_primitive::<Decimal128Type>().iter();
            each(values, into, |value| of_bytes(&value.to_le_bytes(), seed));
        }
        DataType::Float32 => each(column.as_primitive::<Float32Type>().iter(), into, |value| {
            real(value.into(), seed)
        }),
        DataType::Float64 => each(column.as_primitive::<Float64Type>().iter(), into, |value| {
            real(value, seed)
        }),
        DataType::Boolean => each(column.as_boolean().iter(), into, |value| {
            of_bytes(&[u8::from(value)], seed)
        }),
        DataType::Binary => each(column.as_binary::<i32>().iter(), into, |value| of_bytes(value, seed)),
        _ => each(column.as_string::<i32>().iter(), into, |value| {
            of_bytes(value.as_bytes(), seed)
        }),
    }
}

fn each<T>(values: impl Iterator<Item = Option<T>>, into: &mut Vec<u128>, fingerprint: impl Fn(T) -> u128) {
    into.extend(values.map(|value| value.map_or(NO_KEY, &fingerprint)));
}

fn real(value: f64, seed: u64) -> u128 {
    let canonical = if value.is_nan() { f64::NAN } else { value + 0.0 };
    of_bytes(&canonical.to_bits().to_le_bytes(), seed)
}

/// The hash of what was delivered as one record.
pub(super) fn payload(origin: &Origin, record: u32) -> u64 {
    match origin {
        Origin::Records(records) => xxh3_64(records.payloads.get(record as usize).unwrap_or_default()),
        Origin::Lines(lines) => line(lines, record),
    }
}

/// The hash of a line's cells: their text, their borders and which are null.
fn line(lines: &RawLines, row: u32) -> u64 {
    if let Some((_, raw)) = lines.uncut(row as usize) {
        return xxh3_64(raw);
    }
    let cells = lines.cells(row as usize).iter();
    cells.fold(lines.width as u64, |hash, cell| {
        let seed = hash.rotate_left(7) ^ u64::from(cell.is_none());
        xxh3_64_with_seed(cell.unwrap_or_default(), seed)
    })
}

#[cfg(test)]
#[path = "fingerprint_tests.rs"]
mod tests;
