//! Tests of the file beside this one.

use std::time::Duration;

use super::{duration, nearest};

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

#[test]
fn a_hint_names_only_what_could_be_meant() {
    let known = ["format", "schema", "topic", "key"];
    assert_eq!(nearest("fromat", &known), Some("format"));
    assert_eq!(nearest("Topic", &known), Some("topic"));
    assert_eq!(nearest("schemas", &known), Some("schema"));
    assert_eq!(nearest("zzz", &known), None);
    assert_eq!(nearest("", &known), None);
    assert_eq!(nearest("x", &[]), None);
}
