//! Tests of the file beside this one: which rows have the same hash.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use sha2::{Digest, Sha256};

use super::of_row;

fn row(columns: &[(&str, ArrayRef)]) -> String {
    let columns = columns.iter().map(|(name, column)| (*name, Arc::clone(column), true));
    of_row(&RecordBatch::try_from_iter_with_nullable(columns).unwrap(), 0)
}

fn text(value: Option<&str>) -> ArrayRef {
    Arc::new(StringArray::from(vec![value]))
}

#[test]
fn a_rows_hash_is_of_its_names_and_values_as_they_are_told_to_be_written() {
    let number: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let offset: ArrayRef = Arc::new(Int64Array::from(vec![42]));
    let mut bytes = Vec::new();
    for part in [&b"city"[..], b"Rome", b"age", &7i64.to_le_bytes(), b"note"] {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part);
    }
    bytes.extend([255; 8]);
    let columns = [
        ("_offset", offset),
        ("city", text(Some("Rome"))),
        ("age", number),
        ("note", text(None)),
    ];
    assert_eq!(row(&columns), format!("{:x}", Sha256::digest(&bytes)));
    assert_eq!(row(&columns), row(&columns[1..]), "the position is not part of it");
}

#[test]
fn rows_that_differ_have_other_hashes() {
    let zero: ArrayRef = Arc::new(Float64Array::from(vec![0.0]));
    let negative: ArrayRef = Arc::new(Float64Array::from(vec![-0.0]));
    let rows = [
        row(&[("a", text(Some("xy"))), ("b", text(Some("")))]),
        row(&[("a", text(Some("x"))), ("b", text(Some("y")))]),
        row(&[("a", text(Some(""))), ("b", text(Some("xy")))]),
        row(&[("a", text(None)), ("b", text(Some("xy")))]),
        row(&[("b", text(Some("xy"))), ("a", text(Some("")))]),
        row(&[("a", zero)]),
        row(&[("a", negative)]),
    ];
    assert_eq!(rows.iter().collect::<HashSet<_>>().len(), rows.len());
}
