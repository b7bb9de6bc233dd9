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
        let (_, hint) = check(text).unwrap_err();
        assert!(hint.contains("`positive_rate`, `mean_score`, `predictions`"), "{hint}");
    }
    let (message, hint) = check("positiv_rate > 1").unwrap_err();
    assert_eq!(message, "unknown measure `positiv_rate`");
    assert_eq!(hint, "did you mean `positive_rate`?");
}

#[test]
fn a_condition_holds_from_its_threshold_on() {
    let met = |text: &str, measured: f64| When::parse(text).unwrap().is_met(measured);
    assert!(met("positive_rate >= 0.6", 0.6) && !met("positive_rate > 0.6", 0.6));
    assert!(met("mean_score <= 0.1", 0.1) && !met("mean_score < 0.1", 0.1));
}

fn pipeline(targets: &[&str]) -> Pipeline {
    use muster_spec::read;
    let avsc = r#"{"type": "record", "name": "Visit", "fields": [{"name": "id", "type": "long"},
        {"name": "hours", "type": "double"}, {"name": "target", "type": ["null", "int"], "default": null}]}"#;
    let contract = "version: 1\ntopic: t\nformat: avro\nschema: s.avsc\nkey: id\n";
    let contract = read::contract("visits", "c.yaml", contract, &|_| Some(avsc.to_owned())).unwrap();
    let alerts: Vec<String> = targets
        .iter()
        .enumerate()
        .map(|(at, to)| format!("{{ id: a{at}, when: 'mean_score > 0.9', to: {to} }}"))
        .collect();
    let yaml = format!(
        "version: 1\nsources: [visits]\nfeatures: {{ view: v.sql, entity: id }}\nmodel: {{ label: target }}\n\
         schedule: {{ score: '* * * * *' }}\nalerts: [{}]\n",
        alerts.join(", ")
    );
    let open = |_: &str| Some("SELECT hours FROM visits".to_owned());
    read::pipeline("p", "p.yaml", &yaml, &open, &[contract]).unwrap()
}

#[test]
fn trouble_is_told_once_to_each_whom_the_pipeline_names_and_kept_where_it_names_nobody() {
    let told = |targets: &[&str]| -> Vec<Option<String>> {
        let alerts = of_trouble(&pipeline(targets), "run_failed", "run 7");
        assert!(
            alerts
                .iter()
                .all(|alert| alert.fingerprint == "pipeline/p/run_failed" && alert.window == "run 7")
        );
        alerts.into_iter().map(|alert| alert.target).collect()
    };
    assert_eq!(
        told(&["people", "data", "people"]),
        [Some("data".to_owned()), Some("people".to_owned())]
    );
    assert_eq!(told(&[]), [None]);
}
