//! Files of JSON lines.

use std::sync::Arc;

use muster_contract::lines::{Bounds, LineDecoder, LineReader, ROW_BYTES_MAX, Shape, columns_header};
use muster_spec::{Contract, TextFormat};

use super::{ABC, Pieces, contract, open, rows};

const TYPED: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "number", "type": "int"},
    {"name": "share", "type": ["null", "double"], "default": null},
    {"name": "word", "type": ["null", "string"], "default": null},
    {"name": "sure", "type": "boolean", "default": true},
    {"name": "pay", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}], "default": null},
    {"name": "home", "type": ["null", {"type": "record", "name": "H", "fields": [
        {"name": "town", "type": "string", "default": "?"}, {"name": "rooms", "type": ["null", "int"], "default": null}
    ]}], "default": null}
]}"#;

#[test]
fn lines_that_are_no_object_are_kept() {
    let file: &[u8] = b"\xef\xbb\xbf{\"a\": \"1\", \"c\": null}\r\n\n[1]\nnull\n{\"a\": \"x\"\n{\"a\": \"\", \"b\": true, \"c\": 1.50}\n{\"a\": \"\xff\"}\n{\"a\": \"\\u00e4\\n\\\"\"}\n{} {}\n{\"a\": 1, \"a\": 2}\n{\"b\":{\"x\":[1,2]}}\n\n";
    let expected = [
        "1: 1|~|~",
        "2! json: ",
        "3! json: [1]",
        "4! json: null",
        "5! json: {\\\"a\\\": \\\"x\\\"",
        "6: |true|1.50",
        "7! encoding: {\\\"a\\\": \\\"\\xff\\\"}",
        "8: ä\n\"|~|~",
        "9! json: {} {}",
        "10! json: {\\\"a\\\": 1, \\\"a\\\": 2}",
        "11: ~|{\"x\":[1,2]}|~",
    ];
    let contract = contract(ABC);
    let format = TextFormat::default();
    assert_eq!(rows(open(file, &contract, &format, Shape::Jsonl).unwrap()), expected);
    for bytes in [1, 2, 7, 64] {
        let bounds = Bounds { rows: bytes, bytes };
        let reader = LineReader::open(Pieces::new(file, &[bytes]), Shape::Jsonl, &contract, &format, bounds).unwrap();
        assert_eq!(rows(reader), expected);
    }
    assert!(rows(open(b"", &contract, &format, Shape::Jsonl).unwrap()).is_empty());
    let long = format!("{{\"a\": \"{}\"}}\n{{\"a\": \"1\"}}", "x".repeat(ROW_BYTES_MAX));
    for bytes in [1 << 12, 4 << 20] {
        let bounds = Bounds { rows: 10, bytes };
        let pieces = Pieces::new(long.as_bytes(), &[4_096]);
        let rows = rows(LineReader::open(pieces, Shape::Jsonl, &contract, &format, bounds).unwrap());
        assert_eq!(rows.len(), 2);
        assert!(
            rows[0].starts_with("1! json: {") && rows[1] == "2: 1|~|~",
            "{}",
            rows[1]
        );
    }
}

/// The ids that each row breaks while it is decoded.
fn broken(file: &str, shape: Shape, contract: &Arc<Contract>, format: &TextFormat) -> Vec<Vec<String>> {
    let mut reader = open(file.as_bytes(), contract, format, shape).expect("the file is sound");
    let typing = LineDecoder::new(Arc::clone(contract), format, Arc::clone(reader.fit()));
    let lines = reader.next_run().expect("the file is sound").expect("there are rows");
    let decoded = typing.expect("the contract is sound").decode(lines);
    let mut rows = vec![Vec::new(); decoded.origin.len()];
    for finding in &decoded.findings {
        rows[decoded.record_of_row[finding.row as usize] as usize].push(contract.rule_id(finding.rule).to_owned());
    }
    for refused in &decoded.refused {
        rows[refused.record as usize].push(contract.rule_id(refused.rule).to_owned());
    }
    rows
}

