//! What changes, counted: by rule, by the values of a column, with a few positions of each.
//!
//! Used by [`super::Backtest`], a tally a thread, added up at the end. Memory is bounded by the contract's rules and by
//! [`GROUPS_MAX`]; the only values kept are those of the column that is counted by.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use muster_batch::JudgedBatch;
use muster_spec::{Contract, Severity};
use muster_store::ledger::history::HistoryFile;
use serde::{Serialize, Serializer};

use super::sides::BadPart;
use super::unit::Was;

/// Positions told of a rule, each way.
const POSITIONS_MAX: usize = 5;
/// Values of a column that are told apart; rows of others are counted together.
const GROUPS_MAX: usize = 10_000;

/// What would change.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// All rows, as one group.
    pub all: Group,
    /// The contract's rules in its order, then those that only older versions had.
    pub rules: Vec<RuleFlips>,
    /// The values of the column that is counted by.
    pub groups: BTreeMap<String, Group>,
    places: HashMap<String, usize>,
}

/// Some rows and their verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Judged rows.
    pub rows: u64,
    /// How many are bad as they are stored.
    pub bad_before: u64,
    /// How many would be.
    pub bad_now: u64,
    /// How many good ones would be bad.
    pub caught: u64,
    /// How many bad ones would be good.
    pub released: u64,
}

/// A rule and the verdicts it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleFlips {
    /// Its id.
    pub rule: String,
    /// How many bad rows broke it when they were judged; nothing for a warning, which is not kept with good rows.
    pub before: Option<u64>,
    /// How many break it now.
    pub now: u64,
    /// How many good rows are bad now and break it.
    pub caught: u64,
    /// How many bad rows that broke it are good now.
    pub released: u64,
    /// Where the first of the caught ones are.
    pub caught_at: BTreeSet<Position>,
    /// Where the first of the released ones are.
    pub released_at: BTreeSet<Position>,
}

/// Where a record is, written as `muster trace` takes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    topic: Arc<str>,
    partition: i32,
    offset: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What each record is counted by.
pub struct Values {
    texts: StringArray,
    /// For each record its row; `None` where it has none.
    row_of_record: Vec<Option<u32>>,
}

/// The values of a column of rows, by the records of a unit.
pub fn values(column: &ArrayRef, record_of_row: &[u32], records: usize) -> anyhow::Result<Values> {
    let mut row_of_record = vec![None; records];
    for (row, record) in record_of_row.iter().enumerate() {
        row_of_record[*record as usize] = Some(row as u32);
    }
    Ok(Values {
        texts: cast(column, &DataType::Utf8)?.as_string().clone(),
        row_of_record,
    })
}

impl Values {
    fn of(&self, record: usize) -> &str {
        match self.row_of_record[record] {
            None => "(undecodable)",
            Some(row) if self.texts.is_null(row as usize) => "(missing)",
            Some(row) => self.texts.value(row as usize),
        }
    }
}

impl Group {
    fn add(&mut self, was_bad: bool, is_bad: bool) {
        self.rows += 1;
        self.bad_before += u64::from(was_bad);
        self.bad_now += u64::from(is_bad);
        self.caught += u64::from(!was_bad && is_bad);
        self.released += u64::from(was_bad && !is_bad);
    }

    fn add_all(&mut self, other: &Self) {
        self.rows += other.rows;
        self.bad_before += other.bad_before;
        self.bad_now += other.bad_now;
        self.caught += other.caught;
        self.released += other.released;
    }

    /// How many verdicts change.
    pub fn flips(&self) -> u64 {
        self.caught + self.released
    }
}

impl Tally {
    /// Nothing yet.
    pub fn new(contract: &Contract) -> Self {
        let mut tally = Self::default();
        for rule in &contract.rules {
            let place = tally.place(&rule.id);
            tally.rules[place].before = (rule.severity == Severity::Error).then_some(0);
        }
        tally
    }

