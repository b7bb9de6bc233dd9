//! Tests of the file beside this one: what is masked, and what is bounded.

use std::borrow::Cow;
use std::sync::Arc;

use muster_report::CellState;
use muster_spec::{Contract, RuleNumber};

use super::{BadRow, Gathering, POSITIONS_MAX, SAMPLES_A_RULE};

const SCHEMA: &str = r#"{"type": "record", "name": "Row", "fields": [
    {"name": "who", "type": ["null", "string"], "default": null},
    {"name": "size", "type": ["null", "string"], "default": null},
    {"name": "hours", "type": ["null", "int"], "default": null}
]}"#;

const YAML: &str = "version: 1
topic: test.row.v1
format: avro
schema: row.avsc
key: who
public: [size, hours]
rules:
  - { id: who.level, field: who, one_of: [a] }
  - { id: size.level, field: size, one_of: [small] }
";

const CANARY: &str = "Erika Mustermann";

fn contract() -> Arc<Contract> {
    let open = |name: &str| (name == "row.avsc").then(|| SCHEMA.to_owned());
    Arc::new(muster_spec::read::contract("test.row", "schemas/test.row.contract.yaml", YAML, &open).unwrap())
}

struct Row {
    at: u64,
    texts: [Option<&'static str>; 3],
    refused: Option<&'static str>,
}

impl BadRow for Row {
    fn position(&self) -> String {
        format!("line {}", self.at)
    }

    fn text(&self, field: usize) -> Option<Cow<'_, str>> {
        self.texts[field].map(Cow::from)
    }

    fn refused(&self) -> Option<&str> {
        self.refused
    }
}

fn row(at: u64, texts: [Option<&'static str>; 3]) -> Row {
    Row {
        at,
        texts,
        refused: None,
    }
}

fn rule(contract: &Contract, id: &str) -> RuleNumber {
    contract.rule(id).unwrap()
}

#[test]
fn a_personal_value_is_masked_and_a_public_one_is_shown_and_counted() {
    let contract = contract();
    let mut gathering = Gathering::new(Arc::clone(&contract));
    let [who, size, hours] = ["who.level", "size.level", "hours.type"].map(|id| rule(&contract, id));
    gathering.bad(0, &[who, size], &row(1, [Some(CANARY), Some("<b>"), None]));
    gathering.bad(1, &[size, hours], &row(2, [None, Some("<b>"), None]));

    let values = gathering.values(size).unwrap();
    assert_eq!((values.top[0].value.as_str(), values.top[0].rows), ("<b>", 2));
    assert_eq!(gathering.values(who), None);
    assert_eq!(
        gathering.values(hours),
        None,
        "what did not parse is not there any more"
    );

    let samples = gathering.samples();
    let names: Vec<&str> = samples.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        names,
        ["size", "hours", "who"],
        "what rules are about first, public ones before"
    );
    let states = |at: usize| {
        samples.rows[at]
            .cells
            .iter()
            .map(|cell| cell.state.clone())
            .collect::<Vec<_>>()
    };
    let shown = CellState::Shown("<b>".to_owned());
    assert_eq!(states(0), [shown.clone(), CellState::Missing, CellState::Masked]);
    assert_eq!(states(1), [shown, CellState::Unparsed, CellState::Missing]);
    assert!(samples.rows[0].cells[0].broken && samples.rows[0].cells[2].broken);
    assert!(!format!("{samples:?} {:?}", gathering.columns()).contains(CANARY));
}

#[test]
fn samples_positions_and_values_are_bounded() {
    let contract = contract();
    let mut gathering = Gathering::new(Arc::clone(&contract));
    let size = rule(&contract, "size.level");
    let long: &'static str = Box::leak("é".repeat(10_000).into_boxed_str());
    for at in 0..1_000 {
        gathering.bad(at, &[size], &row(at, [None, Some(long), None]));
    }
    assert_eq!(gathering.positions(size).len(), POSITIONS_MAX);
    let samples = gathering.samples();
    assert_eq!(samples.rows.len(), SAMPLES_A_RULE);
    let CellState::Shown(text) = &samples.rows[0].cells[0].state else {
        panic!("not shown")
    };
    assert_eq!(text.chars().count(), 81, "80 and the sign that there is more");
    assert!(gathering.values(size).unwrap().top[0].value.chars().count() <= 81);
}

#[test]
fn a_row_that_could_not_be_read_says_why_and_has_no_cells() {
    let contract = contract();
    let mut gathering = Gathering::new(Arc::clone(&contract));
    let refused = Row {
        refused: Some("ragged"),
        ..row(9, [Some(CANARY), Some(CANARY), None])
    };
    gathering.bad(0, &[rule(&contract, "row.ragged")], &refused);
    let sample = &gathering.samples().rows[0];
    assert_eq!(sample.refused.as_deref(), Some("ragged"));
    assert!(sample.cells.is_empty());
}
