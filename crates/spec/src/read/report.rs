//! What reading a file has found wrong so far, and the small readers that add to it.
//!
//! Used by every reader beside this file. A reader that meets a problem says it here and goes on with what is left, so
//! that a file's problems are told all at once. Nothing here stops at the first.

use std::time::Duration;

use super::shapes::Shape;
use super::tree::{Key, Node, Place, Plain, Value};
use crate::Problem;
use crate::problem::nearest;

/// The problems of one file.
pub(crate) struct Report<'f> {
    file: &'f str,
    problems: &'f mut Vec<Problem>,
}

/// A map whose keys were checked.
pub(crate) struct Keys<'n> {
    pub place: Place,
    entries: &'n [(Key, Node)],
}

impl<'n> Keys<'n> {
    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|(found, _)| found.text == key)
            .map(|(_, node)| node)
    }

    /// The place of a key, or of the map where it is absent.
    pub fn place_of(&self, key: &str) -> Place {
        let found = self.entries.iter().find(|(found, _)| found.text == key);
        found.map_or(self.place, |(key, _)| key.place)
    }
}

impl<'f> Report<'f> {
    pub fn new(file: &'f str, problems: &'f mut Vec<Problem>) -> Self {
        Self { file, problems }
    }

    /// The same problems, about another file.
    pub fn about<'g>(&'g mut self, file: &'g str) -> Report<'g> {
        Report {
            file,
            problems: self.problems,
        }
    }

    pub fn say(&mut self, place: Place, message: impl Into<String>) {
        self.push(place, message.into(), None);
    }

    pub fn hint(&mut self, place: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.push(place, message.into(), Some(hint.into()));
    }

