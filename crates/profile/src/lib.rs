//! First contact with a table that nobody described: what its columns are, what stands in them, and the files of a project
//! for it.
//!
//! Used by `muster init` and `muster profile`, which read the file. Two looks: [`Guesser`] over its text says how it is
//! written and what each column is; [`Profiler`] over the same rows, now typed by the contract's own decoder, says what
//! stands in them and how it goes with the label. [`Reading`] puts both together, and [`draft`] writes contract, schema,
//! feature view and pipeline. What must stay true: no clock, file or network, memory that does not grow with rows, and a
//! draft that `muster check` takes as it is.

mod columns;
pub mod draft;
mod error;
mod guess;
mod label;
pub mod names;
mod numbers;
mod ordering;
mod reading;
mod roles;
mod seen;
mod sniff;
mod texts;
mod writings;

pub use columns::Profiler;
pub use error::{Error, Result};
pub use guess::{Column, Guess, Guesser, Kind};
pub use label::Label;
pub use reading::{ColumnReading, Reading, SUSPICION, Spread};
pub use roles::Role;
pub use sniff::{BEGINNING_BYTES, latin, sniff};
