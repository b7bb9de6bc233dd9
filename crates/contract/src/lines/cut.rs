//! Cuts the text of a CSV file into rows and cells.
//!
//! Used by the reader on one buffer at a time. Cells without quotes are places in the buffer and cost no copy; doubled
//! quotes are undone in place, once their row is known to fit. See the module above for what is a row.

use memchr::{memchr, memchr2};
use muster_batch::{Cell, RawLines, Uncut};

use super::structure::Structure;

/// The longest row, in bytes of UTF-8 without its line's end: 1 MiB, what Kafka takes as one message.
pub const ROW_BYTES_MAX: usize = 1 << 20;

/// How many cells a row must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// As many as the header.
    Of(usize),
    /// Any number: this is the header.
    Header,
}

/// What a text is cut by, and what is known of the bytes that follow.
#[derive(Clone, Debug)]
pub(super) struct Cutter {
    delimiter: u8,
    /// Until this place of the whole text, a quote must be closed on its own line.
    one_line_until: u64,
}

/// A part of the whole text that is in memory.
#[derive(Debug)]
pub(super) struct Part<'t> {
    /// The bytes; what is cut may be rewritten.
    pub(super) text: &'t mut [u8],
    /// Where the first byte is in the whole text.
    pub(super) offset: u64,
    /// Whether the whole text ends here. Its last line then has an end.
    pub(super) ended: bool,
}

/// Where cutting stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    /// The first byte that belongs to no row yet.
    pub(super) at: usize,
    /// The physical line it is in.
    pub(super) line: u64,
    /// Whether it is in a line that is too long, of which nothing more is wanted.
    pub(super) skipping: bool,
}

/// Where each row begins in the text, and after a run where its last row ends, for whoever needs a row's own bytes.
pub(super) type Starts = Vec<u32>;

/// The row being cut.
struct Row {
    start: usize,
    line: u64,
    /// Its first cell's place among all cells.
    first: usize,
    /// Line feeds within its quotes.
    feeds: u64,
    /// Cells whose quotes are to be undone.
    mends: Vec<Mend>,
}

/// A cell that is not as it stands: text in quotes with doubled ones, and what follows the closing quote.
struct Mend {
    cell: usize,
    /// After the opening quote.
    start: usize,
    /// The closing quote.
    close: usize,
    /// After the cell.
    end: usize,
}

/// Where a row ends.
#[derive(Clone, Copy)]
enum End {
    /// At the line feed at this place.
    Feed(usize),
    /// Beyond the text.
    Unfinished,
    /// Nowhere: nothing closes a quote where it must be closed.
    Open,
}

impl Cutter {
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            one_line_until: 0,
        }
    }

    /// Cuts whole rows from `from` on, which is the start of physical line `line`, until `rows_max` are in `lines` or the
    /// part has no whole row left. Blank lines come out as rows.
    pub(super) fn cut(
        &mut self,
        part: &mut Part<'_>,
        (from, line): (usize, u64),
        (width, rows_max): (Width, usize),
        lines: &mut RawLines,
        starts: &mut Starts,
    ) -> Stop {
        let mut walk = Structure::new(self.delimiter, part.text, from);
        let mut row = Row {
            start: from,
            line,
            first: lines.cells.len(),
            feeds: 0,
            mends: Vec::new(),
        };
        while lines.lines.len() < rows_max && row.start < part.text.len() {
            match self.row(part, &mut walk, &mut row, lines) {
                End::Feed(end) if end - row.start <= ROW_BYTES_MAX => {
                    finish(part.text, &mut row, end, width, lines, starts);
                    continue;
                }
                End::Unfinished if !part.ended && part.text.len() - row.start <= ROW_BYTES_MAX => break,
                End::Feed(_) | End::Unfinished => {
                    let looked_at = part.text.len().min(row.start + ROW_BYTES_MAX + 1);
                    self.one_line_until = self.one_line_until.max(part.offset + looked_at as u64);
                }
                End::Open => {}
            }
            if give_up(part.text, &mut row, lines, starts) {
                return row.stop(true);
            }
            walk = Structure::new(self.delimiter, part.text, row.start);
        }
        lines.cells.truncate(row.first);
        row.stop(false)
    }

    /// Cuts the cells of one row, to which the walk has come.
    #[inline]
    fn row(&self, part: &Part<'_>, walk: &mut Structure, row: &mut Row, lines: &mut RawLines) -> End {
        let text = &*part.text;
        let mut cell_start = row.start;
        while let Some(at) = walk.next(text) {
            let byte = text[at];
            if byte == self.delimiter {
                lines.cells.push(place(cell_start, at));
                cell_start = at + 1;
            } else if byte == b'\n' {
                lines.cells.push(place(cell_start, before_feed(text, cell_start, at)));
                return End::Feed(at);
            } else if at == cell_start {
                // A quote inside a cell is text, one at its beginning opens it.
                let end = match self.quoted(part, at, row, lines) {
                    Ok(end) => end,
                    Err(end) => return end,
                };
                walk.seek(text, end + 1);
                if text[end] == b'\n' {
                    return End::Feed(end);
                }
                cell_start = end + 1;
            }
        }
        End::Unfinished
    }

    /// Reads a cell that opens with the quote at `open`; gives its terminator's place, or why the row does not end.
    #[cold]
    fn quoted(&self, part: &Part<'_>, open: usize, row: &mut Row, lines: &mut RawLines) -> Result<usize, End> {
        let text = &*part.text;
        let start = open + 1;
        let one_line = part.offset + (row.start as u64) < self.one_line_until;
        let until = if one_line {
            start + memchr(b'\n', &text[start..]).ok_or(End::Unfinished)?
        } else {
            text.len()
        };
        let open = if one_line { End::Open } else { End::Unfinished };
        let mut doubled = false;
        let mut from = start;
        let close = loop {
            let found = from + memchr(b'"', &text[from..until]).ok_or(open)?;
            // What follows tells a closing quote from a doubled one, so it must be there.
            if *text.get(found + 1).ok_or(End::Unfinished)? != b'"' {
                break found;
            }
            doubled = true;
            from = found + 2;
        };
        let tail = memchr2(self.delimiter, b'\n', &text[close + 1..]).ok_or(End::Unfinished)?;
        let terminator = close + 1 + tail;
        let end = if text[terminator] == b'\n' {
            before_feed(text, close + 1, terminator)
        } else {
            terminator
        };
        let feeds = memchr::memchr_iter(b'\n', &text[start..close]).count() as u64;
        if feeds > 0 && end > close + 1 {
            return Err(End::Open); // the quote that closes it rather opens another cell
        }
        row.feeds += feeds;
        if doubled || end > close + 1 {
            row.mends.push(Mend {
                cell: lines.cells.len(),
                start,
                close,
                end,
            });
        }
        lines.cells.push(if start == close {
            Cell::EMPTY
        } else {
            place(start, close)
        });
        Ok(terminator)
    }
}