    /// Says that a name is unknown, with the nearest known one or all of them.
    pub fn unknown<'a>(&mut self, place: Place, what: &str, name: &str, known: impl Iterator<Item = &'a str>) {
        let known: Vec<&str> = known.collect();
        let hint = nearest(name, &known).map_or_else(|| listed(&known), |near| Some(format!("did you mean `{near}`?")));
        self.push(place, format!("unknown {what} `{name}`"), hint);
    }

    fn push(&mut self, (line, column): Place, message: String, hint: Option<String>) {
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line,
            column,
            message,
            hint,
        });
    }

    fn expected(&mut self, node: &Node, what: &str) {
        self.say(node.place, format!("expected {what}, found {}", node.kind()));
    }

    /// A map of this shape: unknown keys, keys that stand twice and missing keys are said.
    pub fn keys<'n>(&mut self, node: &'n Node, shape: &Shape) -> Option<Keys<'n>> {
        let Value::Map(entries) = &node.value else {
            self.expected(node, &format!("the keys of {}", shape.what));
            return None;
        };
        for (at, (key, _)) in entries.iter().enumerate() {
            if !shape.knows(&key.text) {
                self.unknown(key.place, &format!("key in {}:", shape.what), &key.text, shape.names());
            } else if entries[..at].iter().any(|(earlier, _)| earlier.text == key.text) {
                self.say(key.place, format!("the key `{}` stands twice", key.text));
            }
        }
        let keys = Keys {
            place: node.place,
            entries,
        };
        for name in shape.required {
            if keys.get(name).is_none() {
                self.say(node.place, format!("{} lacks the key `{name}`", shape.what));
            }
        }
        Some(keys)
    }

    /// The items of a list.
    pub fn list<'n>(&mut self, node: &'n Node) -> Option<&'n [Node]> {
        if let Value::List(items) = &node.value {
            return Some(items);
        }
        self.expected(node, "a list");
        None
    }

    /// A text that is there.
    pub fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        match node.plain() {
            Some(Plain::Text("")) => {
                self.say(node.place, "expected text, found an empty one");
                None
            }
            Some(Plain::Text(text)) => Some(text),
            Some(Plain::Whole(_) | Plain::Number(_) | Plain::Boolean(_)) => {
                let message = format!("expected text, found {}", node.kind());
                self.hint(node.place, message, "put it in quotes");
                None
            }
            _ => {
                self.expected(node, "text");
                None
            }
        }
    }

    /// A text, a number or a boolean, as it is written.
    pub fn written<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        match (&node.value, node.plain()) {
            (Value::Scalar { text, .. }, Some(plain)) if plain != Plain::Null => Some(text),
            _ => {
                self.expected(node, "text or a number");
                None
            }
        }
    }

    pub fn flag(&mut self, node: &Node) -> Option<bool> {
        let Some(Plain::Boolean(flag)) = node.plain() else {
            self.expected(node, "`true` or `false`");
            return None;
        };
        Some(flag)
    }

    pub fn number(&mut self, node: &Node) -> Option<f64> {
        match node.plain() {
            Some(Plain::Whole(whole)) => Some(whole as f64),
            Some(Plain::Number(number)) => Some(number),
            _ => {
                self.expected(node, "a number");
                None
            }
        }
    }

    /// A number between the two, both included.
    pub fn number_within(&mut self, node: &Node, least: f64, most: f64) -> Option<f64> {
        let number = self.number(node)?;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.say(node.place, format!("expected a number from {least} to {most}"));
        None
    }

    /// A whole number of at least `least`.
    pub fn whole(&mut self, node: &Node, least: u64) -> Option<u64> {
        match node.plain() {
            Some(Plain::Whole(whole)) if u64::try_from(whole).is_ok_and(|whole| whole >= least) => Some(whole as u64),
            _ => {
                self.say(node.place, format!("expected a whole number of at least {least}"));
                None
            }
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            self.unknown(node.place, "word", text, words.iter().map(|(word, _)| *word));
        }
        found.map(|(_, value)| *value)
    }

    /// A duration above zero: a whole number and `s`, `m`, `h` or `d`.
    pub fn duration(&mut self, node: &Node) -> Option<Duration> {
        let text = self.written(node)?;
        let read = duration(text);
        if read.is_none() {
            let message = format!("`{text}` is no duration");
            self.hint(
                node.place,
                message,
                "a whole number above 0 and `s`, `m`, `h` or `d`: `24h`",
            );
        }
        read
    }

    /// A name made of letters, digits, `_` and `.`, such as a rule's id.
    pub fn id<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        let text = self.text(node)?;
        let fits = text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        if fits {
            return Some(text);
        }
        self.hint(
            node.place,
            format!("`{text}` is no id"),
            "letters, digits, `_` and `.` only",
        );
        None
    }

    /// A Kafka topic's name.
    pub fn topic<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        let text = self.text(node)?;
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.len() <= 249 && text.chars().all(legal) && text != "." && text != ".." {
            return Some(text);
        }
        let hint = "at most 249 letters, digits, `.`, `_` and `-`";
        self.hint(node.place, format!("`{text}` is no name of a topic"), hint);
        None
    }

    /// The name of a file beside this one.
    pub fn beside<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        let text = self.text(node)?;
        if text.contains(['/', '\\', '\0']) || text == ".." || text == "." {
            self.say(node.place, format!("`{text}` must be a file in the same folder"));
            return None;
        }
        Some(text)
    }
}

/// Reads `90s`, `15m`, `24h`, `7d`; `None` for anything else, zero, and more than a thousand years.
pub fn duration(text: &str) -> Option<Duration> {
    let unit_secs = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3_600,
        b'd' => 86_400,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let secs = digits.parse::<u64>().ok()?.checked_mul(unit_secs)?;
    (1..=365_000 * 86_400)
        .contains(&secs)
        .then(|| Duration::from_secs(secs))
}

fn listed(known: &[&str]) -> Option<String> {
    const SHOWN_MAX: usize = 40;
    if known.is_empty() {
        return None;
    }
    let shown = known.iter().take(SHOWN_MAX).map(|name| format!("`{name}`"));
    let rest = if known.len() > SHOWN_MAX { ", ..." } else { "" };
    Some(format!("known: {}{rest}", shown.collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
