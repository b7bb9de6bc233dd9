//! The producer: what an event looks like follows from its number, where it lies from the order of sending.
//!
//! A partition has one producer at a time, idempotent and in order, on a topic without transactions: a record's offset
//! is how many were sent to its partition before.

use std::time::Duration;

use muster_contract::decode::TextWriter;
use muster_spec::{Contract, all_text_schema, schema_id};
use muster_stream::{Connection, Outgoing, Publisher, PublisherConfig};

use super::{Outcome, Sent};

/// 2026-03-01 00:00:00 UTC, in microseconds.
const BEGIN_MICROS: i64 = 1_772_323_200_000_000;
const PATIENCE: Duration = Duration::from_mins(2);

/// Everything that was sent to a topic: its incarnations, their partitions, their records by offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    pub incarnations: Vec<Vec<Vec<Sent>>>,
}

impl Log {
    /// All records of all incarnations.
    pub fn records(&self) -> u64 {
        self.sent().count() as u64
    }

    pub fn count(&self, outcome: &Outcome) -> u64 {
        self.sent().filter(|sent| sent.outcome == *outcome).count() as u64
    }

    /// How many bad records must have been made good.
    pub fn repaired(&self) -> u64 {
        self.sent().filter(|sent| sent.repaired).count() as u64
    }

    /// Bad records that break exactly these rules were made good; how many they are.
    pub fn repair(&mut self, rules: &[&str]) -> u64 {
        let outcome = bad(rules);
        let all = self.incarnations.iter_mut().flatten().flatten();
        let mut repaired = 0;
        for sent in all.filter(|sent| sent.outcome == outcome && !sent.repaired) {
            sent.repaired = true;
            repaired += 1;
        }
        repaired
    }

    fn sent(&self) -> impl Iterator<Item = &Sent> {
        self.incarnations.iter().flatten().flatten()
    }

    /// The records of a partition of the last incarnation before an offset were deleted, and nobody had received those
    /// from `from` on. What was delivered again later is then the first of its number.
    pub fn lose(&mut self, partition: usize, from: usize, before: usize) {
        let records = &mut self.incarnations.last_mut().unwrap()[partition];
        let known: Vec<u64> = records[..from].iter().map(|sent| sent.number).collect();
        for lost in from..before {
            let first = std::mem::replace(&mut records[lost].outcome, Outcome::Lost);
            let payload = std::mem::take(&mut records[lost].payload);
            let number = records[lost].number;
            if known.contains(&number) {
                continue;
            }
            if let Some(again) = records[lost + 1..].iter_mut().find(|sent| sent.number == number) {
                again.outcome = first;
                again.payload = payload;
            }
        }
    }
}

/// Writes numbered events.
pub struct Producer {
    topic: String,
    publisher: Publisher,
    typed_id: [u8; 4],
    text: TextWriter,
    partitions: usize,
    next: u64,
    /// The first event of the topic's present incarnation: what was sent before is not known in it.
    incarnation_from: u64,
    pub log: Log,
}

struct Event {
    level: &'static str,
    hours: f64,
    target: i64,
}

/// A number that looks random and is not: the finaliser of splitmix64 (Steele, Lea, Flood 2014).
fn mixed(number: u64) -> u64 {
    let mut hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

impl Event {
    /// The event of a number: the more hours, the likelier the target.
    fn of(number: u64) -> Self {
        let hash = mixed(number);
        let hours = (hash % 500) as f64 / 10.0;
        let luck = (hash >> 32) % 100;
        let level = ["low", "middle", "high"][(hash >> 20) as usize % 3];
        Self {
            level,
            hours,
            target: i64::from((hours * 2.0) as u64 > luck),
        }
    }

    fn typed(&self, number: u64, schema_id: [u8; 4]) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend_from_slice(&schema_id);
        put_long(&mut bytes, number as i64);
        put_long(&mut bytes, self.level.len() as i64);
        bytes.extend_from_slice(self.level.as_bytes());
        bytes.extend_from_slice(&self.hours.to_le_bytes());
        put_long(&mut bytes, BEGIN_MICROS + number as i64 * 1_000_000);
        put_long(&mut bytes, 1);
        put_long(&mut bytes, self.target);
        bytes
    }
}

