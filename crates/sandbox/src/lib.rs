//! Real servers without installing services: a private PostgreSQL, librdkafka's mock broker, a local Apache Kafka, a
//! schema registry, a Prometheus and an Alertmanager.
//!
//! Used by the `demo` and by every command that is given no database, and by the tests of the other crates; nothing else
//! may depend on it. What must stay true: a server listens on loopback or on a socket file only, lives in a folder of its
//! own, and never outlives its use: a test's server ends with the test's process however that ends, a project's cluster
//! is stopped by the last command that used it.

pub mod apicurio;
mod cached;
mod error;
mod guard;
pub mod kafka;
pub mod mock;
pub mod monitoring;
mod ports;
pub mod postgres;

pub use apicurio::Apicurio;
pub use error::{Error, Result};
pub use kafka::Kafka;
pub use mock::MockBroker;
pub use monitoring::Monitor;
pub use postgres::Private;
