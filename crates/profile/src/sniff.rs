//! How a text file's beginning looks: between which characters its cells stand, and whether it is UTF-8.
//!
//! Used before the first look. Blanks around cells are looked for too. Each delimiter is tried with the reader that will read the file; the one that cuts the header
//! and most rows, rows as the header and into most cells, is the file's. What must stay true: a file whose header or line
//! ends are not what they seem is refused with a word, and never taken for a table of one column.

use muster_contract::lines::{Bounds, LineReader};
use muster_spec::TextFormat;

use crate::{Error, Result};

/// How many bytes of a file are looked at.
pub const BEGINNING_BYTES: usize = 256 << 10;
/// Delimiters, of which the earlier is taken where two cut alike.
const DELIMITERS: [u8; 4] = [b'\t', b',', b';', b'|'];
/// A row of a table of one column has no more delimiters by chance.
const CELLS_BY_CHANCE: usize = 2;
/// The encoding of what is no UTF-8: Latin-1 as the web knows it, which takes any byte.
pub(crate) const LATIN: &str = "latin1";

/// How a delimiter cuts a file's beginning.
struct Cut {
    delimiter: u8,
    header: Vec<String>,
    rows: usize,
    /// Rows with as many cells as the header.
    sound: usize,
    /// Rows that have the delimiter.
    parted: usize,
    /// Cells of the first row that is not empty.
    first: usize,
}

/// Looks at a file's first bytes; `whole` where there are no more.
///
/// Errors: a file without a header; one whose lines end in another way than text files' do; a first line that is no header.
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
    let cuts: Vec<Cut> = DELIMITERS
        .into_iter()
        .filter_map(|delimiter| cut(text, &format(delimiter)))
        .collect();
    let best = cuts.iter().rev().max_by_key(|cut| cut.score()).ok_or(Error::NoRow)?;
    check_line_ends(best, lines_end > 0)?;
    check_header(best, &cuts)?;
    let format = format(best.delimiter);
    let trim = is_padded(text, &format);
    Ok(TextFormat { trim, ..format })
}

/// Whether a name, or most cells of a column, have blanks around them.
fn is_padded(text: &[u8], format: &TextFormat) -> bool {
    let Ok(mut reader) = LineReader::open_unknown(text, format, Bounds::default()) else {
        return false;
    };
    let has_blanks = |cell: &[u8]| cell.trim_ascii().len() < cell.len();
    if reader.header().iter().any(|name| has_blanks(name.as_bytes())) {
        return true;
    }
    let mut counts = vec![(0_usize, 0_usize); reader.header().len()];
    while let Ok(Some(lines)) = reader.next_run() {
        for row in 0..lines.len() {
            for (count, cell) in counts.iter_mut().zip(lines.cells(row).iter()) {
                count.0 += usize::from(cell.is_some());
                count.1 += usize::from(cell.is_some_and(has_blanks));
            }
        }
        reader.recycle(lines);
    }
    counts.iter().any(|(cells, padded)| padded * 2 > *cells)
}

/// The same, for a file that turned out not to be UTF-8 further on.
pub fn latin(format: &TextFormat) -> TextFormat {
    TextFormat {
        encoding: LATIN.to_owned(),
        ..format.clone()
    }
}

impl Cut {
    /// How well it cuts: whether the header and most rows are cut at all, then sound rows times cells a row.
    fn score(&self) -> (bool, usize) {
        let width = self.header.len();
        if width > 1 {
            return (self.parted * 2 > self.rows, self.sound * width + width);
        }
        let is_usual = self.delimiter == TextFormat::default().delimiter;
        (false, self.sound + usize::from(is_usual))
    }
}

/// Cuts a text; nothing where there is not even a header.
fn cut(text: &[u8], format: &TextFormat) -> Option<Cut> {
    let mut reader = LineReader::open_unknown(text, format, Bounds::default()).ok()?;
    let header = reader.header().to_vec();
    let (mut rows, mut sound, mut parted, mut first) = (0, 0, 0, 0);
    while let Ok(Some(lines)) = reader.next_run() {
        // Empty lines are cut by nothing.
        rows += lines.len() - lines.uncut.iter().filter(|(_, _, raw)| raw.is_empty()).count();
        sound += lines.len() - lines.uncut.len();
        parted += if header.len() > 1 {
            lines.len() - lines.uncut.len()
        } else {
            0
        };
        for (_, _, raw) in &lines.uncut {
            let cells = memchr::memchr_iter(format.delimiter, raw).count() + 1;
            parted += usize::from(cells > 1);
            if first == 0 && !raw.is_empty() {
                first = cells;
            }
        }
        reader.recycle(lines);
    }
    Some(Cut {
        delimiter: format.delimiter,
        header,
        rows,
        sound,
        parted,
        first,
    })
}

/// Ends where a carriage return is left in the header: then lines end in more or less than the reader takes for an end.
fn check_line_ends(cut: &Cut, has_feeds: bool) -> Result<()> {
    let returns = |name: &String| name.contains('\r');
    if !has_feeds && cut.header.iter().any(returns) {
        return Err(Error::LineEnds {
            ends: "CR alone",
            mend: "`tr '\\r' '\\n' <FILE >MENDED`",
        });
    }
    if cut.header.last().is_some_and(|name| name.ends_with('\r')) {
        return Err(Error::LineEnds {
            ends: "CR CR LF",
            mend: "`tr -d '\\r' <FILE >MENDED`",
        });
    }
    Ok(())
}

/// Ends where the first line does not name the columns of the rows below it.
fn check_header(best: &Cut, cuts: &[Cut]) -> Result<()> {
    let first = best.header.first().map_or("", |name| name.trim());
    let no_header = |why: String| Err(Error::NoHeader { why });
    let separator = cuts.iter().any(|cut| {
        cut.header.len() <= 2
            && cut
                .header
                .first()
                .is_some_and(|name| name.to_lowercase().starts_with("sep="))
    });
    if separator {
        return no_header("`sep=` is a word to a spreadsheet, which alone knows it".to_owned());
    }
    // Rows that all have the same delimiter, several times, below a line that has it not.
    let below = cuts
        .iter()
        .filter(|cut| cut.header.len() == 1 && cut.rows > 0 && cut.parted == cut.rows);
    let cells = below.map(|cut| cut.first).max().unwrap_or_default();
    if best.header.len() == 1 && (cells > CELLS_BY_CHANCE || (cells > 1 && first.starts_with('#'))) {
        return no_header(format!("it has one cell, and the rows below it have {cells}"));
    }
    let named = best.header.iter().filter(|name| !name.trim().is_empty()).count();
    if best.header.len() > CELLS_BY_CHANCE && named * 2 < best.header.len() {
        return no_header(format!("it names {named} of {} columns", best.header.len()));
    }
    if best.rows > 0 && best.sound == 0 && best.header.len() > 1 {
        return Err(Error::AllRagged {
            header: best.header.len(),
            row: best.first,
        });
    }
    Ok(())
}

#[cfg(test)]
#[path = "sniff_tests.rs"]
mod tests;
