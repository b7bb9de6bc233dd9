//! Any bytes as a text file: rows come out the same however the bytes arrive, every row has its cells, and all of them
//! are typed or refused.
#![no_main]

use std::io::Read;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use muster_batch::RawLines;
use muster_contract::lines::{Bounds, LineDecoder, LineReader, Shape};
use muster_spec::{Contract, TextFormat};

const SCHEMA: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "a", "type": "long"},
    {"name": "b", "type": ["null", "string"], "default": null},
    {"name": "c", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, "default": "\u0000"},
    {"name": "d", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]}
]}"#;

const ENCODINGS: [&str; 5] = ["utf-8", "latin1", "utf-16", "shift_jis", "gb18030"];

static CONTRACT: LazyLock<Arc<Contract>> = LazyLock::new(|| {
    let yaml = "version: 1\ntopic: t\nformat: avro\nschema: t.avsc\nkey: a\n";
    let contract = muster_spec::read::contract("t", "t.contract.yaml", yaml, &|_| Some(SCHEMA.to_owned()));
    Arc::new(contract.expect("the contract is sound"))
});

/// Gives bytes in pieces of one size.
struct Pieces<'b>(&'b [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let size = self.1.min(into.len()).min(self.0.len());
        into[..size].copy_from_slice(&self.0[..size]);
        self.0 = &self.0[size..];
        Ok(size)
    }
}

fuzz_target!(|input: &[u8]| {
    let [choice, piece, file @ ..] = input else { return };
    let shape = if choice & 1 == 0 { Shape::Csv } else { Shape::Jsonl };
    let format = TextFormat {
        encoding: ENCODINGS[usize::from(choice >> 1) % ENCODINGS.len()].into(),
        delimiter: [b',', b';', b'|'][usize::from(choice >> 4) % 3],
        ..TextFormat::default()
    };
    let mut file = file.to_vec();
    if choice >> 6 == 0 {
        let header = format!("a{0}d{0}b\n", char::from(format.delimiter));
        file.splice(0..0, header.into_bytes());
    }
    let piece = usize::from(*piece) + 1;
    let at_once = read(&file, file.len() + 1, Bounds::default(), shape, &format);
    let in_pieces = read(
        &file,
        piece,
        Bounds {
            rows: piece,
            bytes: piece,
        },
        shape,
        &format,
    );
    assert_eq!(at_once, in_pieces);
});

/// Each row's line with its cells or its bytes; nothing for a file that has no header.
fn read(file: &[u8], piece: usize, bounds: Bounds, shape: Shape, format: &TextFormat) -> Vec<String> {
    let Ok(mut reader) = LineReader::open(Pieces(file, piece), shape, &CONTRACT, format, bounds) else {
        return Vec::new();
    };
    let decoder = LineDecoder::new(Arc::clone(&CONTRACT), format, Arc::clone(reader.fit()));
    let decoder = decoder.expect("the contract is sound");
    let mut rows = Vec::new();
    while let Some(lines) = reader.next_run().expect("the bytes are in memory") {
        assert_eq!(lines.first_row, rows.len() as u64);
        assert_eq!(lines.cells.len(), lines.len() * lines.width);
        rows.extend((0..lines.len()).map(|row| shown(&lines, row)));
        let count = lines.len();
        let decoded = decoder.decode(lines);
        assert_eq!(decoded.rows.num_rows() + decoded.refused.len(), count);
        assert_eq!(decoded.rows.num_rows(), decoded.record_of_row.len());
    }
    rows
}

fn shown(lines: &RawLines, row: usize) -> String {
    let cells: Vec<Option<&str>> = lines
        .cells(row)
        .iter()
        .map(|cell| cell.map(|text| std::str::from_utf8(text).expect("cells are UTF-8")))
        .collect();
    format!("{} {:?} {cells:?}", lines.lines[row], lines.uncut(row))
}
