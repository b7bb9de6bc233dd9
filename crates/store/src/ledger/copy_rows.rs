//! Predictions as the rows of a binary COPY, encoded straight into one buffer.
//!
//! Used by `predictions` only, whose column list this follows. The format is PostgreSQL's: a signature, then for each
//! row a count of fields and for each field a length and that many bytes, -1 for null; all numbers big-endian.

use bytes::Bytes;
use muster_batch::{Cause, Prediction, Reason};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const FIELDS: i16 = 10;
/// The version byte before a `jsonb`'s text.
const JSONB_VERSION: u8 = 1;
/// PostgreSQL counts microseconds from 2000-01-01 UTC, we from 1970-01-01.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

pub(super) struct CopyRows<'a> {
    tenant: &'a str,
    claim: i64,
    batch: i64,
    buffer: Vec<u8>,
    json: Vec<u8>,
}

impl<'a> CopyRows<'a> {
    pub(super) fn new(tenant: &'a str, claim: i64, batch: i64) -> Self {
        Self {
            tenant,
            claim,
            batch,
            buffer: SIGNATURE.to_vec(),
            json: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, prediction: &Prediction) {
        let (source, offset, as_of) = match prediction.cause {
            Cause::Row(source, offset) => (Some(source.0), Some(offset.0), None),
            Cause::Entity(_, as_of) => (None, None, Some(as_of.saturating_sub(EPOCH_MICROS))),
        };
        self.buffer.extend_from_slice(&FIELDS.to_be_bytes());
        self.bytes(self.tenant.as_bytes());
        self.number(Some(self.claim));
        self.number(Some(self.batch));
        self.number(source);
        self.number(offset);
        self.number(as_of);
        match &prediction.entity {
            Some(entity) => self.text(entity),
            None => self.null(),
        }
        self.bytes(&prediction.score.to_be_bytes());
        self.text(&prediction.band);
        match &prediction.reasons {
            Some(reasons) => self.reasons(reasons),
            None => self.null(),
        }
    }

    pub(super) fn byte_len(&self) -> usize {
        self.buffer.len()
    }

    /// What was encoded since the last time.
    pub(super) fn take(&mut self) -> Bytes {
        let room = self.buffer.capacity();
        std::mem::replace(&mut self.buffer, Vec::with_capacity(room)).into()
    }

    /// The rest and the end mark.
    pub(super) fn end(mut self) -> Bytes {
        self.buffer.extend_from_slice(&(-1i16).to_be_bytes());
        self.buffer.into()
    }

    fn null(&mut self) {
        self.buffer.extend_from_slice(&(-1i32).to_be_bytes());
    }

    fn number(&mut self, value: Option<i64>) {
        match value {
            Some(value) => self.bytes(&value.to_be_bytes()),
            None => self.null(),
        }
    }

    fn bytes(&mut self, value: &[u8]) {
        self.buffer.extend_from_slice(&(value.len() as i32).to_be_bytes());
        self.buffer.extend_from_slice(value);
    }

    /// A text; PostgreSQL holds none with a zero byte, which is shown as what replaces a character.
    fn text(&mut self, value: &str) {
        if value.contains('\0') {
            self.bytes(value.replace('\0', "\u{fffd}").as_bytes());
        } else {
            self.bytes(value.as_bytes());
        }
    }

    fn reasons(&mut self, reasons: &[Reason]) {
        self.json.clear();
        self.json.push(JSONB_VERSION);
        self.json.push(b'[');
        for (at, reason) in reasons.iter().enumerate() {
            if at > 0 {
                self.json.push(b',');
            }
            self.json.extend_from_slice(b"{\"feature\":");
            // Writing to memory cannot fail, nor can a string or a number be no JSON.
            serde_json::to_writer(&mut self.json, &*reason.feature).expect("a string is JSON");
            self.json.extend_from_slice(b",\"contribution\":");
            serde_json::to_writer(&mut self.json, &reason.contribution).expect("a number is JSON");
            self.json.push(b'}');
        }
        self.json.push(b']');
        let json = std::mem::take(&mut self.json);
        self.bytes(&json);
        self.json = json;
    }
}
