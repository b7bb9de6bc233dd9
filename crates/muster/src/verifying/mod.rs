//! Whether what is stored is still what it was: files by their sha-256, predictions by computing them again.
//!
//! Used by `muster verify`, which changes nothing. What is found is told with what to do about it.

pub mod files;
pub mod run;
