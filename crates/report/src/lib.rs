//! The quality report: what was found in a batch, a day or a file, as one page of HTML and as JSON; and the profile of a
//! table, in the same dress.
//!
//! Used by `muster`, which gathers what a [`Report`] holds. Knows no ledger, no files and no network: a plain value
//! comes in, text goes out. What must stay true: every value is foreign and is escaped by the template's own rules; the
//! page needs nothing but itself, and its own policy lets it ask for nothing; HTML and JSON are made of one value, so
//! their numbers are the same; a personal value has no place in it, since [`CellState::Masked`] carries no text.

mod chart;
mod error;
mod fit;
mod index;
mod number;
mod page;
mod policy;
mod report;
mod status;
mod table;
mod words;

pub use error::Error;
pub use index::{Index, IndexContract, IndexEntry};
pub use page::{html, index_html, json};
pub use policy::policy;
pub use report::{
    Bound, Bucket, Cell, CellState, Column, ContractFacts, Distinct, Expected, FORM, FileRef, Level, Link, Report,
    RuleResult, RuleSeverity, Sample, SampleColumn, Samples, Subject, Timeline, TimelineAxis, Totals, Values,
};
pub use status::{Status, Verdict};
pub use table::{
    FindingKind, NumberSpread, PROFILE_FORM, TableColumn, TableFinding, TableLabel, TableProfile, table_html,
    table_json,
};
