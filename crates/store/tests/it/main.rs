//! The store against a real file system and a real PostgreSQL, and its commit protocol against a model.

mod commit;
mod disk;
mod keys;
mod migrate;
mod outage;
mod protocol;
mod proxy;
mod reconcile;
mod scoring;
mod seal;
mod speed;
mod support;
mod sweep;
mod validate;
