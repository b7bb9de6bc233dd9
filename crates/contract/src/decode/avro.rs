//! Avro records in Confluent framing: a zero byte, the schema's id in four bytes, big-endian, then the record.
//!
//! The hot path of decoding, called by [`super::Decoder::decode`]. One row of slots a writer is used for all its
//! records, so a record costs no allocation.

use muster_batch::{Finding, RawBatch, Refusal};
use muster_spec::SchemaId;

use super::cursor::Cursor;
use super::plan::Plan;
use super::published::ColumnNote;
use super::slot::Slot;
use super::{Admitted, Decoder, Rows};

/// Cuts the frame off a payload.
#[inline]
pub(crate) fn frame(payload: &[u8]) -> Result<(SchemaId, &[u8]), Refusal> {
    match payload {
        [] => Err(Refusal::Empty),
        [0, a, b, c, d, message @ ..] => Ok((SchemaId(u32::from_be_bytes([*a, *b, *c, *d])), message)),
        [0, ..] => Err(Refusal::Truncated),
        _ => Err(Refusal::Magic),
    }
}

/// A writer that this batch met, with its row.
struct Met<'a> {
    id: SchemaId,
    plan: &'a Plan,
    row: Vec<Slot<'a>>,
}

/// The last `muster-columns` met, with what it means: a file's rows all carry the same.
#[derive(Default)]
struct LastNote<'b> {
    value: &'b [u8],
    note: Option<ColumnNote>,
}

impl Decoder {
    pub(super) fn decode_avro(&self, batch: &RawBatch) -> Rows {
        let mut rows = Rows::new(&self.contract, batch.len());
        let mut met: Vec<Met<'_>> = Vec::new();
        let mut last = 0;
        let mut last_note = LastNote::default();
        for record in 0..batch.len() {
            let (payload, columns) = match self.admit(batch, record) {
                Admitted::Payload(payload, columns) => (payload, columns),
                Admitted::Refused(reason) => {
                    rows.refused.push(self.refuse(record, reason));
                    continue;
                }
                Admitted::Tombstone => {
                    rows.tombstones.push(record as u32);
                    continue;
                }
            };
            let findings_before = rows.findings.len();
            let decoded = frame(payload).and_then(|(id, message)| {
                if met.get(last).is_none_or(|met| met.id != id) {
                    last = self.meet(id, &mut met)?;
                }
                let Met { plan, row, .. } = &mut met[last];
                let mut cursor = Cursor::new(message, self.payload_bytes_max);
                plan.run(&mut cursor, row, rows.next(), &mut rows.findings)
            });
            if let Err(reason) = decoded {
                rows.findings.truncate(findings_before);
                rows.refused.push(self.refuse(record, reason));
                continue;
            }
            let Met { plan, row, .. } = &mut met[last];
            if let Some(value) = columns {
                let note = last_note.read(value, self);
                self.apply(note, row, findings_before, &mut rows);
            } else if plan.columns_missing {
                rows.findings.push(Finding {
                    row: rows.next(),
                    rule: self.columns,
                });
            }
            rows.push(record, row);
        }
        rows
    }

    /// The place of a writer among those this batch met.
    #[cold]
    fn meet<'a>(&'a self, id: SchemaId, met: &mut Vec<Met<'a>>) -> Result<usize, Refusal> {
        if let Some(place) = met.iter().position(|met| met.id == id) {
            return Ok(place);
        }
        let plan = self.writers.get(&id).ok_or(Refusal::SchemaUnknown)?;
        let plan = plan.as_ref().ok_or(Refusal::SchemaIncompatible)?;
        met.push(Met {
            id,
            plan,
            row: plan.row(),
        });
        Ok(met.len() - 1)
    }

    /// A row of a file whose columns do not fit: a missing column takes its default, and says nothing of its type.
    fn apply<'a>(&'a self, note: &ColumnNote, row: &mut [Slot<'a>], findings_before: usize, rows: &mut Rows) {
        for slot in &note.missing {
            row[*slot] = self.defaults[*slot]
                .as_ref()
                .map_or(Slot::Null, |default| default.slot());
            let of_type = self.rules.types[*slot];
            let mut at = findings_before;
            while at < rows.findings.len() {
                if rows.findings[at].rule == of_type {
                    rows.findings.remove(at);
                } else {
                    at += 1;
                }
            }
        }
        if note.breaks {
            rows.findings.push(Finding {
                row: rows.next(),
                rule: self.columns,
            });
        }
    }
}

impl<'b> LastNote<'b> {
    fn read(&mut self, value: &'b [u8], decoder: &Decoder) -> &ColumnNote {
        if self.value != value {
            self.note = None;
            self.value = value;
        }
        self.note
            .get_or_insert_with(|| ColumnNote::read(value, &decoder.contract, &decoder.defaults))
    }
}
