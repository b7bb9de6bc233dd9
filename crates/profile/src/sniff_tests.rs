//! Beginnings of files.

use super::sniff;

#[test]
fn the_delimiter_is_the_one_that_cuts_rows_alike() {
    for (text, delimiter) in [
        ("a,b\n1,2\n", b','),
        ("a;b\n1,5;2,5\n2,5;1\n", b';'),
        ("a\tb, c\n1\t2, 3\n", b'\t'),
        ("a|b\n1|2\n", b'|'),
        ("\"a;b\",c\n\"1;2\",3\n\"4;5;6\",7\n", b','),
        ("only\n1\n2\n", b','),
    ] {
        let found = sniff(text.as_bytes(), true).unwrap();
        assert_eq!(char::from(found.delimiter), char::from(delimiter), "{text}");
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_latin() {
    assert_eq!(
        sniff("name,city\nZoë,Köln\n".as_bytes(), true).unwrap().encoding,
        "utf-8"
    );
    assert_eq!(sniff(b"name,city\nZo\xeb,K\xf6ln\n", true).unwrap().encoding, "latin1");
    // The last line may be cut off in the middle of a character.
    assert_eq!(sniff(b"name\nZo\xc3\xab\nZo\xc3", false).unwrap().encoding, "utf-8");
}

#[test]
fn nothing_is_no_table() {
    assert!(sniff(b"", true).is_err());
}
