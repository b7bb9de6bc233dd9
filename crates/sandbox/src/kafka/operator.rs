//! What an operator does to topics while programs use them: deleting, growing, cutting, looking in.
//!
//! Used by tests of faults and by benches, which may not have a Kafka client of their own. Each call makes its own client, blocks, and
//! returns when the broker has done it.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::Thread;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::error::{Error, Result};

const PATIENCE: Duration = Duration::from_secs(30);

/// A record as it lies in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its payload.
    pub payload: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// Deletes a topic and waits until the broker no longer lists it.
pub fn delete_topic(brokers: &str, topic: &str) -> Result<()> {
    let admin = admin(brokers)?;
    let results = wait_for(admin.delete_topics(&[topic], &AdminOptions::new()))?;
    for result in results {
        result.map_err(|(_, code)| Error::Client(KafkaError::AdminOp(code)))?;
    }
    let consumer = consumer(brokers)?;
    while !partitions(&consumer, topic)?.is_empty() {
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Grows a topic to `total` partitions.
pub fn add_partitions(brokers: &str, topic: &str, total: usize) -> Result<()> {
    let admin = admin(brokers)?;
    let grown = NewPartitions::new(topic, total);
    let results = wait_for(admin.create_partitions([&grown], &AdminOptions::new()))?;
    for result in results {
        result.map_err(|(_, code)| Error::Client(KafkaError::AdminOp(code)))?;
    }
    Ok(())
}

/// Deletes a partition's records before an offset, as retention does.
pub fn delete_records(brokers: &str, topic: &str, partition: i32, before: i64) -> Result<()> {
    let admin = admin(brokers)?;
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(topic, partition, Offset::Offset(before))?;
    let deleted = wait_for(admin.delete_records(&offsets, &AdminOptions::new()))?;
    for element in deleted.elements() {
        element.error()?;
    }
    Ok(())
}

/// All records that a topic holds now, by partition and offset.
pub fn read_topic(brokers: &str, topic: &str) -> Result<Vec<FoundRecord>> {
    let consumer = consumer(brokers)?;
    let mut found = Vec::new();
    for partition in partitions(&consumer, topic)? {
        let (first, end) = consumer.fetch_watermarks(topic, partition, PATIENCE)?;
        if first == end {
            continue;
        }
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(topic, partition, Offset::Offset(first))?;
        consumer.assign(&from)?;
        loop {
            let Some(polled) = consumer.poll(PATIENCE) else {
                return Err(Error::Client(KafkaError::NoMessageReceived));
            };
            let record = polled?;
            found.push(FoundRecord {
                partition,
                offset: record.offset(),
                key: record.key().map(<[u8]>::to_vec),
                payload: record.payload().map(<[u8]>::to_vec),
                headers: record.headers().map_or_else(Vec::new, |headers| {
                    let value = |value: Option<&[u8]>| value.unwrap_or_default().to_vec();
                    headers
                        .iter()
                        .map(|header| (header.key.to_owned(), value(header.value)))
                        .collect()
                }),
            });
            if record.offset() + 1 >= end {
                break;
            }
        }
    }
    Ok(found)
}

/// Hands each record's payload that a topic holds now to `take`, all partitions at once, as librdkafka alone gives them
/// when it is polled one by one: what a consumer's speed can be held against.
pub fn poll_topic(brokers: &str, topic: &str, mut take: impl FnMut(Option<&[u8]>)) -> Result<()> {
    let consumer = consumer(brokers)?;
    let mut list = TopicPartitionList::new();
    let mut left = 0;
    for partition in partitions(&consumer, topic)? {
        let (first, end) = consumer.fetch_watermarks(topic, partition, PATIENCE)?;
        if first < end {
            list.add_partition_offset(topic, partition, Offset::Offset(first))?;
            left += end - first;
        }
    }
    consumer.assign(&list)?;
    while left > 0 {
        match consumer.poll(PATIENCE) {
            Some(record) => take(record?.payload()),
            None => return Err(Error::Client(KafkaError::NoMessageReceived)),
        }
        left -= 1;
    }
    Ok(())
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<Vec<i32>> {
    // All topics are asked for: asking for one that is gone is an error of its own.
    let metadata = consumer.fetch_metadata(None, PATIENCE)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let mut partitions: Vec<i32> = found.map_or_else(Vec::new, |found| {
        found
            .partitions()
            .iter()
            .map(rdkafka::metadata::MetadataPartition::id)
            .collect()
    });
    partitions.sort_unstable();
    Ok(partitions)
}

fn admin(brokers: &str) -> Result<AdminClient<DefaultClientContext>> {
    Ok(ClientConfig::new().set("bootstrap.servers", brokers).create()?)
}

fn consumer(brokers: &str) -> Result<BaseConsumer> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("group.id", "sandbox-operator");
    config
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error");
    Ok(config.create()?)
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for an answer of rdkafka's admin client, which a thread of its own brings.
fn wait_for<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}
