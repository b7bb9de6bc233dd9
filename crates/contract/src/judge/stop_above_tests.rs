//! Tests of the file beside this one.

use super::*;

#[test]
fn a_source_stops_only_after_enough_rows_and_above_the_ratio() {
    let mut ratio = BadRatio::new(StopAbove { ratio: 0.5, rows: 100 });
    for (judged, bad, stops) in [
        (50, 50, None),
        (49, 49, None),
        (1, 1, Some(1.0)),
        (0, 0, Some(1.0)),
        (100, 50, None),
        (100, 51, Some(0.51)),
        (10, 0, None),
        (1000, 1000, Some(1.0)),
        (100, 0, None),
    ] {
        assert_eq!(ratio.add(judged, bad), stops, "{judged} {bad}");
    }
}

#[test]
fn a_resumed_source_is_measured_anew() {
    let mut ratio = BadRatio::new(StopAbove { ratio: 0.9, rows: 10 });
    assert!(ratio.add(10, 10).is_some());
    ratio.reset();
    assert_eq!(ratio.add(9, 9), None);
    assert!(ratio.add(1, 1).is_some());
}

#[test]
fn a_limit_of_no_rows_stops_at_the_first_bad_one() {
    let mut ratio = BadRatio::new(StopAbove { ratio: 0.0, rows: 0 });
    assert_eq!(ratio.add(0, 0), None);
    assert_eq!(ratio.add(1, 0), None);
    assert_eq!(ratio.add(1, 1), Some(1.0));
}
