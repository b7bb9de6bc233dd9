//! What people are shown of what stands in files.

use super::{printable, short, table};

#[test]
fn what_stands_in_a_file_does_not_speak_to_the_terminal() {
    assert_eq!(printable("red \u{1b}[31m\r\u{7}\n"), "red \\u{1b}[31m\\r\\u{7}\n");
    assert_eq!(printable("plain, 号\n"), "plain, 号\n");
    let shown = table(&["name"], &[], [vec!["\u{1b}[2Jgone".to_owned()]]);
    assert!(shown.contains("\\u{1b}[2Jgone") && !shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn a_name_that_is_too_long_is_cut_between_signs() {
    assert_eq!(short("号号号", 2), "号号…");
    assert_eq!(short("号号", 2), "号号");
}
