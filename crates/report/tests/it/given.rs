//! A report to show.

use muster_report::{
    Bound, Bucket, Cell, CellState, Column, ContractFacts, Distinct, Expected, FORM, FileRef, Level, Link, Report,
    RuleResult, RuleSeverity, Sample, SampleColumn, Samples, Status, Subject, Timeline, TimelineAxis, Totals, Values,
};

/// A rule that this many rows broke.
pub fn rule(id: &str, field: Option<&str>, rows: u64) -> RuleResult {
    RuleResult {
        id: id.to_owned(),
        severity: RuleSeverity::Error,
        field: field.map(str::to_owned),
        asks: "one of <10, 10/49".to_owned(),
        rows,
        share: rows as f64 / 20.0,
        over: vec![rows, 0, 0],
        positions: vec!["0@17".to_owned(), "3@2".to_owned()],
        values: Some(values("Oct-49", rows)),
    }
}

pub fn values(value: &str, rows: u64) -> Values {
    Values {
        top: vec![Level {
            value: value.to_owned(),
            rows,
        }],
        other: 2,
        exact: true,
    }
}

/// What is told of a public column alone.
fn told<T>(personal: bool, value: T) -> Option<T> {
    (!personal).then_some(value)
}

pub fn column(name: &str, personal: bool) -> Column {
    Column {
        name: name.to_owned(),
        kind: "text".to_owned(),
        personal,
        rows: 15,
        missing: 4,
        distinct: told(personal, Distinct { count: 3, exact: false }),
        min: told(personal, Bound::Number(-1_234.5)),
        max: told(personal, Bound::Time("2026-11-20".to_owned())),
        mean: told(personal, 0.123_456),
        median: told(personal, 2.0),
        values: told(personal, values("50-99", 9)),
    }
}

pub fn cell(state: CellState, broken: bool) -> Cell {
    Cell { state, broken }
}

/// A report with something in every part.
pub fn report() -> Report {
    let totals = Totals {
        received: 21,
        good: 15,
        bad: 5,
        duplicate: 1,
        tombstone: 0,
        repaired: 0,
    };
    let expectations = vec![
        Expected {
            id: "bad_ratio".to_owned(),
            measures: "bad rows over judged rows".to_owned(),
            field: None,
            min: None,
            max: Some(0.1),
            measured: Some(0.25),
            batches: 4,
            missed: 3,
        },
        Expected {
            id: "rows".to_owned(),
            measures: "judged rows".to_owned(),
            field: None,
            min: Some(1.0),
            max: None,
            measured: Some(20.0),
            batches: 4,
            missed: 0,
        },
    ];
    Report {
        report: FORM,
        muster: "0.1.0".to_owned(),
        made_at: "2026-11-21T10:00:00Z".to_owned(),
        subject: Subject::Day {
            day: "2026-11-20".to_owned(),
            batches: 4,
        },
        contract: ContractFacts {
            name: "hr.candidate".to_owned(),
            topic: "hr.candidate.v1".to_owned(),
            versions: vec!["a2bfcdb71c11".to_owned()],
        },
        status: Status::of(&totals, &expectations),
        totals,
        expectations,
        rules: vec![
            rule("company_size.level", Some("company_size"), 4),
            RuleResult {
                severity: RuleSeverity::Warn,
                values: None,
                ..rule("experience.after_job", None, 1)
            },
            rule("gender.level", Some("gender"), 0),
        ],
        timeline: Timeline {
            axis: TimelineAxis::Hour,
            buckets: [(0, 4), (1, 1), (2, 0)]
                .map(|(hour, bad)| Bucket {
                    from: format!("{hour:02}:00"),
                    rows: Some(10),
                    bad,
                })
                .into(),
        },
        profiled: 15,
        columns: vec![column("company_size", false), column("gender", true)],
        samples: Samples {
            columns: vec![
                SampleColumn {
                    name: "company_size".to_owned(),
                    personal: false,
                },
                SampleColumn {
                    name: "gender".to_owned(),
                    personal: true,
                },
            ],
            columns_left_out: 7,
            rows: vec![
                Sample {
                    position: "0@17".to_owned(),
                    rules: vec!["company_size.level".to_owned()],
                    refused: None,
                    cells: vec![
                        cell(CellState::Shown("Oct-49".to_owned()), true),
                        cell(CellState::Masked, false),
                    ],
                },
                Sample {
                    position: "3@2".to_owned(),
                    rules: vec!["record.undecodable".to_owned()],
                    refused: Some("truncated".to_owned()),
                    cells: Vec::new(),
                },
                Sample {
                    position: "3@3".to_owned(),
                    rules: vec!["experience.after_job".to_owned()],
                    refused: None,
                    cells: vec![cell(CellState::Unparsed, false), cell(CellState::Missing, false)],
                },
            ],
        },
        files: vec![FileRef {
            kind: "bad".to_owned(),
            path: "bad-data/hr.candidate/1.parquet".to_owned(),
            rows: 5,
            bytes: Some(1_400),
        }],
        files_left_out: 3,
        links: vec![
            Link {
                label: "Day before, 2026-11-19".to_owned(),
                url: Some("2026-11-19".to_owned()),
                command: None,
            },
            Link {
                label: "Day after, 2026-11-21".to_owned(),
                url: None,
                command: Some("muster report --contract hr.candidate --day 2026-11-21".to_owned()),
            },
        ],
        notes: vec!["A file could not be read: it is gone.".to_owned()],
    }
}
