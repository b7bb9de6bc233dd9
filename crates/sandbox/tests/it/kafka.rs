//! A real broker is started, killed and started again.

use muster_sandbox::kafka::own_broker_for_tests;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::mock::round_trip;

fn create_topic(brokers: &str, topic: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let topic = NewTopic::new(topic, 2, TopicReplication::Fixed(1));
    let made = runtime
        .block_on(admin.create_topics([&topic], &AdminOptions::new()))
        .unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

#[test]
fn a_killed_broker_comes_back_with_its_topics_and_ends_with_its_owner() {
    let Some(mut kafka) = own_broker_for_tests() else {
        return;
    };
    let brokers = kafka.brokers();
    create_topic(&brokers, "first");
    round_trip(&brokers, "first", 1);

    let killed = kafka.pid().unwrap();
    kafka.kill().unwrap();
    assert_eq!(kafka.pid(), None);
    assert!(
        !std::path::Path::new(&format!("/proc/{killed}")).exists(),
        "killed and reaped"
    );
    kafka.restart().unwrap();
    assert_eq!(kafka.brokers(), brokers);
    round_trip_after(&brokers, "first", 1, 3);

    let last = kafka.pid().unwrap();
    let folder = kafka.log_file().parent().unwrap().to_owned();
    drop(kafka);
    assert!(!std::path::Path::new(&format!("/proc/{last}")).exists());
    assert!(!folder.exists(), "its data is gone");
}

#[test]
fn two_brokers_do_not_get_in_each_others_way() {
    let (Some(left), Some(right)) = (own_broker_for_tests(), own_broker_for_tests()) else {
        return;
    };
    assert_ne!(left.brokers(), right.brokers());
    create_topic(&left.brokers(), "left");
    create_topic(&right.brokers(), "right");
    round_trip(&left.brokers(), "left", 0);
    round_trip(&right.brokers(), "right", 0);
}

/// What was written before the kill is still there.
fn round_trip_after(brokers: &str, topic: &str, partition: i32, records: i64) {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let (low, high) = consumer
        .fetch_watermarks(topic, partition, std::time::Duration::from_secs(20))
        .unwrap();
    assert_eq!((low, high), (0, records));
}
