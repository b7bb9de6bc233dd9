//! Tests of the crate through what it offers: bytes to rows, rows to verdicts.

mod decode;
mod lines;
