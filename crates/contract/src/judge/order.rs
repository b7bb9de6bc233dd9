//! What depends on the rows before: redelivered rows of files, redelivered events, conflicting ids, `unique`.
//!
//! Used by [`super::Judge`] after the rules on single rows, over rows and refused records in the records' order.
//! First comes whether the record was delivered before: then it is a duplicate and nothing else. An event is
//! remembered whatever its verdict; a key is claimed by good rows only.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use muster_batch::{DecodedBatch, Headers, KeyEntries, KeyKind, Origin};
use muster_expr::RowSet;
use muster_spec::contract::EventIdPlace;
use muster_spec::{Check, Contract, FileSha, RuleNumber, Severity};

use super::event_time;
use super::file_rows;
use super::fingerprint::{self, NO_KEY};
use super::keys::KeyState;
use super::verdict::Verdicts;
use super::window::Known;

/// The header of a published row that names its file: 32 bytes, a sha-256.
const FILE: &str = "muster-file";
/// The header of a published row that counts it: 8 bytes, big endian, from 0.
const ROW: &str = "muster-row";

/// A header that counts a row beyond this is none of ours.
const ROWS_MAX: u64 = i64::MAX as u64;

/// What a contract asks of the order of rows.
#[derive(Clone, Debug)]
pub(super) struct Order {
    unique: Vec<Unique>,
    event_id: Option<EventIdPlace>,
    event_seed: u64,
    conflict: RuleNumber,
}

#[derive(Clone, Debug)]
struct Unique {
    rule: RuleNumber,
    field: usize,
    severity: Severity,
    seed: u64,
}

/// A record in its order: a row, or an index into the refused ones.
#[derive(Clone, Copy)]
enum Place {
    Row(usize),
    Refused(usize),
}

/// A batch while its records are gone through.
struct Pass<'a> {
    order: &'a Order,
    decoded: &'a DecodedBatch,
    headers: Option<&'a Headers>,
    event_times: &'a [i64],
    keys: &'a mut KeyState,
    verdicts: &'a mut Verdicts,
    entries: &'a mut KeyEntries,
    /// For each unique rule, each row's fingerprint.
    unique: Vec<Vec<u128>>,
    /// Each row's event id, where a field holds it.
    event_ids: Vec<u128>,
    file_rows: Vec<(FileSha, u64)>,
}

impl Order {
    pub(super) fn new(contract: &Contract) -> Self {
        let rules = contract.rules.iter().enumerate();
        let unique = rules.filter_map(|(at, rule)| match (&rule.check, rule.field) {
            (Check::Unique { .. }, Some(field)) => Some(Unique {
                rule: RuleNumber(at as u16),
                field,
                severity: rule.severity,
                seed: fingerprint::seed(&rule.id),
            }),
            _ => None,
        });
        Self {
            unique: unique.collect(),
            event_id: contract.event_id.as_ref().map(|event_id| event_id.place.clone()),
            event_seed: fingerprint::seed("event_id"),
            conflict: contract
                .built_in(&Check::EventIdConflict, None)
                .unwrap_or(RuleNumber(0)),
        }
    }

    /// `event_id.conflict`.
    pub(super) fn conflict(&self) -> RuleNumber {
        self.conflict
    }

    /// Whether a batch must be gone through row by row.
    pub(super) fn matters(&self, decoded: &DecodedBatch) -> bool {
        !self.unique.is_empty() || self.event_id.is_some() || headers(&decoded.origin).is_some()
    }

    pub(super) fn judge(
        &self,
        decoded: &DecodedBatch,
        event_times: &[i64],
        keys: &mut KeyState,
        verdicts: &mut Verdicts,
        entries: &mut KeyEntries,
    ) {
        let mut event_ids = Vec::new();
        if let Some(EventIdPlace::Field(field)) = self.event_id {
            fingerprint::of_column(decoded.rows.column(field), self.event_seed, &mut event_ids);
        }
        let pass = Pass {
            order: self,
            decoded,
            headers: headers(&decoded.origin),
            event_times,
            keys,
            verdicts,
            entries,
            unique: self.fingerprints(&decoded.rows),
            event_ids,
            file_rows: Vec::new(),
        };
        pass.run();
    }

