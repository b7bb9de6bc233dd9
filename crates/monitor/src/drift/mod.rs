//! Drift: whether new rows still look like those a model was trained on.
//!
//! Used by `muster`. Training has [`Reference::learn`] cut each feature into cells and count its rows; the reference is a
//! file of the model version. Ingest counts each batch's good rows in the same cells ([`Sketch`]), the ledger adds the
//! batches of a window up, and [`judge`] holds a window against the reference. What must stay true: a sketch's size
//! depends on the reference alone, counting whole or in parts gives the same sketch, and a window without drift is called
//! one with drift no more often than the pipeline allows.

mod alerts;
mod chance;
mod level_cells;
mod measures;
mod reference;
mod sketch;
mod verdict;

pub use alerts::alerts;
pub use chance::{kolmogorov, of_entropy};
pub use measures::{entropy, ks, psi, psi_expected};
pub use reference::{Cells, Feature, Reference};
pub use sketch::{Counted, Sketch};
pub use verdict::{is_due, judge};
