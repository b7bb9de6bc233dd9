//! Tests of the file beside this one.

use super::*;

fn refused(code: &str) -> Error {
    Error::Refused {
        action: "commit",
        code: SqlState::from_code(code),
        message: "no".into(),
    }
}

#[test]
fn each_refusal_has_its_domain_and_its_retry() {
    let cases = [
        ("40001", Domain::Environment, true),
        ("40P01", Domain::Environment, true),
        ("55P03", Domain::Environment, true),
        ("57014", Domain::Environment, true),
        ("53100", Domain::Environment, true),
        ("42501", Domain::User, false),
        ("42P01", Domain::User, false),
        ("3D000", Domain::User, false),
        ("23514", Domain::Internal, false),
        ("22P02", Domain::Internal, false),
    ];
    for (code, domain, retry) in cases {
        let error = refused(code);
        assert_eq!((error.domain(), error.retry()), (domain, retry), "{code}");
    }
}

#[test]
fn a_file_error_names_file_and_number() {
    let error = Error::file("sync", "good-data/a/b.parquet", io::Error::from_raw_os_error(28));
    let text = error.to_string();
    assert!(
        text.contains("good-data/a/b.parquet") && text.contains("os error 28"),
        "{text}"
    );
    assert_eq!(error.domain(), Domain::Environment);
}
