//! Topics with names of their own on a broker that tests share, and the events that are put into them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use muster_stream::{Connection, Outgoing, Publisher, PublisherConfig, ReceiverConfig, Topics};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;

pub const PATIENCE: Duration = Duration::from_secs(30);

/// A topic of one test and the broker it is on.
pub struct World {
    pub brokers: String,
    pub topic: String,
    pub topics: Topics,
}

impl World {
    /// A new topic on the broker that tests share; `None`, said loudly by the sandbox, where there is no real Kafka.
    pub fn new(name: &str, partitions: i32) -> Option<Self> {
        Some(Self::on(muster_sandbox::kafka::broker_for_tests()?, name, partitions))
    }

    pub fn on(brokers: String, name: &str, partitions: i32) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let topic = format!("{name}.{}.{count}", std::process::id());
        let topics = Topics::new(&Connection::new(&brokers)).unwrap();
        topics.ensure(&topic, Some(partitions), PATIENCE).unwrap();
        Self { brokers, topic, topics }
    }

    /// A receiver in this topic's own group, quick enough for tests.
    pub fn config(&self) -> ReceiverConfig {
        self.config_with(&[])
    }

    pub fn config_with(&self, settings: &[&str]) -> ReceiverConfig {
        let connection = settings
            .iter()
            .try_fold(Connection::new(&self.brokers), |connection, setting| {
                connection.with(setting)
            })
            .unwrap();
        let mut config = ReceiverConfig::new(connection, format!("{}.group", self.topic), vec![self.topic.clone()]);
        config.session_timeout_ms = 6_000;
        config.partitions_found_ms = 500;
        config.topic_check_ms = 500;
        config.batch_open_ms = 20;
        config
    }

    pub fn publisher(&self) -> Publisher {
        publisher(&self.brokers)
    }

    /// Publishes the events numbered `from..to`, keyed, and waits until the broker has them.
    pub fn publish(&self, from: u64, to: u64) {
        let publisher = self.publisher();
        for number in from..to {
            send(&publisher, &self.topic, number);
        }
        publisher.flush(PATIENCE).unwrap();
    }

    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .create()
            .unwrap()
    }

    pub fn add_partitions(&self, to: usize) {
        let new = NewPartitions::new(&self.topic, to);
        wait_for(self.admin().create_partitions([&new], &AdminOptions::new())).unwrap()[0]
            .as_ref()
            .unwrap();
    }

    pub fn delete_topic(&self) {
        wait_for(self.admin().delete_topics(&[&self.topic], &AdminOptions::new())).unwrap()[0]
            .as_ref()
            .unwrap();
        let gone = || self.topics.describe(&[&self.topic], PATIENCE).unwrap().is_empty();
        crate::oracle::wait_until(10, "the topic is gone", gone);
    }
}

pub fn publisher(brokers: &str) -> Publisher {
    let mut config = PublisherConfig::new(Connection::new(brokers));
    config.linger_ms = 2;
    Publisher::new(&config).unwrap()
}

/// Sends one numbered event.
pub fn send(publisher: &Publisher, topic: &str, number: u64) {
    let payload = number.to_le_bytes();
    let key = (number % 97).to_string();
    let outgoing = Outgoing {
        topic,
        partition: None,
        key: Some(key.as_bytes()),
        payload: Some(&payload),
        headers: &[],
        timestamp_ms: None,
    };
    publisher.send(&outgoing).unwrap();
}

/// Waits for one of rdkafka's admin answers.
pub fn wait_for<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
