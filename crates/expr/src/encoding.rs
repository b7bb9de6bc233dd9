//! Damaged text: characters that were lost, or UTF-8 read in a single-byte code page and written again.
//!
//! Used by the built-in rule `FIELD.encoding`. A text is taken for damaged when it holds U+FFFD, or when the *whole*
//! of it re-encodes to Windows-1252 (Latin-1 included) or to Mac Roman and the bytes are UTF-8 of plausible text.
//! Text in use all but never does: one accented letter beside an ASCII one, or one opening quote, makes the bytes no
//! UTF-8. What could still be meant is excluded below. Pure ASCII is told apart first and costs next to nothing.
//!
//! | text | read as | was |
//! |---|---|---|
//! | `MÃ¼ller` | Windows-1252 | `Müller` |
//! | `M√ºller` | Mac Roman | `Müller` |
//! | `itâ€™s` | Windows-1252 | `it’s` |
//! | `Müller`, `NESTLÉ®`, `Spaß…`, `1×–2` | | themselves |

/// Whether a text is damaged.
pub fn is_damaged(text: &str) -> bool {
    if text.is_ascii() {
        return false;
    }
    text.contains('\u{FFFD}') || is_double_encoded(text, windows_1252, 2) || is_double_encoded(text, mac_roman, 3)
}

/// Whether a text re-encodes wholly and is UTF-8 then. `others_min`: how many characters of scripts other than Latin
/// it must decode to where no Latin one proves it; one pair alone may be a letter and a mark of punctuation.
fn is_double_encoded(text: &str, byte_of: fn(char) -> Option<u8>, others_min: u32) -> bool {
    let mut characters = text.chars().peekable();
    let mut before = None;
    let (mut proofs, mut others) = (0, 0);
    while let Some(character) = characters.next() {
        let Some(lead) = byte_of(character) else {
            return false;
        };
        let (length, mut point) = match lead {
            0..=0x7F => {
                before = Some(character);
                continue;
            }
            0xC2..=0xDF => (1, u32::from(lead & 0x1F)),
            0xE0..=0xEF => (2, u32::from(lead & 0x0F)),
            0xF0..=0xF4 => (3, u32::from(lead & 0x07)),
            _ => return false,
        };
        let mut last = character;
        for _ in 0..length {
            let Some(next) = characters.next() else {
                return false;
            };
            match byte_of(next) {
                Some(byte @ 0x80..=0xBF) => point = point << 6 | u32::from(byte & 0x3F),
                _ => return false,
            }
            last = next;
        }
        match plausible(point) {
            Plausible::Proof if length == 1 && is_shout(before, last, characters.peek().copied()) => others += 1,
            Plausible::Proof => proofs += 1,
            Plausible::Other => others += 1,
            Plausible::No => return false,
        }
        before = None;
    }
    proofs > 0 || others >= others_min
}

enum Plausible {
    /// Latin letters and signs, punctuation, emoji: one is enough.
    Proof,
    /// A letter of another script: one pair alone may be chance.
    Other,
    /// No overlong form, no control character, no script that such pairs hit by chance.
    No,
}

fn plausible(point: u32) -> Plausible {
    match point {
        0xA0..=0x17F | 0x218..=0x21B => Plausible::Proof,
        0x2010..=0x2044 | 0x20AC | 0x2116 | 0x2122 | 0xFEFF | 0xFFFD | 0x1_F300..=0x1_FAFF => Plausible::Proof,
        0x386..=0x3CE | 0x401..=0x45F | 0x490 | 0x491 | 0x5D0..=0x5EA | 0x621..=0x64A | 0x900..=0xDFF => {
            Plausible::Other
        }
        0xE01..=0xE5B | 0x1E00..=0x1EFF | 0x3041..=0x30FF | 0x4E00..=0x9FFF | 0xAC00..=0xD7A3 => Plausible::Other,
        _ => Plausible::No,
    }
}

/// A capital letter at the end of a word in capitals, with a mark behind it: `HYVÄ…`, `IRMÃ»`, `SPÅ™`.
fn is_shout(before: Option<char>, mark: char, after: Option<char>) -> bool {
    before.is_some_and(|letter| letter.is_ascii_uppercase())
        && matches!(mark, '…' | '™' | '®' | '©' | '–' | '—' | '’' | '”' | '›' | '»')
        && after.is_none_or(|next| !next.is_alphanumeric())
}

/// Windows-1252's byte; the characters U+0080 to U+009F stand for themselves, as Latin-1 reads them.
fn windows_1252(character: char) -> Option<u8> {
    match u32::from(character) {
        point @ 0..=0xFF => Some(point as u8),
        _ => Some(match character {
            '€' => 0x80,
            '‚' => 0x82,
            'ƒ' => 0x83,
            '„' => 0x84,
            '…' => 0x85,
            '†' => 0x86,
            '‡' => 0x87,
            'ˆ' => 0x88,
            '‰' => 0x89,
            'Š' => 0x8A,
            '‹' => 0x8B,
            'Œ' => 0x8C,
            'Ž' => 0x8E,
            '‘' => 0x91,
            '’' => 0x92,
            '“' => 0x93,
            '”' => 0x94,
            '•' => 0x95,
            '–' => 0x96,
            '—' => 0x97,
            '˜' => 0x98,
            '™' => 0x99,
            'š' => 0x9A,
            '›' => 0x9B,
            'œ' => 0x9C,
            'ž' => 0x9E,
            'Ÿ' => 0x9F,
            _ => return None,
        }),
    }
}

/// Mac Roman's characters of the bytes 0x80 to 0xFF.
const MAC_ROMAN: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø\
                         ¿¡¬√ƒ≈∆«»…\u{A0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{F8FF}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";

fn mac_roman(character: char) -> Option<u8> {
    if character.is_ascii() {
        return Some(character as u8);
    }
    let at = MAC_ROMAN.chars().position(|known| known == character)?;
    Some(0x80 + at as u8)
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
