//! The built program end to end, on a real Kafka and a real PostgreSQL: what it does with good and bad input, and that
//! nothing is lost or doubled whatever dies when.
//!
//! Every test of a fault ends with the [`oracle`].

#![expect(clippy::unwrap_used, reason = "what fails in a test panics, in its helpers too")]

mod alerting;
mod backtest;
mod broker;
mod check;
mod claims;
mod connecting;
mod contract_diff;
mod dashboards;
mod database;
mod dead_letters;
mod disk;
mod doctor;
mod drift;
mod first_contact;
mod groups;
mod housekeeping;
mod init;
mod killed;
mod logins;
mod merged;
mod oracle;
mod pausing;
mod privacy;
mod program;
mod publishing;
mod real_file;
mod receiver;
mod registry;
mod repairs;
mod reports;
mod scenarios;
mod scoring;
mod sealed;
mod starting;
mod stopping;
mod tap;
mod terminal;
mod top;
mod traces;
mod typed_files;
mod validate;
mod validate_memory;
mod verify;
mod watching;
mod wire;
mod world;
