//! The reader: a file's bytes in, runs of rows out.
//!
//! Used by `validate` and `publish`. Holds one buffer: the text of the run being cut and of the row after it. A run's
//! buffers come back through [`LineReader::recycle`] and are filled again.

use std::io::Read;
use std::sync::Arc;

use memchr::memchr;
use muster_batch::{Cell, Line, RawLines, Uncut};
use muster_spec::{Contract, TextFormat};

use super::cut::{Cutter, Part, Starts, Stop, Width};
use super::fit::ColumnsFit;
use super::json::ObjectCutter;
use super::source::Source;
use crate::Error;

/// What a file's lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A header, then cells between delimiters.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// How large a run may be. It ends with whichever comes first, but holds one row at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Rows a run.
    pub rows: usize,
    /// About so many bytes of UTF-8 text a run.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            rows: 2_048,
            bytes: 256 << 10,
        }
    }
}

/// The most bytes a run may be told to have: places in it have 32 bits.
const BYTES_MAX: usize = 1 << 30;

/// Reads a text file in runs of rows.
#[derive(Debug)]
pub struct LineReader<R> {
    source: Source<R>,
    cutter: AnyCutter,
    bounds: Bounds,
    fit: Arc<ColumnsFit>,
    /// Text that was read and belongs to no run yet.
    tail: Vec<u8>,
    /// Where the tail begins in the whole text.
    offset: u64,
    /// The physical line the tail begins in, from 1.
    line: u64,
    /// Whether the tail begins inside a line that is too long, of which nothing more is wanted.
    skipping: bool,
    /// Empty lines right before the tail, which are rows if a row follows.
    blank: u64,
    next_row: u64,
    spare: Option<RawLines>,
    /// The buffer that JSON lines are read into.
    objects: Vec<u8>,
    starts: Starts,
    /// Texts that are taken for no value.
    missing: Vec<Box<[u8]>>,
    /// Whether blanks around cells and names are left out.
    trim: bool,
}

#[derive(Debug)]
enum AnyCutter {
    Csv(Cutter),
    Jsonl(Box<ObjectCutter>),
}

impl<R: Read> LineReader<R> {
    /// Reads the beginning of a file: the byte order mark and, of a CSV file, the header. `format` is the contract's,
    /// or one that flags have changed.
    ///
    /// Errors: an unknown encoding; a CSV file that is empty or whose header does not name columns of the contract.
    pub fn open(
        input: R,
        shape: Shape,
        contract: &Contract,
        format: &TextFormat,
        bounds: Bounds,
    ) -> Result<Self, Error> {
        let cutter = match shape {
            Shape::Csv => AnyCutter::Csv(Cutter::new(format.delimiter)),
            Shape::Jsonl => AnyCutter::Jsonl(Box::new(ObjectCutter::new(contract, format))),
        };
        let mut reader = Self::begin(input, cutter, ColumnsFit::whole(contract), format, bounds)?;
        if shape == Shape::Csv {
            let header = reader.read_header()?;
            reader.fit = Arc::new(ColumnsFit::new(contract, header, format.delimiter)?);
        }
        Ok(reader)
    }

    /// Reads the beginning of a CSV file that has no contract yet: its columns come as they are, whatever their names.
    ///
    /// Errors: an unknown encoding; a file that is empty or has no header.
    pub fn open_unknown(input: R, format: &TextFormat, bounds: Bounds) -> Result<Self, Error> {
        let cutter = AnyCutter::Csv(Cutter::new(format.delimiter));
        let mut reader = Self::begin(input, cutter, ColumnsFit::unknown(Vec::new()), format, bounds)?;
        let header = reader.read_header()?;
        reader.fit = Arc::new(ColumnsFit::unknown(header));
        Ok(reader)
    }

