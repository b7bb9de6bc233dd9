//! Tests of the file beside this one.

use super::*;

#[test]
fn an_offset_beside_a_range_is_not_in_it() {
    let ranges = [(3, 5), (9, 10)];
    let inside: Vec<i64> = (0..12).filter(|offset| is_in(&ranges, *offset)).collect();
    assert_eq!(inside, [3, 4, 9]);
    assert!(!is_in(&[], 0));
}
