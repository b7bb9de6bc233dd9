//! What a cluster says of its topics: ids, partition counts, watermarks; and making a topic that is missing.
//!
//! Used by the wiring before each commit (is the topic still the one the rows came from?), by `publish`, and for lag of
//! sources that are not being fetched. Every call blocks for at most the time given; from async code call it on a
//! thread that may block.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use muster_spec::{Offset, TopicId};
use rdkafka::Offset as KafkaOffset;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::context::Context;
use crate::{Connection, Error, ffi};

/// What the cluster says of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicFacts {
    /// Its id; another one under the same name is another topic.
    pub id: TopicId,
    /// How many partitions it has.
    pub partitions: i32,
}

/// A client that asks about topics and makes them.
pub struct Topics {
    connection: Connection,
    client: BaseConsumer<Context>,
}

impl Topics {
    /// A client; connects when it is first asked.
    pub fn new(connection: &Connection) -> Result<Self, Error> {
        let client = BaseConsumer::from_config_and_context(&connection.admin_config(), Context::default())
            .map_err(|error| Error::from_kafka("make a client", error))?;
        Ok(Self {
            connection: connection.clone(),
            client,
        })
    }

    /// Ids and partition counts of those of `topics` that are there.
    pub fn describe(&self, topics: &[&str], timeout: Duration) -> Result<HashMap<String, TopicFacts>, Error> {
        if topics.is_empty() {
            return Ok(HashMap::new());
        }
        let facts = ffi::describe(self.client.client(), topics, timeout);
        self.serve_log();
        facts
    }

    /// The brokers of the cluster, `host:port` each.
    pub fn brokers(&self, timeout: Duration) -> Result<Vec<String>, Error> {
        let metadata = self.client.fetch_metadata(None, timeout);
        self.serve_log();
        let metadata = metadata.map_err(|error| Error::from_kafka("ask for the brokers", error))?;
        let brokers = metadata.brokers().iter();
        Ok(brokers
            .map(|broker| format!("{}:{}", broker.host(), broker.port()))
            .collect())
    }

    /// Of how many of a topic's partitions some record's timestamp is not before this moment, in milliseconds since 1970.
    pub fn partitions_since(&self, topic: &str, partitions: i32, millis: i64, timeout: Duration) -> Result<u32, Error> {
        let mut wanted = TopicPartitionList::new();
        let failed = |error| Error::from_kafka("look for records by time", error);
        for partition in 0..partitions {
            wanted
                .add_partition_offset(topic, partition, KafkaOffset::Offset(millis))
                .map_err(failed)?;
        }
        let found = self.client.offsets_for_times(wanted, timeout);
        self.serve_log();
        let elements = found.map_err(failed)?;
        let some = |offset: KafkaOffset| matches!(offset, KafkaOffset::Offset(_));
        Ok(elements
            .elements()
            .iter()
            .filter(|element| some(element.offset()))
            .count() as u32)
    }

    /// The first offset a partition's log holds and one past its last.
    pub fn watermarks(&self, topic: &str, partition: i32, timeout: Duration) -> Result<(Offset, Offset), Error> {
        let watermarks = self.client.fetch_watermarks(topic, partition, timeout);
        self.serve_log();
        let (low, high) = watermarks.map_err(|error| Error::from_kafka("read the watermarks", error))?;
        Ok((Offset(low), Offset(high)))
    }

    /// Passes on what the client had to say; without this its log lines would pile up. A poll that may not wait serves
    /// one line only.
    fn serve_log(&self) {
        let _ = self.client.poll(Duration::from_millis(1));
    }

    /// The topic's facts; makes it when it is missing and `partitions` says with how many. The replication factor is
    /// the broker's default. A mock broker makes no topics on request.
    pub fn ensure(&self, topic: &str, partitions: Option<i32>, timeout: Duration) -> Result<TopicFacts, Error> {
        let end = Instant::now() + timeout;
        if let Some(facts) = self.describe(&[topic], timeout)?.remove(topic) {
            return Ok(facts);
        }
        let partitions = partitions.ok_or_else(|| Error::NoTopic {
            topic: topic.to_owned(),
        })?;
        self.create(topic, partitions, left(end))?;
        // The controller has made it; every broker hears of it a moment later.
        loop {
            if let Some(facts) = self
                .describe(&[topic], left(end).max(Duration::from_millis(100)))?
                .remove(topic)
            {
                return Ok(facts);
            }
            if left(end).is_zero() {
                return Err(Error::TimedOut {
                    action: "make the topic",
                    timeout_ms: timeout.as_millis() as u64,
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn create(&self, topic: &str, partitions: i32, timeout: Duration) -> Result<(), Error> {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
        let options = AdminOptions::new()
            .operation_timeout(Some(timeout))
            .request_timeout(Some(timeout));
        let admin: AdminClient<Context> =
            AdminClient::from_config_and_context(&self.connection.admin_config(), Context::default())
                .map_err(|error| Error::from_kafka("make a client", error))?;
        let results = wait_for(admin.create_topics([&new], &options))
            .map_err(|error| Error::from_kafka("make the topic", error))?;
        match results.into_iter().next() {
            // Another process was quicker.
            None | Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(Error::Topic {
                action: "make the topic",
                topic: topic.to_owned(),
                code,
            }),
        }
    }
}

/// Waits for an answer of rdkafka's admin client, which a thread of its own brings; works inside and outside of async
/// code.
fn wait_for<F: Future + Send>(future: F) -> F::Output
where
    F::Output: Send,
{
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                tokio::runtime::Builder::new_current_thread()
                    .build()
                    .expect("a runtime without IO needs nothing of the system")
                    .block_on(future)
            })
            .join()
            .expect("rdkafka's admin client does not panic")
    })
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}
