//! Rules, compiled: which rows of a batch break which rule of a contract.
//!
//! Used by `contract::judge`, by `muster check` (a rule that does not compile is a [`muster_spec::Problem`]) and by
//! `features` for names of columns; and what a repair sets fields to. Typed rules are loops over Arrow buffers; `expect:` is DataFusion SQL, compiled
//! once. Nothing here fails on data: a row on which a rule cannot be evaluated breaks that rule, and one on which a
//! rule panics is named, its neighbours untouched. No clock, network, environment or file.

pub mod assign;
pub mod compile;
pub mod encoding;
pub mod numbers;
pub mod row_set;
pub mod rules;
pub mod sql;
#[cfg(test)]
mod test_contract;
pub mod text;

pub use assign::{Assigned, Assignment};
pub use row_set::RowSet;
pub use rules::{Broken, Rules, Unparsed};
