//! Bytes to rows, rows to verdicts: decoding and judging against a contract.
//!
//! Used by `muster` between receiving and sealing, and by `validate` and `publish` on files. No clock, network,
//! environment or file reads, and no failure on data: a record that cannot be decoded and a row that breaks a rule are
//! results. An [`Error`] means that a schema or a contract cannot be worked with at all.

pub mod decode;
pub mod diff;
pub mod error;
#[cfg(feature = "rules")]
pub mod judge;
pub mod lines;
#[cfg(feature = "rules")]
pub mod patch;
pub mod text;

pub use error::Error;
