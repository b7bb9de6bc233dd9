//! Writes rows that are not typed yet in the all-text schema, framed: what `publish` sends.
//!
//! Used by `muster publish`, read back by the decoder, which parses the texts by the contract. One buffer serves all
//! rows.

use muster_spec::SchemaId;

/// An encoder of rows of optional texts.
#[derive(Debug)]
pub struct TextWriter {
    row: Vec<u8>,
}

const FRAME_BYTES: usize = 5;

impl TextWriter {
    /// A writer whose rows carry the id of the contract's all-text schema.
    pub fn new(id: SchemaId) -> Self {
        let mut row = vec![0];
        row.extend_from_slice(&id.0.to_be_bytes());
        Self { row }
    }

    /// The payload of a row: one cell a column of the contract, in its order, null or UTF-8 text. It is overwritten by
    /// the next row.
    #[inline]
    pub fn write<'c>(&mut self, cells: impl IntoIterator<Item = Option<&'c [u8]>>) -> &[u8] {
        self.row.truncate(FRAME_BYTES);
        for cell in cells {
            match cell {
                None => self.row.push(0),
                Some(text) => {
                    self.row.push(2);
                    self.length(text.len());
                    self.row.extend_from_slice(text);
                }
            }
        }
        &self.row
    }

    /// A length as a zig-zag varint.
    #[inline]
    fn length(&mut self, length: usize) {
        let mut coded = (length as u64) << 1;
        while coded >= 0x80 {
            self.row.push(coded as u8 | 0x80);
            coded >>= 7;
        }
        self.row.push(coded as u8);
    }
}
