//! The texts of a column, split by the label, in bounded memory.
//!
//! Used by [`crate::Profiler`] for texts and truth values. The first 2,000 different texts are counted; a column with more
//! of them is no category, and of the others only the number of rows is known.

use std::fmt::Write as _;

use hashbrown::HashMap;

use crate::numbers::Split;

/// So many different texts are counted.
const LEVELS_MAX: usize = 2_000;
/// Longer texts are not counted by themselves.
const BYTES_MAX: usize = 200;

/// Texts seen so far.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    levels: HashMap<Box<str>, Split>,
    others: u64,
    count: u64,
    chars: u64,
    chars_least: Option<u32>,
    chars_most: u32,
    blanks: u64,
    shape: Shape,
}

/// What all texts look like, as long as they look alike: the same signs between runs of digits.
#[derive(Clone, Debug, Default)]
enum Shape {
    #[default]
    Nothing,
    Of(Vec<Part>),
    Many,
}

/// A part of a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// These signs, none of them a digit.
    Signs(String),
    /// So many digits at least and at most.
    Digits(usize, usize),
}

impl Texts {
    /// Adds the text of a row with this label.
    pub fn add(&mut self, text: &str, label: usize) {
        self.count += 1;
        let chars = text.chars().count() as u32;
        self.chars += u64::from(chars);
        self.chars_least = Some(self.chars_least.map_or(chars, |least| least.min(chars)));
        self.chars_most = self.chars_most.max(chars);
        self.blanks += u64::from(text.contains(' '));
        if let Some(split) = self.levels.get_mut(text) {
            split[label] += 1;
            return;
        }
        self.shape.meet(text);
        if self.levels.len() < LEVELS_MAX && text.len() <= BYTES_MAX {
            self.levels.entry(text.into()).or_default()[label] += 1;
        } else {
            self.others += 1;
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether each different text was counted.
    pub fn is_exact(&self) -> bool {
        self.others == 0
    }

    /// Texts with their rows, most frequent first.
    pub fn levels(&self) -> Vec<(&str, Split)> {
        let mut levels: Vec<(&str, Split)> = self.levels.iter().map(|(text, split)| (&**text, *split)).collect();
        levels.sort_unstable_by_key(|(text, split)| (std::cmp::Reverse(split.iter().sum::<u64>()), *text));
        levels
    }

    /// Least and greatest number of characters.
    pub fn lengths(&self) -> Option<(u32, u32)> {
        Some((self.chars_least?, self.chars_most))
    }

    /// Whether these are sentences rather than names: long, and most of several words.
    pub fn is_prose(&self) -> bool {
        self.chars > 30 * self.count && self.blanks * 2 > self.count
    }

    /// A regular expression that all texts match, where they look alike and have digits.
    pub fn pattern(&self) -> Option<String> {
        let Shape::Of(parts) = &self.shape else { return None };
        let written = parts.iter().map(|part| match part {
            Part::Signs(signs) => escape(signs),
            Part::Digits(least, most) if least == most => format!("[0-9]{{{least}}}"),
            Part::Digits(least, most) => format!("[0-9]{{{least},{most}}}"),
        });
        let pattern = format!("^{}$", written.collect::<Vec<_>>().concat());
        let has_digits = parts.iter().any(|part| matches!(part, Part::Digits(..)));
        (has_digits && parts.len() <= 8).then_some(pattern)
    }

    /// How well the column alone tells the label: Cramér's V with Bergsma's correction for many levels (2013), 0 to 1.
    pub fn cramers_v(&self) -> Option<f64> {
        cramers_v(self.levels.values().copied())
    }
}

/// Signs as a regular expression. Only those that mean something there are escaped: others may mean something when they are
/// (`\<` is where a word begins). What cannot be seen is written by its number.
fn escape(signs: &str) -> String {
    let mut escaped = String::new();
    for sign in signs.chars() {
        if sign.is_control() || (sign.is_whitespace() && sign != ' ') {
            let _ = write!(escaped, "\\x{{{:x}}}", u32::from(sign));
            continue;
        }
        if r"\.+*?()|[]{}^$".contains(sign) {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped
}

/// Cramér's V between groups of rows and the label, corrected for its bias.
pub fn cramers_v(groups: impl Iterator<Item = Split>) -> Option<f64> {
    let groups: Vec<[f64; 2]> = groups
        .map(|[negative, positive, _]| [negative as f64, positive as f64])
        .filter(|[negative, positive]| negative + positive > 0.0)
        .collect();
    let totals = groups
        .iter()
        .fold([0.0, 0.0], |sum, group| [sum[0] + group[0], sum[1] + group[1]]);
    let rows = totals[0] + totals[1];
    if rows < 2.0 || totals.contains(&0.0) {
        return None;
    }
    let of_group = |group: &[f64; 2]| -> f64 {
        let size = group[0] + group[1];
        let expected = totals.map(|total| total * size / rows);
        group
            .iter()
            .zip(expected)
            .map(|(found, due)| (found - due).powi(2) / due)
            .sum()
    };
    let chi_square: f64 = groups.iter().map(of_group).sum();
    let freedom = groups.len() as f64 - 1.0;
    let share = (chi_square / rows - freedom / (rows - 1.0)).max(0.0);
    let levels = groups.len() as f64 - freedom.powi(2) / (rows - 1.0);
    let labels = 2.0 - 1.0 / (rows - 1.0);
    let bound = (levels - 1.0).min(labels - 1.0);
    (bound > 0.0).then(|| (share / bound).sqrt().min(1.0)).or(Some(0.0))
}

impl Shape {
    fn meet(&mut self, text: &str) {
        match self {
            Self::Many => {}
            Self::Nothing => *self = Self::Of(parts(text)),
            Self::Of(known) => {
                let found = parts(text);
                let same = known.len() == found.len()
                    && known.iter_mut().zip(found).all(|(known, found)| match (known, found) {
                        (Part::Digits(least, most), Part::Digits(length, _)) => {
                            *least = length.min(*least);
                            *most = length.max(*most);
                            true
                        }
                        (known, found) => *known == found,
                    });
                if !same {
                    *self = Self::Many;
                }
            }
        }
    }
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for sign in text.chars() {
        match (parts.last_mut(), sign.is_ascii_digit()) {
            (Some(Part::Digits(least, most)), true) => (*least, *most) = (*least + 1, *most + 1),
            (Some(Part::Signs(signs)), false) => signs.push(sign),
            (_, true) => parts.push(Part::Digits(1, 1)),
            (_, false) => parts.push(Part::Signs(sign.to_string())),
        }
    }
    parts
}

#[cfg(test)]
#[path = "texts_tests.rs"]
mod tests;
