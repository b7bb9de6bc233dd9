//! Where a message leads: to the report on the batch or the day that an alert is about.
//!
//! Used by the renderers. Made of names, numbers and days: a link says no more than the message does.

use chrono::DateTime;
use muster_batch::RaisedAlert;

/// The report that says more about an alert, below Muster's public address `base`; `base` itself where there is none, as
/// for an alert about a pipeline.
pub(crate) fn of(base: &str, raised: &RaisedAlert) -> String {
    let about = &raised.alert.about;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    // The fingerprint says what `about` names; a name that would lead elsewhere leads nowhere.
    let of_contract = raised.alert.fingerprint.starts_with("contract/");
    if !of_contract || about.starts_with('.') || !about.bytes().all(is_plain) {
        return base.to_owned();
    }
    let root = base.trim_end_matches('/');
    if let Some(batch) = raised.batch {
        return format!("{root}/reports/{about}/batch/{batch}");
    }
    let raised_at = DateTime::from_timestamp_micros(raised.raised_at).unwrap_or_default();
    format!("{root}/reports/{about}/{}", raised_at.date_naive())
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
