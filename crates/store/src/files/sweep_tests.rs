//! Tests of the file beside this one.

use super::*;

#[test]
fn only_a_whole_token_in_its_place_is_one() {
    let digits = "0123456789abcdef0123456789abcdef";
    let token = Some(Token(Uuid::parse_str(digits).expect("a UUID")));
    let cases = [
        (format!("good-data/a/s1-0-10-{digits}.parquet"), token),
        (format!("good-data/a/s1-0-10-{digits}.keys"), token),
        (format!("bad-data/a/.s1-0-{digits}.bad.77-3.tmp"), token),
        (format!("feature-data/p/c9-{digits}.parquet"), token),
        (format!("feature-data/p/.c9-{digits}.12-1.tmp"), token),
        (format!("good-data/a/{digits}.parquet"), None),
        (format!("good-data/a/s1-0-10-{}.parquet", &digits[1..]), None),
        (format!("good-data/a/s1-0-10-{}.parquet", digits.to_uppercase()), None),
        (format!("good-data/s1-0-10-{digits}/part-0.parquet"), None),
        ("good-data/a/.gitkeep".to_owned(), None),
        ("good-data/a/notes-from-tuesday.txt".to_owned(), None),
    ];
    for (path, expected) in cases {
        assert_eq!(token_in(&path), expected, "{path}");
    }
}

#[test]
fn a_listed_file_stays_whatever_its_token() {
    let cases = [
        (true, TokenState::Superseded, Verdict::Listed),
        (true, TokenState::Unknown, Verdict::Listed),
        (false, TokenState::Live, Verdict::Pending),
        (false, TokenState::Superseded, Verdict::Dead),
        (false, TokenState::Unknown, Verdict::Unknown),
    ];
    for (listed, token, expected) in cases {
        assert_eq!(Verdict::of(listed, token), expected);
    }
}