#[test]
fn the_same_values_have_the_same_verdicts_as_in_a_csv_file() {
    let contract = contract(TYPED);
    let header = "number,share,word,sure,pay,home_town,home_rooms\n";
    let format = TextFormat {
        decimal: b',',
        thousands: Some(b'.'),
        ..TextFormat::default()
    };
    let rows: [(&str, &str, &[&str]); 11] = [
        (
            r#"{"number": 5, "share": 0.25, "word": "x", "sure": false, "pay": 12.50, "home": {"town": "B", "rooms": 3}}"#,
            "5,\"0,25\",x,false,\"12,50\",B,3",
            &[],
        ),
        (
            r#"{"number": "5", "share": "0,25", "sure": "true", "home": {"town": "B"}}"#,
            "5,\"0,25\",,true,,B,",
            &[],
        ),
        (
            r#"{"number": 5.0, "sure": true, "home": {"town": ""}}"#,
            "\"5,0\",,,true,,\"\",",
            &["number.type"],
        ),
        (
            r#"{"number": "1.234", "sure": true, "home": {"town": "B"}}"#,
            "1.234,,,true,,B,",
            &[],
        ),
        (
            r#"{"number": 1.234, "sure": true, "home": {"town": "B"}}"#,
            "\"1,234\",,,true,,B,",
            &["number.type"],
        ),
        (
            r#"{"number": "", "sure": 1, "home": {"town": "B"}}"#,
            "\"\",,,1,,B,",
            &["number.type", "sure.type"],
        ),
        (
            r#"{"number": null, "sure": null, "home": {"town": "B"}}"#,
            ",,,,,B,",
            &["number.type", "sure.type"],
        ),
        (
            r#"{"number": true, "share": "x", "sure": true, "pay": 1.505, "home": {"town": "B", "rooms": 1e3}}"#,
            "true,x,,true,\"1,505\",B,1e3",
            &["number.type", "share.type", "pay.type", "home_rooms.type"],
        ),
        (
            r#"{"number": [5], "sure": true, "home": {"town": "B"}}"#,
            "[5],,,true,,B,",
            &["number.type"],
        ),
        (
            r#"{"number": 5, "sure": true, "word": 7, "home": {"town": 7}}"#,
            "5,,7,true,,7,",
            &[],
        ),
        (
            r#"{"number": 99999999999, "sure": true, "home": {"town": "B"}}"#,
            "99999999999,,,true,,B,",
            &["number.type"],
        ),
    ];
    let objects: String = rows.iter().flat_map(|(object, _, _)| [object, "\n"]).collect();
    let cells: String = std::iter::once(header)
        .chain(rows.iter().flat_map(|(_, cells, _)| [cells, "\n"]))
        .collect();
    let expected: Vec<Vec<String>> = rows
        .iter()
        .map(|(_, _, ids)| ids.iter().map(|id| (*id).to_owned()).collect())
        .collect();
    assert_eq!(broken(&objects, Shape::Jsonl, &contract, &format), expected);
    assert_eq!(broken(&cells, Shape::Csv, &contract, &format), expected);
}

#[test]
fn members_that_are_missing_or_unknown_concern_their_row_alone() {
    let contract = contract(TYPED);
    let format = TextFormat::default();
    let file = r#"{"number": 1, "home": {"town": "B"}}
{"number": 2, "home": {"town": "B"}, "extra": 5}
{"sure": true, "home": {"town": "B", "street": "S"}}
{"number": 4}
{"number": 5, "home": {"town": "B"}, "sure": false}
"#;
    let expected: [&[&str]; 5] = [&[], &["columns"], &["columns"], &[], &[]];
    assert_eq!(broken(file, Shape::Jsonl, &contract, &format), expected);
    let mut reader = open(file.as_bytes(), &contract, &format, Shape::Jsonl).unwrap();
    let lines = reader.next_run().unwrap().unwrap();
    let notes: Vec<Option<String>> = (0..5)
        .map(|row| reader.fit().misfit_of(&lines, row).map(columns_header))
        .collect();
    let note = |missing: &[&str], unknown: &[&str]| {
        Some(serde_json::json!({"missing": missing, "unknown": unknown}).to_string())
    };
    let expected = [
        note(&["sure"], &[]),
        note(&["sure"], &["extra"]),
        note(&["number"], &["home_street"]),
        note(&["sure"], &[]),
        None,
    ];
    assert_eq!(notes, expected);
    let cells: Vec<Vec<Option<&[u8]>>> = (0..2).map(|row| reader.fit().arrange(&lines, row).collect()).collect();
    let word = |text: &'static str| Some(text.as_bytes());
    assert_eq!(cells[0], [word("1"), None, None, None, None, word("B"), None]);
    assert_eq!(cells[1][0], word("2"));
}
