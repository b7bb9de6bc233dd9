//! What the screen shows of what is known: sorted how, what is folded, where the cursor stands. Changed by keys alone.
//!
//! Used by [`super::terminal`] and drawn by [`super::screen`]. The cursor stands on a topic or partition by name, so that
//! it stays there when the order changes.

use std::collections::BTreeSet;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::entries::{Entry, Sort, Topic};

/// How far a page key moves.
const PAGE: isize = 10;

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// What topics are sorted by.
    pub sort: Sort,
    /// Whether the last comes first.
    pub reversed: bool,
    /// The topics whose partitions are shown.
    pub unfolded: BTreeSet<String>,
    /// Where the cursor stands.
    pub at: Option<(String, Option<i32>)>,
    /// Whether the screen stands still.
    pub paused: bool,
    /// Whether the keys are explained.
    pub help: bool,
}

/// What a key asks of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To draw again.
    Redraw,
    /// To end.
    Quit,
}

impl View {
    /// The entries shown, in order: each topic, and below those that are unfolded their partitions.
    pub fn shown<'a>(&self, topics: &'a [Topic]) -> Vec<&'a Entry> {
        let mut shown = Vec::new();
        for topic in topics {
            shown.push(&topic.whole);
            if self.unfolded.contains(&topic.whole.topic) {
                shown.extend(&topic.partitions);
            }
        }
        shown
    }

    /// Where the cursor stands among the entries shown; on the topic where its partition is folded away.
    pub fn cursor(&self, shown: &[&Entry]) -> usize {
        let Some((topic, partition)) = &self.at else { return 0 };
        let of_topic = |entry: &&Entry| entry.topic == *topic;
        let exact = shown
            .iter()
            .position(|entry| of_topic(entry) && entry.partition == *partition);
        exact.or_else(|| shown.iter().position(of_topic)).unwrap_or(0)
    }

    /// Carries out what a key means.
    pub fn press(&mut self, key: KeyEvent, topics: &[Topic]) -> Asked {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c' | 'd') => Asked::Quit,
                _ => Asked::Redraw,
            };
        }
        match key.code {
            KeyCode::Char('q') => return Asked::Quit,
            KeyCode::Esc if !self.help => return Asked::Quit,
            KeyCode::Esc => self.help = false,
            KeyCode::Char('?' | 'h') => self.help = !self.help,
            KeyCode::Char('p') => self.paused = !self.paused,
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('r') => self.reversed = !self.reversed,
            KeyCode::Char('a') => self.fold_all(topics),
            KeyCode::Enter | KeyCode::Char(' ') => self.fold(topics),
            KeyCode::Up | KeyCode::Char('k') => self.go(topics, -1),
            KeyCode::Down | KeyCode::Char('j') => self.go(topics, 1),
            KeyCode::PageUp => self.go(topics, -PAGE),
            KeyCode::PageDown => self.go(topics, PAGE),
            KeyCode::Home | KeyCode::Char('g') => self.go(topics, isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.go(topics, isize::MAX),
            _ => {}
        }
        Asked::Redraw
    }

    /// Moves the cursor, as far as there are entries.
    fn go(&mut self, topics: &[Topic], by: isize) {
        let shown = self.shown(topics);
        let last = shown.len().saturating_sub(1);
        let to = self.cursor(&shown).saturating_add_signed(by).min(last);
        self.at = shown.get(to).map(|entry| (entry.topic.clone(), entry.partition));
    }

    /// Folds or unfolds the topic that the cursor stands in.
    fn fold(&mut self, topics: &[Topic]) {
        let shown = self.shown(topics);
        let Some(entry) = shown.get(self.cursor(&shown)) else {
            return;
        };
        let topic = entry.topic.clone();
        if !self.unfolded.remove(&topic) {
            self.unfolded.insert(topic.clone());
        }
        self.at = Some((topic, None));
    }

    /// Folds all topics; where all are folded, unfolds them.
    fn fold_all(&mut self, topics: &[Topic]) {
        if self.unfolded.is_empty() {
            self.unfolded = topics.iter().map(|topic| topic.whole.topic.clone()).collect();
        } else {
            self.unfolded.clear();
        }
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
