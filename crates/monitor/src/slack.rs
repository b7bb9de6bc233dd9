//! The body for a Slack incoming webhook: Block Kit, with a text for notifications.
//!
//! Slack takes 50 blocks of at most 3,000 characters each.

use muster_batch::AlertState;
use serde_json::{Value, json};

use crate::body::Given;

/// How many conditions are named at most: a block each, with room for header, rest and foot.
pub(crate) const ENTRIES_MAX: usize = 40;

/// Of a condition's own words: a link comes behind them.
const SECTION_CHARACTERS_MAX: usize = 2_500;
const HEADER_CHARACTERS_MAX: usize = 150;

pub(crate) fn render(given: &Given<'_>, shown: usize) -> Value {
    let digest = given.digest;
    let headline = cut(&digest.headline(), HEADER_CHARACTERS_MAX);
    let mut blocks = vec![json!({ "type": "header", "text": { "type": "plain_text", "text": headline } })];
    for entry in &digest.entries[..shown] {
        let sign = match entry.state() {
            AlertState::Firing => ":red_circle:",
            AlertState::Resolved => ":white_check_mark:",
        };
        let line = cut(&format!("{sign} {}", escape(&entry.line())), SECTION_CHARACTERS_MAX);
        let report = given.report(entry).map(|report| format!(" <{report}|report>"));
        blocks.push(section(&(line + &report.unwrap_or_default())));
    }
    blocks.extend(given.rest(shown).map(|rest| section(&rest)));
    let mut foot = vec![format!("message {}", digest.message.id)];
    if given.ids.1 == 0 {
        foot.push(format!("alerts {}", given.ids.0));
    }
    foot.extend(given.link.map(|link| format!("<{link}|open>")));
    let foot = cut(&foot.join(" · "), SECTION_CHARACTERS_MAX);
    blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": foot }] }));
    json!({ "text": escape(&headline), "blocks": blocks })
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

/// What Slack would read as a mention or a link is text.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn cut(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_owned();
    }
    text.chars().take(characters_max - 1).chain(['…']).collect()
}
