//! Tests of how a verdict is told.

use super::*;

fn told() -> Told<'static> {
    Told {
        contract: "hr.candidate",
        topic: "hr.candidate.v1",
        partition: 3,
        offset: 4821,
        event_time: DateTime::from_timestamp(1_772_323_200, 0),
        verdict: Verdict::Bad,
        violations: vec!["city.format", "training_hours.range"],
        warnings: vec!["experience.after_job"],
        refusal: None,
        payload_bytes: 117,
        fields: vec![
            ("enrollee_id", Shown::Masked),
            ("city", Shown::Public("City-103".into())),
            ("city_development_index", Shown::Public(0.92.into())),
            ("gender", Shown::Nothing),
        ],
    }
}

#[test]
fn a_verdict_is_one_line_with_its_place_rules_and_masked_fields() {
    assert_eq!(
        told().text(false),
        "bad       hr.candidate.v1/3@4821 2026-03-01T00:00:00Z city.format training_hours.range \
         warn:experience.after_job city=\"City-103\" city_development_index=0.92 gender=null and 1 masked"
    );
    assert!(told().text(true).starts_with("\u{1b}[1;31mbad"));
}

#[test]
fn for_programs_masked_fields_are_named_and_have_no_value() {
    let json = told().json(7);
    assert_eq!(json["violations"], json!(["city.format", "training_hours.range"]));
    assert_eq!(
        json["fields"],
        json!({ "city": "City-103", "city_development_index": 0.92, "gender": null })
    );
    assert_eq!(json["masked"], json!(["enrollee_id"]));
    assert_eq!(json["skipped"], 7);
    assert_eq!(json["event_time"], "2026-03-01T00:00:00Z");
}

#[test]
fn a_record_that_would_not_decode_is_told_by_its_reason_and_size() {
    let refused = Told {
        violations: vec!["record.undecodable"],
        warnings: Vec::new(),
        refusal: Some("truncated"),
        fields: Vec::new(),
        event_time: None,
        ..told()
    };
    assert_eq!(
        refused.text(false),
        "bad       hr.candidate.v1/3@4821 record.undecodable (truncated, 117 bytes)"
    );
}

#[test]
fn no_value_of_a_source_reaches_a_terminal_as_a_command_or_breaks_a_line() {
    for (text, shown) in [
        ("a\u{1b}[2Jb", r#""a\u{1b}[2Jb""#),
        ("a\nb\r\tc", r#""a\nb\r\tc""#),
        ("a\u{9b}31mb", r#""a\u{9b}31mb""#),
        ("a\u{202e}b", r#""a\u{202e}b""#),
        ("say \"it's\" \\", r#""say \"it's\" \\""#),
        ("Köln, 東京", r#""Köln, 東京""#),
    ] {
        assert_eq!(quoted(text), shown);
    }
    let long = quoted(&"x".repeat(1_000_000));
    assert_eq!(long.chars().count(), TEXT_MAX + 3);
}
