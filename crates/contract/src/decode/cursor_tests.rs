//! Tests of the file beside this one.

use muster_batch::Refusal;
use proptest::prelude::*;

use super::{Cursor, is_utf8};

fn cursor(bytes: &[u8]) -> Cursor<'_> {
    Cursor::new(bytes, 1 << 20)
}

#[test]
fn numbers_end_where_their_type_ends() {
    type Case = (&'static [u8], Result<i32, Refusal>, Result<i64, Refusal>);
    const FF: u8 = 0xff;
    let cases: &[Case] = &[
        (&[], Err(Refusal::Truncated), Err(Refusal::Truncated)),
        (&[0x80], Err(Refusal::Truncated), Err(Refusal::Truncated)),
        (&[0], Ok(0), Ok(0)),
        (&[1], Ok(-1), Ok(-1)),
        (&[0x80, 0], Ok(0), Ok(0)),
        (&[FF, FF, FF, FF, 0x0f], Ok(i32::MIN), Ok(i64::from(i32::MIN))),
        (&[0xfe, FF, FF, FF, 0x0f], Ok(i32::MAX), Ok(i64::from(i32::MAX))),
        (&[0x80, 0x80, 0x80, 0x80, 0x10], Err(Refusal::Varint), Ok(1 << 31)),
        (
            &[FF, FF, FF, FF, FF, FF, FF, FF, FF, 1],
            Err(Refusal::Varint),
            Ok(i64::MIN),
        ),
        (
            &[FF, FF, FF, FF, FF, FF, FF, FF, FF, 2],
            Err(Refusal::Varint),
            Err(Refusal::Varint),
        ),
        (
            &[FF, FF, FF, FF, FF, FF, FF, FF, FF],
            Err(Refusal::Truncated),
            Err(Refusal::Truncated),
        ),
        (&[FF; 12], Err(Refusal::Varint), Err(Refusal::Varint)),
    ];
    for (bytes, int, long) in cases {
        assert_eq!(cursor(bytes).int(), *int, "{bytes:?}");
        assert_eq!(cursor(bytes).long(), *long, "{bytes:?}");
    }
}

#[test]
fn a_length_beyond_the_end_is_cut_short_unless_it_is_absurd() {
    let mut three = cursor(&[6, b'a', b'b']);
    assert_eq!(three.bytes(), Err(Refusal::Truncated));
    let absurd = Cursor::new(&[6, b'a', b'b'], 2).bytes();
    assert_eq!(absurd, Err(Refusal::Length));
    assert_eq!(cursor(&[1]).bytes(), Err(Refusal::Length));
}

proptest! {
    #[test]
    fn numbers_survive(number: i64) {
        let mut coded = ((number << 1) ^ (number >> 63)) as u64;
        let mut bytes = Vec::new();
        while coded >= 0x80 {
            bytes.push(coded as u8 | 0x80);
            coded >>= 7;
        }
        bytes.push(coded as u8);
        let mut read = cursor(&bytes);
        prop_assert_eq!(read.long(), Ok(number));
        prop_assert_eq!(read.end(), Ok(()));
        prop_assert_eq!(cursor(&bytes).int().ok(), i32::try_from(number).ok());
    }

    #[test]
    fn utf8_is_told_as_the_standard_library_tells_it(bytes in prop::collection::vec(any::<u8>(), 0..40), text in ".{0,40}") {
        prop_assert_eq!(is_utf8(&bytes), std::str::from_utf8(&bytes).is_ok());
        prop_assert!(is_utf8(text.as_bytes()));
    }
}
