//! Hashes of bytes and of rows: what is equal can be seen by who may not see what it is.
//!
//! Used by [`super::Tracer`]. A row's hash does not depend on the file it lies in: for each of its columns but the
//! position's, in order, the name and the value, each with its length in 8 bytes before it, little-endian, a missing value
//! as the length of all ones. Numbers and times are their bytes, little-endian, text and bytes themselves.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, ToByteSlice};
use arrow::downcast_primitive_array;
use sha2::{Digest, Sha256};

use super::values::is_of_position;

/// The sha-256 of bytes, in hexadecimal digits.
pub fn of_bytes(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The sha-256 of a row's values, its position apart.
pub fn of_row(rows: &RecordBatch, row: usize) -> String {
    let mut hash = Sha256::new();
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    for (field, column) in columns.filter(|(field, _)| !is_of_position(field.name())) {
        add(&mut hash, field.name().as_bytes());
        match value(column, row) {
            Some(bytes) => add(&mut hash, &bytes),
            None => hash.update(u64::MAX.to_le_bytes()),
        }
    }
    format!("{:x}", hash.finalize())
}

fn add(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// A value's bytes; `None` where there is none.
fn value(column: &ArrayRef, row: usize) -> Option<Vec<u8>> {
    if column.is_null(row) {
        return None;
    }
    let column = column.as_ref();
    Some(downcast_primitive_array! {
        column => column.value(row).to_byte_slice().to_vec(),
        DataType::Boolean => vec![u8::from(column.as_boolean().value(row))],
        DataType::Utf8 => column.as_string::<i32>().value(row).as_bytes().to_vec(),
        DataType::Binary => column.as_binary::<i32>().value(row).to_vec(),
        DataType::List(_) => {
            let list = column.as_list::<i32>().value(row);
            let mut bytes = Vec::new();
            for at in 0..list.len() {
                let value = value(&list, at).unwrap_or_default();
                bytes.extend((value.len() as u64).to_le_bytes());
                bytes.extend(value);
            }
            bytes
        }
        // No sealed file has others.
        _ => Vec::new(),
    })
}

#[cfg(test)]
#[path = "digest_tests.rs"]
mod tests;
