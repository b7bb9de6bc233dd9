//! Dates and timestamps written as text.
//!
//! Used by [`super::Parser`]. The standard forms are read by their own loops; patterns of a contract's text format go
//! through chrono's items, each held to its own width, because chrono alone is lenient about blanks and digits.

use chrono::format::{Fixed, Item, Numeric, Pad, Parsed, StrftimeItems};
use chrono::{Datelike, NaiveDate, NaiveTime, Timelike};

const MICROS_A_SECOND: i64 = 1_000_000;
const SECONDS_A_DAY: i64 = 86_400;
/// The day 1970-01-01 as chrono counts days, from 0001-01-01 as day 1.
const EPOCH_DAY: i32 = 719_163;

/// A pattern in strftime's words, read once.
#[derive(Clone, Debug)]
pub struct Pattern {
    items: Vec<Item<'static>>,
}

impl Pattern {
    /// The pattern; one that strftime does not know matches nothing, see [`Pattern::known`].
    pub fn new(text: &str) -> Self {
        let items = StrftimeItems::new(text).map(Item::to_owned).collect();
        Self { items }
    }

    /// Whether every part of the pattern is known.
    pub fn known(&self) -> bool {
        !self.items.contains(&Item::Error)
    }

    fn read(&self, text: &[u8]) -> Option<Parsed> {
        let mut rest = std::str::from_utf8(text).ok()?;
        let mut parsed = Parsed::new();
        for item in &self.items {
            rest = match item {
                Item::Literal(literal) | Item::Space(literal) => rest.strip_prefix(*literal)?,
                Item::OwnedLiteral(literal) | Item::OwnedSpace(literal) => rest.strip_prefix(&**literal)?,
                Item::Numeric(numeric, pad) => {
                    let (digits, rest) = split_digits(rest, numeric, *pad)?;
                    let left = chrono::format::parse_and_remainder(&mut parsed, digits, std::iter::once(item)).ok()?;
                    left.is_empty().then_some(rest)?
                }
                // A fraction that may be there and is not.
                Item::Fixed(Fixed::Nanosecond) if !rest.starts_with('.') => rest,
                Item::Fixed(fixed) => {
                    let first = rest.chars().next();
                    let needs_point = matches!(fixed, Fixed::Nanosecond3 | Fixed::Nanosecond6 | Fixed::Nanosecond9);
                    if first.is_some_and(char::is_whitespace) || (needs_point && first != Some('.')) {
                        return None;
                    }
                    chrono::format::parse_and_remainder(&mut parsed, rest, std::iter::once(item)).ok()?
                }
                Item::Error => return None,
            };
        }
        rest.is_empty().then_some(parsed)
    }
}

/// The digits a numeric part takes, and what follows them.
fn split_digits<'a>(text: &'a str, numeric: &Numeric, pad: Pad) -> Option<(&'a str, &'a str)> {
    let width = match numeric {
        Numeric::Year | Numeric::IsoYear => 4,
        Numeric::Quarter | Numeric::NumDaysFromSun | Numeric::WeekdayFromMon => 1,
        Numeric::Ordinal => 3,
        Numeric::Nanosecond => 9,
        Numeric::Timestamp => 18,
        _ => 2,
    };
    let blanks = match pad {
        Pad::Space => text.bytes().take(width - 1).take_while(|byte| *byte == b' ').count(),
        _ => 0,
    };
    let digits = text[blanks..]
        .bytes()
        .take(width - blanks)
        .take_while(u8::is_ascii_digit)
        .count();
    let exact = pad != Pad::None && !matches!(numeric, Numeric::Timestamp);
    if digits == 0 || (exact && blanks + digits != width) {
        return None;
    }
    Some((&text[blanks..blanks + digits], &text[blanks + digits..]))
}

/// Days since 1970-01-01.
pub fn date(text: &[u8], pattern: Option<&Pattern>) -> Option<i32> {
    match pattern {
        None => standard_date(text),
        Some(pattern) => naive_days(pattern.read(text)?.to_naive_date().ok()?),
    }
}

