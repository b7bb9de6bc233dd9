//! Tests of the file beside this one: what is drawn.

use super::bars;

#[test]
fn every_value_that_is_not_nothing_has_a_bar_and_the_greatest_fills_the_height() {
    assert_eq!(bars([0, 0].into_iter()), "");
    assert_eq!(bars(std::iter::empty()), "");
    let path = bars([1, 0, 1_000].into_iter());
    assert_eq!(path, "M16.0 100v-2.0h128.0v2.0zM336.0 100v-100.0h128.0v100.0z");
}
