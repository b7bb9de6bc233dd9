//! Frames as a feature view gives them: text, numbers, booleans, missing cells, labels and positions.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use muster_batch::FeatureFrame;
use muster_spec::pipeline::{ModelKind, ModelSpec};
use muster_spec::{Offset, SourceId};

use crate::data::Stream;

/// A pipeline's model over the frames of this file.
pub fn spec() -> ModelSpec {
    ModelSpec {
        kind: ModelKind::Lightgbm,
        label: "target".into(),
        positive: "1".into(),
        categorical: vec!["city".into()],
        ordinal: vec!["size".into()],
        params: [
            ("learning_rate", "0.1"),
            ("num_iterations", "40"),
            ("num_leaves", "15"),
            ("bagging_fraction", "0.8"),
            ("bagging_freq", "1"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into(),
        seed: 42,
        folds: 5,
    }
}

/// The levels of the ordinal feature, in order.
pub fn ordinals() -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([("size".into(), ["small", "middle", "large"].map(String::from).into())])
}

/// Rows with learnable labels.
pub fn frame(rows: usize, seed: u64) -> FeatureFrame {
    let mut stream = Stream::new(seed);
    let mut city = Vec::new();
    let mut size = Vec::new();
    let mut index = Vec::new();
    let mut hours = Vec::new();
    let mut flag = Vec::new();
    let mut label = Vec::new();
    for _ in 0..rows {
        let town = stream.below(30);
        let step = stream.below(4);
        let share = stream.unit();
        let long = stream.below(200) as i32;
        let on = stream.unit() < 0.5;
        let tilt = share * 2.0 - f64::from(u8::from(town.is_multiple_of(4))) * 1.5 + step as f64 * 0.4
            - f64::from(long) / 100.0;
        label.push(Some(i64::from(stream.unit() < 1.0 / (1.0 + (-2.0 * tilt).exp()))));
        city.push((town > 0).then(|| format!("city_{town}")));
        size.push(["small", "middle", "large"].get(step).copied());
        index.push(Some(share));
        hours.push((long % 9 != 0).then_some(long));
        flag.push((long % 7 != 0).then_some(on));
    }
    let columns: [(&str, ArrayRef); 5] = [
        ("city", Arc::new(StringArray::from(city))),
        ("size", Arc::new(StringArray::from(size))),
        ("index", Arc::new(Float64Array::from(index))),
        ("hours", Arc::new(Int32Array::from(hours))),
        ("flag", Arc::new(BooleanArray::from(flag))),
    ];
    FeatureFrame {
        entities: (0..rows).map(|row| Some(row.to_string())).collect(),
        as_of: vec![i64::MIN; rows],
        positions: (0..rows).map(|row| (SourceId(1), Offset(row as i64))).collect(),
        features: RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap(),
        label: Some(Arc::new(Int64Array::from(label))),
        view_version: "ab".repeat(32),
    }
}

/// The same frame with its columns cut into pieces at `cuts` and put together again, as batches of another size would
/// have given it.
pub fn recut(frame: &FeatureFrame, cuts: &[usize]) -> FeatureFrame {
    let mut pieces = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([frame.features.num_rows()]) {
        pieces.push(frame.features.slice(start, end - start));
        start = end;
    }
    let features = arrow::compute::concat_batches(&frame.features.schema(), &pieces).unwrap();
    let label = frame.label.as_ref().map(|label| {
        let half = label.len() / 2;
        arrow::compute::concat(&[&label.slice(0, half), &label.slice(half, label.len() - half)]).unwrap()
    });
    FeatureFrame {
        features,
        label,
        ..frame.clone()
    }
}
