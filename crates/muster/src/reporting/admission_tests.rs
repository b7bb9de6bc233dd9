//! Tests of the file beside this one: who is let in, and who is not.

use super::*;

const TOKEN: &str = "0123456789abcdef01234567";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(
            header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
            value.parse().unwrap(),
        );
    }
    headers
}

fn of(token: Option<&str>, bound: &str) -> Admission {
    Admission::new(token, bound.parse().unwrap()).unwrap()
}

#[test]
fn off_loopback_nobody_reads_without_a_token() {
    let anyone = headers(&[("host", "127.0.0.1:8000")]);
    assert_eq!(of(None, "0.0.0.0:8000").admit(&anyone), Err(Refusal::Closed));
    assert_eq!(of(None, "[::]:8000").admit(&anyone), Err(Refusal::Closed));
    assert_eq!(of(None, "192.168.1.2:8000").admit(&anyone), Err(Refusal::Closed));
}

#[test]
fn a_token_that_is_set_is_asked_for_everywhere() {
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let right = [
        format!("Bearer {TOKEN}"),
        format!("bearer  {TOKEN} "),
        basic(&format!("anybody:{TOKEN}")),
        basic(&format!(":{TOKEN}")),
    ];
    let wrong = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {}", &TOKEN[1..]),
        format!("Bearer {TOKEN}0"),
        format!("Token {TOKEN}"),
        basic(TOKEN),
        basic(&format!("{TOKEN}:")),
        "Basic %%%".to_owned(),
    ];
    for bound in ["127.0.0.1:8000", "0.0.0.0:8000"] {
        let admission = of(Some(TOKEN), bound);
        for given in &right {
            assert_eq!(
                admission.admit(&headers(&[("authorization", given)])),
                Ok(()),
                "{given}"
            );
        }
        for given in &wrong {
            let told = admission.admit(&headers(&[("authorization", given)]));
            assert_eq!(told, Err(Refusal::Token), "{given}");
        }
        assert_eq!(admission.admit(&HeaderMap::new()), Err(Refusal::Token));
    }
    let short = Admission::new(Some("secret"), "127.0.0.1:1".parse().unwrap());
    assert!(short.is_err(), "a token that can be guessed is none");
}

#[test]
fn on_loopback_another_sites_name_does_not_lead_here() {
    let admission = of(None, "127.0.0.1:8000");
    for host in [
        "127.0.0.1:8000",
        "localhost:8000",
        "LOCALHOST",
        "[::1]:8000",
        "127.1.2.3",
    ] {
        assert_eq!(admission.admit(&headers(&[("host", host)])), Ok(()), "{host}");
    }
    for host in [
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example:8000",
        "10.0.0.1",
        "",
    ] {
        let told = admission.admit(&headers(&[("host", host)]));
        assert_eq!(told, Err(Refusal::Host), "{host}");
    }
    assert_eq!(admission.admit(&HeaderMap::new()), Err(Refusal::Host));
}
