//! What a report holds of rows: gathered while they pass, in memory that does not grow with them.
//!
//! Used over judged rows of a file (`validate --report`) and over sealed files (`muster report`). The one place where a
//! personal value could enter a report, and where it is masked: nobody is asked for its text.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use muster_contract::judge::{Levels, Profile};
use muster_report::{Cell, CellState, Column, Level, Sample, SampleColumn, Samples, Values};
use muster_spec::{Check, Contract, RuleNumber};

use super::trail::Trail;
use super::words;

/// Sample rows kept for each rule.
const SAMPLES_A_RULE: usize = 3;
/// Sample rows in all.
const SAMPLES_MAX: usize = 60;
/// Columns that a sample shows.
const SAMPLE_COLUMNS_MAX: usize = 40;
/// Positions told for each rule.
pub const POSITIONS_MAX: usize = 5;
/// Values told of a column, or of what broke a rule.
const VALUES_MAX: usize = 12;
/// Characters of a value.
const VALUE_CHARACTERS_MAX: usize = 80;

/// A bad row, as whoever reads it knows it.
pub trait BadRow {
    /// Where it is, as people are told.
    fn position(&self) -> String;

    /// The text of a field's value; `None` where there is none, or none that parses.
    fn text(&self, field: usize) -> Option<Cow<'_, str>>;

    /// Whether a field has a value, whatever it is.
    fn is_there(&self, field: usize) -> bool {
        self.text(field).is_some()
    }

    /// Why it could not be read at all.
    fn refused(&self) -> Option<&str> {
        None
    }
}

/// What was gathered of rows so far.
pub struct Gathering {
    contract: Arc<Contract>,
    profile: Profile,
    /// Where bad rows are.
    pub trail: Trail,
    broken: Vec<Broken>,
    samples: Vec<Taken>,
}

/// What was gathered of a rule.
#[derive(Clone, Debug, Default)]
struct Broken {
    /// What stood there, where its field is public.
    values: Option<Levels>,
    positions: Vec<String>,
    samples: usize,
}

/// A sample row with the cells of all fields.
struct Taken {
    position: String,
    rules: Vec<RuleNumber>,
    refused: Option<String>,
    cells: Vec<Cell>,
}

impl Gathering {
    /// Nothing yet.
    pub fn new(contract: Arc<Contract>) -> Self {
        let is_public = |field: Option<usize>| field.is_some_and(|field| !contract.fields[field].personal);
        let broken = contract.rules.iter().map(|rule| Broken {
            values: is_public(rule.field).then(Levels::default),
            ..Broken::default()
        });
        Self {
            profile: Profile::new(&contract),
            trail: Trail::new(contract.rules.len()),
            broken: broken.collect(),
            samples: Vec::new(),
            contract,
        }
    }

    /// Adds good rows.
    pub fn good(&mut self, rows: &RecordBatch) {
        self.profile.add(rows);
    }

    /// Adds a bad row with the rules it breaks, warnings included. `place` is its row or its offset in the batch.
    pub fn bad(&mut self, place: u64, rules: &[RuleNumber], row: &impl BadRow) {
        self.trail.add(place, rules);
        let mut wanted = false;
        for rule in rules {
            let broken = &mut self.broken[usize::from(rule.0)];
            if let (Some(values), Some(field)) = (&mut broken.values, self.contract.rules[usize::from(rule.0)].field)
                && let Some(text) = row.text(field)
            {
                values.add(&text);
            }
            if broken.positions.len() < POSITIONS_MAX {
                broken.positions.push(row.position());
            }
            wanted |= broken.samples < SAMPLES_A_RULE;
        }
        if wanted && self.samples.len() < SAMPLES_MAX {
            for rule in rules {
                self.broken[usize::from(rule.0)].samples += 1;
            }
            self.samples.push(self.taken(rules, row));
        }
    }

    fn taken(&self, rules: &[RuleNumber], row: &impl BadRow) -> Taken {
        let refused = row.refused().map(str::to_owned);
        let broken = |field: usize, check: Option<&Check>| {
            let mut of_row = rules.iter().map(|rule| &self.contract.rules[usize::from(rule.0)]);
            of_row.any(|rule| rule.field == Some(field) && check.is_none_or(|check| rule.check == *check))
        };
        let cell = |(field, column): (usize, &muster_spec::Field)| {
            let unparsed = || broken(field, Some(&Check::Type));
            let state = if column.personal {
                if row.is_there(field) || unparsed() {
                    CellState::Masked
                } else {
                    CellState::Missing
                }
            } else {
                match row.text(field) {
                    Some(text) => CellState::Shown(cut(&text)),
                    None if unparsed() => CellState::Unparsed,
                    None => CellState::Missing,
                }
            };
            Cell {
                state,
                broken: broken(field, None),
            }
        };
        let fields = self.contract.fields.iter().enumerate();
        Taken {
            position: row.position(),
            rules: rules.to_vec(),
            cells: if refused.is_none() {
                fields.map(cell).collect()
            } else {
                Vec::new()
            },
            refused,
        }
    }

    /// How many good rows were looked at.
    pub fn profiled(&self) -> u64 {
        self.profile.rows()
    }

    /// Where the first rows are that broke a rule.
    pub fn positions(&self, rule: RuleNumber) -> &[String] {
        &self.broken[usize::from(rule.0)].positions
    }

    /// What stood where a rule was broken.
    pub fn values(&self, rule: RuleNumber) -> Option<Values> {
        let values = self.broken[usize::from(rule.0)].values.as_ref()?;
        (values.added() > 0).then(|| told(values))
    }

    /// The profile of the good rows.
    pub fn columns(&self) -> Vec<Column> {
        let fields = self.contract.fields.iter().zip(self.profile.fields());
        fields
            .map(|(field, profile)| words::column(field, &profile, told))
            .collect()
    }

    /// The sample rows, with the columns that broken rules are about first, then public ones.
    pub fn samples(&self) -> Samples {
        let fields = &self.contract.fields;
        let of_rules = |field: usize| {
            let about = |rule: &RuleNumber| self.contract.rules[usize::from(rule.0)].field == Some(field);
            self.samples.iter().any(|sample| sample.rules.iter().any(about))
        };
        let mut shown: Vec<usize> = (0..fields.len()).collect();
        shown.sort_by_key(|&field| (!of_rules(field), fields[field].personal, field));
        shown.truncate(SAMPLE_COLUMNS_MAX);
        let id = |rule: &RuleNumber| self.contract.rule_id(*rule).to_owned();
        let row = |taken: &Taken| Sample {
            position: taken.position.clone(),
            rules: taken.rules.iter().map(id).collect(),
            refused: taken.refused.clone(),
            cells: match taken.refused {
                Some(_) => Vec::new(),
                None => shown.iter().map(|&field| taken.cells[field].clone()).collect(),
            },
        };
        Samples {
            columns: shown
                .iter()
                .map(|&field| SampleColumn {
                    name: fields[field].name.clone(),
                    personal: fields[field].personal,
                })
                .collect(),
            columns_left_out: (fields.len() - shown.len()) as u64,
            rows: self.samples.iter().map(row).collect(),
        }
    }
}

/// The most frequent values.
fn told(levels: &Levels) -> Values {
    let top: Vec<Level> = levels
        .top(VALUES_MAX)
        .into_iter()
        .map(|(value, rows)| Level {
            value: cut(value),
            rows,
        })
        .collect();
    Values {
        other: levels.added() - top.iter().map(|level| level.rows).sum::<u64>(),
        exact: levels.is_exact(),
        top,
    }
}

/// The beginning of a text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "gathering_tests.rs"]
mod tests;
