//! Tests of the file beside this one: what a report says of times and measures.

use muster_spec::rule::Measure;
use muster_spec::{Expectation, FieldKind};

use super::{furthest, time};

fn expectation(min: Option<f64>, max: Option<f64>) -> Expectation {
    Expectation {
        id: "mean".to_owned(),
        measure: Measure::Rows,
        min,
        max,
        alert: None,
    }
}

#[test]
fn of_a_days_values_the_one_furthest_from_what_is_expected_is_told() {
    let cases = [
        (Some(10.0), Some(20.0), (5.0, 21.0), 5.0),
        (Some(10.0), Some(20.0), (9.0, 28.0), 28.0),
        (Some(10.0), Some(20.0), (12.0, 19.0), 19.0),
        (Some(10.0), None, (3.0, 1e9), 3.0),
        (None, Some(0.1), (0.0, 0.3), 0.3),
    ];
    for (min, max, (least, greatest), told) in cases {
        assert_eq!(
            furthest(&expectation(min, max), Some(least), Some(greatest)),
            Some(told)
        );
    }
    assert_eq!(furthest(&expectation(None, None), None, None), None);
}

#[test]
fn moments_are_told_by_the_calendar_and_those_outside_of_it_not_at_all() {
    let cases = [
        (FieldKind::Date, 0, Some("1970-01-01")),
        (FieldKind::Date, -1, Some("1969-12-31")),
        (FieldKind::Date, i64::MAX, None),
        (
            FieldKind::TimestampMillis,
            1_700_000_000_000,
            Some("2023-11-14T22:13:20Z"),
        ),
        (FieldKind::TimestampMicros, 1, Some("1970-01-01T00:00:00.000001Z")),
        (FieldKind::TimestampMillis, i64::MIN, None),
        (FieldKind::Text, 1, None),
    ];
    for (kind, value, told) in cases {
        assert_eq!(time(&kind, value).as_deref(), told, "{kind:?} {value}");
    }
}
