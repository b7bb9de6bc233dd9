//! How fast records go into a real Kafka and come out of it, as batches and bare.
//!
//! `cargo bench -p muster-stream --bench receive` starts a broker of its own (or uses `KAFKA_BROKERS`), sends a million
//! records of 114 bytes to six partitions and reads them, ours and librdkafka alone in turn. CPU is that of this process,
//! so librdkafka's own threads are in it and the broker is not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_spec::SourceId;
use muster_stream::{
    AssignError, Assigner, Connection, Outgoing, PartitionRef, Publisher, PublisherConfig, Received, Receiver,
    ReceiverConfig, Start, StartAt, Taken, Topics,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use figures::{Clock, Spent};

#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../tests/bench/figures.rs"]
mod figures;

const RECORDS: usize = 1_000_000;
const PAYLOAD_BYTES: usize = 114;
const PARTITIONS: i32 = 6;
const ROUNDS: usize = 5;
const PUBLISH_ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_mins(1);

fn main() {
    let Some(brokers) = muster_sandbox::kafka::broker_for_tests() else {
        return;
    };
    let topic = format!("bench.{}", std::process::id());
    let topics = Topics::new(&Connection::new(&brokers)).expect("a client");
    let records = figures::rows(RECORDS);
    let numbers = std::cell::Cell::new(0);
    let fresh = || {
        numbers.set(numbers.get() + 1);
        let fresh = format!("{topic}.{}", numbers.get());
        topics.ensure(&fresh, Some(PARTITIONS), PATIENCE).expect("a topic");
        fresh
    };
    let what = format!("{PAYLOAD_BYTES} bytes, {PARTITIONS} partitions");
    figures::compare(
        "send",
        &what,
        "librdkafka alone",
        PUBLISH_ROUNDS,
        || publish(&brokers, &fresh(), records),
        || publish_bare(&brokers, &fresh(), records),
    );
    let read = format!("{topic}.1");
    figures::compare(
        "receive",
        &what,
        "librdkafka alone, polled one by one",
        ROUNDS,
        || receive(&brokers, &read, records),
        || bare(&brokers, &read, records),
    );
}

/// A clock that is started by the first record.
#[derive(Default)]
struct SinceFirst(Option<(Instant, f64)>);

impl SinceFirst {
    fn mark(&mut self) {
        self.0.get_or_insert_with(|| (Instant::now(), Clock::Process.secs()));
    }

    fn spent(self, rows: usize) -> Spent {
        let (begun, cpu_begun) = self.0.expect("records came");
        Spent {
            rows: rows as u64,
            wall_secs: begun.elapsed().as_secs_f64(),
            cpu_secs: Clock::Process.secs() - cpu_begun,
        }
    }
}

/// The payload of a record.
fn payload(number: usize) -> [u8; PAYLOAD_BYTES] {
    let mut payload = *b"{\"enrollee_id\":00000000,\"city\":\"city_103\",\"education\":\"Graduate\",\"experience\":\"15\",\"company_size\":\"50-99\",\"t\":1}\0\0";
    payload[15..23].copy_from_slice(format!("{number:08}").as_bytes());
    payload
}

fn publish(brokers: &str, topic: &str, records: usize) -> Spent {
    let publisher = Publisher::new(&PublisherConfig::new(Connection::new(brokers))).expect("a client");
    Spent::of(Clock::Process, || {
        for number in 0..records {
            let outgoing = Outgoing {
                topic,
                partition: Some((number % PARTITIONS as usize) as i32),
                key: None,
                payload: Some(&payload(number)),
                headers: &[],
                timestamp_ms: None,
            };
            publisher.send(&outgoing).expect("room");
        }
        publisher.flush(PATIENCE).expect("acknowledged");
        records as u64
    })
}

/// The same by rdkafka's own producer, with the settings that say what is acknowledged and how it is packed.
fn publish_bare(brokers: &str, topic: &str, records: usize) -> Spent {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.codec", "lz4")
        .set("linger.ms", "20")
        .create()
        .expect("a client");
    Spent::of(Clock::Process, || {
        for number in 0..records {
            let payload = payload(number);
            let mut record = BaseRecord::<(), [u8]>::to(topic)
                .payload(&payload)
                .partition((number % PARTITIONS as usize) as i32);
            while let Err((_, again)) = producer.send(record) {
                std::thread::sleep(Duration::from_millis(2));
                record = again;
            }
        }
        producer.flush(PATIENCE).expect("acknowledged");
        records as u64
    })
}

fn bare(brokers: &str, topic: &str, records: usize) -> Spent {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("fetch.message.max.bytes", "10485760")
        .set("fetch.queue.backoff.ms", "10")
        .create()
        .expect("a client");
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, Offset::Beginning)
            .expect("an offset");
    }
    consumer.assign(&list).expect("assigned");
    let (mut clock, mut count, mut bytes) = (SinceFirst::default(), 0, 0);
    while count < records {
        if let Some(Ok(message)) = consumer.poll(PATIENCE) {
            clock.mark();
            bytes += message.payload().map_or(0, <[u8]>::len);
            count += 1;
        }
    }
    let spent = clock.spent(records);
    assert_eq!(bytes, records * PAYLOAD_BYTES);
    spent
}

/// Every source is new and starts at its first record.
struct FromTheStart;

impl Assigner for FromTheStart {
    fn assign(&self, partitions: &[PartitionRef]) -> Result<Vec<Start>, AssignError> {
        let start = |partition: &PartitionRef| Start {
            source: SourceId(i64::from(partition.partition)),
            next: StartAt::Earliest,
            paused: false,
        };
        Ok(partitions.iter().map(start).collect())
    }

    fn revoke(&self, _: &[Taken], _: bool) {}
}

fn receive(brokers: &str, topic: &str, records: usize) -> Spent {
    let group = format!("{topic}.{:?}", Instant::now());
    let config = ReceiverConfig::new(Connection::new(brokers), group, vec![topic.to_owned()]);
    let (receiver, mut events) = Receiver::start(config, Arc::new(FromTheStart)).expect("a client");
    let (mut clock, mut count, mut bytes) = (SinceFirst::default(), 0, 0);
    while count < records {
        match events.blocking_recv() {
            Some(Received::Batch { batch, .. }) => {
                clock.mark();
                bytes += batch.byte_len();
                count += batch.len();
            }
            Some(Received::Failed(error)) => panic!("{error}"),
            Some(_) => {}
            None => panic!("the receiver ended"),
        }
    }
    let spent = clock.spent(records);
    assert_eq!(bytes, records * PAYLOAD_BYTES);
    receiver.stop(PATIENCE).expect("left the group");
    spent
}
