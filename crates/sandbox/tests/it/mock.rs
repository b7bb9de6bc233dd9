//! The mock broker takes records and gives them back.

use std::time::Duration;

use muster_sandbox::MockBroker;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

#[test]
fn records_come_back_from_the_partition_they_went_to() {
    let broker = MockBroker::start(&[("hr.candidate.v1", 3)]).unwrap();
    broker.create_topic("later", 2).unwrap();
    assert!(broker.create_topic("later", 2).is_err(), "a topic is made once");
    round_trip(broker.brokers(), "hr.candidate.v1", 2);
    round_trip(broker.brokers(), "later", 1);
}

/// Sends three records to a partition and reads them again.
pub fn round_trip(brokers: &str, topic: &str, partition: i32) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    let producer: BaseProducer = config.create().unwrap();
    for number in 0..3 {
        let payload = format!("{topic}-{number}");
        producer
            .send(BaseRecord::<str, str>::to(topic).partition(partition).payload(&payload))
            .unwrap();
    }
    producer.flush(Duration::from_secs(20)).unwrap();

    let consumer: BaseConsumer = config.set("group.id", "none").create().unwrap();
    let mut assigned = TopicPartitionList::new();
    assigned
        .add_partition_offset(topic, partition, Offset::Beginning)
        .unwrap();
    consumer.assign(&assigned).unwrap();
    for number in 0..3 {
        let record = consumer
            .poll(Duration::from_secs(20))
            .expect("a record in 20 s")
            .unwrap();
        assert_eq!(record.payload(), Some(format!("{topic}-{number}").as_bytes()));
        assert_eq!(record.offset(), number);
    }
}
