//! Kafka in and out: receiving records into batches, rebalances, topic ids, publishing.
//!
//! Used by the commands alone; the only crate, with the sandbox's mock broker, that knows rdkafka. What must stay true:
//! - Kafka's committed offsets are never read. Where a partition starts is what the [`Assigner`] says, and it is asked
//!   before the group learns that the partition is held.
//! - A revoked partition's rows are dropped, never flushed, and its [`Assigner::revoke`] has returned before the group
//!   learns that it is free.
//! - The group is polled whatever the rest of the process does: a full channel holds back records, not heartbeats.
//! - A [`Follower`] looks on: it belongs to no group and nothing waits for it.
//! - Within one generation of a source every offset is handed out once, in order, and deltas meet without a hole.

pub mod assigner;
mod collector;
pub mod config;
mod context;
pub mod error;
mod ffi;
pub mod follower;
mod lane;
mod one_record;
mod pace;
pub mod publisher;
mod rebalance;
pub mod received;
pub mod receiver;
mod receiving;
mod topic_watch;
pub mod topics;

pub use assigner::{AssignError, Assigner, PartitionRef, Start, StartAt, Taken};
pub use config::{Compression, Connection, GroupProtocol, PublisherConfig, ReceiverConfig};
pub use error::Error;
pub use follower::{FollowFrom, Follower};
pub use one_record::{AtOffset, at_offset};
pub use publisher::{Deliveries, Outgoing, Publisher, partition_of_row};
pub use received::{Lag, RECEIVED_CAPACITY, Received};
pub use receiver::Receiver;
pub use topics::{TopicFacts, Topics};

/// The version of librdkafka that this program was built with.
pub fn library_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}
