//! Typed events as a source system sends them: the generated rows in the contract's own schema, with a time each and no
//! headers. A cell that is no number becomes one out of range, lines that are not whole are left out.

use std::path::Path;
use std::time::Duration;

use muster_spec::SchemaId;
use muster_stream::{Connection, Outgoing, Publisher, PublisherConfig, Topics};

const PATIENCE: Duration = Duration::from_mins(1);
/// 2026-01-01, in microseconds.
const FIRST_EVENT_MICROS: i64 = 1_767_225_600_000_000;

const DAY_MICROS: i64 = 86_400_000_000;

/// Which rows of the file are sent, and of what day they are: the same people on another day are rows of their own.
pub struct Slice {
    pub rows: usize,
    pub day: i64,
}

/// Sends rows of the file to a topic of `partitions` partitions; gives how many.
pub fn send(brokers: &str, topic: &str, partitions: i32, file: &Path, slice: &Slice) -> u64 {
    let connection = Connection::new(brokers);
    let topics = Topics::new(&connection).expect("a client");
    topics.ensure(topic, Some(partitions), PATIENCE).expect("a topic");
    let publisher = Publisher::new(&PublisherConfig::new(connection)).expect("a client");
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/hr.candidate.avsc");
    let schema = std::fs::read_to_string(schema).expect("the schema ships with the repository");
    let id = muster_spec::schema_id(&schema);
    let text = std::fs::read(file).expect("the file is there");
    let lines = text.split(|byte| *byte == b'\n').skip(1);
    let cells = lines.map(|line| line.split(|byte| *byte == b',').collect::<Vec<_>>());
    let first = FIRST_EVENT_MICROS + slice.day * DAY_MICROS;
    let mut rows = 0;
    for cells in cells.filter(|cells| cells.len() == 14).take(slice.rows) {
        publisher
            .send(&Outgoing {
                topic,
                partition: None,
                key: Some(cells[0]).filter(|key| !key.is_empty()),
                payload: Some(&event(id, &cells, first + rows * 1_000)),
                headers: &[],
                timestamp_ms: None,
            })
            .expect("room");
        rows += 1;
    }
    publisher.flush(PATIENCE).expect("acknowledged");
    rows as u64
}

/// One event in Confluent framing, field by field as the schema has them.
fn event(id: SchemaId, cells: &[&[u8]], micros: i64) -> Vec<u8> {
    let number = |cell: &[u8]| std::str::from_utf8(cell).ok()?.parse::<i64>().ok();
    let index = std::str::from_utf8(cells[2])
        .ok()
        .and_then(|cell| cell.parse::<f64>().ok());
    let mut event = Vec::with_capacity(160);
    event.push(0);
    event.extend_from_slice(&id.0.to_be_bytes());
    long(&mut event, number(cells[0]).unwrap_or(-1));
    text(&mut event, cells[1]);
    event.extend_from_slice(&index.unwrap_or(-1.0).to_le_bytes());
    for (at, cell) in cells.iter().enumerate().take(12).skip(3) {
        if at == 4 {
            text(&mut event, cell);
        } else if cell.is_empty() {
            long(&mut event, 0);
        } else {
            long(&mut event, 1);
            text(&mut event, cell);
        }
    }
    long(&mut event, number(cells[12]).unwrap_or(-1));
    long(&mut event, 1);
    long(&mut event, micros);
    match number(cells[13].trim_ascii_end()) {
        Some(target) => {
            long(&mut event, 1);
            long(&mut event, target);
        }
        None => long(&mut event, 0),
    }
    event
}

/// An Avro int or long: zigzag, seven bits a byte.
fn long(event: &mut Vec<u8>, value: i64) {
    let mut left = ((value << 1) ^ (value >> 63)) as u64;
    while left >= 0x80 {
        event.push(left as u8 | 0x80);
        left >>= 7;
    }
    event.push(left as u8);
}

/// An Avro string.
fn text(event: &mut Vec<u8>, value: &[u8]) {
    long(event, value.len() as i64);
    event.extend_from_slice(value);
}
