//! Records that stand one after another without a frame, as in a block of an Avro object container.
//!
//! Used by `validate`, which frames each by itself, so that a record in a container means what it means on Kafka. Cuts
//! with every bound checked: nesting is limited and nothing is allocated.

use super::cursor::Cursor;
use super::named::Named;
use super::skip::{SkipId, Skips};
use crate::Error;
use muster_batch::Refusal;
use muster_spec::SchemaId;

/// Cuts records of one schema.
#[derive(Debug)]
pub struct Datums {
    skips: Skips,
    record: SkipId,
}

impl Datums {
    /// For records of this schema.
    pub fn new(id: SchemaId, schema_text: &str) -> Result<Self, Error> {
        let schema = apache_avro::Schema::parse_str(schema_text).map_err(|source| Error::Schema {
            id,
            source: Box::new(source),
        })?;
        let mut skips = Skips::default();
        let record = skips.add(&schema, &Named::of(&schema));
        skips.close();
        Ok(Self { skips, record })
    }

    /// The first record's bytes; `rest` begins after it. Errors: bytes that are no such record.
    pub fn cut<'b>(&self, rest: &mut &'b [u8]) -> Result<&'b [u8], Refusal> {
        let whole = *rest;
        // How long a record of a file may be is the file's own affair: a length beyond the block is a block cut short.
        let mut cursor = Cursor::new(whole, usize::MAX);
        self.skips.run(self.record, &mut cursor)?;
        let (record, after) = whole.split_at(whole.len() - cursor.left());
        *rest = after;
        Ok(record)
    }
}

/// A record in the frame that names its schema.
pub fn framed(id: SchemaId, record: &[u8], into: &mut Vec<u8>) {
    into.push(0);
    into.extend_from_slice(&id.0.to_be_bytes());
    into.extend_from_slice(record);
}

#[cfg(test)]
#[path = "datums_tests.rs"]
mod tests;
