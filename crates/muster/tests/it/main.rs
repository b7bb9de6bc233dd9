//! The built program end to end, on a real Kafka and a real PostgreSQL: what it does with good and bad input, and that
//! nothing is lost or doubled whatever dies when.
//!
//! Every test of a fault ends with the [`oracle`].

mod oracle;
mod program;
mod real_file;
mod world;
