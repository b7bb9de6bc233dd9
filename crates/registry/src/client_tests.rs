//! Tests of the file beside this one.

use super::{Options, Registry, percent_decoded, subject_of};
use crate::{Error, Retry};

fn registry(url: &str) -> Registry {
    Registry::new(&Options::new(url)).unwrap()
}

#[test]
fn the_path_of_the_address_is_kept() {
    let cases = [
        ("http://h:8081", "http://h:8081/subjects/t-value/versions"),
        ("http://h:8081/", "http://h:8081/subjects/t-value/versions"),
        (
            "https://h/apis/ccompat/v7",
            "https://h/apis/ccompat/v7/subjects/t-value/versions",
        ),
        (
            "https://h/apis/ccompat/v7/?x=1#y",
            "https://h/apis/ccompat/v7/subjects/t-value/versions",
        ),
    ];
    for (address, url) in cases {
        let subject = subject_of("t");
        assert_eq!(registry(address).url(&["subjects", &subject, "versions"]).as_str(), url);
    }
    let odd = registry("http://h").url(&["subjects", "a/b %?#", "versions"]);
    assert_eq!(odd.as_str(), "http://h/subjects/a%2Fb%20%25%3F%23/versions");
}

#[test]
fn a_password_is_taken_out_of_the_address() {
    let registry = registry("http://al%40ice:p%3Aw%2f@h:1/x");
    assert_eq!(registry.user, Some(("al@ice".into(), "p:w/".into())));
    assert_eq!(registry.url(&["a"]).as_str(), "http://h:1/x/a");
    assert_eq!(format!("{registry:?}"), "Registry(h:1)");
    let mut options = Options::new("http://a:b@h");
    options.user = Some(("c".into(), "d".into()));
    assert_eq!(Registry::new(&options).unwrap().user, Some(("c".into(), "d".into())));
}

#[test]
fn an_address_that_cannot_be_asked_is_refused_and_not_retried() {
    for address in ["", "registry", "localhost:8081", "ftp://h", "http://", "file:///x"] {
        let error = Registry::new(&Options::new(address)).expect_err(address);
        assert!(matches!(error, Error::Address { .. }), "{address}: {error}");
        assert_eq!(error.retry(), Retry::Never);
    }
}

#[test]
fn a_sign_that_is_no_escape_stays() {
    for (written, text) in [
        ("a%20b", "a b"),
        ("50%", "50%"),
        ("%zz%4", "%zz%4"),
        ("%C3%BC", "ü"),
        ("", ""),
    ] {
        assert_eq!(percent_decoded(written), text);
    }
}
