//! The ways in which tables write numbers, dates and times, in the order in which they are preferred.
//!
//! Used by [`crate::Guesser`]: each way is the parser that a contract's text format would give, so what is guessed is what
//! will be read.

use muster_contract::text::Parser;
use muster_spec::{Field, FieldKind, TextFormat};

/// Texts that stand for no value where a column otherwise has numbers, dates or truth values.
pub const MISSING: [&str; 18] = [
    "", "NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "null", "Null", "None", "none", "-", "--", "?", ".", "#N/A",
    "nil",
];

/// Decimal mark and the mark between thousands.
pub const NUMBERS: [(u8, Option<u8>); 7] = [
    (b'.', None),
    (b'.', Some(b',')),
    (b',', None),
    (b',', Some(b'.')),
    (b',', Some(b' ')),
    (b'.', Some(b' ')),
    (b'.', Some(b'\'')),
];

/// What may stand after numbers, the [`CURRENCIES`] first.
pub const UNITS: [&str; 10] = ["€", "$", "£", "CHF", "EUR", "USD", "°C", "°F", "kg", "km"];
/// So many of them are currencies.
pub const CURRENCIES: usize = 6;

/// Patterns of dates; `None` is ISO 8601. Of two that fit all a file's dates the earlier is taken.
pub const DATES: [Option<&str>; 19] = [
    None,
    Some("%d.%m.%Y"),
    Some("%d/%m/%Y"),
    Some("%m/%d/%Y"),
    Some("%d-%m-%Y"),
    Some("%m-%d-%Y"),
    Some("%Y/%m/%d"),
    Some("%-d.%-m.%Y"),
    Some("%-d/%-m/%Y"),
    Some("%-m/%-d/%Y"),
    Some("%-d-%-m-%Y"),
    Some("%-m-%-d-%Y"),
    Some("%d.%m.%y"),
    Some("%d/%m/%y"),
    Some("%m/%d/%y"),
    Some("%-m/%-d/%y"),
    Some("%d-%b-%Y"),
    Some("%d %b %Y"),
    Some("%d %B %Y"),
];

/// What follows a date in a timestamp's pattern.
const TIMES: [&str; 3] = [" %H:%M:%S", " %H:%M", "T%H:%M:%S"];

/// Patterns of timestamps of which every part is told: with an offset that is no RFC 3339's, with a zone's name, by the clock
/// of twelve hours.
const WHOLE_MOMENTS: [&str; 6] = [
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f %#z",
    "%Y-%m-%d %H:%M:%S%.f UTC",
    "%-m/%-d/%Y %-I:%M %p",
    "%-m/%-d/%Y %-I:%M:%S %p",
];

/// Patterns of timestamps; `None` is RFC 3339 and its like.
pub fn moments() -> Vec<Option<String>> {
    let dates = DATES.iter().map(|date| date.unwrap_or("%Y-%m-%d"));
    let patterns = dates.flat_map(|date| TIMES.iter().map(move |time| Some(format!("{date}{time}"))));
    let whole = WHOLE_MOMENTS.iter().map(|moment| Some((*moment).to_owned()));
    std::iter::once(None).chain(patterns).chain(whole).collect()
}

/// A way in which a cell may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// `true` and `false`.
    Boolean,
    /// A whole number, by its place in [`NUMBERS`].
    Whole(usize),
    /// A number, by its place in [`NUMBERS`].
    Number(usize),
    /// A number and `%`, by its place in [`NUMBERS`].
    Percent(usize),
    /// A number and one of [`UNITS`], by the places of both.
    Amount(usize, usize),
    /// A date, by its place in [`DATES`].
    Date(usize),
    /// A timestamp, by its place in [`moments`].
    Moment(usize),
}

impl Way {
    /// Whether it is how a program writes, rather than a person.
    pub fn is_plain(self) -> bool {
        match self {
            Self::Boolean => true,
            Self::Amount(..) => false,
            Self::Whole(at) | Self::Number(at) | Self::Percent(at) | Self::Date(at) | Self::Moment(at) => at == 0,
        }
    }

    /// Whether a text with these bytes may be written so at all: most are told apart by their first.
    pub fn possible(self, text: &[u8]) -> bool {
        let [first, .., last] = text else {
            return matches!(self, Self::Whole(_) | Self::Number(_));
        };
        let number = || first.is_ascii_digit() || matches!(first, b'-' | b'.' | b',');
        match self {
            Self::Boolean => matches!(text.len(), 4 | 5) && matches!(first, b't' | b'T' | b'f' | b'F'),
            Self::Whole(at) | Self::Number(at) => number() && last.is_ascii_digit() && !zero_thousands(at, text),
            Self::Percent(at) => *last == b'%' && number() && !zero_thousands(at, text),
            Self::Amount(unit, at) => text.ends_with(UNITS[unit].as_bytes()) && number() && !zero_thousands(at, text),
            Self::Date(_) => (6..=20).contains(&text.len()) && first.is_ascii_digit() && !text.contains(&b':'),
            Self::Moment(_) => (12..=40).contains(&text.len()) && first.is_ascii_digit() && text.contains(&b':'),
        }
    }
}

/// Whether a number has no thousands before its mark between thousands: `0,125` is a fraction.
fn zero_thousands(at: usize, text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    digits.first() == Some(&b'0') && NUMBERS[at].1.is_some_and(|mark| digits.get(1) == Some(&mark))
}

/// All ways with their parsers.
pub fn all() -> Vec<(Way, Parser)> {
    let plain = TextFormat::default();
    let mut ways = vec![(Way::Boolean, parser(FieldKind::Boolean, None, &plain))];
    for (at, (decimal, thousands)) in NUMBERS.into_iter().enumerate() {
        let format = TextFormat {
            decimal,
            thousands,
            ..TextFormat::default()
        };
        ways.push((Way::Whole(at), parser(FieldKind::Long, None, &format)));
        ways.push((Way::Number(at), parser(FieldKind::Double, None, &format)));
        ways.push((Way::Percent(at), parser(FieldKind::Double, Some("%"), &format)));
        for (unit, sign) in UNITS.into_iter().enumerate() {
            ways.push((Way::Amount(unit, at), parser(FieldKind::Double, Some(sign), &format)));
        }
    }
    for (at, date) in DATES.into_iter().enumerate() {
        let format = TextFormat {
            date: date.map(str::to_owned),
            ..TextFormat::default()
        };
        ways.push((Way::Date(at), parser(FieldKind::Date, None, &format)));
    }
    for (at, timestamp) in moments().into_iter().enumerate() {
        let format = TextFormat {
            timestamp,
            ..TextFormat::default()
        };
        ways.push((Way::Moment(at), parser(FieldKind::TimestampMicros, None, &format)));
    }
    ways
}

fn parser(kind: FieldKind, unit: Option<&str>, format: &TextFormat) -> Parser {
    let field = Field {
        name: String::new(),
        path: Vec::new(),
        source: String::new(),
        unit: unit.map(str::to_owned),
        kind,
        nullable: true,
        default: None,
        personal: true,
    };
    Parser::new(&field, format)
}
