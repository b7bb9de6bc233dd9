//! Where the reader's text comes from: the file's bytes, as UTF-8.
//!
//! Used by the reader. Looks at the byte order mark once, then appends to the reader's buffer; for files that are not
//! UTF-8 it remembers the bytes of the lines that are in memory.

use std::io::Read;

use encoding_rs::{Encoding, UTF_8};
use muster_batch::{Cell, RawLines, Uncut};

use super::cut::{ROW_BYTES_MAX, Starts};
use super::transcode::Transcoder;
use crate::Error;

/// The longest byte order mark.
const MARK_BYTES_MAX: u64 = 3;

/// A file's bytes, turned into UTF-8.
#[derive(Debug)]
pub(super) struct Source<R> {
    input: R,
    transcoder: Option<Transcoder>,
    /// What is read from a file that is not UTF-8, before it is turned.
    bytes: Vec<u8>,
    /// What was read to look for a byte order mark and is no part of it.
    first: Vec<u8>,
    /// Whether the text given so far is empty or ends in a line feed.
    line_ended: bool,
    ended: bool,
    bytes_read: u64,
}

impl<R: Read> Source<R> {
    /// Reads the byte order mark. It decides; without one the label does.
    pub(super) fn open(mut input: R, label: &str) -> Result<Self, Error> {
        let named =
            Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| Error::Encoding(label.to_owned()))?;
        let mut first = Vec::new();
        input.by_ref().take(MARK_BYTES_MAX).read_to_end(&mut first)?;
        let bytes_read = first.len() as u64;
        let encoding = match Encoding::for_bom(&first) {
            Some((marked, bytes)) => {
                first.drain(..bytes);
                marked
            }
            None => named,
        };
        Ok(Self {
            input,
            transcoder: (encoding != UTF_8).then(|| Transcoder::new(encoding)),
            bytes: Vec::new(),
            first,
            line_ended: true,
            ended: false,
            bytes_read,
        })
    }

    /// Whether everything was given.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// How many bytes of the file were read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Appends about `bytes` bytes of text, less at the end. A last line without an end is given one.
    pub(super) fn fill(&mut self, text: &mut Vec<u8>, bytes: usize) -> Result<(), Error> {
        if self.ended {
            return Ok(());
        }
        let before = text.len();
        match &mut self.transcoder {
            None => {
                text.append(&mut self.first);
                let read = self.input.by_ref().take(bytes as u64).read_to_end(text)?;
                self.ended = read < bytes;
                self.bytes_read += read as u64;
            }
            Some(transcoder) => {
                self.bytes.clear();
                self.bytes.append(&mut self.first);
                let read = self.input.by_ref().take(bytes as u64).read_to_end(&mut self.bytes)?;
                self.ended = read < bytes;
                self.bytes_read += read as u64;
                transcoder.push(&self.bytes, self.ended, text);
            }
        }
        if text.len() > before {
            self.line_ended = text.last() == Some(&b'\n');
        }
        if self.ended && !self.line_ended {
            text.push(b'\n');
            self.line_ended = true;
        }
        Ok(())
    }

    /// Gives up on rows that are not in the file's encoding, and gives rows that could not be cut the bytes they have in
    /// the file. `until` is the physical line after the run's last.
    pub(super) fn check(&mut self, lines: &mut RawLines, starts: &Starts, until: u64) {
        match &mut self.transcoder {
            None => check_utf8(lines, starts),
            Some(transcoder) => {
                let mut broken = Vec::new();
                for row in 0..lines.len() {
                    let from = lines.lines[row];
                    let to = lines.lines.get(row + 1).copied().unwrap_or(until);
                    let uncut = lines.uncut.binary_search_by_key(&(row as u32), |(at, ..)| *at);
                    let is_broken = transcoder.broken(from, to);
                    if (is_broken || uncut.is_ok())
                        && let Some(raw) = transcoder.raw(from, to)
                    {
                        match uncut {
                            Ok(at) if !is_broken => lines.uncut[at].2 = raw,
                            _ => broken.push((row as u32, Uncut::Encoding, raw)),
                        }
                    }
                }
                give_up(lines, broken);
                transcoder.forget(until);
            }
        }
    }
}

fn check_utf8(lines: &mut RawLines, starts: &Starts) {
    if simdutf8::basic::from_utf8(&lines.text).is_ok() {
        return;
    }
    let mut broken = Vec::new();
    for row in 0..lines.len() {
        let raw = if let Some((_, raw)) = lines.uncut(row) {
            raw
        } else {
            let start = starts[row] as usize;
            let end = starts.get(row + 1).map_or(lines.text.len(), |end| *end as usize);
            let raw = &lines.text[start..end];
            let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
            raw.strip_suffix(b"\r").unwrap_or(raw)
        };
        // A line beyond the limit may have been cut inside a character.
        let sound = |error: std::str::Utf8Error| error.error_len().is_none() && raw.len() == ROW_BYTES_MAX;
        if !std::str::from_utf8(raw).map_or_else(sound, |_| true) {
            broken.push((row as u32, Uncut::Encoding, raw.to_vec()));
        }
    }
    give_up(lines, broken);
}

/// Takes rows as bytes that are not in the encoding.
fn give_up(lines: &mut RawLines, broken: Vec<(u32, Uncut, Vec<u8>)>) {
    if broken.is_empty() {
        return;
    }
    let width = lines.width;
    for (row, ..) in &broken {
        let first = *row as usize * width;
        lines.cells[first..first + width].fill(Cell::NULL);
    }
    lines
        .uncut
        .retain(|(row, ..)| broken.binary_search_by_key(row, |(broken, ..)| *broken).is_err());
    lines.uncut.extend(broken);
    lines.uncut.sort_unstable_by_key(|(row, ..)| *row);
}
