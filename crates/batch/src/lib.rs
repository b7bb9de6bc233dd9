//! The types that flow between stages, one file a type. Listing this folder explains the product.
//!
//! Used by every stage crate, so that no stage imports another. Holds data and its invariants, no work: no IO, no
//! clock, no knowledge of contracts beyond rule numbers. Everything is columnar; nothing here allocates per record.

pub mod alert;
pub mod bytes_column;
pub mod data_file;
pub mod decoded_batch;
pub mod drift;
pub mod feature_frame;
pub mod headers;
pub mod judged_batch;
pub mod key_entries;
pub mod prediction;
pub mod raw_batch;
pub mod raw_lines;
pub mod short_text;

pub use alert::{Alert, AlertMessage, AlertState, RaisedAlert};
pub use bytes_column::BytesColumn;
pub use data_file::{DataFile, FileKind, FileOwner};
pub use decoded_batch::{DecodedBatch, Finding, Origin, Refusal, Refused};
pub use drift::{DriftCounts, DriftMeasure, DriftState, FeatureDrift, Measurement};
pub use feature_frame::{Ask, FeatureFrame};
pub use headers::Headers;
pub use judged_batch::{JudgedBatch, RuleLists};
pub use key_entries::{FileRows, KeyEntries, KeyKind};
pub use prediction::{Cause, Prediction, Reason};
pub use raw_batch::RawBatch;
pub use raw_lines::{Cell, Cells, Line, Misfit, RawLines, Uncut};
pub use short_text::ShortText;
