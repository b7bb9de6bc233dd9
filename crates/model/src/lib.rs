//! Models: trained by LightGBM, saved as immutable versions, scored and explained in safe Rust.
//!
//! Used by `muster` for `train` and `score`; takes the rows of features that `features` computed. Training and scoring
//! encode by the same saved [`Encoder`]; scoring never calls LightGBM; a version's files are held to their sha-256 and to
//! stored scores before it may score.

// The tests' data, shared with the integration tests, names this crate from outside.
#[cfg(test)]
extern crate self as muster_model;
#[cfg(test)]
#[path = "../tests/it/data.rs"]
mod data;

pub mod encoder;
pub mod error;
#[cfg(feature = "train")]
#[expect(unsafe_code, reason = "LightGBM is a C library; this file is where it is called")]
pub mod ffi;
pub mod forest;
mod golden;
pub mod matrix;
pub mod measures;
pub mod metrics;
pub mod model;
#[cfg(feature = "train")]
pub mod train;
pub mod version;

pub use encoder::Encoder;
pub use error::{Error, Result};
pub use forest::{Forest, Reasons};
pub use matrix::Matrix;
pub use measures::Measures;
pub use metrics::Metrics;
pub use model::{Explained, Model};
#[cfg(feature = "train")]
pub use train::{TrainOptions, Trained, train};
pub use version::ModelFiles;