/// A long as Avro writes it: zig-zag, then seven bits a byte.
fn put_long(bytes: &mut Vec<u8>, value: i64) {
    let mut coded = ((value << 1) ^ (value >> 63)) as u64;
    while coded >= 0x80 {
        bytes.push(coded as u8 | 0x80);
        coded >>= 7;
    }
    bytes.push(coded as u8);
}

/// A client that knows the topic as it is now.
fn publisher(brokers: &str) -> Publisher {
    let mut config = PublisherConfig::new(Connection::new(brokers));
    config.linger_ms = 2;
    Publisher::new(&config).unwrap()
}

fn bad(rules: &[&str]) -> Outcome {
    Outcome::Bad(rules.iter().map(|&rule| rule.to_owned()).collect())
}

impl Producer {
    pub fn new(brokers: &str, topic: &str, contract: &Contract, partitions: usize) -> Self {
        Self {
            topic: topic.to_owned(),
            publisher: publisher(brokers),
            typed_id: schema_id(&contract.schema_text).0.to_be_bytes(),
            text: TextWriter::new(schema_id(&all_text_schema(contract))),
            partitions,
            next: 0,
            incarnation_from: 0,
            log: Log {
                incarnations: vec![vec![Vec::new(); partitions]],
            },
        }
    }

    /// The topic was deleted and made again.
    pub fn begin_again(&mut self, brokers: &str) {
        self.publisher = publisher(brokers);
        self.incarnation_from = self.next;
        self.log.incarnations.push(vec![Vec::new(); self.partitions]);
    }

    /// The topic has more partitions from now on.
    pub fn grow(&mut self, brokers: &str, partitions: usize) {
        self.publisher = publisher(brokers);
        self.partitions = partitions;
        self.log.incarnations.last_mut().unwrap().resize(partitions, Vec::new());
    }

    /// Sends the next events and waits for their acknowledgements.
    pub fn send(&mut self, events: u64) {
        for number in self.next..self.next + events {
            self.send_event(number);
        }
        self.next += events;
        self.flush();
    }

    /// Sends one event as a good one would be, to a partition and under an id of choice.
    pub fn send_as(&mut self, partition: usize, id: u64, number: u64, outcome: Outcome) {
        let payload = Event::of(number).typed(number, self.typed_id);
        self.put_to(partition, id, Some(number), Some(&payload), outcome);
        self.next = self.next.max(id + 1).max(number + 1);
    }

    /// Sends one event as a good one would be but for its level, to a partition and under an id of choice.
    pub fn send_misnamed(&mut self, partition: usize, number: u64) {
        let event = Event {
            level: "medium",
            ..Event::of(number)
        };
        let payload = event.typed(number, self.typed_id);
        self.put_to(partition, number, Some(number), Some(&payload), bad(&["level.level"]));
        self.next = self.next.max(number + 1);
    }

    /// Sends records to one partition that will not decode.
    pub fn send_undecodable(&mut self, partition: usize, records: u64) {
        // Far from the numbered events, of which later ones are delivered again.
        for number in (10_000_000..).take(records as usize) {
            let outcome = bad(&["record.undecodable"]);
            self.put_to(partition, number, Some(number), Some(b"?"), outcome);
        }
        self.flush();
    }

    /// Waits for all acknowledgements.
    pub fn flush(&self) {
        self.publisher.flush(PATIENCE).unwrap();
    }

    /// Sends events in bursts of 200 until told to stop.
    pub fn send_until(mut self, stop: &std::sync::atomic::AtomicBool) -> Self {
        while !stop.load(std::sync::atomic::Ordering::SeqCst) {
            self.send(200);
            std::thread::sleep(Duration::from_millis(100));
        }
        self
    }

