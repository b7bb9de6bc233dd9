//! Tests of the file beside this one.

use super::*;

#[test]
fn a_value_names_the_wrong_category() {
    let cases = [
        (f64::NAN, None),
        (-1.0, None),
        (-0.5, Some(0)),
        (0.0, Some(0)),
        (3.99, Some(3)),
        (2_147_483_647.0, Some(2_147_483_647)),
        (2_147_483_648.0, None),
        (f64::INFINITY, None),
        (f64::NEG_INFINITY, None),
    ];
    for (value, category) in cases {
        assert_eq!(category_of(value), category, "{value}");
    }
}

#[test]
fn missing_goes_the_wrong_way() {
    let number = |missing, default_left| Test::Number {
        threshold: -1.0,
        missing,
        default_left,
    };
    let cases = [
        (Missing::None, true, f64::NAN, false),
        (Missing::None, true, 0.0, false),
        (Missing::Zero, true, f64::NAN, true),
        (Missing::Zero, true, 0.0, true),
        (Missing::Zero, false, -2.0, true),
        (Missing::Nan, true, f64::NAN, true),
        (Missing::Nan, true, 0.0, false),
        (Missing::Nan, false, f64::NAN, false),
        (Missing::Nan, false, -1.0, true),
    ];
    for (missing, default_left, value, left) in cases {
        assert_eq!(
            number(missing, default_left).goes_left(value, &[]),
            left,
            "{missing:?} {default_left} {value}"
        );
    }
}

#[test]
fn a_category_outside_the_set_goes_left() {
    let test = Test::Category { words: 1..3 };
    let words = [u32::MAX, 0b101, 0b1, u32::MAX];
    let left: Vec<u32> = (0..128)
        .filter(|category| test.goes_left(f64::from(*category), &words))
        .collect();
    assert_eq!(left, [0, 2, 32]);
    assert!(!test.goes_left(f64::NAN, &words));
}
