//! Reads `event_time` and `event_id`: when the reported fact happened, and how the same report is known again.
//!
//! Called by the contract reader.

use super::contract::column;
use super::report::Report;
use super::rules::KEYS_MAX;
use super::shapes::{EVENT_ID, EVENT_TIME};
use super::tree::Node;
use crate::{Check, EventId, EventIdPlace, EventTime, Field, Rule};

pub(super) fn event_time(node: &Node, fields: &[Field], rules: &[Rule], report: &mut Report<'_>) -> Option<EventTime> {
    let keys = report.keys(node, &EVENT_TIME)?;
    let optional = keys.get("optional").map_or(Some(false), |node| report.flag(node))?;
    let named = keys.get("field")?;
    let field = column(named, fields, report)?;
    let name = &fields[field].name;
    if !fields[field].kind.is_time() {
        let message = format!("`{name}` is {}, not a date or timestamp", fields[field].kind.word());
        report.say(named.place, message);
        return None;
    }
    let required = |rule: &Rule| rule.field == Some(field) && rule.check == Check::Required;
    if !optional && !rules.iter().any(required) {
        let hint =
            format!("say `optional: true`, or add the rule `{{ id: {name}.required, field: {name}, required: true }}`");
        report.hint(node.place, format!("no rule requires `{name}`, the event time"), hint);
    }
    Some(EventTime { field, optional })
}

pub(super) fn event_id(node: &Node, fields: &[Field], report: &mut Report<'_>) -> Option<EventId> {
    let keys = report.keys(node, &EVENT_ID)?;
    let within = keys.get("within").and_then(|node| report.duration(node));
    let keys_max = keys
        .get("keys_max")
        .map_or(Some(KEYS_MAX), |node| report.whole(node, 1));
    let place = match (keys.get("header"), keys.get("field")) {
        (Some(header), None) => report.text(header).map(|name| EventIdPlace::Header(name.to_owned())),
        (None, Some(field)) => column(field, fields, report).map(EventIdPlace::Field),
        _ => {
            report.say(node.place, "`event_id` has either a `header` or a `field`");
            None
        }
    };
    Some(EventId {
        place: place?,
        within: within?,
        keys_max: keys_max?,
    })
}
