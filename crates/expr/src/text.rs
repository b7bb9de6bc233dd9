//! All checks of one text column in one pass: `one_of`, `matches`, `length` and the built-in `encoding`.
//!
//! Compiled by [`crate::compile`], run by [`crate::rules`]. People data repeats itself: a column's verdicts on short
//! texts are remembered in a small table keyed by the text itself ([`ShortText`]), so that a value seen before costs a
//! load and a comparison for all its rules together. Nothing is remembered of longer texts. A null never breaks.

use arrow::array::{Array, StringArray};
use muster_batch::ShortText;
use muster_spec::RuleNumber;
use regex::bytes::Regex;

use crate::{RowSet, encoding};

/// How many checks one column's pass may hold: the bits of a verdict. Further checks make a second pass.
pub const CHECKS_MAX: usize = 32;

/// Slots of the table, a power of two: what fits the inner caches beside the column itself.
const SLOTS: usize = 512;

/// A compiled check of a text.
#[derive(Clone, Debug)]
pub enum TextCheck {
    /// It is one of these, sorted by length and then by bytes.
    OneOf(Vec<Box<[u8]>>),
    /// The whole of it matches.
    Matches(Regex),
    /// It has so many characters, both included.
    Length(u32, u32),
    /// It is not damaged.
    Encoding,
    /// For tests: evaluating it on this text panics.
    Panics(Box<[u8]>),
}

impl TextCheck {
    /// Whether the check holds.
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Self::OneOf(values) => contains(values, text.as_bytes()),
            Self::Matches(pattern) => pattern.is_match(text.as_bytes()),
            Self::Length(least, most) => length_holds(text, *least as usize, *most as usize),
            Self::Encoding => !encoding::is_damaged(text),
            Self::Panics(poison) => {
                assert!(text.as_bytes() != &**poison, "a rule that panics, for tests");
                true
            }
        }
    }
}

fn contains(values: &[Box<[u8]>], text: &[u8]) -> bool {
    values
        .binary_search_by(|value| value.len().cmp(&text.len()).then_with(|| (**value).cmp(text)))
        .is_ok()
}

fn length_holds(text: &str, least: usize, most: usize) -> bool {
    let bytes = text.len();
    // A character takes one to four bytes: most texts are decided without counting.
    if bytes <= most && bytes.div_ceil(4) >= least {
        return true;
    }
    if bytes < least || bytes.div_ceil(4) > most {
        return false;
    }
    let characters = text.as_bytes().iter().filter(|byte| **byte as i8 >= -64).count();
    (least..=most).contains(&characters)
}

/// The checks of one column.
#[derive(Clone, Debug)]
pub struct TextColumn {
    checks: Vec<(TextCheck, RuleNumber)>,
    /// Whether there is more to do than `encoding`, which a column of ASCII cannot break.
    only_encoding: bool,
    slots: Vec<Slot>,
}

/// A remembered verdict: one bit a check, set where it is broken.
#[derive(Clone, Copy, Debug)]
struct Slot {
    text: ShortText,
    broken: u32,
}

const FREE: Slot = Slot {
    text: ShortText::NONE,
    broken: 0,
};

impl TextColumn {
    /// The checks of a column with their rules.
    ///
    /// # Panics
    /// When there are more than [`CHECKS_MAX`].
    pub fn new(checks: Vec<(TextCheck, RuleNumber)>) -> Self {
        assert!(checks.len() <= CHECKS_MAX, "a verdict has a bit for each check");
        Self {
            only_encoding: checks.iter().all(|(check, _)| matches!(check, TextCheck::Encoding)),
            checks,
            slots: Vec::new(),
        }
    }

    /// The broken rules of the column with their rows.
    pub fn broken(&mut self, column: &StringArray, into: &mut Vec<(RuleNumber, RowSet)>) {
        let offsets = column.value_offsets();
        let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
            return;
        };
        let bytes = &column.value_data()[*first as usize..*last as usize];
        if self.only_encoding && bytes.is_ascii() {
            return;
        }
        let mut sets: [Option<RowSet>; CHECKS_MAX] = [const { None }; CHECKS_MAX];
        let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
        for row in 0..column.len() {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            let (start, end) = ((offsets[row] - first) as usize, (offsets[row + 1] - first) as usize);
            let mut rest = self.verdict(column, row, bytes, start, end);
            while rest != 0 {
                let check = rest.trailing_zeros() as usize;
                sets[check]
                    .get_or_insert_with(|| RowSet::empty(column.len()))
                    .insert(row);
                rest &= rest - 1;
            }
        }
        let broken = sets.into_iter().zip(&self.checks);
        into.extend(broken.filter_map(|(set, (_, rule))| Some((*rule, set?))));
    }

    #[inline]
    fn verdict(&mut self, column: &StringArray, row: usize, bytes: &[u8], start: usize, end: usize) -> u32 {
        let Some(text) = ShortText::of(bytes, start, end) else {
            return self.evaluate(column.value(row));
        };
        let slot = text.slot(SLOTS);
        match self.slots.get(slot) {
            Some(known) if known.text == text => known.broken,
            _ => self.remember(slot, text, column.value(row)),
        }
    }

    #[cold]
    fn remember(&mut self, slot: usize, key: ShortText, text: &str) -> u32 {
        let broken = self.evaluate(text);
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, FREE);
        }
        self.slots[slot] = Slot { text: key, broken };
        broken
    }

    fn evaluate(&self, text: &str) -> u32 {
        let broken = self.checks.iter().enumerate();
        broken.fold(0, |verdict, (bit, (check, _))| {
            verdict | u32::from(!check.holds(text)) << bit
        })
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
