//! Tests of the file beside this one: counts stay exact or honest, and memory bounded.

use super::{BYTES_MAX, KEPT, Levels};

#[test]
fn counts_are_exact_while_there_are_few() {
    let mut levels = Levels::default();
    for text in ["b", "a", "b", "c", "a", "b"] {
        levels.add(text);
    }
    assert_eq!(levels.top(2), [("b", 3), ("a", 2)]);
    assert_eq!(levels.added(), 6);
    assert!(levels.is_exact());
}

#[test]
fn a_frequent_text_is_found_among_a_million_others_in_bounded_memory() {
    let mut levels = Levels::default();
    for number in 0..1_000_000_u32 {
        levels.add(&number.to_string());
        if number % 100 == 0 {
            levels.add("frequent");
        }
    }
    let (text, count) = levels.top(1)[0];
    assert_eq!(text, "frequent");
    assert!((9_900..=10_000).contains(&count), "{count}");
    assert!(levels.counts.len() <= 2 * KEPT);
    assert!(!levels.is_exact());
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let mut levels = Levels::default();
    let long = "é".repeat(BYTES_MAX) + "!";
    levels.add(&format!("x{long}"));
    let (text, _) = levels.top(1)[0];
    assert!(text.len() <= BYTES_MAX && text.starts_with("xé"));
}
