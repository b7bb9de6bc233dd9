//! Models from training to reasons, held against LightGBM and against damage.

mod data;
mod frames;
mod job_change;
mod oracle;
mod versions;
