//! The store against a real file system and a real PostgreSQL, and its commit protocol against a model.

#![expect(clippy::unwrap_used, reason = "what fails in a test panics, in its helpers too")]

mod alerts;
mod commit;
mod compaction;
mod disk;
mod drift;
mod keys;
mod listings;
mod migrate;
mod outage;
mod protocol;
mod proxy;
mod reconcile;
mod repairs;
mod report;
mod rights;
mod runs;
mod scoring;
mod seal;
mod sources;
mod speed;
mod standing;
mod support;
mod sweep;
mod tls;
mod validate;
