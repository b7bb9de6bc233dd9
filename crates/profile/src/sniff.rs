//! How a text file's beginning looks: between which characters its cells stand, and whether it is UTF-8.
//!
//! Used before the first look. Each delimiter is tried with the reader that will read the file; the one that cuts rows as
//! the header is cut, into most cells, is the file's.

use muster_contract::lines::{Bounds, LineReader};
use muster_spec::TextFormat;

use crate::{Error, Result};

/// How many bytes of a file are looked at.
pub const BEGINNING_BYTES: usize = 256 << 10;
/// Delimiters, of which the earlier is taken where two cut alike.
const DELIMITERS: [u8; 4] = [b'\t', b',', b';', b'|'];
/// The encoding of what is no UTF-8: Latin-1 as the web knows it, which takes any byte.
const LATIN: &str = "latin1";

/// Looks at a file's first bytes; `whole` where there are no more.
///
/// Errors: a file that has no header.
pub fn sniff(beginning: &[u8], whole: bool) -> Result<TextFormat> {
    let lines_end = memchr::memrchr(b'\n', beginning).map_or(0, |end| end + 1);
    // The last line is cut off in the middle, perhaps of a character.
    let text = if whole || lines_end == 0 {
        beginning
    } else {
        &beginning[..lines_end]
    };
    let marked = text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff");
    let encoding = if marked || simdutf8::basic::from_utf8(text).is_ok() {
        TextFormat::default().encoding
    } else {
        LATIN.to_owned()
    };
    let format = |delimiter: u8| TextFormat {
        delimiter,
        encoding: encoding.clone(),
        ..TextFormat::default()
    };
    let cut = |delimiter: u8| cells(text, &format(delimiter));
    let best = DELIMITERS.into_iter().rev().max_by_key(|delimiter| cut(*delimiter));
    match best.filter(|delimiter| cut(*delimiter).is_some()) {
        Some(delimiter) => Ok(format(delimiter)),
        None => Err(Error::NoRow),
    }
}

/// The same, for a file that turned out not to be UTF-8 further on.
pub fn latin(format: &TextFormat) -> TextFormat {
    TextFormat {
        encoding: LATIN.to_owned(),
        ..format.clone()
    }
}

/// How well a delimiter cuts: sound rows times cells a row, and nothing for one that cuts nothing.
fn cells(text: &[u8], format: &TextFormat) -> Option<usize> {
    let mut reader = LineReader::open_unknown(text, format, Bounds::default()).ok()?;
    let width = reader.header().len();
    let mut sound = 0;
    while let Ok(Some(lines)) = reader.next_run() {
        sound += lines.len() - lines.uncut.len();
        reader.recycle(lines);
    }
    let is_usual = format.delimiter == TextFormat::default().delimiter;
    Some(if width > 1 {
        sound * width + width
    } else {
        sound + usize::from(is_usual)
    })
}

#[cfg(test)]
#[path = "sniff_tests.rs"]
mod tests;
