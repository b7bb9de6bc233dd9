//! Tests of keys: they are the texts', whatever lies around them.

use super::*;
use proptest::prelude::*;

fn key(bytes: &[u8], start: usize, length: usize) -> ShortText {
    ShortText::of(bytes, start, start + length).unwrap()
}

proptest! {
    #[test]
    fn two_texts_have_one_key_or_one_text_has_two(
        one in proptest::collection::vec(0_u8..3, 0..=SHORT_MAX),
        other in proptest::collection::vec(0_u8..3, 0..=SHORT_MAX),
        behind in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = one.clone();
        bytes.extend(&other);
        bytes.extend(&behind);
        let (first, second) = (key(&bytes, 0, one.len()), key(&bytes, one.len(), other.len()));
        prop_assert_eq!(first == second, one == other);
        prop_assert_eq!(first, key(&one, 0, one.len()), "what stands behind a text is no part of it");
        prop_assert!(first.slot(512) < 512 && first != ShortText::NONE);
    }
}

#[test]
fn a_long_text_has_a_key() {
    assert!(ShortText::of(&[b'x'; 33], 0, 33).is_none());
    assert_ne!(key(&[b'x'; 32], 0, 32), key(&[b'x'; 32], 0, 31));
}
