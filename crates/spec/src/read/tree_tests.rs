//! Tests of the file beside this one.

use super::super::report::Report;
use super::{Node, Plain, Value, parse};
use crate::Problem;

fn read(text: &str) -> (Option<Node>, Vec<Problem>) {
    let mut problems = Vec::new();
    let node = parse(text, &mut Report::new("file.yaml", &mut problems));
    (node, problems)
}

fn refused(text: &str) -> String {
    let (node, problems) = read(text);
    assert!(node.is_none(), "{text}");
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].to_string()
}

#[test]
fn keys_and_values_know_their_places() {
    let (node, problems) = read("a: 1\nb:\n  - {c: x, d: [y]}\n");
    assert_eq!(problems, []);
    let Some(Value::Map(entries)) = node.map(|node| node.value) else {
        panic!("no map");
    };
    assert_eq!((entries[0].0.place, entries[0].1.place), ((1, 1), (1, 4)));
    let Value::List(items) = &entries[1].1.value else {
        panic!("no list");
    };
    assert_eq!(items[0].place, (3, 5));
    let Value::Map(inner) = &items[0].value else {
        panic!("no map");
    };
    assert_eq!((inner[1].0.place, inner[1].1.place), ((3, 12), (3, 15)));
}

#[test]
fn columns_count_characters_behind_a_byte_order_mark() {
    let (node, _) = read("\u{feff}é: ß\n");
    let Some(Value::Map(entries)) = node.map(|node| node.value) else {
        panic!("no map");
    };
    assert_eq!((entries[0].0.text.as_str(), entries[0].1.place), ("é", (1, 4)));
}

#[test]
fn an_unquoted_word_means_what_yaml_says() {
    let cases = [
        ("~", Plain::Null),
        ("true", Plain::Boolean(true)),
        ("yes", Plain::Text("yes")),
        ("no", Plain::Text("no")),
        ("12", Plain::Whole(12)),
        ("-0", Plain::Whole(0)),
        ("1e3", Plain::Number(1000.0)),
        (".5", Plain::Number(0.5)),
        ("inf", Plain::Text("inf")),
        ("-nan", Plain::Text("-nan")),
        ("1e999", Plain::Text("1e999")),
        ("0x1F", Plain::Text("0x1F")),
        ("1_000", Plain::Text("1_000")),
        ("99999999999999999999", Plain::Number(1e20)),
        ("'12'", Plain::Text("12")),
        ("\"\"", Plain::Text("")),
    ];
    for (text, plain) in cases {
        let node = read(text).0.unwrap_or_else(|| panic!("{text}"));
        assert_eq!(node.plain(), Some(plain), "{text}");
    }
}

#[test]
fn what_is_no_single_plain_document_is_refused_with_its_place() {
    let cases = [
        ("", "1:1: the file is empty"),
        ("# only a comment\n", "1:1: the file is empty"),
        (
            "a: 1\n---\nb: 2\n",
            "3:1: a file holds one document, here a second one begins",
        ),
        ("a: [1, 2\nb: 3\n", "2:2: not YAML: illegal placement of ':' indicator"),
        ("a: &x 1\nb: *x\n", "1:4: an anchor (`&name`) cannot be used here"),
        (
            "a: 1\nb: *x\n",
            "2:4: not YAML: while parsing node, found unknown anchor",
        ),
        ("a: !secret x\n", "1:4: a tag (`!name`) cannot be used here"),
        ("{[1, 2]: x}", "1:2: a key must be one word"),
        (&"[".repeat(40), "1:34: nested more than 32 levels deep"),
        (&"- ".repeat(40), "1:67: nested more than 32 levels deep"),
    ];
    for (text, message) in cases {
        assert_eq!(refused(text), format!("file.yaml:{message}"), "{text}");
    }
}

#[test]
fn a_place_is_found_by_keys_and_by_what_items_say() {
    let yaml = "a:\n  b: [x, yes, z]\nalerts:\n  - { id: one, when: 'p > 1' }\n  - { id: two, when: 'p > 2' }\n";
    let cases: [(&[&str], (usize, usize)); 7] = [
        (&[], (1, 1)),
        (&["a", "b"], (2, 6)),
        (&["a", "b", "yes"], (2, 10)),
        (&["alerts", "two", "when"], (5, 22)),
        // What is not there has the place of what it should be in.
        (&["a", "c", "d"], (2, 3)),
        (&["alerts", "three"], (4, 3)),
        (&["a", "b", "x", "deeper"], (2, 7)),
    ];
    for (path, due) in cases {
        assert_eq!(crate::read::place(yaml, path), due, "{path:?}");
    }
    assert_eq!(crate::read::place("{", &["a"]), (0, 0));
}
