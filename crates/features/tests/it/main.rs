//! Tests of feature views through their public functions.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod compile;
mod compute;
mod corrupt;
mod project;
