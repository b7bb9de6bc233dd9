//! Tests of the file beside this one.

use proptest::prelude::*;

use super::{Rescale, from_be_bytes};

#[test]
fn bytes_are_a_signed_number_of_any_length() {
    let cases: &[(&[u8], Option<i128>)] = &[
        (&[], Some(0)),
        (&[0], Some(0)),
        (&[0xff], Some(-1)),
        (&[0x80], Some(-128)),
        (&[0, 0x80], Some(128)),
        (&[0xff; 40], Some(-1)),
        (&[0; 40], Some(0)),
        (&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], None),
        (&[0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], None),
        (&[0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], None),
        (
            &[0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            Some(i128::MIN),
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(from_be_bytes(bytes), *expected, "{bytes:?}");
    }
}

#[test]
fn nothing_is_rounded_and_nothing_overflows() {
    let rescale = |from, to, precision| Rescale { from, to, precision };
    let cases = [
        (rescale(2, 2, 4), 9_999, Some(9_999)),
        (rescale(2, 2, 4), -10_000, None),
        (rescale(2, 4, 9), 1, Some(100)),
        (rescale(4, 2, 9), 100, Some(1)),
        (rescale(4, 2, 9), 101, None),
        (rescale(4, 2, 9), -101, None),
        (rescale(0, 38, 38), 0, Some(0)),
        (rescale(0, 38, 38), 1, None),
        (rescale(0, 38, 38), i128::MAX, None),
        (rescale(38, 0, 38), i128::MIN, None),
        (rescale(-2, 2, 9), 3, Some(30_000)),
        (rescale(127, -128, 9), 3, None),
        (rescale(0, 0, 38), i128::MIN, None),
    ];
    for (rescale, unscaled, expected) in cases {
        assert_eq!(rescale.apply(unscaled), expected, "{rescale:?} {unscaled}");
    }
}

proptest! {
    #[test]
    fn a_number_survives_with_any_sign_before_it(number: i128, more in 0_usize..8) {
        let sign = if number < 0 { 0xff } else { 0 };
        let bytes = [&vec![sign; more][..], &number.to_be_bytes()].concat();
        prop_assert_eq!(from_be_bytes(&bytes), Some(number));
    }

    #[test]
    fn rescaling_there_and_back_changes_nothing(number in -999_999_999_i128..999_999_999, by in 0_i8..20) {
        let there = Rescale { from: 2, to: 2 + by, precision: 38 };
        let back = Rescale { from: 2 + by, to: 2, precision: 38 };
        prop_assert_eq!(there.apply(number).and_then(|rescaled| back.apply(rescaled)), Some(number));
    }
}
