//! Tests of sampling.

use super::*;

#[test]
fn the_first_of_each_second_are_let_through_and_the_others_counted_once() {
    let begun = Instant::now();
    let mut sampling = Sampling::new(Some(2), begun);
    let admitted: Vec<_> = (0..5).map(|_| sampling.admit()).collect();
    assert_eq!(admitted, [Some(0), Some(0), None, None, None]);
    assert_eq!(sampling.turn(begun + SECOND / 2), None, "the second is not over");
    assert_eq!(sampling.turn(begun + SECOND), Some(3));
    assert_eq!(sampling.admit(), Some(3), "held back before this one");
    assert_eq!(sampling.admit(), Some(0));
    assert_eq!(sampling.turn(begun + 2 * SECOND), None, "nothing was held back in it");
}

#[test]
fn without_a_limit_all_are_let_through() {
    let mut sampling = Sampling::new(None, Instant::now());
    assert!((0..10_000).all(|_| sampling.admit() == Some(0)));
}
