//! Records' bytes to rows of the contract's fields.
//!
//! Used by `muster ingest` and, for its slots and columns, by the readers of text files. A record becomes a row only
//! when all of it parsed; otherwise it is refused with its own reason and its neighbours are untouched.

pub mod columns;
pub mod slot;
