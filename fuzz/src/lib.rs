//! What the fuzz targets share: a decoder, a good record, and what must stay true whatever lies between two of them.
//!
//! Used by the targets in `fuzz_targets`. A broken invariant panics, which is what the fuzzer looks for.

use std::sync::Arc;

use muster_batch::{BytesColumn, DecodedBatch, Headers, RawBatch};
use muster_contract::decode::Decoder;
use muster_spec::{Contract, Offset, OffsetDelta, SchemaId, SourceId};

const WANTED: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "i", "type": "double"},
    {"name": "s", "type": "string"},
    {"name": "y", "type": ["null", "bytes"]},
    {"name": "m", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "p", "type": ["null", {"type": "record", "name": "P", "fields": [
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
        {"name": "z", "type": "int", "default": 1}]}]},
    {"name": "u", "type": ["null", "double"]},
    {"name": "d", "type": ["null", {"type": "int", "logicalType": "date"}], "default": null}
]}"#;

const WRITTEN: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "i", "type": "int"},
    {"name": "s", "type": ["null", "string"]},
    {"name": "gone", "type": {"type": "array", "items": {"type": "map", "values": ["null", "long", "string"]}}},
    {"name": "tree", "type": {"type": "record", "name": "T", "fields": [
        {"name": "l", "type": ["null", "T"]}, {"name": "r", "type": ["null", "T"]}]}},
    {"name": "y", "type": ["bytes", "null"]},
    {"name": "m", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}},
    {"name": "t", "type": "string"},
    {"name": "p", "type": ["null", {"type": "record", "name": "P", "fields": [
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "C"]}}]}]},
    {"name": "u", "type": ["null", "int", "double", "string"]},
    {"name": "b", "type": "boolean"},
    {"name": "f", "type": {"type": "fixed", "name": "F", "size": 2}}
]}"#;

const GOOD_AVRO: &[u8] = b"\0\0\0\0\x07\x02\x02\x02x\0\0\0\0\0\x02\x0a\x282021-03-09T12:30:00Z\0\0\x01ab";

const GOOD_JSON: &[u8] =
    br#"{"i": 1, "s": "x", "y": null, "m": 1.25, "t": "2021-03-09T12:30:00Z", "p": {"e": "A"}, "u": 0.5}"#;

/// The id of the writer's schema; also known are the contract's own and its all-text form.
const WRITER: SchemaId = SchemaId(7);

/// A decoder and a record that it decodes.
pub struct Harness {
    contract: Arc<Contract>,
    decoder: Decoder,
    good: &'static [u8],
    /// What the good record becomes.
    row: DecodedBatch,
    /// The writers' schemas that are known.
    ids: [SchemaId; 3],
}

impl Harness {
    /// Avro records.
    pub fn avro() -> Self {
        Self::new("avro", GOOD_AVRO)
    }

    /// JSON records.
    pub fn json() -> Self {
        Self::new("json", GOOD_JSON)
    }

    fn new(format: &str, good: &'static [u8]) -> Self {
        let yaml = format!("version: 1\ntopic: t\nformat: {format}\nschema: t.avsc\nkey: i\n");
        let open = |_: &str| Some(WANTED.to_owned());
        let contract = muster_spec::read::contract("t", "t.contract.yaml", &yaml, &open);
        let contract = Arc::new(contract.expect("the contract is sound"));
        let mut decoder = Decoder::new(Arc::clone(&contract)).expect("the contract is sound");
        decoder.learn(WRITER, WRITTEN).expect("the writer resolves");
        let decoded = decoder.decode(batch(&[good]));
        assert_eq!(decoded.refused, [], "the good record is good");
        let ids =
            [&contract.schema_text, &muster_spec::all_text_schema(&contract)].map(|text| muster_spec::schema_id(text));
        Self {
            contract,
            decoder,
            good,
            row: decoded,
            ids: [WRITER, ids[0], ids[1]],
        }
    }

    /// Decodes a payload between two good ones. With `framed`, the payload is put behind a frame: its first byte says
    /// whose.
    pub fn check(&self, payload: &[u8], framed: bool) {
        let mut between = Vec::new();
        match payload {
            [writer, message @ ..] if framed => {
                let id = self.ids[usize::from(*writer) % 3];
                between.push(0);
                between.extend(id.0.to_be_bytes());
                between.extend(message);
            }
            _ => between.extend(payload),
        }
        let decoded = self.decoder.decode(batch(&[self.good, &between, self.good]));
        assert!(decoded.refused.len() <= 1 && decoded.refused.iter().all(|refused| refused.record == 1));
        assert_eq!(decoded.rows.num_rows() + decoded.refused.len(), 3);
        assert_eq!(decoded.rows.slice(0, 1), self.row.rows);
        assert_eq!(decoded.rows.slice(decoded.rows.num_rows() - 1, 1), self.row.rows);
        self.check_bound(between.len() + 2 * self.good.len(), &decoded);
    }

    /// The bound that `muster_contract::decode` states.
    fn check_bound(&self, bytes: usize, decoded: &DecodedBatch) {
        let fields = self.contract.fields.len();
        let bound = 2 * (bytes + 3 * fields * 64) + 4_096;
        assert!(
            decoded.rows.get_array_memory_size() <= bound,
            "memory grows with the payload only"
        );
        assert!(decoded.findings.len() <= 3 * (fields + 1));
    }
}

fn batch(payloads: &[&[u8]]) -> RawBatch {
    let (mut column, mut keys, mut headers) = (BytesColumn::default(), BytesColumn::default(), Headers::default());
    for payload in payloads {
        column.push(Some(payload));
        keys.push(None);
        headers.push(std::iter::empty());
    }
    let records = payloads.len() as i64;
    RawBatch {
        source: SourceId(1),
        topic: "t".into(),
        partition: 0,
        delta: OffsetDelta::new(Offset(0), Offset(records)),
        offsets: (0..records).collect(),
        timestamps: vec![-1; payloads.len()],
        payloads: column,
        keys,
        headers,
    }
}
