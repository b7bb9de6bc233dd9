//! Tests of the file beside this one.

use super::*;
use arrow::array::{Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, StringArray};
use muster_batch::Cell;

const SEED_OF_ID: u64 = 15_178_342_399_716_080_259;
const OF_ANN: u128 = 299_952_255_597_978_510_816_573_921_783_869_978_566;

fn fingerprints(column: &dyn Array) -> Vec<u128> {
    let mut into = Vec::new();
    of_column(column, seed("id"), &mut into);
    into
}

#[test]
fn equal_values_have_equal_fingerprints_whatever_their_width() {
    let long = fingerprints(&Int64Array::from(vec![Some(-7), None, Some(7)]));
    assert_eq!(long, fingerprints(&Int32Array::from(vec![Some(-7), None, Some(7)])));
    assert_eq!(long, fingerprints(&Date32Array::from(vec![Some(-7), None, Some(7)])));
    assert_eq!(long[1], NO_KEY);
    let double = fingerprints(&Float64Array::from(vec![0.0, -0.0, f64::NAN, -f64::NAN, 0.5]));
    assert_eq!((double[0], double[2]), (double[1], double[3]));
    assert_eq!(double[4], fingerprints(&Float32Array::from(vec![0.5]))[0]);
}

#[test]
fn fingerprints_are_those_of_sealed_key_files() {
    // These stand in files: a change here makes every sealed key unknown.
    let texts = fingerprints(&StringArray::from(vec!["", "Ann"]));
    assert_eq!(
        texts,
        [
            xxh3_128_with_seed(b"", xxh3_64(b"id")),
            xxh3_128_with_seed(b"Ann", xxh3_64(b"id"))
        ]
    );
    assert_eq!(xxh3_64(b"id"), SEED_OF_ID);
    assert_eq!(texts[1], OF_ANN);
}

#[test]
fn a_line_is_told_by_its_borders_and_nulls() {
    let line = |cells: [Cell; 2]| {
        let lines = RawLines {
            width: 2,
            lines: vec![1],
            text: b"abc".to_vec(),
            cells: cells.to_vec(),
            ..RawLines::default()
        };
        payload(&Origin::Lines(lines), 0)
    };
    let text = |start, end| Cell { start, end };
    let hashes = [
        line([text(0, 1), text(1, 3)]),
        line([text(0, 2), text(2, 3)]),
        line([text(0, 3), Cell::EMPTY]),
        line([text(0, 3), Cell::NULL]),
    ];
    let different: std::collections::BTreeSet<u64> = hashes.into_iter().collect();
    assert_eq!(different.len(), 4);
}
