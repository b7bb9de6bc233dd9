//! Numbers as people read them: grouped by thousands, shares in percent, no digits that say nothing.

/// A count: `19,158`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A share of 1 in percent with one digit: `18.2 %`. What is little is not nothing, and what is much is not all.
pub(crate) fn percent(share: f64) -> String {
    let shown = (share * 1000.0).round() / 10.0;
    if share > 0.0 && shown < 0.1 {
        "< 0.1\u{a0}%".to_owned()
    } else if share < 1.0 && shown > 99.9 {
        "> 99.9\u{a0}%".to_owned()
    } else {
        format!("{shown:.1}\u{a0}%")
    }
}

/// A number with at most four digits after the point, and with an exponent where it is very great or small.
pub(crate) fn decimal(value: f64) -> String {
    rounded(value, 4)
}

/// A number with as many digits as tell it from another that it is not, four after the point where they are enough.
pub(crate) fn decimal_unlike(value: f64, other: f64) -> String {
    let texts = (4..=12).map(|digits| rounded(value, digits));
    let unlike = |text: &String| *text != decimal(other);
    texts.clone().find(unlike).unwrap_or_else(|| decimal(value))
}

fn rounded(value: f64, digits: usize) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e15).contains(&size) {
        return format!("{value:.3e}");
    }
    let text = format!("{value:.digits$}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    let (sign, digits) = match short.strip_prefix('-') {
        Some(digits) => ("\u{2212}", digits),
        None => ("", short),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    let point = if part.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{part}")
}

/// A size: `1.4 MB`.
pub(crate) fn bytes(value: u64) -> String {
    const UNITS: [(&str, f64); 3] = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let size = value as f64;
    match UNITS.iter().find(|(_, unit)| size >= *unit) {
        Some((name, unit)) => format!("{:.1}\u{a0}{name}", size / unit),
        None => format!("{value}\u{a0}B"),
    }
}

#[cfg(test)]
#[path = "number_tests.rs"]
mod tests;
