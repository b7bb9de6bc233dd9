//! A schema registry, asked over Confluent's HTTP API: which schema does the id in a record's frame mean?
//!
//! Used by `muster ingest` (schemas by id, through [`Schemas`]) and `muster publish` (registers `<topic>-value`). What
//! must stay true: an outage never makes a row bad. Everything the registry's absence, overload or refusal to let us in
//! may cause is an error to be tried again ([`Error::retry`]); only the registry's own word that it has no such schema,
//! given several times over a while, makes an id [`Answer::Unknown`]. When to try again is the caller's to decide.
//! Passwords stand in no error and no log line.

mod cache;
mod client;
mod error;

pub use cache::{Answer, CacheError, NoCache, SchemaCache, Schemas};
pub use client::{Options, Registry, subject_of};
pub use error::{Error, Retry};
