//! Tests of the file beside this one.

use super::*;
use proptest::prelude::*;

fn read_as(text: &str, code_page: fn(char) -> Option<u8>) -> String {
    let character = |byte: u8| {
        // The single-byte page's character of a byte, by search: the table is only written once.
        (0..=0xFFFF_u32)
            .filter_map(char::from_u32)
            .find(|character| code_page(*character) == Some(byte))
            .unwrap()
    };
    text.bytes().map(character).collect()
}

#[test]
fn damaged_text_is_seen() {
    for text in [
        "MÃ¼ller",
        "FranÃ§ois",
        "M√ºller",
        "Fran√ßois",
        "itâ€™s",
        "it‚Äôs",
        "BucureÈ™ti",
        "â‚¬ 5",
        "KÃ¶ln",
        "MÃ–BEL",
        "CAFÃ‰",
        "Å\u{81}Ã³dÅº",
        "ä¸\u{AD}æ–‡",
        "ÐœÐ¾Ñ\u{81}ÐºÐ²Ð°",
        "ï»¿name",
        "ï¿½",
        "a\u{FFFD}b",
        "ðŸ˜€ ok",
        "Â°C",
        "Müller und \u{FFFD}",
    ] {
        assert!(is_damaged(text), "{text}");
    }
}

#[test]
fn text_in_use_is_not() {
    for text in [
        "",
        "Mueller",
        "Müller",
        "François",
        "Ångström",
        "Łódź",
        "NESTLÉ®",
        "Spaß…",
        "groß–klein",
        "CAFÉ™",
        "«CITÉ»",
        "IRMÃ»",
        "HYVÄ…",
        "PÅ…",
        "„Spaß“",
        "l’été",
        "l’école",
        "“Ça va”",
        "à «\u{A0}Paris\u{A0}»",
        "intégré\u{A0}»",
        "1×–2",
        "Ø\u{A0}12 mm",
        "√2 ≈ 1,41",
        "São Paulo",
        "NÃO",
        "Москва",
        "Ελλάδα",
        "東京",
        "中文",
        "한국어",
        "שלום",
        "مرحبا",
        "naïve",
        "ÅÄÖ",
        "åäö",
        "ÆØÅ",
        "Ærø",
        "Ñandú",
        "ESPAÑ…",
        "–é",
        "😀",
        "Ãœ",
        "¿Qué?",
        "50 €",
        "½ × ¼",
        "Zoë",
        "Å",
        "Ã",
        "â",
        "ß",
    ] {
        // `Ãœ` alone is a damaged `Ü` and nothing else in use.
        assert_eq!(is_damaged(text), text == "Ãœ", "{text}");
    }
}

#[test]
fn every_accented_name_is_seen_after_either_code_page() {
    for name in [
        "Müller",
        "François",
        "Łukasz",
        "Žižek",
        "Søren",
        "Jürgen",
        "Renée",
        "Nuñez",
        "Ümit",
        "Çelik",
        "Ştefan",
        "Åsa",
    ] {
        assert!(!is_damaged(name), "{name}");
        for code_page in [windows_1252 as fn(char) -> Option<u8>, mac_roman] {
            let damaged = read_as(name, code_page);
            assert!(is_damaged(&damaged), "{name} as {damaged}");
        }
    }
}

#[test]
fn mac_roman_has_a_character_for_each_byte() {
    assert_eq!(MAC_ROMAN.chars().count(), 128);
    assert_eq!(mac_roman('√'), Some(0xC3));
    assert_eq!(mac_roman('ˇ'), Some(0xFF));
}

proptest! {
    #[test]
    fn any_text_is_judged(text in ".*") {
        let _ = is_damaged(&text);
    }

    #[test]
    fn latin_text_with_a_plain_accented_letter_is_never_damaged(head in "[a-zA-Z ]{0,8}", letter in "[à-öø-ÿ]", tail in "[a-z]{1,8}") {
        let text = format!("{head}{letter}{tail}");
        prop_assert!(!is_damaged(&text));
    }
}
