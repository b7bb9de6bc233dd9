//! How far two clocks may be apart.
//!
//! Used where a server's clock is known. Leases, windows of drift and freshness go by the database's clock, event times by
//! whoever made the events.

use super::Lines;

/// Further apart than this, ages and freshness are visibly wrong.
const WARN_SECS: f64 = 2.0;
/// Further apart than this, leases and windows are.
const FAIL_SECS: f64 = 60.0;

/// Says how far a clock is ahead of ours.
pub fn compare(lines: &mut Lines, ahead_secs: f64) {
    let found = if ahead_secs.abs() < 0.001 {
        "the same as here".to_owned()
    } else {
        let side = if ahead_secs > 0.0 { "ahead of" } else { "behind" };
        format!("{:.3} s {side} this machine's", ahead_secs.abs())
    };
    let todo = "let both machines keep their clocks by NTP: `timedatectl` says whether they do";
    match ahead_secs.abs() {
        apart if apart < WARN_SECS => lines.ok("clock", found),
        apart if apart < FAIL_SECS => lines.warn("clock", found, todo),
        _ => lines.fail("clock", found, todo),
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
