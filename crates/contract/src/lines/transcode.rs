//! Turns a file that is not UTF-8 into UTF-8, a physical line at a time.
//!
//! Used by the source of the reader. Lines are found in the bytes as they are, and each is decoded by itself, so that a
//! line whose bytes are not in the encoding is known and the next one is read as if it had been sound. The bytes of the
//! lines in memory are kept, because a row that cannot be cut goes out as its own bytes.

use std::collections::VecDeque;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_16BE, UTF_16LE};

use super::cut::ROW_BYTES_MAX;

/// One physical line that was decoded.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Where its bytes end, counted from the first byte ever taken; its line's end included.
    end: u64,
    /// Whether some of them are not in the encoding.
    broken: bool,
}

/// A decoder with the lines it decoded.
pub(super) struct Transcoder {
    encoding: &'static Encoding,
    decoder: Decoder,
    /// Bytes of half a UTF-16 unit.
    half: Option<u8>,
    /// The bytes of the lines that are kept.
    raw: VecDeque<u8>,
    /// Where `raw` begins, counted from the first byte ever taken.
    raw_start: u64,
    /// The lines that are kept.
    lines: VecDeque<Line>,
    /// The physical line that `lines` begins with, from 1.
    first_line: u64,
    /// How many bytes of the line being read were kept: no more than a row may have and its end.
    kept: usize,
    broken: bool,
}

impl Transcoder {
    /// A decoder from an encoding that is not UTF-8.
    pub(super) fn new(encoding: &'static Encoding) -> Self {
        Self {
            encoding,
            decoder: encoding.new_decoder_without_bom_handling(),
            half: None,
            raw: VecDeque::new(),
            raw_start: 0,
            lines: VecDeque::new(),
            first_line: 1,
            kept: 0,
            broken: false,
        }
    }

    /// How many bytes a unit of the encoding has, and which of a line feed's is the feed itself.
    fn unit(&self) -> (usize, usize) {
        if self.encoding == UTF_16LE {
            (2, 0)
        } else if self.encoding == UTF_16BE {
            (2, 1)
        } else {
            (1, 0)
        }
    }

    /// Decodes more bytes onto `text`. After the last ones the last line is closed, whether it has an end or not.
    pub(super) fn push(&mut self, mut bytes: &[u8], last: bool, text: &mut Vec<u8>) {
        let (unit, _) = self.unit();
        if unit == 2 {
            if let Some(half) = self.half
                && let Some((second, rest)) = bytes.split_first()
            {
                self.half = None;
                self.units(&[half, *second], text);
                bytes = rest;
            }
            if bytes.len() % 2 == 1 {
                let (whole, half) = bytes.split_at(bytes.len() - 1);
                self.units(whole, text);
                self.half = Some(half[0]);
                bytes = &[];
            }
        }
        self.units(bytes, text);
        if last {
            if let Some(half) = self.half.take() {
                self.piece(&[half], text);
            }
            if self.kept > 0 {
                self.flush(text);
                self.close();
            }
        }
    }

    fn units(&mut self, mut bytes: &[u8], text: &mut Vec<u8>) {
        while let Some(feed) = self.feed(bytes) {
            let (unit, _) = self.unit();
            self.piece(&bytes[..feed], text);
            self.flush(text);
            text.push(b'\n');
            self.raw.extend(&bytes[feed..feed + unit]);
            self.close();
            bytes = &bytes[feed + unit..];
        }
        self.piece(bytes, text);
    }

    /// The next line feed's place.
    fn feed(&self, bytes: &[u8]) -> Option<usize> {
        let (unit, feed) = self.unit();
        if unit == 1 {
            return memchr::memchr(b'\n', bytes);
        }
        let mut units = bytes.chunks_exact(2);
        units
            .position(|two| two[feed] == b'\n' && two[1 - feed] == 0)
            .map(|at| at * 2)
    }

    /// Decodes a part of a line that holds no line feed.
    fn piece(&mut self, bytes: &[u8], text: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let room = ROW_BYTES_MAX.saturating_sub(self.kept).min(bytes.len());
        self.raw.extend(&bytes[..room]);
        self.kept += room;
        self.decode(bytes, false, text);
    }

    /// Ends the line's decoding: what is half a character is broken.
    fn flush(&mut self, text: &mut Vec<u8>) {
        self.decode(&[], true, text);
        self.decoder = self.encoding.new_decoder_without_bom_handling();
    }

    fn decode(&mut self, mut bytes: &[u8], last: bool, text: &mut Vec<u8>) {
        loop {
            let start = text.len();
            // Enough for any encoding, and never less than a character.
            let room = self
                .decoder
                .max_utf8_buffer_length_without_replacement(bytes.len())
                .unwrap_or(bytes.len() * 3 + 16);
            text.resize(start + room, 0);
            let (result, read, written) =
                self.decoder
                    .decode_to_utf8_without_replacement(bytes, &mut text[start..], last);
            text.truncate(start + written);
            bytes = &bytes[read..];
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    self.broken = true;
                    text.extend_from_slice("\u{fffd}".as_bytes());
                }
            }
        }
    }

    fn close(&mut self) {
        let end = self.raw_start + self.raw.len() as u64;
        let broken = std::mem::take(&mut self.broken);
        self.lines.push_back(Line { end, broken });
        self.kept = 0;
    }

    /// Whether any of these physical lines is not in the encoding.
    pub(super) fn broken(&self, from: u64, to: u64) -> bool {
        self.range(from, to).any(|line| line.broken)
    }

    /// The bytes of these physical lines without the last one's end; nothing for lines that are not whole or were
    /// forgotten.
    pub(super) fn raw(&self, from: u64, to: u64) -> Option<Vec<u8>> {
        let before = from.checked_sub(self.first_line)?;
        let start = match before.checked_sub(1) {
            Some(last) => self.lines.get(last as usize)?.end,
            None => self.raw_start,
        };
        let last = self.range(from, to).last()?;
        let range = (start - self.raw_start) as usize..(last.end - self.raw_start) as usize;
        let mut raw: Vec<u8> = self.raw.range(range).copied().collect();
        let (unit, at) = self.unit();
        for end in [b'\n', b'\r'] {
            let ends_so = raw.len() >= unit && {
                let tail = &raw[raw.len() - unit..];
                tail[at] == end && (unit == 1 || tail[1 - at] == 0)
            };
            if ends_so {
                raw.truncate(raw.len() - unit);
            }
        }
        Some(raw)
    }

    fn range(&self, from: u64, to: u64) -> impl Iterator<Item = &Line> {
        let skip = from.saturating_sub(self.first_line) as usize;
        self.lines.iter().skip(skip).take((to - from) as usize)
    }

    /// Drops what is kept of the lines before this one.
    pub(super) fn forget(&mut self, before: u64) {
        let gone = (before.saturating_sub(self.first_line) as usize).min(self.lines.len());
        if gone == 0 {
            return;
        }
        let end = self.lines[gone - 1].end;
        self.lines.drain(..gone);
        self.raw.drain(..(end - self.raw_start) as usize);
        self.raw_start = end;
        self.first_line += gone as u64;
    }
}

impl std::fmt::Debug for Transcoder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Transcoder")
            .field("encoding", &self.encoding.name())
            .field("lines", &self.lines.len())
            .finish_non_exhaustive()
    }
}
