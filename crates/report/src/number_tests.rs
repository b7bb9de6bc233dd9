//! Tests of the file beside this one: numbers as people read them.

use super::{bytes, count, decimal, decimal_unlike, percent};

#[test]
fn counts_are_grouped_by_thousands() {
    let cases = [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (19_158, "19,158"),
        (u64::MAX, "18,446,744,073,709,551,615"),
    ];
    for (value, shown) in cases {
        assert_eq!(count(value), shown);
    }
}

#[test]
fn one_row_in_a_million_is_not_shown_as_none_nor_all_but_one_as_all() {
    let cases = [
        (0.0, "0.0\u{a0}%"),
        (1e-6, "< 0.1\u{a0}%"),
        (0.182_17, "18.2\u{a0}%"),
        (1.0 - 1e-6, "> 99.9\u{a0}%"),
        (1.0, "100.0\u{a0}%"),
    ];
    for (share, shown) in cases {
        assert_eq!(percent(share), shown);
    }
}

#[test]
fn decimals_have_no_digits_that_say_nothing() {
    let cases = [
        (0.0, "0"),
        (0.1, "0.1"),
        (0.123_456, "0.1235"),
        (-1_234.5, "\u{2212}1,234.5"),
        (1e-9, "1.000e-9"),
        (3e20, "3.000e20"),
    ];
    for (value, shown) in cases {
        assert_eq!(decimal(value), shown);
    }
}

#[test]
fn what_is_a_little_beyond_its_limit_does_not_look_like_the_limit() {
    assert_eq!(decimal_unlike(0.100_023, 0.1), "0.10002");
    assert_eq!(decimal_unlike(0.25, 0.1), "0.25");
    assert_eq!(decimal_unlike(0.1, 0.1), "0.1");
}

#[test]
fn sizes_have_a_unit() {
    for (value, shown) in [
        (12, "12\u{a0}B"),
        (1_400_000, "1.4\u{a0}MB"),
        (2_100_000_000, "2.1\u{a0}GB"),
    ] {
        assert_eq!(bytes(value), shown);
    }
}
