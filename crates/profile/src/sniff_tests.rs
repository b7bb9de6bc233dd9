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

#[test]
fn a_file_that_is_not_cut_as_its_header_is_refused_with_what_to_do() {
    for (text, words) in [
        ("a,b,c\n1,2,3,\n4,5,6,\n", "the header, which has 3: the first has 4"),
        ("sep=;\na;b\n1;2\n", "`sep=` is a word to a spreadsheet"),
        ("sep=,\na,b\n1,2\n", "`sep=` is a word to a spreadsheet"),
        ("# made by x\na,b\n1,2\n", "one cell, and the rows below it have 2"),
        (
            "Report of May\na;b;c\n1;2;3\n",
            "one cell, and the rows below it have 3",
        ),
        ("Report of May,,,\n,,,\na,b,c,d\n1,2,3,4\n", "it names 1 of 4 columns"),
        ("a,b\r1,2\r3,4\r", "lines end in CR alone"),
        ("a,b\r\r\n1,2\r\r\n", "lines end in CR CR LF"),
    ] {
        let refused = sniff(text.as_bytes(), true).unwrap_err().to_string();
        assert!(
            refused.contains(words) && refused.contains("hint"),
            "{text:?}: {refused}"
        );
    }
}

#[test]
fn blanks_around_cells_are_left_out_where_most_of_a_column_or_a_name_has_them() {
    for (text, trim) in [
        ("a, b\n1,2\n", true),
        ("a,b\n1, 2\n1, 3\n1,4\n", true),
        ("a,b\nx ,2\ny ,3\n", true),
        ("a,b\n1, 2\n1,3\n1,4\n", false),
        ("a b,c d\n1 2,3 4\n", false),
    ] {
        assert_eq!(sniff(text.as_bytes(), true).unwrap().trim, trim, "{text:?}");
    }
}

#[test]
fn what_only_looks_odd_is_taken() {
    for (text, delimiter) in [
        // A name before its first name, in a column of its own.
        ("name\nDoe, John\nRoe, Jane\n", b'\t'),
        ("note\nwell, well\nthat is it\n", b'\t'),
        ("a,b\n1,2,\n3,4\n", b','),
        ("a;b\n\n1;2\n\n", b';'),
        ("\"a\r\",b\n1,2\n", b','),
    ] {
        let found = sniff(text.as_bytes(), true).unwrap();
        assert_eq!(char::from(found.delimiter), char::from(delimiter), "{text:?}");
    }
}
