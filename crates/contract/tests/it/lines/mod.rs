//! Text files to rows: awkward files, any table, any bytes, and the same verdicts as records have.

mod headers;
mod objects;
mod parity;
mod properties;
mod scenarios;

use std::io::Read;
use std::sync::Arc;

use muster_batch::{Line, RawLines};
use muster_contract::Error;
use muster_contract::lines::{Bounds, LineReader, Shape};
use muster_spec::{Contract, TextFormat};

/// Three texts.
pub const ABC: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "a", "type": ["null", "string"], "default": null},
    {"name": "b", "type": ["null", "string"], "default": null},
    {"name": "c", "type": ["null", "string"], "default": null}
]}"#;

/// One text.
pub const A: &str = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "string"]}]}"#;

pub fn contract(schema: &str) -> Arc<Contract> {
    let key = if schema.contains(r#""name": "a""#) {
        "a"
    } else {
        "number"
    };
    let yaml = format!("version: 1\ntopic: t\nformat: avro\nschema: t.avsc\nkey: {key}\n");
    let open = |_: &str| Some(schema.to_owned());
    Arc::new(muster_spec::read::contract("t", "t.contract.yaml", &yaml, &open).expect("the contract is sound"))
}

/// Gives bytes in pieces of these sizes, over and over.
#[derive(Debug)]
pub struct Pieces<'b> {
    pub bytes: &'b [u8],
    pub sizes: Vec<usize>,
    pub next: usize,
}

impl<'b> Pieces<'b> {
    pub fn new(bytes: &'b [u8], sizes: &[usize]) -> Self {
        Self {
            bytes,
            sizes: sizes.to_vec(),
            next: 0,
        }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.next % self.sizes.len()]
            .min(into.len())
            .min(self.bytes.len());
        self.next += 1;
        into[..size].copy_from_slice(&self.bytes[..size]);
        self.bytes = &self.bytes[size..];
        Ok(size)
    }
}

pub const BOUNDS: Bounds = Bounds {
    rows: 1_000,
    bytes: 1 << 20,
};

/// All rows of a file, each as a text: `line: cells`, cells between bars, `~` for a null; `line! why: bytes` for a row
/// that could not be cut.
pub fn rows<R: Read>(mut reader: LineReader<R>) -> Vec<String> {
    let mut rows = Vec::new();
    while let Some(lines) = reader.next_run().expect("the file can be read") {
        assert_eq!(lines.first_row, rows.len() as u64, "rows are numbered without a gap");
        assert_eq!(lines.cells.len(), lines.len() * lines.width, "every row has its cells");
        rows.extend((0..lines.len()).map(|row| shown(&lines, row)));
        reader.recycle(lines);
    }
    rows
}

fn shown(lines: &RawLines, row: usize) -> String {
    let line = lines.lines[row];
    match lines.row(row) {
        Line::Uncut(why, raw) => {
            assert!(
                lines.cells(row).iter().all(|cell| cell.is_none()),
                "no cell of a row that was not cut"
            );
            format!("{line}! {}: {}", why.code(), raw.escape_ascii())
        }
        Line::Cells(cells) => {
            let cells = cells.iter().map(|cell| match cell {
                None => "~",
                Some(text) => std::str::from_utf8(text).expect("cells are UTF-8"),
            });
            format!("{line}: {}", cells.collect::<Vec<_>>().join("|"))
        }
    }
}

pub fn open<'b>(
    bytes: &'b [u8],
    contract: &Contract,
    format: &TextFormat,
    shape: Shape,
) -> Result<LineReader<Pieces<'b>>, Error> {
    LineReader::open(Pieces::new(bytes, &[usize::MAX]), shape, contract, format, BOUNDS)
}
