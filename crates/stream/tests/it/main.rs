//! Receiving and publishing against brokers, with everything that goes wrong between.
//!
//! Most tests need a real Apache Kafka: `KAFKA_BROKERS`, or one of the sandbox's. Where none can be had they say so and
//! pass, unless `MUSTER_REQUIRE_KAFKA=1`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod broken_wire;
mod faults;
mod follower;
mod groups;
mod logs;
mod mock;
mod oracle;
mod proxy;
mod publishing;
mod records;
mod world;
