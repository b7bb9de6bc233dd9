//! How fast records come out of a real Kafka, as batches and bare.
//!
//! `cargo bench -p muster-stream --bench receive` starts a broker of its own (or uses `KAFKA_BROKERS`), publishes a
//! million records of 114 bytes to six partitions and reads them in turn by librdkafka alone and by the receiver. CPU is
//! that of this process, so librdkafka's own threads are in it and the broker is not.
#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_spec::SourceId;
use muster_stream::{
    AssignError, Assigner, Connection, Outgoing, PartitionRef, Publisher, PublisherConfig, Received, Receiver,
    ReceiverConfig, Start, StartAt, Taken, Topics,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

const RECORDS: usize = 1_000_000;
const PAYLOAD_BYTES: usize = 114;
const PARTITIONS: i32 = 6;
const ROUNDS: usize = 4;
const PATIENCE: Duration = Duration::from_mins(1);

fn main() {
    let Some(brokers) = muster_sandbox::kafka::broker_for_tests() else {
        return;
    };
    let topic = format!("bench.{}", std::process::id());
    let topics = Topics::new(&Connection::new(&brokers)).expect("a client");
    topics.ensure(&topic, Some(PARTITIONS), PATIENCE).expect("a topic");
    report("publish, lz4", &publish(&brokers, &topic));
    for _ in 0..ROUNDS {
        report("librdkafka alone, polled one by one", &bare(&brokers, &topic));
        report("receiver, into batches", &receive(&brokers, &topic));
    }
}

struct Figures {
    wall: Duration,
    cpu: Duration,
}

fn report(what: &str, figures: &Figures) {
    println!(
        "{what:<40} {:>9.0} records/s   {:>5.0} ns of CPU a record",
        RECORDS as f64 / figures.wall.as_secs_f64(),
        figures.cpu.as_nanos() as f64 / RECORDS as f64,
    );
}

/// What it took since the first record was there.
fn since((begun, cpu_begun): (Instant, Duration)) -> Figures {
    Figures {
        wall: begun.elapsed(),
        cpu: cpu().saturating_sub(cpu_begun),
    }
}

/// User and system time of this process so far, in the kernel's hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(')').next().expect("a name in brackets");
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}

fn publish(brokers: &str, topic: &str) -> Figures {
    let publisher = Publisher::new(&PublisherConfig::new(Connection::new(brokers))).expect("a client");
    let mut payload = *b"{\"enrollee_id\":00000000,\"city\":\"city_103\",\"education\":\"Graduate\",\"experience\":\"15\",\"company_size\":\"50-99\",\"target\":1}\0\0";
    let begun = (Instant::now(), cpu());
    for number in 0..RECORDS {
        payload[15..23].copy_from_slice(format!("{number:08}").as_bytes());
        let outgoing = Outgoing {
            topic,
            partition: Some((number % PARTITIONS as usize) as i32),
            key: None,
            payload: Some(&payload[..PAYLOAD_BYTES]),
            headers: &[],
            timestamp_ms: None,
        };
        publisher.send(&outgoing).expect("room");
    }
    publisher.flush(PATIENCE).expect("acknowledged");
    since(begun)
}

fn bare(brokers: &str, topic: &str) -> Figures {
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
    let (mut begun, mut count, mut bytes) = (None, 0, 0);
    while count < RECORDS {
        if let Some(Ok(message)) = consumer.poll(PATIENCE) {
            begun.get_or_insert_with(|| (Instant::now(), cpu()));
            bytes += message.payload().map_or(0, <[u8]>::len);
            count += 1;
        }
    }
    let figures = since(begun.expect("records"));
    assert_eq!(bytes, RECORDS * PAYLOAD_BYTES);
    figures
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

fn receive(brokers: &str, topic: &str) -> Figures {
    let group = format!("{topic}.{:?}", Instant::now());
    let config = ReceiverConfig::new(Connection::new(brokers), group, vec![topic.to_owned()]);
    let (receiver, mut events) = Receiver::start(config, Arc::new(FromTheStart)).expect("a client");
    let (mut begun, mut count, mut bytes) = (None, 0, 0);
    while count < RECORDS {
        match events.blocking_recv() {
            Some(Received::Batch { batch, .. }) => {
                begun.get_or_insert_with(|| (Instant::now(), cpu()));
                bytes += batch.byte_len();
                count += batch.len();
            }
            Some(Received::Failed(error)) => panic!("{error}"),
            Some(_) => {}
            None => panic!("the receiver ended"),
        }
    }
    let figures = since(begun.expect("records"));
    assert_eq!(bytes, RECORDS * PAYLOAD_BYTES);
    receiver.stop(PATIENCE).expect("left the group");
    figures
}
