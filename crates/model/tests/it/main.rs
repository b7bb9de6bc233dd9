//! Models from training to reasons, held against LightGBM and against damage.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod data;
mod frames;
mod job_change;
mod oracle;
mod versions;
