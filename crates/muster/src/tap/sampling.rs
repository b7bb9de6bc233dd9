//! How many verdicts are told a second: the first ones of each, and of the others how many there were.
//!
//! Used by [`super`]. Time comes from the caller.

use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// Lets so many a second through and counts the rest.
#[derive(Debug)]
pub struct Sampling {
    per_sec: Option<u64>,
    begun: Instant,
    admitted: u64,
    /// Held back since the last that was let through.
    skipped: u64,
    /// Held back in this second.
    held_back: u64,
}

impl Sampling {
    /// So many a second; all where there is no limit.
    pub fn new(per_sec: Option<u64>, now: Instant) -> Self {
        Self {
            per_sec,
            begun: now,
            admitted: 0,
            skipped: 0,
            held_back: 0,
        }
    }

    /// Whether the next one is let through: then how many were held back before it.
    pub fn admit(&mut self) -> Option<u64> {
        if self.per_sec.is_some_and(|most| self.admitted >= most) {
            self.skipped += 1;
            self.held_back += 1;
            return None;
        }
        self.admitted += 1;
        Some(std::mem::take(&mut self.skipped))
    }

    /// Begins a new second when the last has passed; then how many were held back in it, if any.
    pub fn turn(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.begun) < SECOND {
            return None;
        }
        self.begun = now;
        self.admitted = 0;
        Some(std::mem::take(&mut self.held_back)).filter(|held_back| *held_back > 0)
    }
}

#[cfg(test)]
#[path = "sampling_tests.rs"]
mod tests;
