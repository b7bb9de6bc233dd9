//! A pipeline's alert conditions: a measure, a comparison, a number.
//!
//! Read by `check`, which names the measures there are, and evaluated on each claim's predictions. A condition that is
//! met becomes an alert in the transaction that writes the predictions. What goes wrong while scoring is told to the same
//! people, in the transaction that records it.

use muster_batch::{Alert, AlertState, Prediction};
use muster_spec::{Pipeline, nearest};
use muster_store::ledger::claims::Claim;

/// The measures a condition may name.
pub const MEASURES: [&str; 3] = ["positive_rate", "mean_score", "predictions"];

/// A condition that parses.
#[derive(Clone, Copy, Debug, PartialEq)]
struct When {
    measure: &'static str,
    comparison: Comparison,
    threshold: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl When {
    /// Reads `positive_rate > 0.6`; the error is what is wrong and what was expected.
    fn parse(text: &str) -> Result<Self, (String, String)> {
        let known = || format!("the measures are `{}`", MEASURES.join("`, `"));
        let expected = || {
            let shape = "a measure, `<`, `<=`, `>` or `>=`, and a number";
            (format!("`{text}` is no condition"), format!("{shape}; {}", known()))
        };
        let mut words = text.split_whitespace();
        let (Some(measure), Some(comparison), Some(number), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(expected());
        };
        let measure = MEASURES.into_iter().find(|known| *known == measure).ok_or_else(|| {
            let near = nearest(measure, &MEASURES).map(|near| format!("did you mean `{near}`?"));
            (format!("unknown measure `{measure}`"), near.unwrap_or_else(known))
        })?;
        let comparison = match comparison {
            "<" => Comparison::Below,
            "<=" => Comparison::AtMost,
            ">" => Comparison::Above,
            ">=" => Comparison::AtLeast,
            _ => return Err(expected()),
        };
        let threshold = number.parse().map_err(|_| expected())?;
        Ok(Self {
            measure,
            comparison,
            threshold,
        })
    }

    fn is_met(self, measured: f64) -> bool {
        match self.comparison {
            Comparison::Below => measured < self.threshold,
            Comparison::AtMost => measured <= self.threshold,
            Comparison::Above => measured > self.threshold,
            Comparison::AtLeast => measured >= self.threshold,
        }
    }
}

/// Whether a condition can be read; the error is what is wrong and what was expected.
pub fn check(text: &str) -> Result<(), (String, String)> {
    When::parse(text).map(drop)
}

/// The alerts that a claim's predictions call for: conditions that are met, and that are not. The outbox takes the word
/// that one is over only where it was met before.
pub fn of_claim(pipeline: &Pipeline, predictions: &[Prediction], claim: &Claim) -> Vec<Alert> {
    let conditions = pipeline
        .alerts
        .iter()
        .filter_map(|alert| Some((alert, When::parse(&alert.when).ok()?)));
    let measured = conditions.filter_map(|(alert, when)| {
        let measured = measure(when.measure, predictions)?;
        let is_met = when.is_met(measured);
        Some(Alert {
            fingerprint: format!("pipeline/{}/{}", pipeline.name, alert.id),
            condition: alert.id.clone(),
            about: pipeline.name.to_string(),
            state: if is_met {
                AlertState::Firing
            } else {
                AlertState::Resolved
            },
            measured: Some(measured),
            threshold: Some(when.threshold),
            window: format!("batch {}", claim.batch),
            target: Some(alert.to.clone()),
        })
    });
    measured.collect()
}

/// The alerts that trouble with a pipeline's work calls for: one for each of its [`targets`].
pub fn of_trouble(pipeline: &Pipeline, condition: &str, window: &str) -> Vec<Alert> {
    let alert = |target| Alert {
        fingerprint: format!("pipeline/{}/{condition}", pipeline.name),
        condition: condition.to_owned(),
        about: pipeline.name.to_string(),
        state: AlertState::Firing,
        measured: None,
        threshold: None,
        window: window.to_owned(),
        target,
    };
    targets(pipeline).into_iter().map(alert).collect()
}

/// The targets that a pipeline's alerts name; where they name none, all.
pub fn targets(pipeline: &Pipeline) -> Vec<Option<String>> {
    let mut targets: Vec<Option<String>> = pipeline.alerts.iter().map(|alert| Some(alert.to.clone())).collect();
    targets.sort();
    targets.dedup();
    if targets.is_empty() {
        targets.push(None);
    }
    targets
}

/// A measure's value; `None` where there is no prediction to measure.
fn measure(name: &str, predictions: &[Prediction]) -> Option<f64> {
    let count = predictions.len() as f64;
    if name == "predictions" {
        return Some(count);
    }
    if predictions.is_empty() {
        return None;
    }
    let of = |prediction: &Prediction| match name {
        "positive_rate" => f64::from(u8::from(prediction.score >= 0.5)),
        _ => prediction.score,
    };
    Some(predictions.iter().map(of).sum::<f64>() / count)
}

#[cfg(test)]
#[path = "alerts_tests.rs"]
mod tests;
