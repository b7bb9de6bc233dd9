//! A file judged directly and the same file published and decoded come to the same rows, refusals and findings.

use std::sync::Arc;

use muster_batch::{BytesColumn, DecodedBatch, Finding, Headers, Line, Misfit, RawBatch, RawLines};
use muster_contract::decode::{COLUMNS_HEADER, Decoder, LINE_HEADER, TextWriter};
use muster_contract::lines::{ColumnsFit, LineDecoder, LineReader, Shape, columns_header};
use muster_spec::{Contract, Offset, OffsetDelta, SourceId, TextFormat};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{BOUNDS, contract};

const KINDS: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "number", "type": "long"},
    {"name": "small", "type": ["null", "int"], "default": null},
    {"name": "share", "type": "double", "default": 0.5},
    {"name": "rough", "type": ["null", "float"]},
    {"name": "sure", "type": ["null", "boolean"], "default": null},
    {"name": "word", "type": "string"},
    {"name": "note", "type": "string", "default": "none"},
    {"name": "raw", "type": ["null", "bytes"], "default": null},
    {"name": "relation", "type": {"type": "enum", "name": "E", "symbols": ["PEER", "BOSS"]}},
    {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}], "default": null},
    {"name": "moment", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}], "default": null},
    {"name": "early", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}], "default": null},
    {"name": "pay", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}], "default": null},
    {"name": "home", "type": {"type": "record", "name": "H", "fields": [{"name": "town", "type": ["null", "string"]}]}}
]}"#;

const NAMES: [&str; 16] = [
    "number",
    "small",
    "share",
    "rough",
    "sure",
    "word",
    "note",
    "raw",
    "relation",
    "day",
    "moment",
    "early",
    "pay",
    "home_town",
    "extra",
    "other",
];

/// What `publish` sends for a run: the rows in the all-text schema, lines as they are, and the headers that say so.
fn published(lines: &RawLines, fit: &ColumnsFit, contract: &Contract) -> RawBatch {
    let id = muster_spec::schema_id(&muster_spec::all_text_schema(contract));
    let mut writer = TextWriter::new(id);
    let (mut payloads, mut keys, mut headers) = (BytesColumn::default(), BytesColumn::default(), Headers::default());
    for row in 0..lines.len() {
        keys.push(None);
        match lines.row(row) {
            Line::Uncut(why, raw) => {
                payloads.push(Some(raw));
                headers.push(std::iter::once((LINE_HEADER, Some(why.code().as_bytes()))));
            }
            Line::Cells(_) => {
                payloads.push(Some(writer.write(fit.arrange(lines, row))));
                let note = fit.misfit_of(lines, row).map(columns_header);
                headers.push(note.iter().map(|note| (COLUMNS_HEADER, Some(note.as_bytes()))));
            }
        }
    }
    let records = lines.len() as i64;
    RawBatch {
        source: SourceId(1),
        topic: "t".into(),
        partition: 0,
        delta: OffsetDelta::new(Offset(0), Offset(records)),
        offsets: (0..records).collect(),
        timestamps: vec![-1; lines.len()],
        payloads,
        keys,
        headers,
    }
}

fn check(file: &[u8], shape: Shape, contract: &Arc<Contract>) {
    let format = &contract.text_format;
    let mut reader = LineReader::open(file, shape, contract, format, BOUNDS).expect("the file is sound");
    let fit = Arc::clone(reader.fit());
    let direct = LineDecoder::new(Arc::clone(contract), format, Arc::clone(&fit)).expect("the contract is sound");
    let records = Decoder::new(Arc::clone(contract)).expect("the contract is sound");
    while let Some(lines) = reader.next_run().expect("the file is sound") {
        let sent = records.decode(published(&lines, &fit, contract));
        same(&direct.decode(lines), &sent);
    }
}

fn same(direct: &DecodedBatch, sent: &DecodedBatch) {
    assert_eq!(direct.record_of_row, sent.record_of_row);
    assert_eq!(direct.refused, sent.refused);
    assert_eq!(direct.rows, sent.rows);
    let sorted = |findings: &[Finding]| {
        let mut findings = findings.to_vec();
        findings.sort_unstable();
        findings
    };
    assert_eq!(direct.findings, sorted(&sent.findings));
    assert!(sent.tombstones.is_empty());
}

