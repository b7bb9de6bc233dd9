//! Levels that have an order, and those that only look so.

use super::{mangled, ordered};

#[test]
fn ranges_and_scales_are_put_in_order() {
    for (levels, due) in [
        (&[">20", "2", "<1", "10", "1"][..], &["<1", "1", "2", "10", ">20"][..]),
        (
            &["50-99", "10/49", "<10", "10000+", "100-500"],
            &["<10", "10/49", "50-99", "100-500", "10000+"],
        ),
        (
            &["50-99", "Oct-49", "<10", "100-500"],
            &["<10", "Oct-49", "50-99", "100-500"],
        ),
        (&[">4", "never", "1", "2"], &["never", "1", "2", ">4"]),
        (&["High", "low", "Medium"], &["low", "Medium", "High"]),
        (
            &["Masters", "Graduate", "High School"],
            &["High School", "Graduate", "Masters"],
        ),
        (
            &["30 to 39", "18 to 29", "40 to 49"],
            &["18 to 29", "30 to 39", "40 to 49"],
        ),
    ] {
        assert_eq!(
            ordered(levels).as_deref(),
            Some(&due.iter().map(|level| (*level).to_owned()).collect::<Vec<_>>()[..])
        );
    }
}

#[test]
fn names_codes_and_pairs_have_no_order() {
    for levels in [
        &["Sales", "Support", "Finance"][..],
        &["00017", "00018", "00101"],
        &["low", "high"],
        &["1st floor", "room 2", "3"],
        &["low", "lower", "lowest"],
        &[
            "2024-01-10 10:15:00+00",
            "2024-01-11 09:00:00+00",
            "2024-02-01 08:30:00+00",
        ],
        &["2024-01-10", "2024-02-01", "2024-03-05"],
        &["40000000000000000001", "41000000000000000001", "42000000000000000001"],
        &["3-1", "2-2", "1-3"],
        &["10:15", "11:15", "12:15"],
    ] {
        assert_eq!(ordered(levels), None, "{levels:?}");
    }
}

#[test]
fn a_range_that_a_spreadsheet_turned_into_a_date_is_told() {
    assert_eq!(mangled(&["<10", "Oct-49", "50-99", "100-500"]), Some("Oct-49"));
    assert_eq!(
        mangled(&["Jan-20", "Feb-20", "Mar-20", "Apr-20"]),
        None,
        "these are months"
    );
}
