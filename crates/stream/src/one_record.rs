//! One record of a log, by its position.
//!
//! Used by whoever looks at a record again long after it was received. Belongs to no group and commits nothing. Blocks for
//! at most the time given.

use std::time::{Duration, Instant};

use muster_spec::{Offset, TopicId};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::context::Context;
use crate::ffi::{Member, Record};
use crate::{Connection, Error, ffi};

/// How long one wait for an answer is.
const POLL: Duration = Duration::from_millis(50);

/// What a log has at an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtOffset {
    /// A record's bytes.
    Payload(Vec<u8>),
    /// A record without a value.
    Tombstone,
    /// No record, any more or ever; or the topic is another one of the same name.
    Gone,
}

/// What the log of a topic's partition has at an offset.
pub fn at_offset(
    connection: &Connection,
    (topic, id): (&str, TopicId),
    partition: i32,
    offset: Offset,
    timeout: Duration,
) -> Result<AtOffset, Error> {
    let end = Instant::now() + timeout;
    let consumer: BaseConsumer<Context> =
        BaseConsumer::from_config_and_context(&connection.follower_config(), Context::default())
            .map_err(|error| Error::from_kafka("make a client", error))?;
    let facts = ffi::describe(consumer.client(), &[topic], timeout)?;
    if facts.get(topic).is_none_or(|facts| facts.id != id) {
        return Ok(AtOffset::Gone);
    }
    let mut member = Member::new(consumer);
    // Dropped before the member.
    let _read = member.read(topic, partition, offset.0)?;
    let mut found = None;
    while found.is_none() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::TimedOut {
                action: "read a record",
                timeout_ms: timeout.as_millis() as u64,
            });
        }
        member.take(left.min(POLL), |record| {
            found.get_or_insert_with(|| what(record, offset));
        });
        // Serves the client's log.
        let _ = member.consumer.poll(Duration::ZERO);
    }
    found.unwrap_or(Ok(AtOffset::Gone))
}

/// What the first answer says of the offset: reading goes on behind a record that is gone, or where the log begins.
fn what(record: &Record<'_>, offset: Offset) -> Result<AtOffset, Error> {
    match record.error() {
        None if record.offset() == offset.0 => Ok(record
            .payload()
            .map_or(AtOffset::Tombstone, |payload| AtOffset::Payload(payload.to_vec()))),
        None | Some(RDKafkaErrorCode::PartitionEOF) => Ok(AtOffset::Gone),
        Some(code) => Err(Error::from_kafka("read a record", KafkaError::MessageConsumption(code))),
    }
}
