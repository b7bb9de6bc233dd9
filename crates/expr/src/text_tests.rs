//! Tests of the file beside this one. What verdicts are is tested with the rules.

use super::*;

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
