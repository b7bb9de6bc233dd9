//! Holds a publisher to so many records a second.
//!
//! Owned by the publisher. Counts from the first record on, so that a pause is caught up for one second at most.

use std::time::{Duration, Instant};

/// When the next record may go.
#[derive(Debug)]
pub(crate) struct Pace {
    gap: Duration,
    due: Option<Instant>,
}

impl Pace {
    /// A pace of `rows_per_sec`; `None` where it is no positive number.
    pub(crate) fn new(rows_per_sec: f64) -> Option<Self> {
        (rows_per_sec > 0.0 && rows_per_sec.is_finite()).then(|| Self {
            gap: Duration::from_secs_f64((1.0 / rows_per_sec).min(3600.0)),
            due: None,
        })
    }

    /// How long to wait at `now` before the next record.
    pub(crate) fn next(&mut self, now: Instant) -> Duration {
        let earliest = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
        let due = self.due.map_or(now, |due| due.max(earliest));
        self.due = Some(due + self.gap);
        due.saturating_duration_since(now)
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
