//! What was seen of a column's cells: how many fitted each way of writing, what few values there are, and what stands in the
//! way of a type.
//!
//! Used by [`crate::Guesser`], one for each column. What must stay true: memory does not grow with rows, but for the hashes
//! of values, which the guesser bounds.

use hashbrown::HashSet;
use muster_contract::text::Parser;
use xxhash_rust::xxh3::xxh3_64;

use crate::guess::{Column, Kind};
use crate::writings::{CURRENCIES, MISSING, UNITS, Way};

/// After so many cells of a column only the ways that fitted half of them are tried.
const TRIED_CELLS: u64 = 2_000;
/// The share of a column's cells that must be written in its way; the others are bad rows.
const FIT_SHARE: f64 = 0.95;
/// How many different values of a column are kept by themselves: a label has two, and perhaps some that are wrong.
const FEW: usize = 8;
/// A whole number with fewer digits always fits in 64 bits.
const DIGITS_SAFE: usize = 18;

/// A column's cells so far.
pub(crate) struct Seen {
    /// Cells without a value.
    pub(crate) missing: u64,
    cells: u64,
    /// How many cells each marker of [`MISSING`] is.
    pub(crate) markers: [u64; MISSING.len()],
    /// The ways still tried, with the cells that fitted.
    pub(crate) fits: Vec<(usize, u64)>,
    /// Whole numbers that begin with a zero: codes.
    pub(crate) codes: u64,
    /// Whole numbers without any mark.
    pub(crate) digits: u64,
    /// Those of them that 64 bits do not hold: codes too.
    pub(crate) beyond: u64,
    /// Numbers with blanks around them.
    padded: u64,
    /// Numbers with a currency's sign before them.
    priced: u64,
    few: Option<Vec<(Box<[u8]>, u64)>>,
    /// Cells that are none of the few.
    others: u64,
    /// Hashes of the values, as long as they are kept.
    pub(crate) hashes: Option<HashSet<u64>>,
    /// Rows whose value stood in an earlier row.
    pub(crate) repeats: u64,
}

impl Seen {
    /// No cell yet, of which so many ways are tried.
    pub(crate) fn new(ways: usize) -> Self {
        Self {
            missing: 0,
            cells: 0,
            markers: [0; MISSING.len()],
            fits: (0..ways).map(|way| (way, 0)).collect(),
            codes: 0,
            digits: 0,
            beyond: 0,
            padded: 0,
            priced: 0,
            few: Some(Vec::new()),
            others: 0,
            hashes: Some(HashSet::new()),
            repeats: 0,
        }
    }

    /// Adds a cell's text.
    pub(crate) fn add(&mut self, text: &[u8], ways: &[(Way, Parser)]) {
        self.cells += 1;
        self.keep(text);
        if text.len() <= 4
            && let Some(marker) = MISSING.iter().position(|marker| marker.as_bytes() == text)
        {
            self.markers[marker] += 1;
            return;
        }
        let mut is_typed = false;
        for (way, fits) in &mut self.fits {
            let (way, parser) = &ways[*way];
            if way.possible(text) && parser.parse_bytes(text).is_some() {
                is_typed = true;
                *fits += 1;
                if matches!(way, Way::Whole(0)) && is_code(text) {
                    self.codes += 1;
                }
            }
        }
        if is_digits(text) {
            self.digits += 1;
            self.beyond += u64::from(is_beyond(text));
        }
        if !is_typed {
            self.padded += u64::from(is_padded_number(text));
            self.priced += u64::from(is_price(text));
        }
        if self.cells == TRIED_CELLS {
            let least = self.valued() / 2;
            self.fits.retain(|(_, fits)| *fits > least);
        }
    }

    /// Remembers a value as far as few values and repeats need it.
    fn keep(&mut self, text: &[u8]) {
        if let Some(few) = &mut self.few {
            match few.iter().position(|(value, _)| **value == *text) {
                Some(at) => few[at].1 += 1,
                None if few.len() < FEW && text.len() <= 100 => few.push((text.into(), 1)),
                None => self.others += 1,
            }
            if self.others > 100 + self.cells / 100 {
                self.few = None;
            }
        }
        if let Some(hashes) = &mut self.hashes {
            self.repeats += u64::from(!hashes.insert(xxh3_64(text)));
        }
    }

    /// Cells that may be a value of a kind other than text.
    pub(crate) fn valued(&self) -> u64 {
        self.cells - self.markers.iter().sum::<u64>()
    }

    /// Whether so many cells are enough for a type.
    pub(crate) fn is_most(&self, fits: u64) -> bool {
        fits as f64 >= self.valued() as f64 * FIT_SHARE
    }

    /// The column, once it is known what it is.
    pub(crate) fn column(&self, header: &str, name: String, kind: Kind, misread: u64) -> Column {
        let few = self.few.as_ref().map(|few| {
            let few = few.iter();
            few.map(|(value, rows)| (String::from_utf8_lossy(value).into_owned(), *rows))
                .collect()
        });
        Column {
            header: header.to_owned(),
            name,
            kind,
            missing: self.missing,
            misread,
            repeats: self.hashes.is_some().then_some(self.repeats),
            few,
            notes: if kind == Kind::Text {
                self.why_text()
            } else {
                Vec::new()
            },
        }
    }

    /// Why what looks like numbers is none.
    fn why_text(&self) -> Vec<String> {
        let some_of = |cells: u64| cells * 2 > self.valued();
        [
            (self.codes > 0, "numbers that begin with 0 are codes, kept as text"),
            (self.beyond > 0, "numbers too large to count with are codes, kept as text"),
            (
                some_of(self.padded),
                "numbers with blanks around them are text, unless the contract's `text:` says `trim: true`",
            ),
            (
                some_of(self.priced),
                "amounts with their currency before them are text: as numbers they have it after them, or in the header",
            ),
        ]
        .into_iter()
        .filter(|(is_so, _)| *is_so)
        .map(|(_, why)| why.to_owned())
        .collect()
    }
}

/// Whether a whole number begins with a zero that counting would lose.
fn is_code(text: &[u8]) -> bool {
    text.len() > 1 && text[0] == b'0'
}

/// Whether a text is a whole number without marks.
fn is_digits(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Whether a whole number is one of which counting would lose digits.
fn is_beyond(digits: &[u8]) -> bool {
    digits.len() > DIGITS_SAFE && std::str::from_utf8(digits).is_ok_and(|digits| digits.parse::<i64>().is_err())
}

/// Whether a text has the digits and marks of a number, with blanks around them.
fn is_padded_number(padded: &[u8]) -> bool {
    let text = padded.trim_ascii();
    let marks = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-');
    text.len() < padded.len() && text.iter().any(u8::is_ascii_digit) && text.iter().all(marks)
}

/// Whether a text is a number with a currency's sign before it.
fn is_price(text: &[u8]) -> bool {
    let mut signs = UNITS[..CURRENCIES].iter().map(|unit| unit.as_bytes());
    let number = signs.find_map(|sign| text.strip_prefix(b"-").unwrap_or(text).strip_prefix(sign));
    number.is_some_and(|number| {
        number.first().is_some_and(|first| !first.is_ascii_alphabetic()) && number.iter().any(u8::is_ascii_digit)
    })
}
