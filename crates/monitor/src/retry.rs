//! When a message that was not taken is tried again: ten tries over three days.
//!
//! Used by the sender, which keeps the time of the next try in the ledger.

use std::time::Duration;

/// How long to wait after each try that failed, in seconds; after the last one it is given up.
const WAITS_SECS: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// A receiver's `Retry-After` beyond this is not believed.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// How many times a message is tried at most.
pub const TRIES_MAX: u32 = WAITS_SECS.len() as u32 + 1;

/// How long to wait after the try of this number, from 1, that failed; `None` where it was the last.
///
/// `jitter`, from 0 to 1, spreads the tries of senders that failed together: the wait is 80 to 120 % of the schedule's.
/// It is never shorter than what the receiver asked for.
pub fn wait(tried: u32, jitter: f64, retry_after: Option<Duration>) -> Option<Duration> {
    let index = usize::try_from(tried.max(1) - 1).ok()?;
    let secs = *WAITS_SECS.get(index)?;
    let spread = Duration::from_secs(secs).mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0));
    let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
    Some(spread.max(asked))
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
