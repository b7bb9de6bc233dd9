//! Which of a file's columns are which of the contract's.
//!
//! Made once a file by the reader from its header; used by the decoder of lines and by `publish`. Columns are found by
//! name: the field's name in files (`source`) or its name in the contract. Order does not matter, but among columns of
//! the same name: those are the fields of that name, the first one's first.

use std::collections::HashMap;

use muster_batch::{Misfit, RawLines};
use muster_spec::Contract;

use crate::Error;

/// How many of the contract's columns an error shows.
const SHOWN: usize = 3;

/// A file's columns beside the contract's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnsFit {
    /// The names of the file's columns, in its order.
    pub header: Vec<String>,
    /// For each field of the contract, its column in the file; `None` where the file lacks it.
    pub order: Vec<Option<usize>>,
    /// What does not fit; `None` where every column is there and none is unknown.
    pub misfit: Option<Misfit>,
}

impl ColumnsFit {
    /// Finds the contract's columns in a file's header.
    ///
    /// Errors: a name that stands more often than the contract has fields of it, or names for one column that do; no name
    /// that the contract knows.
    pub fn new(contract: &Contract, header: Vec<String>, delimiter: u8) -> Result<Self, Error> {
        let names = contract.fields.iter().enumerate();
        let mut fields_of: HashMap<&str, Vec<usize>> = HashMap::new();
        // A field's name in files comes before its own: that one may be what another column is called there.
        for (at, field) in names.clone() {
            fields_of.entry(field.source.as_str()).or_default().push(at);
        }
        for (at, field) in names.filter(|(_, field)| field.name != field.source) {
            fields_of.entry(field.name.as_str()).or_default().push(at);
        }
        let mut order: Vec<Option<usize>> = vec![None; contract.fields.len()];
        let mut unknown: Vec<String> = Vec::new();
        for (column, name) in header.iter().enumerate() {
            let taken = match fields_of.get(name.as_str()) {
                Some(fields) => match fields.iter().find(|field| order[**field].is_none()) {
                    Some(field) => {
                        order[*field] = Some(column);
                        false
                    }
                    None => true,
                },
                None if unknown.contains(name) => true,
                None => {
                    unknown.push(name.clone());
                    false
                }
            };
            if taken {
                return Err(Error::HeaderTwice(name.clone()));
            }
        }
        if order.iter().all(Option::is_none) {
            let delimiter = char::from(delimiter);
            let mut shown: Vec<&str> = contract.fields.iter().take(SHOWN).map(|field| &*field.source).collect();
            if contract.fields.len() > SHOWN {
                shown.push("...");
            }
            let expected = shown.join(&delimiter.to_string());
            return Err(Error::HeaderForeign { expected, delimiter });
        }
        let missing = order.iter().zip(&contract.fields);
        let missing = missing.filter(|(column, _)| column.is_none());
        let missing: Vec<String> = missing.map(|(_, field)| field.name.clone()).collect();
        let fits = missing.is_empty() && unknown.is_empty();
        Ok(Self {
            header,
            order,
            misfit: (!fits).then_some(Misfit { missing, unknown }),
        })
    }

    /// The columns of a file that no contract is held against: all of them, in its order.
    pub fn unknown(header: Vec<String>) -> Self {
        Self {
            order: (0..header.len()).map(Some).collect(),
            header,
            misfit: None,
        }
    }

    /// The columns of rows that are made from the contract: all there, in its order.
    pub(super) fn whole(contract: &Contract) -> Self {
        Self {
            header: contract.fields.iter().map(|field| field.name.clone()).collect(),
            order: (0..contract.fields.len()).map(Some).collect(),
            misfit: None,
        }
    }

    /// What does not fit in a row: its file's misfit, or its own.
    pub fn misfit_of<'a>(&'a self, lines: &'a RawLines, row: usize) -> Option<&'a Misfit> {
        lines.misfit(row).or(self.misfit.as_ref())
    }

    /// The cells of a row in the contract's order, null where the file lacks the column: what `publish` sends.
    pub fn arrange<'a>(
        &'a self,
        lines: &'a RawLines,
        row: usize,
    ) -> impl ExactSizeIterator<Item = Option<&'a [u8]>> + use<'a> {
        let cells = lines.cells(row);
        self.order
            .iter()
            .map(move |column| column.and_then(|column| cells.get(column)))
    }
}

/// The value of the header `muster-columns`: what does not fit, as JSON.
pub fn columns_header(misfit: &Misfit) -> String {
    serde_json::json!({"missing": misfit.missing, "unknown": misfit.unknown}).to_string()
}
