//! Any table comes back cell by cell, and any bytes come out as rows, however they arrive.

use muster_contract::lines::{Bounds, LineReader, Shape};
use muster_spec::TextFormat;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{A, ABC, Pieces, contract, rows};

/// A cell and whether it is quoted though it need not be.
fn cell() -> impl Strategy<Value = (Option<String>, bool)> {
    let text = prop_oneof![
        3 => "[a-z0-9. ]{0,8}",
        2 => "[ab,\"\n\r]{0,6}",
        1 => "[äß€😀\u{feff}\0]{0,4}",
        1 => any::<String>(),
        1 => "x{60,70}",
    ];
    (prop::option::weighted(0.8, text), any::<bool>())
}

fn written(table: &[Vec<(Option<String>, bool)>], end: &str, last_end: bool) -> String {
    let rows = table.iter().map(|row| {
        let cells = row.iter().map(|(cell, quoted)| match cell {
            None => String::new(),
            Some(text) if *quoted || text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                format!("\"{}\"", text.replace('"', "\"\""))
            }
            Some(text) => text.clone(),
        });
        cells.collect::<Vec<_>>().join(",")
    });
    let mut file = std::iter::once("a,b,c".to_owned())
        .chain(rows)
        .collect::<Vec<_>>()
        .join(end);
    if last_end {
        file.push_str(end);
    }
    file
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1_usize..8, 1_usize..70, Just(65_536_usize)], 1..4)
}

fn bounds() -> impl Strategy<Value = Bounds> {
    (1_usize..20, prop_oneof![1_usize..100, Just(1_usize << 16)]).prop_map(|(rows, bytes)| Bounds { rows, bytes })
}

/// Bytes that look like a file more often than chance would have it.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => Just(b','),
        2 => Just(b'\n'),
        1 => Just(b'\r'),
        3 => Just(b'"'),
        3 => b'a'..b'e',
        1 => any::<u8>(),
    ];
    vec(byte, 0..400)
}

proptest! {
    #[test]
    fn any_table_comes_back(
        table in vec(vec(cell(), 3), 0..30),
        crlf: bool,
        last_end: bool,
        sizes in sizes(),
        bounds in bounds(),
    ) {
        let file = written(&table, if crlf { "\r\n" } else { "\n" }, last_end);
        let pieces = Pieces::new(file.as_bytes(), &sizes);
        let reader = LineReader::open(pieces, Shape::Csv, &contract(ABC), &TextFormat::default(), bounds).unwrap();
        let mut line = 2;
        let expected: Vec<String> = table
            .iter()
            .map(|row| {
                let cells = row.iter().map(|(cell, _)| cell.as_deref().unwrap_or("~"));
                let shown = format!("{line}: {}", cells.collect::<Vec<_>>().join("|"));
                let feeds = row.iter().filter_map(|(cell, _)| cell.as_ref()).map(|cell| cell.matches('\n').count());
                line += 1 + feeds.sum::<usize>();
                shown
            })
            .collect();
        prop_assert_eq!(rows(reader), expected);
    }

    #[test]
    fn any_bytes_come_out_the_same_however_they_arrive(
        bytes in bytes(),
        one_column: bool,
        encoding in prop_oneof![
            4 => Just("utf-8"), 1 => Just("latin1"), 1 => Just("shift_jis"), 1 => Just("utf-16"), 1 => Just("gb18030"),
            1 => Just("iso-2022-jp"),
        ],
        sizes in sizes(),
        bounds in bounds(),
        jsonl: bool,
    ) {
        let format = TextFormat { encoding: encoding.into(), ..TextFormat::default() };
        let contract = contract(if one_column { A } else { ABC });
        let header = if one_column { "a\n" } else { "a,b,c\n" };
        let mut file: Vec<u8> = Vec::new();
        if !jsonl && encoding == "utf-16" {
            file.extend(header.encode_utf16().flat_map(u16::to_le_bytes));
        } else if !jsonl {
            file.extend(header.as_bytes());
        }
        file.extend(&bytes);
        let shape = if jsonl { Shape::Jsonl } else { Shape::Csv };
        let read = |sizes: &[usize], bounds| {
            let pieces = Pieces::new(&file, sizes);
            rows(LineReader::open(pieces, shape, &contract, &format, bounds).unwrap())
        };
        let at_once = read(&[1 << 20], Bounds { rows: 10_000, bytes: 1 << 20 });
        prop_assert_eq!(&at_once, &read(&sizes, bounds));
        prop_assert_eq!(&at_once, &read(&[1], Bounds { rows: 3, bytes: 1 }));
        let numbers = at_once.iter().map(|row| row.split([':', '!']).next().unwrap().parse::<u64>().unwrap());
        prop_assert!(numbers.is_sorted_by(|earlier, later| earlier < later));
    }
}
