//! A page of bounded size: what is too much is shown in part, and said to be.
//!
//! Used by [`crate::html`]. A usual report is 50 kB; one of a contract with hundreds of fields whose values are long would
//! be more than a browser, or a mail, takes.

use crate::number::count;
use crate::report::{Report, Values};

/// Bytes of a page.
pub(crate) const BYTES_MAX: usize = 2_000_000;

/// Limits of the first smaller page; each next one's are half of these.
const VALUES: usize = 6;
const PARTS: usize = 200;
const SAMPLES: usize = 30;

/// The report with less of everything that may be long; less still the more `steps` there were.
pub(crate) fn smaller(report: &Report, steps: u32) -> Report {
    let half = |limit: usize| (limit >> steps).max(1);
    let mut small = report.clone();
    small.rules.truncate(half(PARTS));
    small.columns.truncate(half(PARTS));
    small.samples.rows.truncate(half(SAMPLES));
    small.files.truncate(half(PARTS));
    small.notes.truncate(half(PARTS));
    small.expectations.truncate(half(PARTS));
    for values in small.rules.iter_mut().filter_map(|rule| rule.values.as_mut()) {
        shorten(values, half(VALUES));
    }
    for values in small.columns.iter_mut().filter_map(|column| column.values.as_mut()) {
        shorten(values, half(VALUES));
    }
    small.notes.push(format!(
        "This is too much for one page: {} of {} rules and {} of {} fields are shown, with few values each. The JSON beside \
         it holds all.",
        count(small.rules.len() as u64),
        count(report.rules.len() as u64),
        count(small.columns.len() as u64),
        count(report.columns.len() as u64),
    ));
    small
}

fn shorten(values: &mut Values, values_max: usize) {
    let rest = values.top.split_off(values.top.len().min(values_max));
    values.other += rest.iter().map(|level| level.rows).sum::<u64>();
}
