//! JSON records: what becomes of each kind of member, and of what is no object.

use std::sync::LazyLock;

use muster_contract::decode::Decoder;
use proptest::prelude::*;

use super::fixture::{assert_accounted, batch, contract_of, outcome, record};

const FIELDS: &[&str] = &[
    r#"{"name": "a", "type": "long"}"#,
    r#"{"name": "s", "type": ["null", "string"], "default": null}"#,
    r#"{"name": "x", "type": ["null", "double"], "default": null}"#,
    r#"{"name": "k", "type": ["null", "boolean"], "default": null}"#,
    r#"{"name": "m", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}], "default": null}"#,
    r#"{"name": "d", "type": ["null", {"type": "int", "logicalType": "date"}], "default": null}"#,
    r#"{"name": "p", "type": ["null", {"type": "record", "name": "P", "fields": [{"name": "q", "type": ["null", "int"], "default": 3}, {"name": "e", "type": ["null", {"type": "enum", "name": "E", "symbols": ["A", "B"]}], "default": null}]}], "default": null}"#,
];

const NULLS: &str = "s=null x=null k=null m=null d=null p_q=null p_e=null";

/// A payload and its outcome; a leading `a=1 ` and the nulls of other fields are left out.
#[rustfmt::skip]
const RECORDS: &[(&str, &str)] = &[
    (r#"{"a": 1}"#, "a=1 *"),
    (r#" {"a":1,"s":"x","x":1.5,"k":true,"m":12345678901234567.89,"d":"2021-03-09","p":{"q":4,"e":"B"}} "#,
     "a=1 s=x x=1.5 k=true m=12345678901234567.89 d=2021-03-09 p_q=4 p_e=B"),
    // Order is free, nested records may lack members.
    (r#"{"p": {"e": "A"}, "a": -1}"#, "a=-1 s=null x=null k=null m=null d=null p_q=null p_e=A"),
    (r#"{"a": 1, "p": null}"#, "a=1 *"),
    // Texts, escapes and all.
    (r#"{"a": 1, "s": "\u00e9\ud83d\ude00\n\"\\\/"}"#, "a=1 s=é😀\n\"\\/ x=null k=null m=null d=null p_q=null p_e=null"),
    (r#"{"\u0061": 1}"#, "a=1 *"),
    (r#"{"a": "12"}"#, "a=12 *"),
    (r#"{"a": "\u0031\u0032"}"#, "a=12 *"),
    // Kinds that do not fit.
    (r#"{"a": "12.5"}"#, "a=null * !a.type"),
    (r#"{"a": 12.5}"#, "a=null * !a.type"),
    (r#"{"a": 1e3}"#, "a=null * !a.type"),
    (r#"{"a": 9223372036854775808}"#, "a=null * !a.type"),
    (r#"{"a": true}"#, "a=null * !a.type"),
    (r#"{"a": [1, {"b": [2]}]}"#, "a=null * !a.type"),
    (r#"{"a": {}}"#, "a=null * !a.type"),
    (r#"{"a": null}"#, "a=null * !a.type"),
    (r#"{"a": 1, "s": 5}"#, "a=1 * !s.type"),
    (r#"{"a": 1, "x": 1e999}"#, "a=1 * !x.type"),
    (r#"{"a": 1, "k": "yes"}"#, "a=1 * !k.type"),
    (r#"{"a": 1, "m": 0.001}"#, "a=1 * !m.type"),
    (r#"{"a": 1, "d": "2021-02-30"}"#, "a=1 * !d.type"),
    (r#"{"a": 1, "p": 5}"#, "a=1 * !p_q.type !p_e.type"),
    (r#"{"a": 1, "p": {"e": "C"}}"#, "a=1 * !p_e.type"),
    // Unknown and missing.
    (r#"{"a": 1, "b": {"c": [1, "]}"]}}"#, "a=1 * !columns"),
    (r#"{"a": 1, "p": {"r": 1}}"#, "a=1 * !columns"),
    ("{}", "a=null * !columns"),
    (r#"{"b": 2}"#, "a=null * !columns"),
    // No object.
    ("", "record.undecodable empty"),
    (" ", "record.undecodable json"),
    ("1", "record.undecodable json"),
    ("null", "record.undecodable json"),
    (r#"[{"a": 1}]"#, "record.undecodable json"),
    (r#"{"a": 1"#, "record.undecodable json"),
    (r#"{"a": 1}}"#, "record.undecodable json"),
    (r#"{"a": 1} {"a": 2}"#, "record.undecodable json"),
    (r#"{"a": 1,}"#, "record.undecodable json"),
    (r#"{,"a": 1}"#, "record.undecodable json"),
    (r#"{"a" 1}"#, "record.undecodable json"),
    (r#"{"a": 01}"#, "record.undecodable json"),
    (r#"{"a": +1}"#, "record.undecodable json"),
    (r#"{"a": .5}"#, "record.undecodable json"),
    (r#"{"a": 1.}"#, "record.undecodable json"),
    (r#"{"a": NaN}"#, "record.undecodable json"),
    ("{'a': 1}", "record.undecodable json"),
    (r#"{"a": "\x"}"#, "record.undecodable json"),
    (r#"{"a": "\ud800"}"#, "record.undecodable json"),
    ("{\"a\": \"\n\"}", "record.undecodable json"),
    ("\u{feff}{\"a\": 1}", "record.undecodable json"),
    // Of two values none can be trusted.
    (r#"{"a": 1, "a": 2}"#, "record.undecodable json"),
    (r#"{"a": 1, "p": null, "p": {"q": 1}}"#, "record.undecodable json"),
];

#[test]
fn a_record_becomes_a_row_or_is_refused() {
    let contract = contract_of(&record(FIELDS), "format: json\n");
    let decoder = Decoder::new(contract.clone()).unwrap();
    let payloads: Vec<_> = RECORDS
        .iter()
        .map(|(payload, _)| Some(payload.as_bytes().to_vec()))
        .collect();
    assert_eq!(decoder.missing(&batch(&payloads)), []);
    let decoded = decoder.decode(batch(&payloads));
    assert_accounted(&decoded);
    for (at, (payload, expected)) in RECORDS.iter().enumerate() {
        let expected = expected.replace('*', NULLS);
        assert_eq!(outcome(&decoded, &contract, at as u32), expected, "{payload}");
    }
}

#[test]
fn bytes_that_are_not_utf8_and_nesting_without_end_are_refused() {
    let contract = contract_of(&record(FIELDS), "format: json\n");
    let deep = format!(r#"{{"b": {}{}, "a": 1}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let payloads = [Some(b"{\"s\": \"\xff\"}".to_vec()), Some(deep.into_bytes()), None];
    let decoded = Decoder::new(contract.clone()).unwrap().decode(batch(&payloads));
    let outcomes: Vec<_> = (0..3).map(|at| outcome(&decoded, &contract, at)).collect();
    assert_eq!(
        outcomes,
        ["record.undecodable utf8", "record.undecodable depth", "tombstone"]
    );
}

proptest! {
    /// Whatever is taken is JSON to others too, and the other way round but for what is stricter here.
    #[test]
    fn others_agree_on_what_is_json(text in r#"\{"b": ([-0-9.eE+]{1,6}|"(\\[a-z0-9]{1,5}|[a-z])*"|[\[\]{}:,"01 ]{0,10}|true|nul{1,2})\}"#) {
        static DECODER: LazyLock<Decoder> = LazyLock::new(|| {
            Decoder::new(contract_of(&record(FIELDS), "format: json\n")).expect("the contract is sound")
        });
        let decoded = DECODER.decode(batch(&[Some(text.clone().into_bytes())]));
        let other = serde_json::from_str::<serde_json::Value>(&text);
        // A number beyond a double's range is a syntax error there and an unfit number here.
        let same = other.as_ref().map_or_else(|error| error.to_string().contains("out of range"), |_| true);
        prop_assert_eq!(decoded.refused.is_empty(), same, "{} {:?}", text, other);
    }
}
