//! Tests of the file beside this one.

use std::time::Duration;

use super::duration;

#[test]
fn a_duration_that_is_none_is_not_read() {
    let cases = [
        ("1s", Some(1)),
        ("90m", Some(5_400)),
        ("24h", Some(86_400)),
        ("7d", Some(604_800)),
        ("007d", Some(604_800)),
        ("0s", None),
        ("", None),
        ("h", None),
        ("24", None),
        ("24 h", None),
        ("-1h", None),
        ("+1h", None),
        ("1.5h", None),
        ("1h30m", None),
        ("1w", None),
        ("1é", None),
        ("18446744073709551615d", None),
        ("99999999999999999999s", None),
        ("365001d", None),
    ];
    for (text, secs) in cases {
        assert_eq!(duration(text), secs.map(Duration::from_secs), "{text}");
    }
}
