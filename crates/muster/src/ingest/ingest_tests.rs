//! Tests that the drawing tells the truth.

use super::{JUDGED_CAPACITY, RECEIVED_CAPACITY, SEALED_CAPACITY};

#[test]
fn the_readme_draws_the_channels_as_they_are() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let drawn = format!(
        "receive ──{RECEIVED_CAPACITY}──► decode, judge ──{JUDGED_CAPACITY}──► seal ──{SEALED_CAPACITY}──► commit"
    );
    assert!(readme.contains(&drawn), "README.md does not draw `{drawn}`");
}