    /// As [`Order::judge`], without a look at how the records were delivered.
    pub(super) fn judge_again(
        &self,
        decoded: &DecodedBatch,
        event_times: &[i64],
        keys: &mut KeyState,
        verdicts: &mut Verdicts,
        entries: &mut KeyEntries,
    ) {
        let pass = Pass {
            order: self,
            decoded,
            headers: None,
            event_times,
            keys,
            verdicts,
            entries,
            unique: self.fingerprints(&decoded.rows),
            event_ids: Vec::new(),
            file_rows: Vec::new(),
        };
        pass.run();
    }

    /// The unique keys of rows.
    pub(super) fn keys_of(&self, rows: &RecordBatch) -> HashSet<u128> {
        let keys = self.fingerprints(rows).into_iter().flatten();
        keys.filter(|key| *key != NO_KEY).collect()
    }

    /// For each unique rule, each row's fingerprint.
    fn fingerprints(&self, rows: &RecordBatch) -> Vec<Vec<u128>> {
        let of_rule = |unique: &Unique| {
            let mut fingerprints = Vec::new();
            fingerprint::of_column(rows.column(unique.field), unique.seed, &mut fingerprints);
            fingerprints
        };
        self.unique.iter().map(of_rule).collect()
    }
}

impl Pass<'_> {
    fn run(mut self) {
        let before = self.keys.watermark();
        reserve(self.entries, self.order.unique.len() * self.decoded.rows.num_rows() + 1);
        self.each();
        self.entries.file_rows = file_rows::ranges(std::mem::take(&mut self.file_rows));
        let windowed = !self.order.unique.is_empty() || self.order.event_id.is_some();
        if let Some(watermark) = self.keys.watermark().filter(|after| windowed && Some(*after) != before) {
            let last = self.decoded.origin.len().saturating_sub(1) as u32;
            let offset = offset(&self.decoded.origin, last);
            self.entries.push(KeyKind::WATERMARK, 0, watermark, offset, 0);
        }
    }

    fn each(&mut self) {
        let (mut row, mut refused) = (0, 0);
        let (rows, all_refused) = (self.decoded.record_of_row.len(), self.decoded.refused.len());
        // Refused records matter by their headers only.
        let refused_end = if self.headers.is_some() { all_refused } else { 0 };
        while row < rows || refused < refused_end {
            let row_first = refused >= refused_end
                || row < rows && self.decoded.record_of_row[row] < self.decoded.refused[refused].record;
            if row_first {
                self.one(Place::Row(row), self.decoded.record_of_row[row], self.event_times[row]);
                row += 1;
            } else {
                let record = self.decoded.refused[refused].record;
                let time = event_time::of_record(&self.decoded.origin, record);
                self.one(Place::Refused(refused), record, time);
                refused += 1;
            }
        }
    }

    #[inline]
    fn one(&mut self, place: Place, record: u32, time: i64) {
        let known = self.delivered(place, record, time);
        match (known, place) {
            (Known::Same, place) => return self.duplicate(place),
            (Known::Other, Place::Row(row)) => self.verdicts.breaks(row, self.order.conflict, Severity::Error),
            (Known::Other, Place::Refused(at)) => {
                let refused = self.decoded.refused.len();
                let conflicting = &mut self.verdicts.conflicting_refused;
                conflicting.get_or_insert_with(|| RowSet::empty(refused)).insert(at);
            }
            (Known::Nothing, _) => {}
        }
        if let Place::Row(row) = place {
            self.unique(row, record, time);
        }
    }

    /// Whether a record was delivered before, by its file's row or its event id; remembers it where it was not.
    #[inline]
    fn delivered(&mut self, place: Place, record: u32, time: i64) -> Known {
        let mut event_id = match place {
            Place::Row(row) => self.event_ids.get(row).copied().unwrap_or(NO_KEY),
            Place::Refused(_) => NO_KEY,
        };
        if let Some(headers) = self.headers.filter(|headers| !headers.none_at(record as usize)) {
            let named = Named::read(headers, record as usize, self.order);
            if let Some((file, row)) = named.file_row {
                if !self.keys.file_row(file, row) {
                    return Known::Same;
                }
                self.file_rows.push((file, row));
            }
            event_id = named.event_id.unwrap_or(event_id);
        }
        if event_id == NO_KEY {
            return Known::Nothing;
        }
        let payload = fingerprint::payload(&self.decoded.origin, record);
        let known = self.keys.event(event_id, payload, time);
        if known != Known::Same && self.keys.deliver(event_id, payload, time) {
            let offset = offset(&self.decoded.origin, record);
            self.entries.push(KeyKind::Event, event_id, time, offset, payload);
        }
        known
    }

    fn duplicate(&mut self, place: Place) {
        let (rows, refused) = (self.event_times.len(), self.decoded.refused.len());
        match place {
            Place::Row(row) => {
                self.verdicts
                    .duplicate_rows
                    .get_or_insert_with(|| RowSet::empty(rows))
                    .insert(row);
            }
            Place::Refused(at) => {
                self.verdicts
                    .duplicate_refused
                    .get_or_insert_with(|| RowSet::empty(refused))
                    .insert(at);
            }
        }
    }

    #[inline]
    fn unique(&mut self, row: usize, record: u32, time: i64) {
        for (at, rule) in self.order.unique.iter().enumerate() {
            let key = self.unique[at][row];
            if key != NO_KEY && self.keys.is_taken(at, key, time) {
                self.verdicts.breaks(row, rule.rule, rule.severity);
            }
        }
        if self.verdicts.is_bad(row) {
            return;
        }
        self.keys.accept(time);
        for (at, rule) in self.order.unique.iter().enumerate() {
            let key = self.unique[at][row];
            if key != NO_KEY && self.keys.claim(at, key, time) {
                let offset = offset(&self.decoded.origin, record);
                self.entries.push(KeyKind::Unique(rule.rule.0), key, time, offset, 0);
            }
        }
    }
}

