//! Bars as one path of an SVG: the timeline, and the small ones beside each rule.
//!
//! Only geometry: no text, which would shrink with the drawing, and no style, which the page's policy forbids inline.

use std::fmt::Write as _;

/// The drawing's size; the style sheet stretches it.
pub(crate) const WIDTH: f64 = 480.0;
/// The drawing's height.
pub(crate) const HEIGHT: f64 = 100.0;

/// How much of a bar's place is left free.
const GAP: f64 = 0.2;
/// The least height of a bar that is not nothing.
const LEAST: f64 = 2.0;

/// A path with a bar for each value; the greatest has the whole height. Empty where all are 0.
pub(crate) fn bars(values: impl ExactSizeIterator<Item = u64> + Clone) -> String {
    let greatest = values.clone().max().unwrap_or(0);
    let mut path = String::new();
    if greatest == 0 {
        return path;
    }
    let place = WIDTH / values.len() as f64;
    for (at, value) in values.enumerate().filter(|(_, value)| *value > 0) {
        let height = (value as f64 / greatest as f64 * HEIGHT).max(LEAST);
        let left = (at as f64 + GAP / 2.0) * place;
        // Written to a String, which does not fail.
        let _ = write!(
            path,
            "M{left:.1} {HEIGHT}v-{height:.1}h{:.1}v{height:.1}z",
            place * (1.0 - GAP)
        );
    }
    path
}

#[cfg(test)]
#[path = "chart_tests.rs"]
mod tests;
