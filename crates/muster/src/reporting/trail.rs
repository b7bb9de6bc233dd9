//! Where bad rows are: counts by place, in at most 48 stretches of equal length however many rows there are.
//!
//! Used by [`super::gathering`]. A place is a row of a file or an offset of a batch. Stretches begin as single places
//! and are joined by twos whenever one more would be needed, so that nobody has to know the end before.

use muster_spec::RuleNumber;

/// Stretches at most; at least half as many once there are so many places.
const STRETCHES: usize = 48;

/// Bad rows by place, in all and for each rule.
#[derive(Clone, Debug)]
pub struct Trail {
    width: u64,
    bad: Vec<u64>,
    of_rule: Vec<Vec<u64>>,
}

impl Trail {
    /// Nothing yet, for this many rules.
    pub fn new(rules: usize) -> Self {
        Self {
            width: 1,
            bad: vec![0; STRETCHES],
            of_rule: vec![Vec::new(); rules],
        }
    }

    /// Adds a bad row.
    pub fn add(&mut self, place: u64, rules: &[RuleNumber]) {
        self.reach(place);
        let at = (place / self.width) as usize;
        self.bad[at] += 1;
        for rule in rules {
            let counts = &mut self.of_rule[usize::from(rule.0)];
            if counts.is_empty() {
                counts.resize(STRETCHES, 0);
            }
            counts[at] += 1;
        }
    }

    /// Makes a place one of the stretches'.
    fn reach(&mut self, place: u64) {
        while place / self.width >= STRETCHES as u64 {
            self.width *= 2;
            let counted = self.of_rule.iter_mut().filter(|counts| !counts.is_empty());
            counted.chain([&mut self.bad]).for_each(|counts| {
                for at in 0..STRETCHES / 2 {
                    counts[at] = counts[2 * at] + counts[2 * at + 1];
                }
                counts[STRETCHES / 2..].fill(0);
            });
        }
    }

    /// The stretches that `places` places fill: where each begins, how many places it has, how many bad rows.
    pub fn stretches(&mut self, places: u64) -> Vec<(u64, u64, u64)> {
        let Some(last) = places.checked_sub(1) else {
            return Vec::new();
        };
        self.reach(last);
        let of = |at: usize| {
            let from = at as u64 * self.width;
            (from, self.width.min(places - from), self.bad[at])
        };
        (0..=(last / self.width) as usize).map(of).collect()
    }

    /// A rule's rows by stretch, as many as there are; empty where no bad row broke it.
    pub fn of_rule(&self, rule: RuleNumber, stretches: usize) -> Vec<u64> {
        let counts = &self.of_rule[usize::from(rule.0)];
        counts[..stretches.min(counts.len())].to_vec()
    }
}

#[cfg(test)]
#[path = "trail_tests.rs"]
mod tests;