    fn begin(input: R, cutter: AnyCutter, fit: ColumnsFit, format: &TextFormat, bounds: Bounds) -> Result<Self, Error> {
        let delimiter = format.delimiter;
        if !delimiter.is_ascii() || matches!(delimiter, b'"' | b'\n' | b'\r') {
            return Err(Error::Delimiter(char::from(delimiter)));
        }
        Ok(Self {
            source: Source::open(input, &format.encoding)?,
            cutter,
            bounds: Bounds {
                rows: bounds.rows.max(1),
                bytes: bounds.bytes.clamp(1, BYTES_MAX),
            },
            fit: Arc::new(fit),
            tail: Vec::new(),
            offset: 0,
            line: 1,
            skipping: false,
            blank: 0,
            next_row: 0,
            spare: None,
            objects: Vec::new(),
            starts: Starts::new(),
            missing: format.missing.iter().map(|text| text.as_bytes().into()).collect(),
            trim: format.trim,
        })
    }

    /// The file's columns beside the contract's.
    pub fn fit(&self) -> &Arc<ColumnsFit> {
        &self.fit
    }

    /// The names of the columns of the rows that come: the header's, or the contract's for JSON lines.
    pub fn header(&self) -> &[String] {
        &self.fit.header
    }

    /// How many of the file's bytes were read: for a progress bar.
    pub fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }

    /// The next rows; `None` at the end of the file.
    pub fn next_run(&mut self) -> Result<Option<RawLines>, Error> {
        let rows_max = self.bounds.rows;
        let width = Width::Of(self.fit.header.len());
        let mut lines = self.run(width, rows_max)?;
        if let Some(lines) = lines.as_mut().filter(|_| self.trim) {
            lines.trim();
        }
        if let Some(lines) = lines.as_mut().filter(|_| !self.missing.is_empty()) {
            lines.forget(|text| self.missing.iter().any(|missing| **missing == *text));
        }
        self.next_row += lines.as_ref().map_or(0, RawLines::len) as u64;
        Ok(lines)
    }

    /// Takes a run back whose rows are done with, for its buffers.
    pub fn recycle(&mut self, lines: RawLines) {
        self.spare = Some(lines);
    }

    fn read_header(&mut self) -> Result<Vec<String>, Error> {
        let mut lines = self.run(Width::Header, 1)?.ok_or(Error::Empty)?;
        if self.trim {
            lines.trim();
        }
        let Line::Cells(cells) = lines.row(0) else {
            return Err(Error::Header(match lines.uncut[0].1 {
                Uncut::Encoding => "it is not in the file's encoding; name the encoding in `text:` or by a flag",
                _ => "nothing closes one of its quotes, or it is too long",
            }));
        };
        let name = |cell: Option<&[u8]>| String::from_utf8_lossy(cell.unwrap_or_default()).into_owned();
        let header = cells.iter().map(name).collect();
        self.recycle(lines);
        Ok(header)
    }

    /// Cuts rows until there are enough of them, or the file ends.
    fn run(&mut self, width: Width, rows_max: usize) -> Result<Option<RawLines>, Error> {
        let mut lines = self.spare.take().unwrap_or_default();
        lines.clear();
        lines.first_row = self.next_row;
        lines.width = match width {
            Width::Of(width) => width,
            Width::Header => 0,
        };
        self.starts.clear();
        // Cells of a CSV file point into the text that was read, those of objects into a text of their own.
        let mut text = match self.cutter {
            AnyCutter::Csv(_) => std::mem::take(&mut lines.text),
            AnyCutter::Jsonl(_) => std::mem::take(&mut self.objects),
        };
        text.append(&mut self.tail);
        let mut wanted = self.bounds.bytes;
        loop {
            if text.len() < wanted && !self.source.ended() {
                let bytes = wanted - text.len();
                text.reserve(bytes);
                self.source.fill(&mut text, bytes)?;
            }
            let at = self.cut(&mut text, (width, rows_max), &mut lines);
            if !lines.is_empty() || (self.source.ended() && at == text.len()) {
                self.tail.extend_from_slice(&text[at..]);
                self.offset += at as u64;
                text.truncate(at);
                break;
            }
            // No row is whole yet: go on with what is left and as much again.
            text.drain(..at);
            self.offset += at as u64;
            wanted = text.len() + self.bounds.bytes;
            self.starts.clear();
        }
        match self.cutter {
            AnyCutter::Csv(_) => lines.text = text,
            AnyCutter::Jsonl(_) => {
                text.clear();
                self.objects = text;
            }
        }
        self.source.check(&mut lines, &self.starts, self.line - self.blank);
        if lines.is_empty() {
            self.spare = Some(lines);
            return Ok(None);
        }
        Ok(Some(lines))
    }

    /// Cuts the rows of a text that begins where the last call stopped; gives where it stops.
    fn cut(&mut self, text: &mut [u8], (width, rows_max): (Width, usize), lines: &mut RawLines) -> usize {
        let at = self.pass_over(text);
        if at == text.len() || text[at..] == *b"\r" {
            return at;
        }
        if width == Width::Header {
            self.blank = 0;
        }
        self.take_blank(at, rows_max, lines);
        let settled = lines.len();
        let from = (at, self.line);
        let (offset, ended) = (self.offset, self.source.ended());
        let Stop { at, line, skipping } = match &mut self.cutter {
            AnyCutter::Csv(cutter) => {
                let mut part = Part { text, offset, ended };
                cutter.cut(&mut part, from, (width, rows_max), lines, &mut self.starts)
            }
            AnyCutter::Jsonl(cutter) => cutter.cut(text, ended, from, rows_max, lines, &mut self.starts),
        };
        self.line = line;
        self.skipping = skipping;
        if width != Width::Header {
            self.put_blank(&text[..at], settled, lines);
        }
        at
    }

    /// Passes over the rest of a line that was too long, and over empty lines: whether they are rows is known when
    /// something follows.
    fn pass_over(&mut self, text: &[u8]) -> usize {
        let mut at = 0;
        if self.skipping {
            let Some(feed) = memchr(b'\n', text) else {
                return text.len();
            };
            at = feed + 1;
            self.line += 1;
            self.skipping = false;
        }
        while let Some(bytes) = empty_line(&text[at..]) {
            at += bytes;
            self.line += 1;
            self.blank += 1;
        }
        at
    }

    /// Makes rows of the empty lines before `at`, where another row begins.
    fn take_blank(&mut self, at: usize, rows_max: usize, lines: &mut RawLines) {
        while self.blank > 0 && lines.len() < rows_max {
            let row = lines.len() as u32;
            match self.cutter {
                AnyCutter::Csv(_) if lines.width == 1 => {}
                AnyCutter::Csv(_) => lines.uncut.push((row, Uncut::Ragged, Vec::new())),
                AnyCutter::Jsonl(_) => lines.uncut.push((row, Uncut::Json, Vec::new())),
            }
            lines.cells.resize(lines.cells.len() + lines.width, Cell::NULL);
            lines.lines.push(self.line - self.blank);
            self.starts.push(at as u32);
            self.blank -= 1;
        }
    }

    /// Takes empty lines at the end of a run back: at the end of the file they are no rows. The first `settled` rows
    /// are not looked at.
    fn put_blank(&mut self, text: &[u8], settled: usize, lines: &mut RawLines) {
        let mut end = text.len();
        while lines.len() > settled {
            let row = lines.len() - 1;
            let start = self.starts[row] as usize;
            if empty_line(&text[start..end]) != Some(end - start) {
                break;
            }
            end = start;
            self.blank += 1;
            self.starts.pop();
            lines.lines.pop();
            lines.cells.truncate(lines.cells.len() - lines.width);
            lines.uncut.pop_if(|(uncut, ..)| *uncut as usize == row);
        }
        self.starts.push(end as u32);
    }
}

/// How many bytes the empty line has that the text begins with, if it begins with one.
fn empty_line(text: &[u8]) -> Option<usize> {
    match text {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}
