//! What a source's earlier rows leave behind for its later ones: unique keys, delivered events, rows of files.
//!
//! One for each source, held by the worker that consumes it, changed by [`super::Judge::judge`] and by nothing else.
//! Derived, never stored: rebuilt from key files with [`KeyState::restore`] when a source is assigned, and thrown away
//! with the rows when a batch is dropped unsealed. A state rebuilt from all entries at or after
//! [`KeyState::needed_from`] gives the same verdicts as the one that was lost.

use muster_batch::{FileRows as Range, KeyEntries, KeyKind};
use muster_spec::{Check, Contract, FileSha, RuleNumber};

use super::file_rows::FileRows;
use super::window::{Known, NO_TIME, Window};

/// The keys of one source.
#[derive(Clone, Debug)]
pub struct KeyState {
    /// Greatest event time of a good row so far; [`NO_TIME`] where there is none.
    watermark: i64,
    /// Whether every key counts, however long ago it was accepted.
    whole: bool,
    unique: Vec<UniqueKeys>,
    events: Option<Events>,
    files: FileRows,
}

#[derive(Clone, Debug)]
struct UniqueKeys {
    rule: RuleNumber,
    keys_max: u64,
    window: Window<()>,
}

#[derive(Clone, Debug)]
struct Events {
    /// `event_id.conflict`.
    rule: RuleNumber,
    keys_max: u64,
    window: Window<u64>,
}

/// A window holds more keys than its contract allows: the source pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// The `unique` rule, or `event_id.conflict` for event ids.
    pub rule: RuleNumber,
    /// How many keys there are.
    pub keys: u64,
    /// How many there may be.
    pub keys_max: u64,
}

impl KeyState {
    /// The state of a source that has no rows yet.
    pub fn new(contract: &Contract) -> Self {
        let unique = contract
            .rules
            .iter()
            .enumerate()
            .filter_map(|(at, rule)| match rule.check {
                Check::Unique { within, keys_max } => Some(UniqueKeys {
                    rule: RuleNumber(at as u16),
                    keys_max,
                    window: Window::new(micros(within)),
                }),
                _ => None,
            });
        let conflict = contract.built_in(&Check::EventIdConflict, None);
        let events = contract.event_id.as_ref().map(|event_id| Events {
            rule: conflict.unwrap_or(RuleNumber(0)),
            keys_max: event_id.keys_max,
            window: Window::new(micros(event_id.within)),
        });
        Self {
            watermark: NO_TIME,
            whole: false,
            unique: unique.collect(),
            events,
            files: FileRows::default(),
        }
    }

    /// A state in which nothing is too old to count: what records are held against that are judged again, whose time
    /// may be long past. It holds what it is given and is never held to `keys_max`.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Up to where event times were accepted, as far as that makes keys too old.
    #[inline]
    fn accepted(&self) -> i64 {
        if self.whole { NO_TIME } else { self.watermark }
    }

    /// Takes up what earlier batches left, in any order, judged by this version of the contract.
    pub fn restore(&mut self, entries: &KeyEntries) {
        self.restore_renumbered(entries, Some);
    }

    /// Takes up what earlier batches left by another version of the contract: `number_of` gives the number that a rule
    /// has now, found by its id; `None` where it is gone. Fingerprints do not change with the number.
    pub fn restore_renumbered(&mut self, entries: &KeyEntries, number_of: impl Fn(RuleNumber) -> Option<RuleNumber>) {
        let watermarks = entries.kinds.iter().zip(&entries.event_times);
        let watermarks = watermarks.filter(|(kind, _)| **kind == KeyKind::WATERMARK);
        self.watermark = watermarks
            .map(|(_, time)| *time)
            .max()
            .unwrap_or(NO_TIME)
            .max(self.watermark);
        let accepted = self.accepted();
        for (at, kind) in entries.kinds.iter().enumerate() {
            let (fingerprint, time) = (entries.fingerprints[at], entries.event_times[at]);
            match *kind {
                KeyKind::WATERMARK => {}
                KeyKind::Unique(number) => {
                    let now = number_of(RuleNumber(number));
                    if let Some(keys) = self.unique.iter_mut().find(|keys| Some(keys.rule) == now) {
                        keys.window.remember(fingerprint, (), time, accepted);
                    }
                }
                KeyKind::Event => {
                    if let Some(events) = &mut self.events {
                        events
                            .window
                            .remember(fingerprint, entries.payload_hashes[at], time, accepted);
                    }
                }
            }
        }
        self.restore_files(&entries.file_rows);
    }

