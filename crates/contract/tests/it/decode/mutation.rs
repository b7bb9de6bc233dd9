//! Arbitrary and mutated messages: no panic, no record lost, no neighbour touched, no memory beyond the bound.

use std::sync::{Arc, LazyLock};

use muster_contract::decode::Decoder;
use muster_spec::Contract;
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{WRITER, assert_accounted, batch, contract_of, decoder, encode, framed, outcome, record};

const WRITTEN: &[&str] = &[
    r#"{"name": "i", "type": "int"}"#,
    r#"{"name": "s", "type": ["null", "string"]}"#,
    r#"{"name": "gone", "type": {"type": "array", "items": {"type": "map", "values": ["null", "long", "string"]}}}"#,
    r#"{"name": "tree", "type": {"type": "record", "name": "T", "fields": [{"name": "l", "type": ["null", "T"]}, {"name": "r", "type": ["null", "T"]}]}}"#,
    r#"{"name": "y", "type": ["bytes", "null"]}"#,
    r#"{"name": "m", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}}"#,
    r#"{"name": "t", "type": "string"}"#,
    r#"{"name": "p", "type": ["null", {"type": "record", "name": "P", "fields": [{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "C"]}}]}]}"#,
    r#"{"name": "u", "type": ["null", "int", "double", "string"]}"#,
];

const WANTED: &[&str] = &[
    r#"{"name": "i", "type": "double"}"#,
    r#"{"name": "s", "type": "string"}"#,
    r#"{"name": "y", "type": ["null", "bytes"]}"#,
    r#"{"name": "m", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}"#,
    r#"{"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}}"#,
    r#"{"name": "p", "type": ["null", {"type": "record", "name": "P", "fields": [{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}}, {"name": "z", "type": "int", "default": 1}]}]}"#,
    r#"{"name": "u", "type": ["null", "double"]}"#,
];

type Harness = (Arc<Contract>, Decoder, Vec<u8>);

static AVRO: LazyLock<Harness> = LazyLock::new(avro);

static JSON: LazyLock<Harness> = LazyLock::new(json_records);

fn avro() -> Harness {
    let contract = contract_of(&record(WANTED), "");
    let decoder = decoder(&contract, &record(WRITTEN));
    let value = json!({
        "i": -700, "s": [1, "some text"], "gone": [{"a": [1, 5], "b": [2, "x"]}, {}],
        "tree": {"l": [1, {"l": [0, null], "r": [0, null]}], "r": [0, null]},
        "y": [0, "\u{ff}\u{0}"], "m": "\u{4}\u{d3}\u{c}", "t": "2021-03-09T12:30:00Z", "p": [1, {"e": "A"}], "u": [2, 0.25],
    });
    let message = framed(WRITER, &encode(&record(WRITTEN), &value));
    (contract, decoder, message)
}

fn json_records() -> Harness {
    let contract = contract_of(&record(WANTED), "format: json\n");
    let decoder = Decoder::new(contract.clone()).expect("the contract is sound");
    let message = r#"{"i": -7.5e2, "s": "some \u00e9 text", "gone": [{"a": 5}], "y": null, "m": 1.25, "t": "2021-03-09T12:30:00Z", "p": {"e": "A"}, "u": 0.25}"#;
    (contract, decoder, message.as_bytes().to_vec())
}

/// A change to a message.
#[derive(Clone, Debug)]
enum Change {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), prop::collection::vec(any::<u8>(), 1..12)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        at().prop_map(Change::Remove),
        at().prop_map(Change::Cut),
    ]
}

fn changed(message: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut message = message.to_vec();
    for change in changes {
        if message.is_empty() {
            break;
        }
        let length = message.len();
        match change {
            Change::Set(at, byte) => message[at.index(length)] = *byte,
            Change::Flip(at, bit) => message[at.index(length)] ^= 1 << bit,
            Change::Insert(at, bytes) => {
                let at = at.index(message.len());
                message.splice(at..at, bytes.iter().copied());
            }
            Change::Remove(at) => drop(message.remove(at.index(message.len()))),
            Change::Cut(at) => message.truncate(at.index(message.len())),
        }
    }
    message
}

/// The bound that `decode` states, with room for what a vector may hold twice and for an empty batch's buffers.
fn assert_bounded(bytes: usize, contract: &Contract, decoded: &muster_batch::DecodedBatch) {
    let records = decoded.origin.len();
    let a_record = contract.fields.len() * 64;
    let bound = 2 * (bytes + records * a_record) + 4_096;
    assert!(decoded.rows.get_array_memory_size() <= bound);
    assert!(decoded.findings.len() <= records * (contract.fields.len() + 1));
}

fn assert_unharmed((contract, decoder, good): &Harness, middle: Vec<Vec<u8>>) {
    let mut payloads = vec![Some(good.clone())];
    payloads.extend(middle.into_iter().map(Some));
    payloads.push(Some(good.clone()));
    let bytes = payloads.iter().flatten().map(Vec::len).sum();
    let last = payloads.len() as u32 - 1;
    let alone = outcome(&decoder.decode(batch(&[Some(good.clone())])), contract, 0);
    let decoded = decoder.decode(batch(&payloads));
    assert_accounted(&decoded);
    assert_bounded(bytes, contract, &decoded);
    assert_eq!(outcome(&decoded, contract, 0), alone);
    assert_eq!(outcome(&decoded, contract, last), alone);
}

#[test]
fn the_good_messages_are_good() {
    let (contract, decoder, good) = &*AVRO;
    let text = "i=-700.0 s=some text y=ff00 m=null t=2021-03-09T12:30:00Z p_e=A p_z=1 u=0.25 !m.type";
    assert_eq!(
        outcome(&decoder.decode(batch(&[Some(good.clone())])), contract, 0),
        text
    );
    let (contract, decoder, good) = &*JSON;
    let text = "i=-750.0 s=some é text y=null m=1.25 t=2021-03-09T12:30:00Z p_e=A p_z=1 u=0.25 !columns";
    assert_eq!(
        outcome(&decoder.decode(batch(&[Some(good.clone())])), contract, 0),
        text
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn changed_avro_harms_nobody(changes in prop::collection::vec(prop::collection::vec(change(), 1..4), 1..6)) {
        assert_unharmed(&AVRO, changes.iter().map(|changes| changed(&AVRO.2, changes)).collect());
    }

    #[test]
    fn arbitrary_avro_harms_nobody(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6)) {
        let framed = messages.iter().map(|message| framed(WRITER, message));
        assert_unharmed(&AVRO, framed.chain(messages.iter().cloned()).collect());
    }

    #[test]
    fn changed_json_harms_nobody(changes in prop::collection::vec(prop::collection::vec(change(), 1..4), 1..6)) {
        assert_unharmed(&JSON, changes.iter().map(|changes| changed(&JSON.2, changes)).collect());
    }

    #[test]
    fn arbitrary_json_harms_nobody(messages in prop::collection::vec(r#"[{}\[\]:,"\\a-z0-9. -]{0,80}"#, 1..6)) {
        assert_unharmed(&JSON, messages.into_iter().map(String::into_bytes).collect());
    }
}
