//! When too much of a source is bad to go on.
//!
//! Used by `muster ingest`, one measure a source: past the contract's `stop_above` the source pauses instead of
//! draining a good topic into the bad side. Counts whole batches: the window holds the fewest newest batches that have
//! at least `rows` judged rows.

use std::collections::VecDeque;

use muster_spec::StopAbove;

/// Bad over judged rows, of the last `rows` judged ones.
#[derive(Clone, Debug)]
pub struct BadRatio {
    limit: StopAbove,
    chunks: VecDeque<(u64, u64)>,
    judged: u64,
    bad: u64,
}

impl BadRatio {
    /// A measure that has seen nothing.
    pub fn new(limit: StopAbove) -> Self {
        Self {
            limit,
            chunks: VecDeque::new(),
            judged: 0,
            bad: 0,
        }
    }

    /// Adds a batch's rows. Returns the ratio when it is above the limit and enough rows were judged to say so.
    pub fn add(&mut self, judged: u64, bad: u64) -> Option<f64> {
        if judged > 0 {
            self.chunks.push_back((judged, bad));
            self.judged += judged;
            self.bad += bad;
        }
        while let Some((oldest, oldest_bad)) = self.chunks.front().copied()
            && self.judged - oldest >= self.limit.rows.max(1)
        {
            self.chunks.pop_front();
            self.judged -= oldest;
            self.bad -= oldest_bad;
        }
        let ratio = self.bad as f64 / self.judged.max(1) as f64;
        (self.judged >= self.limit.rows.max(1) && ratio > self.limit.ratio).then_some(ratio)
    }

    /// Forgets what was seen: a source that was resumed is measured anew.
    pub fn reset(&mut self) {
        *self = Self::new(self.limit);
    }
}

#[cfg(test)]
#[path = "stop_above_tests.rs"]
mod tests;
