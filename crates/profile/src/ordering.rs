//! The order of levels that have one: ranges, ages and grades are more than names.
//!
//! Used for roles. A level's place is the number it begins with (`<1`, `1`, `10/49`, `>20`, `10000+`), or its place in one
//! of a few known scales. What must stay true: an order is found for all levels or for none.

/// Scales whose words are known, lowest first. A level is found in the first scale that has all of them.
const SCALES: [&[&str]; 9] = [
    &["very low", "low", "medium", "high", "very high"],
    &["low", "moderate", "high"],
    &["none", "low", "medium", "high"],
    &["small", "medium", "large"],
    &["junior", "mid", "senior", "lead", "principal"],
    &["never", "rarely", "sometimes", "often", "always"],
    &["poor", "fair", "good", "very good", "excellent"],
    &["strongly disagree", "disagree", "neutral", "agree", "strongly agree"],
    &["primary school", "high school", "graduate", "masters", "phd"],
];

/// Words that stand below every number: `never` among years.
const BELOW: [&str; 3] = ["never", "none", "no"];

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// A number of more digits counts nothing.
const DIGITS_MAX: usize = 15;

/// The levels in their order, where all of at least three have one.
pub fn ordered(levels: &[&str]) -> Option<Vec<String>> {
    if levels.len() < 3 {
        return None;
    }
    by_scale(levels).or_else(|| by_number(levels))
}

/// The level, among levels that are ranges, that a spreadsheet turned into a date: `Oct-49` was `10/49`.
pub fn mangled<'l>(levels: &[&'l str]) -> Option<&'l str> {
    let of_month = |level: &&&str| month(level).is_some();
    let mut dates = levels.iter().filter(of_month);
    let first = dates.next()?;
    (dates.next().is_none() && levels.len() > 3).then_some(*first)
}

fn by_scale(levels: &[&str]) -> Option<Vec<String>> {
    let lower: Vec<String> = levels.iter().map(|level| level.trim().to_lowercase()).collect();
    let scale = SCALES
        .iter()
        .find(|scale| lower.iter().all(|level| scale.contains(&&**level)))?;
    let place = |level: &str| scale.iter().position(|known| *known == level.trim().to_lowercase());
    let mut ordered: Vec<String> = levels.iter().map(|level| (*level).to_owned()).collect();
    ordered.sort_by_key(|level| place(level));
    Some(ordered)
}

fn by_number(levels: &[&str]) -> Option<Vec<String>> {
    let mut placed: Vec<(f64, String)> = Vec::with_capacity(levels.len());
    let mut numbers = 0;
    for level in levels {
        let place = match number(level) {
            Some(number) => {
                numbers += 1;
                number
            }
            None if BELOW.contains(&&*level.trim().to_lowercase()) => f64::NEG_INFINITY,
            None => return None,
        };
        placed.push((place, (*level).to_owned()));
    }
    if numbers < 2 {
        return None;
    }
    placed.sort_by(|left, right| left.0.total_cmp(&right.0).then_with(|| left.1.cmp(&right.1)));
    Some(placed.into_iter().map(|(_, level)| level).collect())
}

/// Where a level that is a number or a range lies: below `<1`, above `>20`, else at its lower end.
fn number(level: &str) -> Option<f64> {
    let level = level.trim();
    let (side, rest) = match level.split_at_checked(1) {
        Some(("<", rest)) => (-0.5, rest),
        Some((">", rest)) => (0.5, rest),
        _ => (0.0, level),
    };
    if let Some(month) = month(rest) {
        return Some(month);
    }
    let rest = rest.trim_start_matches(['=', ' ']);
    if rest.len() > 1 && rest.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with('0') {
        return None; // a code
    }
    if rest.bytes().take_while(u8::is_ascii_digit).count() > DIGITS_MAX {
        return None; // a code too
    }
    let digits: String = rest
        .chars()
        .take_while(|sign| sign.is_ascii_digit() || *sign == '.')
        .collect();
    let after = rest[digits.len()..].trim_start();
    let number: f64 = digits.parse().ok()?;
    let is_range = match ["-", "/", "\u{2013}", "to "]
        .iter()
        .find_map(|mark| after.strip_prefix(mark))
    {
        Some(upper) => reaches(upper.trim_start(), number),
        None => is_unit(after.strip_prefix('+').unwrap_or(after)),
    };
    is_range.then_some(number + side)
}

/// Whether a range ends at a number that is no less than the one it begins at; a date is no range.
fn reaches(upper: &str, lower: f64) -> bool {
    let digits = upper.trim_end_matches(|sign: char| sign.is_alphabetic() || sign == ' ');
    digits.parse::<f64>().is_ok_and(|upper| upper >= lower)
}

/// Whether what follows a number is nothing, or the word for what is counted.
fn is_unit(after: &str) -> bool {
    after.chars().all(|sign| sign.is_alphabetic() || sign == ' ')
}

/// The number of the month that a mangled range begins with.
fn month(level: &str) -> Option<f64> {
    let (word, rest) = level.split_at_checked(3)?;
    let at = MONTHS.iter().position(|month| word.eq_ignore_ascii_case(month))?;
    let number = rest.strip_prefix('-')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(at as f64 + 1.0)
}

#[cfg(test)]
#[path = "ordering_tests.rs"]
mod tests;
