//! A stored sample of version 1 of both file formats: it must load, and mean the same, for ever.

use std::time::Duration;

use muster_spec::contract::Format;
use muster_spec::pipeline::{Band, Catchup, Drift, DriftLimits, Mode, Overlap, Reasons};
use muster_spec::rule::Measure;
use muster_spec::{
    Check, Contract, EventId, EventIdPlace, EventTime, FieldKind, Severity, StopAbove, TextFormat, all_text_schema,
    schema_id,
};

use crate::folder::{contract, folder, pipeline, told};

fn sample() -> Contract {
    contract(&folder("tests/version1"), "hr.candidate", "candidate.contract.yaml")
        .unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

#[test]
fn the_sample_contract_means_what_it_meant() {
    let contract = sample();
    assert_eq!(contract.version.short(), "4b461a98c324");
    assert_eq!(
        (contract.topic.as_str(), contract.format),
        ("hr.candidate.v1", Format::Avro)
    );
    assert_eq!((contract.key, contract.subject), (0, Some(0)));
    assert_eq!(
        contract.event_time,
        Some(EventTime {
            field: 13,
            optional: true
        })
    );
    let event_id = EventId {
        place: EventIdPlace::Header("ce_id".into()),
        within: Duration::from_hours(168),
        keys_max: 5_000,
    };
    assert_eq!(contract.event_id, Some(event_id));
    assert_eq!(contract.writers.len(), 1);
    assert_eq!(contract.dead_letter.unwrap().topic, "hr.candidate.v1.dead");
    assert_eq!(
        contract.stop_above,
        Some(StopAbove {
            ratio: 0.9,
            rows: 10_000
        })
    );
    let text_format = TextFormat {
        delimiter: b';',
        encoding: "latin1".into(),
        decimal: b',',
        thousands: Some(b'.'),
        date: Some("%d.%m.%Y".into()),
        timestamp: Some("%d.%m.%Y %H:%M".into()),
        missing: Vec::new(),
        trim: false,
    };
    assert_eq!(contract.text_format, text_format);
    let public = contract.fields.iter().filter(|field| !field.personal);
    assert_eq!(
        public.map(|field| field.name.as_str()).collect::<Vec<_>>(),
        ["city", "company_size"]
    );
    let given =
        serde_json::json!({"enrollee_id": 1, "city": "City-103", "city_development_index": 0.5, "target": null});
    assert_eq!(contract.tests[0].given, given);
    assert_eq!(
        (contract.tests[0].expect.join(" ").as_str(), contract.tests[0].place),
        ("city.format", (32, 5))
    );
}

#[test]
fn the_sample_contract_keeps_its_table_of_rules() {
    let contract = sample();
    let ids: Vec<&str> = contract.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(
        ids[..4],
        ["record.undecodable", "columns", "row.ragged", "event_id.conflict"]
    );
    assert_eq!(ids[4..6], ["enrollee_id.type", "city.type"]);
    assert_eq!(ids[18..21], ["target.type", "city.encoding", "gender.encoding"]);
    assert_eq!(ids[28..30], ["last_new_job.encoding", "enrollee_id.required"]);
    let day = Duration::from_hours(24);
    let declared = [
        (Some(0), Check::Required),
        (Some(1), Check::Matches("^city_[0-9]{1,3}$".into())),
        (Some(1), Check::Length(Some(6), None)),
        (Some(2), Check::Between(Some(0.0), Some(1.0))),
        (Some(9), Check::OneOf(vec!["<10".into(), "10".into(), "10000+".into()])),
        (Some(14), Check::OneOf(vec!["0".into(), "1".into()])),
        (
            Some(0),
            Check::Unique {
                within: day,
                keys_max: 10_000_000,
            },
        ),
        (
            None,
            Check::Expect("last_new_job <> 'never' OR experience IS NOT NULL".into()),
        ),
    ];
    let read = contract.rules[29..].iter().map(|rule| (rule.field, rule.check.clone()));
    assert_eq!(read.collect::<Vec<_>>(), declared);
    assert_eq!(contract.rules[35].place, Some((19, 5)));
    assert_eq!(
        (contract.rules[35].severity, contract.rules[36].severity),
        (Severity::Error, Severity::Warn)
    );
    assert_eq!(contract.built_in(&Check::Type, Some(1)).map(|number| number.0), Some(5));
    assert_eq!(contract.rule("company_size.level").map(|number| number.0), Some(33));
}

#[test]
fn the_sample_contract_keeps_its_expectations() {
    let read = sample().expectations;
    let read = read
        .iter()
        .map(|expectation| (&expectation.measure, expectation.min, expectation.max));
    let kept = [
        (&Measure::BadRatio, None, Some(0.1)),
        (&Measure::Rows, Some(1.0), Some(1_000_000.0)),
        (&Measure::NullRatio(3), None, Some(0.5)),
        (&Measure::Distinct(1), Some(2.0), None),
        (&Measure::Mean(12), Some(1.5), None),
        (&Measure::Quantile(12, 0.95), None, Some(300.0)),
        (&Measure::Freshness, None, Some(7_200.0)),
    ];
    assert_eq!(read.collect::<Vec<_>>(), kept);
}

#[test]
fn the_sample_schema_keeps_its_columns_and_ids() {
    let contract = sample();
    let kinds = [
        (0, FieldKind::Long, false),
        (1, FieldKind::Text, false),
        (2, FieldKind::Double, false),
        (3, FieldKind::Text, true),
        (12, FieldKind::Int, false),
        (13, FieldKind::TimestampMicros, true),
        (14, FieldKind::Int, true),
    ];
    for (at, kind, nullable) in kinds {
        let field = &contract.fields[at];
        assert_eq!((&field.kind, field.nullable), (&kind, nullable), "{}", field.name);
        assert_eq!(
            field.default,
            nullable.then_some(serde_json::Value::Null),
            "{}",
            field.name
        );
    }
    // Stored beside raw bytes for years: these numbers are part of the format.
    assert_eq!(schema_id(&contract.schema_text).0, 616_064_765);
    assert_eq!(schema_id(&all_text_schema(&contract)).0, 1_378_284_711);
}

#[test]
fn the_sample_pipeline_means_what_it_meant() {
    let read = pipeline(&folder("tests/version1"), "job-change", "job-change.yaml", &[sample()]);
    let pipeline = read.unwrap_or_else(|problems| panic!("{}", told(&problems)));
    assert_eq!(
        (pipeline.features.mode, pipeline.features.entity.as_str()),
        (Mode::Rows, "enrollee_id")
    );
    assert_eq!(pipeline.features.sql, "SELECT city FROM \"hr.candidate\"\n");
    let model = &pipeline.model;
    assert_eq!(
        (model.label.as_str(), model.positive.as_str(), model.seed, model.folds),
        ("target", "1", 7, 4)
    );
    let param = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        model.params,
        [
            param("learning_rate", "0.03"),
            param("num_iterations", "300"),
            param("boosting", "rf")
        ]
    );
    let band = |name: &str, from| Band {
        name: name.into(),
        from,
    };
    assert_eq!(pipeline.bands, [band("looking", 0.5), band("staying", 0.0)]);
    assert_eq!((pipeline.band(0.5), pipeline.band(0.499)), ("looking", "staying"));
    assert_eq!(pipeline.reasons, Reasons::Bands(vec!["looking".into()]));
    let schedule = &pipeline.schedule;
    assert_eq!(
        (schedule.score.as_str(), schedule.timezone.as_str()),
        ("*/2 * * * *", "Europe/Berlin")
    );
    assert_eq!((schedule.overlap, schedule.catchup), (Overlap::Allow, Catchup::All));
    assert_eq!(pipeline.alerts[0].when, "positive_rate > 0.6");
    let limits = |warn, alert| DriftLimits { warn, alert };
    let drift = Drift {
        window: Duration::from_hours(6),
        min_rows: 500,
        psi: limits(0.2, 0.3),
        ks: limits(0.15, 0.3),
        missing: limits(0.02, 0.2),
        new_levels: limits(0.02, 0.1),
        false_alarms: 0.01,
        to: Some("data-quality".into()),
    };
    assert_eq!(pipeline.drift, drift);
}
