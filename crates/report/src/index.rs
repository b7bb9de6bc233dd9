//! The list of reports that can be asked for.

use serde::Serialize;

use crate::number::{count, percent};
use crate::report::Totals;

/// What there is a report of, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Index {
    /// When the list was made.
    pub made_at: String,
    /// The contracts, by name.
    pub contracts: Vec<IndexContract>,
}

/// A contract's reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexContract {
    /// Its name.
    pub name: String,
    /// Its last days with batches.
    pub days: Vec<IndexEntry>,
    /// Its last batches.
    pub batches: Vec<IndexEntry>,
}

/// A report that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexEntry {
    /// A day, or a batch's number.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// What it counts.
    pub totals: Totals,
}

impl IndexContract {
    /// Its lists with their names.
    pub(crate) fn lists(&self) -> [(&[IndexEntry], &'static str); 2] {
        [(&self.days, "Day"), (&self.batches, "Batch")]
    }
}

impl IndexEntry {
    pub(crate) fn received_text(&self) -> String {
        count(self.totals.received)
    }

    pub(crate) fn bad_text(&self) -> String {
        count(self.totals.bad)
    }

    pub(crate) fn share_text(&self) -> String {
        percent(self.totals.bad_share())
    }
}