    fn place(&mut self, id: &str) -> usize {
        if let Some(place) = self.places.get(id) {
            return *place;
        }
        self.rules.push(RuleFlips {
            rule: id.to_owned(),
            before: Some(0),
            ..RuleFlips::default()
        });
        self.places.insert(id.to_owned(), self.rules.len() - 1);
        self.rules.len() - 1
    }

    /// Adds records of a source with what became of them and what would.
    pub(super) fn add(
        &mut self,
        source: &HistoryFile,
        was: &[Was],
        bad: Option<&BadPart>,
        values: Option<&Values>,
        judged: &JudgedBatch,
    ) {
        let mut now_bad = judged.bad_records.iter().enumerate().peekable();
        for (record, was) in was.iter().enumerate() {
            let is_bad = now_bad.next_if(|(_, bad)| **bad as usize == record).map(|(at, _)| at);
            let was_bad = matches!(was, Was::Bad { .. });
            self.all.add(was_bad, is_bad.is_some());
            if let Some(values) = values {
                self.group(values.of(record)).add(was_bad, is_bad.is_some());
            }
            let broken = is_bad.map_or(&[][..], |at| judged.violations.get(at));
            for rule in broken {
                let rule = &mut self.rules[usize::from(rule.0)];
                rule.now += 1;
                if let Was::Good { offset } = was {
                    rule.caught += 1;
                    note(&mut rule.caught_at, source, *offset);
                }
            }
            if let (Was::Bad { record }, Some(part)) = (was, bad) {
                self.broke(source, part, *record, is_bad.is_none());
            }
        }
        for (rule, count) in self.rules.iter_mut().zip(&judged.counts) {
            rule.now += if rule.before.is_none() { *count } else { 0 };
        }
    }

    fn broke(&mut self, source: &HistoryFile, part: &BadPart, record: usize, released: bool) {
        for id in &part.violations[record] {
            let place = self.place(id);
            let rule = &mut self.rules[place];
            // A rule that only warns now made rows bad when they were judged.
            rule.before = rule.before.map(|before| before + 1);
            if released {
                rule.released += 1;
                note(&mut rule.released_at, source, part.offsets[record]);
            }
        }
    }

    fn group(&mut self, value: &str) -> &mut Group {
        if !self.groups.contains_key(value) {
            let value = if self.groups.len() < GROUPS_MAX {
                value
            } else {
                "(others)"
            };
            return self.groups.entry(value.to_owned()).or_default();
        }
        self.groups.get_mut(value).expect("it was looked up")
    }

    /// Adds another tally of the same contract.
    pub(super) fn add_all(&mut self, other: Self) {
        self.all.add_all(&other.all);
        for rule in other.rules {
            let place = self.place(&rule.rule);
            let own = &mut self.rules[place];
            own.before = own.before.zip(rule.before).map(|(own, more)| own + more);
            own.now += rule.now;
            own.caught += rule.caught;
            own.released += rule.released;
            rule.caught_at.into_iter().for_each(|at| keep(&mut own.caught_at, at));
            rule.released_at
                .into_iter()
                .for_each(|at| keep(&mut own.released_at, at));
        }
        for (value, group) in other.groups {
            self.group(&value).add_all(&group);
        }
    }
}

fn note(positions: &mut BTreeSet<Position>, source: &HistoryFile, offset: i64) {
    let position = Position {
        topic: Arc::clone(&source.topic),
        partition: source.partition,
        offset,
    };
    keep(positions, position);
}

/// Keeps the first positions, whichever thread meets them when.
fn keep(positions: &mut BTreeSet<Position>, position: Position) {
    let is_full = positions.len() == POSITIONS_MAX;
    if !is_full || positions.last().is_some_and(|last| position < *last) {
        positions.insert(position);
        if positions.len() > POSITIONS_MAX {
            positions.pop_last();
        }
    }
}
