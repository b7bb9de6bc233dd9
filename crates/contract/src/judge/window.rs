//! Keys and the event times at which they were seen, within a window of event time.
//!
//! Used by [`super::keys`], one window for each `unique` rule and one for event ids. An entry counts for a row when the
//! two are less than `within` apart *and* the entry is not older than the horizon, twice `within` before the greatest
//! event time accepted before the row. The horizon only rises, so entries behind it can be forgotten, and a window
//! rebuilt from the entries at or after it answers as the lost one would have. Most keys are seen once: they take one
//! slot of an open-addressing table (25 bytes without a payload hash, 33 with one, over a load of 44 to 87 %).

use std::collections::{BTreeSet, HashMap};

use hashbrown::HashTable;

/// The event time of a row that has none: such rows are near everything that is not behind the horizon.
pub(super) const NO_TIME: i64 = i64::MIN;

/// In a slot's time: the key was seen more than once, see `many`. Event times end one below.
const MANY: i64 = i64::MAX;

/// Keys with what was delivered under them: `()` for unique keys, a payload's hash for events.
#[derive(Clone, Debug)]
pub(super) struct Window<P> {
    /// Microseconds.
    within: u64,
    slots: HashTable<Slot<P>>,
    many: HashMap<u128, Many<P>>,
    entries: usize,
    /// At how many entries to forget those behind the horizon.
    prune_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot<P> {
    fingerprint: [u64; 2],
    time: i64,
    payload: P,
}

/// A key's entries, ordered so that asking takes logarithmic time however often a key repeats.
#[derive(Clone, Debug)]
struct Many<P> {
    times: BTreeSet<i64>,
    deliveries: BTreeSet<(P, i64)>,
}

/// What a window knows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing that counts.
    Nothing,
    /// The key with this payload.
    Same,
    /// The key, with other payloads only.
    Other,
}

const PRUNE_LEAST: usize = 4096;

impl<P: Copy + Ord> Window<P> {
    pub(super) fn new(within: u64) -> Self {
        Self {
            within,
            slots: HashTable::new(),
            many: HashMap::new(),
            entries: 0,
            prune_at: PRUNE_LEAST,
        }
    }

    /// How many entries are kept.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    /// The least event time that counts once `watermark` was accepted.
    pub(super) fn horizon(&self, watermark: i64) -> i64 {
        // A watermark of NO_TIME saturates to NO_TIME: everything counts.
        watermark.saturating_sub_unsigned(self.within.saturating_mul(2))
    }

    /// What is known of a key by a row of this event time.
    #[inline]
    pub(super) fn look(&self, fingerprint: u128, payload: P, time: i64, watermark: i64) -> Known {
        let wanted = halves(fingerprint);
        let Some(slot) = self.slots.find(wanted[0], |slot| slot.fingerprint == wanted) else {
            return Known::Nothing;
        };
        if slot.time == MANY {
            return self.look_many(fingerprint, payload, time, watermark);
        }
        let near = slot.time == NO_TIME
            || slot.time >= self.horizon(watermark) && (time == NO_TIME || slot.time.abs_diff(time) < self.within);
        match near {
            false => Known::Nothing,
            true if slot.payload == payload => Known::Same,
            true => Known::Other,
        }
    }

    fn look_many(&self, fingerprint: u128, payload: P, time: i64, watermark: i64) -> Known {
        let many = &self.many[&fingerprint];
        let (from, to) = self.range(time, watermark);
        let timeless = |times: &BTreeSet<(P, i64)>| times.contains(&(payload, NO_TIME));
        if timeless(&many.deliveries)
            || (from <= to && many.deliveries.range((payload, from)..=(payload, to)).next().is_some())
        {
            return Known::Same;
        }
        if many.times.contains(&NO_TIME) || (from <= to && many.times.range(from..=to).next().is_some()) {
            return Known::Other;
        }
        Known::Nothing
    }

    /// The event times that count for a row, both included; empty where the first is above the second.
    fn range(&self, time: i64, watermark: i64) -> (i64, i64) {
        if time == NO_TIME {
            return (self.horizon(watermark), i64::MAX);
        }
        let Some(reach) = self.within.checked_sub(1) else {
            return (1, 0);
        };
        let from = time.saturating_sub_unsigned(reach).max(self.horizon(watermark));
        (from, time.saturating_add_unsigned(reach))
    }

    /// Remembers a key; whether it can ever count.
    #[inline]
    pub(super) fn remember(&mut self, fingerprint: u128, payload: P, time: i64, watermark: i64) -> bool {
        if time != NO_TIME && time < self.horizon(watermark) {
            return false;
        }
        if self.entries >= self.prune_at {
            self.prune(watermark);
        }
        let time = time.min(MANY - 1);
        let wanted = halves(fingerprint);
        match self.slots.find_mut(wanted[0], |slot| slot.fingerprint == wanted) {
            None => {
                let slot = Slot {
                    fingerprint: wanted,
                    time,
                    payload,
                };
                self.slots.insert_unique(wanted[0], slot, |slot| slot.fingerprint[0]);
                self.entries += 1;
            }
            Some(slot) if slot.time == time && slot.payload == payload => {}
            Some(slot) => {
                let (first, first_payload) = (slot.time, slot.payload);
                slot.time = MANY;
                let many = self.many.entry(fingerprint).or_insert_with(|| Many {
                    times: BTreeSet::from([first]),
                    deliveries: BTreeSet::from([(first_payload, first)]),
                });
                many.times.insert(time);
                self.entries += usize::from(many.deliveries.insert((payload, time)));
            }
        }
        true
    }

    /// Forgets what can never count again.
    pub(super) fn prune(&mut self, watermark: i64) {
        let horizon = self.horizon(watermark);
        let counts = |time: i64| time == NO_TIME || time >= horizon;
        self.many.retain(|_, many| {
            many.times.retain(|time| counts(*time));
            many.deliveries.retain(|(_, time)| counts(*time));
            !many.times.is_empty()
        });
        let many = &self.many;
        self.slots.retain(|slot| match slot.time {
            MANY => many.contains_key(&whole(slot.fingerprint)),
            time => counts(time),
        });
        let repeated: usize = many.values().map(|many| many.deliveries.len()).sum();
        self.entries = self.slots.len() - many.len() + repeated;
        self.prune_at = (2 * self.entries).max(PRUNE_LEAST);
    }
}

fn halves(fingerprint: u128) -> [u64; 2] {
    [fingerprint as u64, (fingerprint >> 64) as u64]
}

fn whole(halves: [u64; 2]) -> u128 {
    u128::from(halves[0]) | u128::from(halves[1]) << 64
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
