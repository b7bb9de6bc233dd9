//! The most frequent texts of a column, in bounded memory.
//!
//! Used by [`super::profile`] and by whoever counts what broke a rule. Up to 1,000 different texts the counts are exact.
//! Beyond, the less frequent half is let go whenever there are twice as many (Misra and Gries 1982, in blocks): what is
//! left of a text that is frequent overall may be counted too low, never too high.

use std::cmp::Reverse;

use hashbrown::HashMap;

/// How many texts are always kept.
const KEPT: usize = 1_000;
/// Bytes of a text that are kept; longer ones count as equal where they begin alike.
const BYTES_MAX: usize = 200;

/// Texts with how often each was added.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    counts: HashMap<Box<str>, u64>,
    added: u64,
    let_go: bool,
}

impl Levels {
    /// Adds a text.
    #[inline]
    pub fn add(&mut self, text: &str) {
        let text = cut(text);
        self.added += 1;
        if let Some(count) = self.counts.get_mut(text) {
            *count += 1;
            return;
        }
        if self.counts.len() >= 2 * KEPT {
            self.let_go();
        }
        self.counts.insert(text.into(), 1);
    }

    /// Keeps the more frequent half.
    fn let_go(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let (_, least, _) = counts.select_nth_unstable_by_key(KEPT - 1, |count| Reverse(*count));
        let least = *least;
        let mut ties = KEPT - self.counts.values().filter(|count| **count > least).count();
        self.counts.retain(|_, count| {
            let tied = *count == least && ties > 0;
            ties -= usize::from(tied);
            *count > least || tied
        });
        self.let_go = true;
    }

    /// The most frequent texts, most frequent first and then by the alphabet.
    pub fn top(&self, count_max: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self.counts.iter().map(|(text, count)| (&**text, *count)).collect();
        all.sort_unstable_by_key(|(text, count)| (Reverse(*count), *text));
        all.truncate(count_max);
        all
    }

    /// How many texts were added.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Whether every count is exact.
    pub fn is_exact(&self) -> bool {
        !self.let_go
    }
}

/// The beginning of a text, whole characters.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(BYTES_MAX)]
}

#[cfg(test)]
#[path = "levels_tests.rs"]
mod tests;
