//! Writes rows that are not typed yet as JSON objects: what `publish` sends to topics whose records are JSON.
//!
//! Used by `muster publish`, read back by the decoder, which parses the texts by the contract. Every value is a text or
//! null; nested records are objects. One buffer serves all rows.

use muster_spec::{Contract, Field};

/// An encoder of rows of optional texts.
#[derive(Debug)]
pub struct JsonWriter {
    fields: Vec<Field>,
    row: Vec<u8>,
}

impl JsonWriter {
    /// A writer of a contract's rows.
    pub fn new(contract: &Contract) -> Self {
        Self {
            fields: contract.fields.clone(),
            row: Vec::new(),
        }
    }

    /// The payload of a row: one cell a column of the contract, in its order, null or UTF-8 text. Columns of these names
    /// are left out, so that the decoder finds them missing. It is overwritten by the next row.
    pub fn write<'c>(&mut self, cells: impl IntoIterator<Item = Option<&'c [u8]>>, missing: &[String]) -> &[u8] {
        self.row.clear();
        self.row.push(b'{');
        let mut open: &[String] = &[];
        for (field, cell) in self.fields.iter().zip(cells) {
            if missing.contains(&field.name) {
                continue;
            }
            let Some((name, outer)) = field.path.split_last() else {
                continue;
            };
            // Columns come depth first, so an object that is left is never entered again.
            let common = open.iter().zip(outer).take_while(|(left, right)| left == right).count();
            self.row.extend(std::iter::repeat_n(b'}', open.len() - common));
            for entered in &outer[common..] {
                member(&mut self.row, entered);
                self.row.push(b'{');
            }
            open = outer;
            member(&mut self.row, name);
            match cell {
                None => self.row.extend_from_slice(b"null"),
                Some(text) => string(&mut self.row, &String::from_utf8_lossy(text)),
            }
        }
        self.row.extend(std::iter::repeat_n(b'}', open.len() + 1));
        &self.row
    }
}

/// A member's name and what stands before it.
fn member(row: &mut Vec<u8>, name: &str) {
    if row.last() != Some(&b'{') {
        row.push(b',');
    }
    string(row, name);
    row.push(b':');
}

fn string(row: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(row, text).expect("a text can be written into a buffer");
}

#[cfg(test)]
#[path = "json_writer_tests.rs"]
mod tests;
