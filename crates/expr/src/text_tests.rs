//! Tests of the file beside this one. What verdicts are is tested with the rules.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn two_texts_share_ends_only_when_they_are_one(
        one in proptest::collection::vec(0_u8..3, 0..=REMEMBERED_MAX),
        other in proptest::collection::vec(0_u8..3, 0..=REMEMBERED_MAX),
        behind in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = one.clone();
        bytes.extend(&other);
        bytes.extend(&behind);
        let (first, second) = (ends(&bytes, 0, one.len()), ends(&bytes, one.len(), other.len()));
        prop_assert_eq!(first == second && one.len() == other.len(), one == other);
        prop_assert_eq!(first, ends(&one, 0, one.len()), "what stands behind a text is no part of it");
    }
}

#[test]
fn length_is_decided_as_by_counting() {
    for text in ["", "a", "ab", "ä", "äö", "😀", "😀😀", "a😀", "ab😀ä"] {
        for least in 0..6 {
            for most in 0..6 {
                let counted = text.chars().count();
                assert_eq!(
                    length_holds(text, least, most),
                    least <= counted && counted <= most,
                    "{text} {least} {most}"
                );
            }
        }
    }
}
