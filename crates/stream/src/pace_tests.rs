//! Tests of the file beside this one.

use super::*;

#[test]
fn records_are_spread_over_the_second() {
    let mut pace = Pace::new(100.0).unwrap();
    let begun = Instant::now();
    let last = (0..101).map(|_| pace.next(begun)).last().unwrap();
    assert_eq!(last.as_millis(), 1_000);
}

#[test]
fn a_pause_is_caught_up_for_one_second_at_most() {
    let mut pace = Pace::new(10.0).unwrap();
    let begun = Instant::now();
    pace.next(begun);
    let later = begun + Duration::from_mins(1);
    let at_once = (0..1_000).filter(|_| pace.next(later).is_zero()).count();
    assert_eq!(at_once, 11);
}

#[test]
fn no_rate_is_no_pace() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Pace::new(rate).is_none());
    }
}