fn cell() -> impl Strategy<Value = String> {
    let sample = |of: &'static [&'static str]| prop::sample::select(of).prop_map(str::to_owned);
    prop_oneof![
        4 => "-?[0-9]{1,5}(\\.[0-9]{1,3})?",
        1 => sample(&["nan", "-inf", "1e3", "1_000", " 5", "+5", "0x1F", "99999999999999999999"]),
        1 => sample(&["true", "FALSE", "1", "PEER", "BOSS", "peer", "\"\"", "\"a\"\"b\"", "\"x\ny\""]),
        1 => sample(&["2021-03-09", "2021-02-30", "2021-03-09T12:30:00.1234Z", "2021-03-09 12:30:00+02:00"]),
        3 => Just(String::new()),
        1 => "[a-zä\"]{0,9}",
        1 => sample(&["x,y", "\"open"]),
    ]
}

proptest! {
    #[test]
    fn a_published_file_is_judged_as_the_file(
        order in Just((0..NAMES.len()).collect::<Vec<_>>()).prop_shuffle(),
        width in 1..=NAMES.len(),
        rows in vec(vec(cell(), NAMES.len()), 0..20),
        broken in vec(any::<u8>(), 0..3),
    ) {
        let contract = contract(KINDS);
        let mut columns = order;
        columns.retain(|column| *column < 14 || width % 3 == 0);
        columns.truncate(width.max(2));
        if columns.iter().all(|column| *column >= 14) {
            columns.push(0);
        }
        let header: Vec<&str> = columns.iter().map(|column| NAMES[*column]).collect();
        let mut file = header.join(",").into_bytes();
        for row in rows {
            file.push(b'\n');
            file.extend(row[..columns.len()].join(",").as_bytes());
        }
        file.extend(b"\n1,");
        file.extend(broken);
        check(&file, Shape::Csv, &contract);
    }
}

#[test]
fn many_rows_of_all_kinds_are_judged_as_if_published() {
    let contract = contract(KINDS);
    let good = "1,2,0.25,1.5,true,w,n,r,PEER,2021-03-09,2021-03-09T12:30:00Z,2021-03-09T12:30:00.5Z,12.50,B\n";
    let bad = "x,2.5,,y,1,\"\",,,boss,2021-3-9,12,,1.005,a long town with more than sixteen letters\n";
    let ragged = "1,2,3\n";
    let mut file = NAMES[..14].join(",") + "\n";
    for row in 0..5_000 {
        file.push_str([good, bad, good, good, ragged, good, good][row % 7]);
    }
    check(file.as_bytes(), Shape::Csv, &contract);
}

#[test]
fn objects_are_judged_as_if_published() {
    let contract = contract(KINDS);
    let file = r#"{"number": 1, "word": "w", "rough": 0.5, "relation": "PEER", "home": {"town": null}}
{"number": "x", "word": null, "relation": "NONE", "pay": 1.005, "sure": true, "home": {"town": ""}, "new": {"x": 1}}
{"number": 5}
no object
{"number": 1, "share": 1, "note": "", "word": 5, "rough": null, "relation": "BOSS", "home": {"town": "x"}}
"#;
    check(file.as_bytes(), Shape::Jsonl, &contract);
}

#[test]
fn a_missing_column_takes_its_default_and_says_nothing_of_its_type() {
    let contract = contract(KINDS);
    let file = b"number,word,relation,home_town,rough\n1,w,PEER,B,\n2,w,PEER,B,1\n";
    let reader = LineReader::open(&file[..], Shape::Csv, &contract, &TextFormat::default(), BOUNDS).unwrap();
    let missing = reader.fit().misfit.clone().unwrap_or_default().missing;
    assert_eq!(
        missing,
        ["small", "share", "sure", "note", "raw", "day", "moment", "early", "pay"]
    );
    check(file, Shape::Csv, &contract);
    let typing = LineDecoder::new(Arc::clone(&contract), &TextFormat::default(), Arc::clone(reader.fit())).unwrap();
    let mut reader = reader;
    let decoded = typing.decode(reader.next_run().unwrap().unwrap());
    assert_eq!(decoded.findings, [], "everything that is missing has a default");
    let misfit = Misfit {
        missing,
        unknown: Vec::new(),
    };
    assert_eq!(reader.fit().misfit, Some(misfit));
}