impl Row {
    fn stop(&self, skipping: bool) -> Stop {
        Stop {
            at: self.start,
            line: self.line,
            skipping,
        }
    }
}

/// A row that is too long or whose quote nothing closes: its first physical line is ragged, the next begins a row. Tells
/// whether that line ends beyond the text.
#[cold]
fn give_up(text: &[u8], row: &mut Row, lines: &mut RawLines, starts: &mut Starts) -> bool {
    let rest = &text[row.start..];
    let feed = memchr(b'\n', rest);
    let line = match feed {
        Some(feed) => &rest[..before_feed(rest, 0, feed)],
        None => rest,
    };
    refuse(
        row,
        &line[..line.len().min(ROW_BYTES_MAX)],
        Uncut::Ragged,
        lines,
        starts,
    );
    row.feeds = 0;
    row.mends.clear();
    row.first = lines.cells.len();
    row.start = feed.map_or(text.len(), |feed| row.start + feed + 1);
    row.line += u64::from(feed.is_some());
    feed.is_none()
}

/// Ends a row at the line feed at `end`.
#[inline]
fn finish(text: &mut [u8], row: &mut Row, end: usize, width: Width, lines: &mut RawLines, starts: &mut Starts) {
    let found = lines.cells.len() - row.first;
    match width {
        Width::Of(width) if found != width => {
            let raw = &text[row.start..before_feed(text, row.start, end)];
            refuse(row, raw, Uncut::Ragged, lines, starts);
        }
        _ => {
            if !row.mends.is_empty() {
                mend(text, row, end, lines);
            }
            lines.lines.push(row.line);
            starts.push(row.start as u32);
        }
    }
    if width == Width::Header {
        lines.width = found;
    }
    row.first = lines.cells.len();
    row.line += 1 + row.feeds;
    row.feeds = 0;
    row.mends.clear();
    row.start = end + 1;
}

/// Undoes quotes. A row that is not UTF-8 is left as it is: its bytes are kept whole.
#[cold]
fn mend(text: &mut [u8], row: &Row, end: usize, lines: &mut RawLines) {
    if std::str::from_utf8(&text[row.start..end]).is_err() {
        return;
    }
    for mend in &row.mends {
        let mut written = mend.start;
        let mut from = mend.start;
        while from < mend.close {
            text[written] = text[from];
            from += if text[from] == b'"' { 2 } else { 1 };
            written += 1;
        }
        text.copy_within(mend.close + 1..mend.end, written);
        written += mend.end - mend.close - 1;
        // What is left over must not look like broken text.
        text[written..mend.end].fill(b'"');
        lines.cells[mend.cell] = place(mend.start, written);
    }
}

/// Takes a row as its bytes.
fn refuse(row: &Row, raw: &[u8], why: Uncut, lines: &mut RawLines, starts: &mut Starts) {
    lines.uncut.push((lines.lines.len() as u32, why, raw.to_vec()));
    lines.cells.truncate(row.first);
    lines.cells.resize(row.first + lines.width, Cell::NULL);
    lines.lines.push(row.line);
    starts.push(row.start as u32);
}

#[inline]
fn place(start: usize, end: usize) -> Cell {
    Cell {
        start: start as u32,
        end: end as u32,
    }
}

/// Where a line that ends in the feed at `feed` has its last byte's end: before a CR, if there is one.
#[inline]
fn before_feed(text: &[u8], start: usize, feed: usize) -> usize {
    feed - usize::from(feed > start && text[feed - 1] == b'\r')
}
