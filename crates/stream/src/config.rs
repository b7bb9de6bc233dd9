//! Settings of the clients: how to reach the cluster, how to receive, how to publish.
//!
//! Filled by the command line. Settings of the user's own (TLS, SASL) are handed to librdkafka as they are and never
//! printed: [`Connection`]'s `Debug` shows their names only.

use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::{Error, RECEIVED_CAPACITY};

/// What nothing lost and nothing doubled rests on, and what has a place of its own: the user may not set these.
const RESERVED: [&str; 13] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "group.protocol",
    "partition.assignment.strategy",
    "enable.auto.commit",
    "auto.commit.enable",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "isolation.level",
    "enable.partition.eof",
    "enable.idempotence",
    "acks",
];

/// How to reach a Kafka cluster.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Connection {
    brokers: String,
    settings: Vec<(String, String)>,
}

impl Connection {
    /// A connection to brokers given as `host:port[,host:port]`.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            settings: Vec::new(),
        }
    }

    /// The same with one more librdkafka setting, written `KEY=VALUE`.
    pub fn with(mut self, setting: &str) -> Result<Self, Error> {
        let (key, value) = setting.split_once('=').ok_or(Error::SettingForm)?;
        let key = key.trim();
        if RESERVED.contains(&key) {
            return Err(Error::SettingReserved { key: key.to_owned() });
        }
        self.settings.push((key.to_owned(), value.to_owned()));
        Ok(self)
    }

    /// The brokers, as given.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// What every client is made with. Timeouts are short enough to notice a peer that is silent, not closed, within
    /// half a minute; settings of the user's own come last.
    fn client_config(&self, client_id: &str, own: &[(&str, String)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", client_id);
        for (key, value) in [
            ("socket.timeout.ms", "10000"),
            ("socket.connection.setup.timeout.ms", "10000"),
            ("socket.keepalive.enable", "true"),
            ("reconnect.backoff.ms", "100"),
            ("reconnect.backoff.max.ms", "5000"),
            ("log.connection.close", "false"),
        ] {
            config.set(key, value);
        }
        for (key, value) in own {
            config.set(*key, value);
        }
        for (key, value) in &self.settings {
            config.set(key, value);
        }
        config.set_log_level(RDKafkaLogLevel::Info);
        config
    }

    /// Settings of a client that reads topics without a group. What is gone from a log is passed over: who only looks
    /// on loses nothing by it.
    pub(crate) fn follower_config(&self) -> ClientConfig {
        let own = [
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            ("isolation.level", "read_committed"),
            ("enable.partition.eof", "true"),
            ("fetch.message.max.bytes", "10485760"),
            ("fetch.queue.backoff.ms", "10"),
            ("check.crcs", "true"),
            ("queued.max.messages.kbytes", "16384"),
        ];
        self.client_config("muster-tap", &own.map(|(key, value)| (key, value.to_owned())))
    }

    /// Settings of a client that only asks about topics and makes them.
    pub(crate) fn admin_config(&self) -> ClientConfig {
        self.client_config("muster-topics", &[])
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.settings.iter().map(|(key, _)| key.as_str()).collect();
        out.debug_struct("Connection")
            .field("brokers", &self.brokers)
            .field("settings", &names)
            .finish()
    }
}

/// How the group shares its partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupProtocol {
    /// The classic protocol with `cooperative-sticky`: works with every broker.
    #[default]
    CooperativeSticky,
    /// The protocol of Kafka 4 (`group.protocol=consumer`), in which the broker assigns.
    Consumer,
}

/// How to receive.
#[derive(Clone, Debug)]
pub struct ReceiverConfig {
    /// The cluster.
    pub connection: Connection,
    /// The consumer group.
    pub group: String,
    /// The topics to receive.
    pub topics: Vec<String>,
    /// Who the group's member says it is.
    pub client_id: String,
    /// How the group shares its partitions.
    pub protocol: GroupProtocol,
    /// After how long without a heartbeat a member is dead; the broker decides where it assigns.
    pub session_timeout_ms: u64,
    /// How many records close a batch.
    pub batch_rows_max: usize,
    /// How many bytes of payloads, keys and headers close a batch.
    pub batch_bytes_max: usize,
    /// How long a batch is open at most, from its first record on.
    pub batch_open_ms: u64,
    /// How many events the channel holds.
    pub capacity: usize,
    /// Within how long added partitions are found.
    pub partitions_found_ms: u64,
    /// How often topics are asked for their ids, so that one made again is noticed.
    pub topic_check_ms: u64,
    /// How long one question to a broker may take.
    pub request_timeout_ms: u64,
    /// How long to stay away after partitions could not be taken, the first time; doubles up to 30 s, with jitter.
    pub rejoin_ms: u64,
    /// How many kilobytes librdkafka may hold that were fetched and not yet received.
    pub prefetch_kbytes_max: u32,
}

