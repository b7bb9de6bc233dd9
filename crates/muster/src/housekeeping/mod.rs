//! Keeping house: small files become large ones, rows that are past their age go, and so do files nobody reads any more.
//!
//! Used by `muster compact`, `muster retain` and, for the last, by the sweep of ingest. All of it runs beside ingest and
//! scoring. Rows, counts, marks and predictions do not change by it, and a reader in the middle of a file is not disturbed:
//! a file is first taken off the list, in one statement, and deleted when nobody can be reading it.

pub mod compacting;
pub mod deleting;
pub mod retaining;
