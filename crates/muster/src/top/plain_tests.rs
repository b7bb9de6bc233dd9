//! Tests of what is printed once.

use super::super::test_known::{known, stale};
use super::*;

#[test]
fn people_get_tables_and_a_line_for_all_that_needs_somebody() {
    insta::assert_snapshot!(text(&known()));
}

#[test]
fn a_ledger_that_never_had_a_source_is_printed_too() {
    let printed = text(&Known::default());
    assert!(printed.contains("lag is not known"), "{printed}");
}

#[test]
fn programs_get_one_object_that_says_the_same() {
    let json = json(&stale());
    assert_eq!(json["sources"].as_array().unwrap().len(), 4);
    let paused = &json["sources"][2];
    assert_eq!((&paused["state"], &paused["partition"]), (&json!("paused"), &json!(2)));
    assert_eq!(paused["paused_reason"], "stop_above: 95.0 % of the last rows were bad");
    assert_eq!(paused["lag_records"], Value::Null);
    let total = &json["total"];
    assert_eq!((&total["good"], &total["bad"]), (&json!(9_010), &json!(1_050)));
    assert_eq!(
        (&total["lag_records"], &total["lag_is_whole"]),
        (&json!(40), &json!(false))
    );
    assert_eq!(json["pipelines"][0]["last_run"]["state"], "done");
    assert_eq!(json["pipelines"][0]["next_slot"], "2026-03-01T12:02:00.000Z");
    assert_eq!(json["firing"][0]["condition"], "bad_ratio");
    assert_eq!(json["workers"][1]["reason"], "nobody listens there");
}

#[test]
fn durations_and_rates_are_short() {
    let told: Vec<String> = [0, 119, 120, 7_199, 7_200, 172_800].map(duration).into();
    assert_eq!(told, ["0 s", "119 s", "2 min", "119 min", "2 h", "2 d"]);
    assert_eq!([0.0, 9.96, 1234.5].map(rate), ["0.0", "10.0", "1234"]);
}
