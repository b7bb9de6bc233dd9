//! Feature views over sealed files: SQL that turns good rows into what a model is given.
//!
//! Used by `muster train` and `muster score` alike, through one function, [`compute`], so that both see the same
//! features; by ingest for rows that are not sealed yet ([`RowFeatures`]); by `muster check` through [`View::compile`].
//! This crate makes every DataFusion session there is, in [`session`], and hands it explicit lists of sealed Parquet
//! files; it has no table provider of its own. Reads files, and nothing else: no clock, no network, no environment.

mod compute;
mod error;
mod fault;
mod files;
mod parts;
mod places;
mod row_features;
mod row_local;
mod session;
mod view;

pub use compute::compute;
pub use error::Error;
pub use files::GoodFile;
pub use row_features::RowFeatures;
pub use view::{Feature, FeatureKind, View};
