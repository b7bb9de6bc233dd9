//! A message's body, as its target's kind understands it and within its target's budget.
//!
//! Made by the sender for every try anew: the same message gives the same bytes. What does not fit is counted in the
//! body, never dropped without a word.

use muster_batch::AlertMessage;
use muster_spec::AlertTarget;
use muster_spec::target::TargetKind;
use serde_json::Value;

use crate::digest::{Digest, Entry};
use crate::{link, slack, teams, webhook};

/// A rendered body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// JSON text.
    pub text: String,
    /// How many conditions it names.
    pub shown: usize,
    /// How many it only counts.
    pub truncated: usize,
}

impl Body {
    /// Renders a message for its target. `link` is where people reach this Muster, if they do: each condition leads to its
    /// report there.
    pub fn render(target: &AlertTarget, message: &AlertMessage, link: Option<&str>) -> Self {
        let digest = Digest::of(message);
        let bytes_max = target.limits.body_bytes_max as usize;
        let ids = digest.ids(bytes_max / 4);
        let given = Given {
            target,
            digest: &digest,
            ids,
            link,
        };
        let (entries_max, render): (usize, fn(&Given<'_>, usize) -> Value) = match target.kind {
            TargetKind::Webhook => (usize::MAX, webhook::render),
            TargetKind::Slack => (slack::ENTRIES_MAX, slack::render),
            TargetKind::Teams => (teams::ENTRIES_MAX, teams::render),
        };
        let mut shown = digest.entries.len().min(entries_max);
        loop {
            let text = render(&given, shown).to_string();
            if text.len() <= bytes_max || shown == 0 {
                let truncated = digest.entries.len() - shown;
                return Self { text, shown, truncated };
            }
            shown = (shown * bytes_max / text.len()).min(shown - 1);
        }
    }
}

/// What a renderer works from.
pub(crate) struct Given<'g> {
    pub target: &'g AlertTarget,
    pub digest: &'g Digest<'g>,
    /// The ids of all alerts as ranges, and how many ids did not fit.
    pub ids: (String, u64),
    pub link: Option<&'g str>,
}

impl Given<'_> {
    /// The report that says more about a condition.
    pub fn report(&self, entry: &Entry<'_>) -> Option<String> {
        self.link.map(|base| link::of(base, entry.last))
    }

    /// The line that says what is not shown; `None` where all is.
    pub fn rest(&self, shown: usize) -> Option<String> {
        let rest = self.digest.entries.len() - shown;
        (rest > 0).then(|| format!("and {rest} more conditions"))
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
