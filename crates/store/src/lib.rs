//! What is kept: sealed files under names that carry source and token, and the ledger that lists them.
//!
//! Used by `muster` alone. `files` writes, checks and sweeps; `ledger` is the only place that speaks to PostgreSQL. A
//! file counts when the ledger lists it, never because it lies in a folder; what becomes visible together becomes so
//! in one statement.

pub mod error;
pub mod files;
pub mod ledger;

pub use error::{Domain, Error};
pub use files::{BatchWriter, FileStore, FolderStore, RuleCount, Sealed, Step};
pub use ledger::{Ledger, Role, Settings};
