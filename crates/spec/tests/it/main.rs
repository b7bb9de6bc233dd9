//! Tests of the readers through their public functions.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod broken;
mod folder;
mod garbage;
mod shipped;
mod targets;
mod version1;