/// Microseconds since 1970-01-01 UTC, finer digits cut off.
pub fn micros(text: &[u8], pattern: Option<&Pattern>) -> Option<i64> {
    match pattern {
        None => standard_micros(text),
        Some(pattern) => pattern_micros(&pattern.read(text)?),
    }
}

/// A pattern without a time means midnight, one without an offset means UTC.
fn pattern_micros(parsed: &Parsed) -> Option<i64> {
    let offset = parsed.offset().unwrap_or(0);
    let moment = match parsed.to_naive_datetime_with_offset(offset) {
        Ok(moment) => moment,
        Err(_) if parsed.hour_mod_12().is_none() && parsed.timestamp().is_none() => {
            parsed.to_naive_date().ok()?.and_time(NaiveTime::MIN)
        }
        Err(_) => return None,
    };
    let nanos = moment.nanosecond();
    if nanos >= 1_000_000_000 {
        return None; // second 60
    }
    let seconds = i64::from(naive_days(moment.date())?) * SECONDS_A_DAY + i64::from(moment.num_seconds_from_midnight())
        - i64::from(offset);
    Some(seconds * MICROS_A_SECOND + i64::from(nanos / 1000))
}

fn naive_days(date: NaiveDate) -> Option<i32> {
    (1..=9999)
        .contains(&date.year())
        .then(|| date.num_days_from_ce() - EPOCH_DAY)
}

#[inline]
fn standard_date(text: &[u8]) -> Option<i32> {
    let text: &[u8; 10] = text.try_into().ok()?;
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = digits(&text[..4])?;
    let month = digits(&text[5..7])?;
    let day = digits(&text[8..])?;
    days(year, month, day)
}

/// Days since 1970-01-01 of a day in the Gregorian calendar, years 1 to 9999.
///
/// Years are counted from March, so that the leap day is a year's last: 365 days a year and the leap days, then the
/// days of the months before by the line through their lengths, (153 month + 2) / 5.
fn days(year: u32, month: u32, day: u32) -> Option<i32> {
    if year == 0 || !(1..=12).contains(&month) || day == 0 || day > month_days(year, month) {
        return None;
    }
    let from_march = (month + 9) % 12;
    let year = year - u32::from(month < 3);
    let before = year * 365 + year / 4 - year / 100 + year / 400 + (153 * from_march + 2) / 5 + day - 1;
    // 306 days lie between 0000-03-01, which is day 0 here, and 0001-01-01, which chrono and the epoch count as 1.
    Some(before as i32 - 305 - EPOCH_DAY)
}

fn month_days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn standard_micros(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, mut rest) = rest.split_at_checked(9)?;
    if !matches!(time[0], b'T' | b't' | b' ') || time[3] != b':' || time[6] != b':' {
        return None;
    }
    let (hour, minute, second) = (digits(&time[1..3])?, digits(&time[4..6])?, digits(&time[7..9])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut micros = 0;
    if let Some((b'.', tail)) = rest.split_first() {
        let length = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&length) {
            return None;
        }
        micros = digits(&tail[..length.min(6)])? * 10_u32.pow(6 - length.min(6) as u32);
        rest = &tail[length..];
    }
    let seconds = i64::from(standard_date(date)?) * SECONDS_A_DAY + i64::from(hour * 3600 + minute * 60 + second)
        - offset_seconds(rest)?;
    Some(seconds * MICROS_A_SECOND + i64::from(micros))
}

fn offset_seconds(text: &[u8]) -> Option<i64> {
    let (ahead, text) = match text.split_first() {
        None | Some((b'Z' | b'z', [])) => return Some(0),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        Some(_) => return None,
    };
    let text: &[u8; 5] = text.try_into().ok()?;
    let (hours, minutes) = (digits(&text[..2])?, digits(&text[3..])?);
    (text[2] == b':' && hours < 24 && minutes < 60).then(|| ahead * i64::from(hours * 3600 + minutes * 60))
}

/// At most nine digits as one number.
#[inline]
fn digits(text: &[u8]) -> Option<u32> {
    let mut number = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u32::from(digit);
    }
    Some(number)
}