    /// One event: mostly good, at fixed places of every 29 something else.
    fn send_event(&mut self, number: u64) {
        let event = Event::of(number);
        let payload = event.typed(number, self.typed_id);
        let key = Some(number);
        match number % 29 {
            2 => self.put(
                number,
                key,
                Some(&payload[..payload.len() - 3]),
                bad(&["record.undecodable"]),
            ),
            4 => self.put(number, key, Some(&payload[1..]), bad(&["record.undecodable"])),
            6 => {
                let altered = Event {
                    level: "medium",
                    ..event
                }
                .typed(number, self.typed_id);
                self.put(number, key, Some(&altered), bad(&["level.level"]));
            }
            8 => {
                let altered = Event {
                    level: "",
                    hours: f64::NAN,
                    ..event
                }
                .typed(number, self.typed_id);
                self.put(number, key, Some(&altered), bad(&["hours.range", "level.level"]));
            }
            10 => self.put_text(number, &event, "many", bad(&["hours.type"])),
            12 => {
                let hours = event.hours.to_string();
                self.put_text(number, &event, &hours, Outcome::Good);
            }
            14 => self.put(number, key, None, Outcome::Tombstone),
            16 => self.put(number, None, Some(&payload), Outcome::Good),
            18 => {
                self.put(number, key, Some(&payload), Outcome::Good);
                self.put(number, key, Some(&payload), Outcome::Duplicate);
            }
            20 => {
                let altered = Event { hours: 101.0, ..event }.typed(number, self.typed_id);
                self.put(number, key, Some(&altered), bad(&["hours.range"]));
                self.put(number, key, Some(&altered), Outcome::Duplicate);
            }
            22 => {
                self.put(number, key, Some(&payload), Outcome::Good);
                let altered = Event {
                    hours: event.hours + 0.5,
                    ..event
                }
                .typed(number, self.typed_id);
                self.put(number, key, Some(&altered), bad(&["event_id.conflict"]));
            }
            _ => self.put(number, key, Some(&payload), Outcome::Good),
        }
        // Long after the first: delivered again to the same partition.
        if number % 29 == 28 && number >= 290 {
            let before = number - 290;
            let payload = Event::of(before).typed(before, self.typed_id);
            let known = before >= self.incarnation_from;
            let outcome = if known { Outcome::Duplicate } else { Outcome::Good };
            self.put(before, Some(before), Some(&payload), outcome);
        }
    }

    /// An event with its numbers written as text.
    fn put_text(&mut self, number: u64, event: &Event, hours: &str, outcome: Outcome) {
        let moment = chrono::DateTime::from_timestamp_micros(BEGIN_MICROS + number as i64 * 1_000_000).unwrap();
        let cells = [
            number.to_string(),
            event.level.to_owned(),
            hours.to_owned(),
            moment.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            event.target.to_string(),
        ];
        let payload = self.text.write(cells.iter().map(|cell| Some(cell.as_bytes()))).to_vec();
        self.put(number, Some(number), Some(&payload), outcome);
    }

    fn put(&mut self, number: u64, key: Option<u64>, payload: Option<&[u8]>, outcome: Outcome) {
        // Its own partition as long as the topic has as many: a redelivery meets the first delivery.
        self.put_to(number as usize % self.partitions, number, key, payload, outcome);
    }

    fn put_to(&mut self, partition: usize, number: u64, key: Option<u64>, payload: Option<&[u8]>, outcome: Outcome) {
        let key = key.map(|key| key.to_string());
        let id = number.to_string();
        self.publisher
            .send(&Outgoing {
                topic: &self.topic,
                partition: Some(partition as i32),
                key: key.as_deref().map(str::as_bytes),
                payload,
                headers: &[("ce_id", Some(id.as_bytes()))],
                timestamp_ms: None,
            })
            .unwrap();
        self.log.incarnations.last_mut().unwrap()[partition].push(Sent {
            number,
            payload: payload
                .filter(|_| matches!(outcome, Outcome::Bad(_)))
                .unwrap_or_default()
                .to_vec(),
            outcome,
            key: key.map(String::into_bytes),
            repaired: false,
        });
    }
}
