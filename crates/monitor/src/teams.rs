//! The body for a Microsoft Teams workflow ("post to a channel when a webhook request is received"): an Adaptive Card.

use muster_batch::AlertState;
use serde_json::{Value, json};

use crate::body::Given;

/// How many conditions are named at most: beyond that a card is no longer read.
pub(crate) const ENTRIES_MAX: usize = 40;

pub(crate) fn render(given: &Given<'_>, shown: usize) -> Value {
    let digest = given.digest;
    let colour = |state| match state {
        AlertState::Firing => "attention",
        AlertState::Resolved => "good",
    };
    let mut body = vec![json!({
        "type": "TextBlock", "size": "medium", "weight": "bolder", "wrap": true,
        "color": colour(digest.state()), "text": escape(&digest.headline()),
    })];
    for entry in &digest.entries[..shown] {
        let report = given.report(entry).map(|report| format!(" [report]({report})"));
        body.push(json!({
            "type": "TextBlock", "wrap": true, "spacing": "small",
            "color": colour(entry.state()), "text": escape(&entry.line()) + &report.unwrap_or_default(),
        }));
    }
    body.extend(
        given
            .rest(shown)
            .map(|rest| json!({ "type": "TextBlock", "wrap": true, "text": rest })),
    );
    let mut facts = vec![json!({ "title": "message", "value": digest.message.id })];
    if given.ids.1 == 0 {
        facts.push(json!({ "title": "alerts", "value": given.ids.0 }));
    }
    body.push(json!({ "type": "FactSet", "facts": facts }));
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    });
    if let Some(link) = given.link {
        card["actions"] = json!([{ "type": "Action.OpenUrl", "title": "Open", "url": link }]);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

/// Names hold `_` and `*`, which a card would take for emphasis.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '_' | '*' | '[' | ']' | '#' | '`' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
