//! Tests of alert conditions.

use super::*;

#[test]
fn a_condition_of_another_form_is_refused_with_the_measures_there_are() {
    for text in [
        "",
        "positive_rate",
        "positive_rate > many",
        "positive_rate == 1",
        "rate > 1",
        "predictions > 1 2",
    ] {
        let error = check(text).unwrap_err();
        assert!(error.contains("positive_rate, mean_score, predictions"), "{error}");
    }
}

#[test]
fn a_condition_holds_from_its_threshold_on() {
    let met = |text: &str, measured: f64| When::parse(text).unwrap().is_met(measured);
    assert!(met("positive_rate >= 0.6", 0.6) && !met("positive_rate > 0.6", 0.6));
    assert!(met("mean_score <= 0.1", 0.1) && !met("mean_score < 0.1", 0.1));
}
