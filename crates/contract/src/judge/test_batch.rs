//! Contracts and batches for the judge's tests, made without decoding.

use std::sync::Arc;

use muster_batch::{BytesColumn, DecodedBatch, Finding, Headers, Origin, RawBatch, Refusal, Refused};
use muster_spec::{Check, Contract, FileSha, Offset, OffsetDelta, SourceId, read};

use crate::decode::columns::Columns;
use crate::decode::slot::Slot;

const SCHEMA: &str = r#"{"type": "record", "name": "Row", "fields": [
    {"name": "key", "type": ["null", "long"], "default": null},
    {"name": "amount", "type": ["null", "double"], "default": null},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}], "default": null}
]}"#;

/// A contract over key, amount, note and at; `more` is put into its file.
pub(super) fn contract(more: &str) -> Arc<Contract> {
    let yaml = format!("version: 1\ntopic: test.row.v1\nformat: avro\nschema: row.avsc\nkey: key\n{more}");
    let open = |name: &str| (name == "row.avsc").then(|| SCHEMA.to_owned());
    let read = read::contract("test.row", "schemas/test.row.contract.yaml", &yaml, &open);
    Arc::new(read.unwrap_or_else(|problems| panic!("{yaml}\n{problems:?}")))
}

/// A record of such a contract; its offset is its place among all records.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) key: Option<i64>,
    pub(super) amount: Option<f64>,
    pub(super) note: Option<String>,
    /// Seconds; the field `at`.
    pub(super) at: Option<i64>,
    /// The field `amount` holds something that is no number.
    pub(super) unparsed: bool,
    /// The record's timestamp in seconds; none where it is `None`.
    pub(super) stamp: Option<i64>,
    pub(super) event_id: Option<u8>,
    pub(super) file_row: Option<(u8, u64)>,
    /// The record would not decode.
    pub(super) refused: bool,
    pub(super) tombstone: bool,
}

impl Record {
    /// The bytes of its payload: all that is in it.
    pub(super) fn payload(&self) -> Vec<u8> {
        format!(
            "{:?} {:?} {:?} {:?} {} {}",
            self.key, self.amount, self.note, self.at, self.unparsed, self.refused
        )
        .into()
    }
}

/// The records from `from` on, as decoding would hand them over.
pub(super) fn decoded(contract: &Contract, records: &[Record], from: usize) -> DecodedBatch {
    let mut columns = Columns::new(contract, records.len());
    let (mut record_of_row, mut refused, mut findings, mut tombstones) = (vec![], vec![], vec![], vec![]);
    for (at, record) in records.iter().enumerate() {
        let at = at as u32;
        if record.tombstone {
            tombstones.push(at);
        } else if record.refused {
            refused.push(Refused {
                record: at,
                rule: contract.built_in(&Check::Decodable, None).unwrap(),
                reason: Refusal::Truncated,
            });
        } else {
            if record.unparsed {
                let field = contract.field("amount");
                findings.push(Finding {
                    row: record_of_row.len() as u32,
                    rule: contract.built_in(&Check::Type, field).unwrap(),
                });
            }
            record_of_row.push(at);
            columns.push(&[
                record.key.map_or(Slot::Null, Slot::Long),
                record
                    .amount
                    .filter(|_| !record.unparsed)
                    .map_or(Slot::Null, Slot::Double),
                record
                    .note
                    .as_ref()
                    .map_or(Slot::Null, |note| Slot::Bytes(note.as_bytes())),
                record.at.map_or(Slot::Null, |secs| Slot::Long(secs * 1_000_000)),
            ]);
        }
    }
    DecodedBatch {
        origin: Origin::Records(raw(records, from)),
        rows: columns.finish(),
        record_of_row,
        refused,
        findings,
        tombstones,
    }
}

fn raw(records: &[Record], from: usize) -> RawBatch {
    let (mut payloads, mut keys, mut headers) = (BytesColumn::default(), BytesColumn::default(), Headers::default());
    for record in records {
        let payload = record.payload();
        payloads.push(Some(payload.as_slice()).filter(|_| !record.tombstone));
        keys.push(None);
        let event_id = record.event_id.map(|id| vec![id]);
        let file = record.file_row.map(|(file, _)| [file; 32]);
        let row = record.file_row.map(|(_, row)| row.to_be_bytes());
        let named = [
            ("ce_id", event_id.as_deref()),
            ("muster-file", file.as_ref().map(<[u8; 32]>::as_slice)),
            ("muster-row", row.as_ref().map(<[u8; 8]>::as_slice)),
        ];
        headers.push(named.into_iter().filter(|(_, value)| value.is_some()));
    }
    let offsets: Vec<i64> = (from..from + records.len()).map(|offset| offset as i64).collect();
    RawBatch {
        source: SourceId(1),
        topic: "test.row.v1".into(),
        partition: 0,
        delta: OffsetDelta::new(Offset(from as i64), Offset((from + records.len()) as i64)),
        offsets,
        timestamps: records
            .iter()
            .map(|record| record.stamp.map_or(-1, |secs| secs * 1000))
            .collect(),
        payloads,
        keys,
        headers,
    }
}

/// The file named by a byte.
pub(super) fn file(name: u8) -> FileSha {
    FileSha([name; 32])
}

/// A contract that ships with the repository.
pub(super) fn shipped(name: &str) -> Contract {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/");
    let text = |file: &str| std::fs::read_to_string(format!("{folder}{file}")).ok();
    let file = format!("{name}.contract.yaml");
    let yaml = text(&file).unwrap();
    read::contract(name, &file, &yaml, &text).unwrap_or_else(|problems| panic!("{problems:?}"))
}