/// Room for entries: most rows are good and claim their keys.
fn reserve(entries: &mut KeyEntries, more: usize) {
    entries.kinds.reserve(more);
    entries.fingerprints.reserve(more);
    entries.event_times.reserve(more);
    entries.offsets.reserve(more);
    entries.payload_hashes.reserve(more);
}

/// What a record's headers say about its delivery.
#[derive(Default)]
struct Named {
    file_row: Option<(FileSha, u64)>,
    event_id: Option<u128>,
}

impl Named {
    fn read(headers: &Headers, record: usize, order: &Order) -> Self {
        let (mut file, mut row) = (None, None);
        let mut event_id = None;
        for (name, value) in headers.iter(record) {
            let Some(value) = value else { continue };
            match name {
                FILE if file.is_none() => file = value.try_into().ok().map(FileSha),
                // The ledger counts rows in signed integers; no file has as many.
                ROW if row.is_none() => {
                    row = value.try_into().ok().map(u64::from_be_bytes);
                    row = row.filter(|row| *row < ROWS_MAX);
                }
                _ => match &order.event_id {
                    Some(EventIdPlace::Header(wanted)) if event_id.is_none() && name == wanted => {
                        event_id = Some(fingerprint::of_bytes(value, order.event_seed));
                    }
                    _ => {}
                },
            }
        }
        Self {
            file_row: file.zip(row),
            event_id,
        }
    }
}

/// The headers of a batch that has any.
fn headers(origin: &Origin) -> Option<&Headers> {
    match origin {
        Origin::Records(records) => Some(&records.headers).filter(|headers| headers.byte_len() > 0),
        Origin::Lines(_) => None,
    }
}

/// A record's offset; a line's number in its file.
fn offset(origin: &Origin, record: u32) -> i64 {
    match origin {
        Origin::Records(records) => records.offsets.get(record as usize).copied().unwrap_or_default(),
        Origin::Lines(lines) => (lines.first_row + u64::from(record)) as i64,
    }
}
