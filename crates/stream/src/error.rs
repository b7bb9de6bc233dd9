//! What can go wrong on the way to and from Kafka. No variant carries a payload, a key or a setting's value.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::AssignError;

/// Why the stream could not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is not of the form KEY=VALUE. The text is not repeated: it may hold a secret.
    #[error("a Kafka setting is to be written KEY=VALUE")]
    SettingForm,
    /// A setting that nothing lost and nothing doubled rests on.
    #[error("the Kafka setting `{key}` is Muster's own and can not be changed")]
    SettingReserved {
        /// The setting's name.
        key: String,
    },
    /// librdkafka does not take a setting. Its value is not repeated: it may be a secret.
    #[error("the Kafka setting `{key}` is unknown or its value is not accepted")]
    Setting {
        /// The setting's name.
        key: String,
    },
    /// A client could not be made: contradicting settings, unreadable certificates.
    #[error("no Kafka client could be made: {reason}")]
    Client {
        /// librdkafka's words.
        reason: String,
    },
    /// Kafka refused or could not be reached.
    #[error("could not {action}: {code}")]
    Kafka {
        /// What was tried.
        action: &'static str,
        /// librdkafka's code.
        code: RDKafkaErrorCode,
    },
    /// Kafka refused or could not be reached, about one topic.
    #[error("could not {action} `{topic}`: {code}")]
    Topic {
        /// What was tried.
        action: &'static str,
        /// The topic.
        topic: String,
        /// librdkafka's code.
        code: RDKafkaErrorCode,
    },
    /// No answer within the time given.
    #[error("could not {action} within {timeout_ms} ms")]
    TimedOut {
        /// What was tried.
        action: &'static str,
        /// How long, in milliseconds.
        timeout_ms: u64,
    },
    /// The topic is not there.
    #[error("there is no topic `{topic}`")]
    NoTopic {
        /// The topic.
        topic: String,
    },
    /// The broker tells no topic ids: it is older than Kafka 2.8.
    #[error("the broker gives topic `{topic}` no id, Kafka 2.8 or newer is needed")]
    NoTopicId {
        /// The topic.
        topic: String,
    },
    /// The caller could not take the partitions it was given.
    #[error("could not take the partitions: {0}")]
    Assign(#[from] AssignError),
    /// Records that were not delivered; the first error stands for all.
    #[error("{failed} records were not delivered: {code}")]
    Delivery {
        /// How many.
        failed: u64,
        /// The first one's code.
        code: RDKafkaErrorCode,
    },
    /// The client met an error it can not recover from.
    #[error("the Kafka client can not go on: {reason}")]
    Fatal {
        /// librdkafka's words.
        reason: String,
    },
    /// The receiver's thread could not be started or has ended.
    #[error("the receiver's thread has ended")]
    Ended,
}

impl Error {
    /// Whether a record is larger than the client or the broker takes: sending it again does not help.
    pub fn is_record_too_large(&self) -> bool {
        let (Self::Topic { code, .. } | Self::Kafka { code, .. } | Self::Delivery { code, .. }) = self else {
            return false;
        };
        matches!(
            code,
            RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize
        )
    }

    /// What rdkafka reported while `action` was tried.
    pub(crate) fn from_kafka(action: &'static str, error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(_, _, key, _) => Self::Setting { key },
            KafkaError::ClientCreation(reason) | KafkaError::AdminOpCreation(reason) => Self::Client { reason },
            KafkaError::Subscription(reason) | KafkaError::PauseResume(reason) | KafkaError::Seek(reason) => {
                Self::Fatal { reason }
            }
            other => Self::Kafka {
                action,
                code: other.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
            },
        }
    }
}