    /// Takes up rows of published files that the source holds.
    pub fn restore_files(&mut self, ranges: &[Range]) {
        for range in ranges {
            self.files.insert_range(range);
        }
    }

    /// The greatest event time of a good row so far, microseconds since 1970-01-01 UTC.
    pub fn watermark(&self) -> Option<i64> {
        (self.watermark != NO_TIME).then_some(self.watermark)
    }

    /// The least event time whose entries are needed to rebuild the state of a source whose greatest good event time is
    /// `watermark`; `None` where the contract keeps no keys. Entries without a time are always needed.
    pub fn needed_from(&self, watermark: i64) -> Option<i64> {
        let unique = self.unique.iter().map(|keys| keys.window.horizon(watermark));
        let events = self.events.iter().map(|events| events.window.horizon(watermark));
        unique.chain(events).min()
    }

    /// How many keys and events are kept.
    pub fn keys(&self) -> u64 {
        let unique: usize = self.unique.iter().map(|keys| keys.window.entries()).sum();
        let events = self.events.as_ref().map_or(0, |events| events.window.entries());
        (unique + events) as u64
    }

    /// Whether a window holds more keys than its contract allows. What can no longer count is forgotten first.
    pub fn full(&mut self) -> Option<Full> {
        let watermark = self.watermark;
        let over = |rule, keys_max, entries: usize| {
            (entries as u64 > keys_max).then_some(Full {
                rule,
                keys: entries as u64,
                keys_max,
            })
        };
        for keys in &mut self.unique {
            if over(keys.rule, keys.keys_max, keys.window.entries()).is_some() {
                keys.window.prune(watermark);
            }
        }
        if let Some(events) = &mut self.events
            && over(events.rule, events.keys_max, events.window.entries()).is_some()
        {
            events.window.prune(watermark);
        }
        let unique = self
            .unique
            .iter()
            .map(|keys| over(keys.rule, keys.keys_max, keys.window.entries()));
        let events = self
            .events
            .iter()
            .map(|events| over(events.rule, events.keys_max, events.window.entries()));
        unique.chain(events).flatten().next()
    }

    /// Whether a good row accepted before has this key near this event time. `at` counts the contract's unique rules.
    #[inline]
    pub(super) fn is_taken(&self, at: usize, fingerprint: u128, time: i64) -> bool {
        self.unique[at].window.look(fingerprint, (), time, self.accepted()) != Known::Nothing
    }

    /// Claims a good row's key; whether it must be kept for a rebuild.
    #[inline]
    pub(super) fn claim(&mut self, at: usize, fingerprint: u128, time: i64) -> bool {
        let accepted = self.accepted();
        self.unique[at].window.remember(fingerprint, (), time, accepted)
    }

    /// What is known of an event.
    pub(super) fn event(&self, fingerprint: u128, payload: u64, time: i64) -> Known {
        let events = self.events.as_ref();
        events.map_or(Known::Nothing, |events| {
            events.window.look(fingerprint, payload, time, self.watermark)
        })
    }

    /// Remembers a delivered event; whether it must be kept for a rebuild.
    pub(super) fn deliver(&mut self, fingerprint: u128, payload: u64, time: i64) -> bool {
        let watermark = self.watermark;
        self.events
            .as_mut()
            .is_some_and(|events| events.window.remember(fingerprint, payload, time, watermark))
    }

    /// Remembers a row of a published file; whether it is seen for the first time.
    pub(super) fn file_row(&mut self, file: FileSha, row: u64) -> bool {
        self.files.insert(file, row)
    }

    /// A row of this event time was accepted.
    #[inline]
    pub(super) fn accept(&mut self, time: i64) {
        self.watermark = self.watermark.max(time);
    }
}

fn micros(within: std::time::Duration) -> u64 {
    u64::try_from(within.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
