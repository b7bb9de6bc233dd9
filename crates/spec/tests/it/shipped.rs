//! The contracts and pipelines that come with the repository load, and hold what their readers rely on.

use muster_spec::{Check, Contract, FieldKind, Severity};

use crate::folder::{contract, folder, pipeline, told};

fn shipped(name: &str) -> Contract {
    contract(&folder("../../schemas"), name, &format!("{name}.contract.yaml"))
        .unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

fn declared(contract: &Contract) -> usize {
    contract.rules.iter().filter(|rule| rule.place.is_some()).count()
}

#[test]
fn a_column_of_the_public_file_is_not_lost() {
    let contract = shipped("hr.candidate");
    assert_eq!(declared(&contract), 22);
    let header = "enrollee_id,city,city_development_index,gender,relevent_experience,enrolled_university,education_level,\
        major_discipline,experience,company_size,company_type,last_new_job,training_hours,occurred_at,target";
    assert_eq!(
        contract
            .fields
            .iter()
            .map(|field| field.source.as_str())
            .collect::<Vec<_>>()
            .join(","),
        header
    );
    for missing in ["occurred_at", "target"] {
        let field = &contract.fields[contract.field(missing).unwrap()];
        assert_eq!(
            field.default,
            Some(serde_json::Value::Null),
            "a file without `{missing}` is no violation"
        );
    }
}

#[test]
fn a_field_that_cannot_be_null_has_a_rule_that_says_so() {
    for name in ["hr.candidate", "lms.completion", "feedback.review"] {
        let contract = shipped(name);
        for (at, field) in contract.fields.iter().enumerate() {
            let free = field.nullable
                || field.default.is_some()
                || matches!(field.kind, FieldKind::Enum(_) | FieldKind::Double);
            let required = contract
                .rules
                .iter()
                .any(|rule| rule.field == Some(at) && rule.check == Check::Required);
            assert!(free || required, "{name}: {}", field.name);
        }
    }
}

#[test]
fn the_other_contracts_show_what_a_contract_can_say() {
    let completion = shipped("lms.completion");
    assert!(completion.fields.len() >= 8);
    let has = |kind: fn(&FieldKind) -> bool| completion.fields.iter().any(|field| kind(&field.kind));
    assert!(has(|kind| matches!(kind, FieldKind::Date)));
    assert!(has(|kind| matches!(kind, FieldKind::Decimal { .. })));
    assert!(has(|kind| matches!(kind, FieldKind::Enum(_))));
    assert_eq!(
        completion.fields[completion.field("cost_currency").unwrap()].path,
        ["cost", "currency"]
    );
    let review = shipped("feedback.review");
    let relation = &review.fields[review.field("relation").unwrap()];
    assert!(matches!(&relation.kind, FieldKind::Enum(symbols) if symbols.len() == 5));
    for contract in [&completion, &review] {
        assert!(declared(contract) >= 10 && contract.tests.len() >= 3);
        assert!(contract.rules.iter().any(|rule| rule.severity == Severity::Warn));
    }
}

#[test]
fn the_job_change_pipeline_loads() {
    let read = pipeline(
        &folder("../../pipelines"),
        "job-change",
        "job-change.yaml",
        &[shipped("hr.candidate")],
    );
    let pipeline = read.unwrap_or_else(|problems| panic!("{}", told(&problems)));
    assert_eq!(pipeline.bands.last().map(|band| band.from), Some(0.0));
    assert!(!pipeline.features.sql.contains("target"), "the label is no feature");
}