impl ReceiverConfig {
    /// A receiver of `topics` in `group`, with the defaults that the documentation states.
    pub fn new(connection: Connection, group: impl Into<String>, topics: Vec<String>) -> Self {
        Self {
            connection,
            group: group.into(),
            topics,
            client_id: "muster-ingest".to_owned(),
            protocol: GroupProtocol::default(),
            session_timeout_ms: 10_000,
            batch_rows_max: 8192,
            batch_bytes_max: 8 << 20,
            batch_open_ms: 200,
            capacity: RECEIVED_CAPACITY,
            partitions_found_ms: 30_000,
            topic_check_ms: 5_000,
            request_timeout_ms: 5_000,
            rejoin_ms: 500,
            prefetch_kbytes_max: 65_536,
        }
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn client_config(&self) -> ClientConfig {
        let mut own = vec![
            ("group.id", self.group.clone()),
            ("enable.auto.commit", "false".to_owned()),
            ("enable.auto.offset.store", "false".to_owned()),
            ("auto.offset.reset", "error".to_owned()),
            ("isolation.level", "read_committed".to_owned()),
            ("enable.partition.eof", "true".to_owned()),
            ("fetch.message.max.bytes", "10485760".to_owned()),
            ("fetch.queue.backoff.ms", "10".to_owned()),
            ("check.crcs", "true".to_owned()),
            ("queued.max.messages.kbytes", self.prefetch_kbytes_max.to_string()),
            (
                "topic.metadata.refresh.interval.ms",
                self.partitions_found_ms.to_string(),
            ),
        ];
        match self.protocol {
            GroupProtocol::CooperativeSticky => own.extend([
                ("partition.assignment.strategy", "cooperative-sticky".to_owned()),
                ("session.timeout.ms", self.session_timeout_ms.to_string()),
                (
                    "heartbeat.interval.ms",
                    (self.session_timeout_ms / 5).clamp(100, 3_000).to_string(),
                ),
            ]),
            GroupProtocol::Consumer => own.push(("group.protocol", "consumer".to_owned())),
        }
        self.connection.client_config(&self.client_id, &own)
    }
}

/// How records are compressed on the way to the broker and in its log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Fast, moderate.
    #[default]
    Lz4,
    /// Smaller; as fast here for records of a hundred bytes.
    Zstd,
}

/// How to publish.
#[derive(Clone, Debug)]
pub struct PublisherConfig {
    /// The cluster.
    pub connection: Connection,
    /// Who the client says it is.
    pub client_id: String,
    /// How records are compressed.
    pub compression: Compression,
    /// How long a record waits for others to be sent with.
    pub linger_ms: u64,
    /// How many records may be under way; sending waits while there are more.
    pub records_max: u32,
    /// How many kilobytes may be under way.
    pub kbytes_max: u32,
    /// How large a record may be; the broker has a limit of its own.
    pub record_bytes_max: u32,
    /// After how long a record that no broker acknowledged counts as not delivered.
    pub delivery_timeout_ms: u64,
    /// How many records are sent in a second at most; `None` is as fast as it goes.
    pub rows_per_sec: Option<f64>,
}

impl PublisherConfig {
    /// A publisher with the defaults that the documentation states.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            client_id: "muster-publish".to_owned(),
            compression: Compression::default(),
            linger_ms: 20,
            records_max: 100_000,
            kbytes_max: 65_536,
            record_bytes_max: 1_000_000,
            delivery_timeout_ms: 120_000,
            rows_per_sec: None,
        }
    }

    pub(crate) fn client_config(&self) -> ClientConfig {
        let codec = match self.compression {
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        };
        let own = [
            ("enable.idempotence", "true".to_owned()),
            ("acks", "all".to_owned()),
            ("compression.codec", codec.to_owned()),
            ("linger.ms", self.linger_ms.to_string()),
            ("queue.buffering.max.messages", self.records_max.to_string()),
            ("queue.buffering.max.kbytes", self.kbytes_max.to_string()),
            ("message.max.bytes", self.record_bytes_max.to_string()),
            ("message.timeout.ms", self.delivery_timeout_ms.to_string()),
            // Java's clients hash keys like this: the same key goes to the same partition whoever publishes it.
            ("partitioner", "murmur2_random".to_owned()),
        ];
        self.connection.client_config(&self.client_id, &own)
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
