//! Publishing records: rows of files, dead letters.
//!
//! Used by `publish` and by the dead-letter projection. Idempotent and acknowledged by all replicas: what is counted as
//! acknowledged is in the log once. Calls block; sending waits while too much is under way, so memory is bounded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use muster_spec::FileSha;
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, NoCustomPartitioner, Producer, ProducerContext, ThreadedProducer};

use crate::context::Context;
use crate::pace::Pace;
use crate::{Error, PublisherConfig};

/// How long to wait before trying again while too much is under way.
const FULL_WAIT: Duration = Duration::from_millis(2);

/// A record to publish.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition; `None` goes by the key, as Java's clients hash it. Where there is no key, see
    /// [`partition_of_row`].
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The payload; `None` is a tombstone.
    pub payload: Option<&'a [u8]>,
    /// The headers, in order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
    /// Milliseconds since 1970-01-01 UTC; `None`, and also 0, is now. Leave it at now where you can: brokers refuse what
    /// is an hour ahead of them, retention goes by it, and a broker that restarts forgets a producer whose last record
    /// is a day old by it, so that a record sent again across the restart is kept twice.
    pub timestamp_ms: Option<i64>,
}

/// How many records went which way since the publisher was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// Handed to the client.
    pub sent: u64,
    /// In the log of all replicas that are in sync.
    pub acknowledged: u64,
    /// Given up.
    pub failed: u64,
}

/// A producer and what became of its records.
pub struct Publisher {
    producer: ThreadedProducer<PublishContext>,
    pace: Option<Mutex<Pace>>,
    sent: AtomicU64,
    full_wait_max: Duration,
}

impl Publisher {
    /// A publisher; connects when it first has something to send.
    pub fn new(config: &PublisherConfig) -> Result<Self, Error> {
        let producer = ThreadedProducer::from_config_and_context(&config.client_config(), PublishContext::default())
            .map_err(|error| Error::from_kafka("make a client", error))?;
        Ok(Self {
            producer,
            pace: config.rows_per_sec.and_then(Pace::new).map(Mutex::new),
            sent: AtomicU64::new(0),
            full_wait_max: Duration::from_millis(config.delivery_timeout_ms),
        })
    }

    /// Sends a record: copies it and returns before it is acknowledged. Waits while too much is under way, and where a
    /// rate is set, for its turn.
    pub fn send(&self, outgoing: &Outgoing<'_>) -> Result<(), Error> {
        if let Some(pace) = &self.pace {
            let wait = pace.lock().expect("no holder of this lock panics").next(Instant::now());
            std::thread::sleep(wait);
        }
        let mut record = base_record(outgoing);
        let give_up = Instant::now() + self.full_wait_max;
        loop {
            match self.producer.send(record) {
                Ok(()) => {
                    self.sent.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) if Instant::now() < give_up => {
                    record = back;
                    std::thread::sleep(FULL_WAIT);
                }
                Err((error, _)) => return Err(self.fatal().unwrap_or_else(|| sending(outgoing.topic, error))),
            }
        }
    }

    /// Waits until every record sent so far is acknowledged or given up. An error when some were given up since the
    /// last flush: what was sent since then is to be sent again.
    pub fn flush(&self, timeout: Duration) -> Result<Deliveries, Error> {
        let flushed = self.producer.flush(timeout);
        if let Some(fatal) = self.fatal() {
            return Err(fatal);
        }
        let mut failures = self.producer.context().failures();
        if let Some((failed, code)) = failures.take() {
            return Err(Error::Delivery { failed, code });
        }
        drop(failures);
        flushed.map_err(|error| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::OperationTimedOut) | None => Error::TimedOut {
                action: "flush",
                timeout_ms: timeout.as_millis() as u64,
            },
            Some(_) => Error::from_kafka("flush", error),
        })?;
        Ok(self.deliveries())
    }

    /// Sends records and waits for all their acknowledgements: at least once. After an error all of them are to be
    /// sent again.
    pub fn publish_all(&self, records: &[Outgoing<'_>], timeout: Duration) -> Result<(), Error> {
        let end = Instant::now() + timeout;
        records.iter().try_for_each(|record| self.send(record))?;
        self.flush(end.saturating_duration_since(Instant::now())).map(drop)
    }

    /// What became of all records so far.
    pub fn deliveries(&self) -> Deliveries {
        let context = self.producer.context();
        Deliveries {
            sent: self.sent.load(Ordering::Relaxed),
            acknowledged: context.acknowledged.load(Ordering::Relaxed),
            failed: context.failed.load(Ordering::Relaxed),
        }
    }

    /// An error after which this publisher sends nothing any more: a new one is to be made.
    fn fatal(&self) -> Option<Error> {
        self.producer
            .client()
            .fatal_error()
            .map(|(_, reason)| Error::Fatal { reason })
    }
}

fn base_record<'a>(outgoing: &Outgoing<'a>) -> BaseRecord<'a, [u8], [u8]> {
    let mut record = BaseRecord::to(outgoing.topic);
    record.partition = outgoing.partition;
    record.key = outgoing.key;
    record.payload = outgoing.payload;
    record.timestamp = outgoing.timestamp_ms;
    if !outgoing.headers.is_empty() {
        let mut headers = OwnedHeaders::new_with_capacity(outgoing.headers.len());
        for (key, value) in outgoing.headers {
            headers = headers.insert(Header { key, value: *value });
        }
        record.headers = Some(headers);
    }
    record
}

fn sending(topic: &str, error: KafkaError) -> Error {
    match error.rdkafka_error_code() {
        Some(code) => Error::Topic {
            action: "publish to",
            topic: topic.to_owned(),
            code,
        },
        None => Error::from_kafka("publish", error),
    }
}

/// The partition of a row without a key: the same for the same row of the same file, whoever publishes it and how
/// often, so that a row sent twice meets itself.
pub fn partition_of_row(file: &FileSha, row: u64, partitions: i32) -> i32 {
    let (head, _) = file.0.split_first_chunk::<8>().expect("a sha-256 has 32 bytes");
    // The finaliser of splitmix64 (Steele, Lea, Flood 2014): neighbouring rows land far apart.
    let mut hash = u64::from_be_bytes(*head) ^ row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    (hash % u64::from(partitions.max(1).unsigned_abs())) as i32
}

/// Counts acknowledgements, on the producer's own thread.
#[derive(Default)]
struct PublishContext {
    client: Context,
    acknowledged: AtomicU64,
    failed: AtomicU64,
    since_flush: Mutex<Option<(u64, RDKafkaErrorCode)>>,
}

impl PublishContext {
    /// How many were given up since the last flush, and why the first was.
    fn failures(&self) -> MutexGuard<'_, Option<(u64, RDKafkaErrorCode)>> {
        self.since_flush.lock().expect("no holder of this lock panics")
    }
}

impl ClientContext for PublishContext {
    fn log(&self, level: RDKafkaLogLevel, kind: &str, line: &str) {
        self.client.log(level, kind, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }
}

impl ProducerContext<NoCustomPartitioner> for PublishContext {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err((error, _)) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                self.failures().get_or_insert((0, code)).0 += 1;
            }
        }
    }
}

#[cfg(test)]
#[path = "publisher_tests.rs"]
mod tests;
