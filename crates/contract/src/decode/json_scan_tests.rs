//! Tests of the file beside this one.

use muster_batch::Refusal;
use proptest::prelude::*;

use super::{Scan, Token};

/// The text's one value, passed over; the token it begins with.
fn scan(text: &str) -> Result<Token<'_>, Refusal> {
    let mut scan = Scan::new(text);
    let token = scan.value()?;
    scan.skip(token, 0)?;
    scan.end()?;
    Ok(token)
}

#[test]
fn a_text_without_its_escapes_is_what_others_read() {
    for text in [
        r#""\ud83d\ude00\u00e9\u0000""#,
        r#""\\\"\/\b\f\n\r\t""#,
        r#""plain é""#,
        r#""""#,
        r#""a\u0041b""#,
    ] {
        let Ok(Token::Text(scanned)) = scan(text) else {
            panic!("{text} is a text");
        };
        let mut ours = String::new();
        scanned.unescape(&mut ours);
        assert_eq!(ours, serde_json::from_str::<String>(text).unwrap(), "{text}");
        assert_eq!(scanned.escaped, text.contains('\\'));
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(scan(&nested(128)).is_ok());
    assert_eq!(scan(&nested(129)), Err(Refusal::Depth));
    assert_eq!(scan(&"{\"a\":".repeat(1_000_000)), Err(Refusal::Depth));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        prop::num::f64::NORMAL.prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::vec((".{0,6}", inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_others_write_is_accepted(value in json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert!(scan(&text).is_ok(), "{}", text);
    }

    #[test]
    fn what_others_refuse_is_refused(value in json(), at: prop::sample::Index, byte in prop::sample::select(&b"\"\\{}[]:,0e.-+ nt\x01a"[..])) {
        let mut text = serde_json::to_string(&value).unwrap().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(text) = std::str::from_utf8(&text) {
            let other = serde_json::from_str::<serde_json::Value>(text);
            // Beyond a double's range others stop reading; here it is a number like any other.
            prop_assume!(!other.as_ref().is_err_and(|error| error.to_string().contains("out of range")));
            prop_assert_eq!(scan(text).is_ok(), other.is_ok(), "{} {:?}", text, other);
        }
    }

    #[test]
    fn nothing_panics(text in ".{0,60}") {
        let _ = scan(&text);
    }
}
