//! Features of entities as of times, ready for a model.
//!
//! Made by `features::compute`, consumed by `model` in training and scoring alike. All columns have one entry a row.

use arrow::array::{ArrayRef, RecordBatch};
use muster_spec::{Offset, SourceId};

/// An entity to compute features for, and the moment whose knowledge counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The entity's key as text.
    pub entity: String,
    /// Microseconds since 1970-01-01 UTC.
    pub as_of: i64,
}

/// Rows of features.
#[derive(Clone, Debug)]
pub struct FeatureFrame {
    /// The entity's key as text; null where the row has none.
    pub entities: Vec<Option<String>>,
    /// As-of time, microseconds since 1970-01-01 UTC: the row's event time in `mode: rows`; `i64::MIN` for none.
    pub as_of: Vec<i64>,
    /// In `mode: rows` the row's position; empty in `mode: entities`.
    pub positions: Vec<(SourceId, Offset)>,
    /// The feature columns under their names in the view.
    pub features: RecordBatch,
    /// The label, in training only; never among `features`.
    pub label: Option<ArrayRef>,
    /// The sha-256 of the view's SQL, 64 hexadecimal digits.
    pub view_version: String,
}
