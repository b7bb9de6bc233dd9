//! Text files to rows: CSV and JSON lines, cut, then typed by the contract.
//!
//! Used by `muster validate` ([`LineReader`] and [`LineDecoder`]) and `muster publish` ([`LineReader`] alone). Reads from
//! whatever gives bytes and keeps no more than one run of rows and the row after it, so memory does not grow with the
//! file. Every row of the file comes out, as cells or as its own bytes with the reason it could not be cut; what comes
//! out depends on the file's bytes alone, not on how they arrived.
//!
//! How a CSV file is read:
//! - A byte order mark decides the encoding and is no text; without one it is the text format's. Lines end in LF or CR
//!   LF; a lone CR is text. The last line need not end.
//! - The first line that is not empty is the header. Columns are found by their names, in any order.
//! - A cell in quotes may hold delimiters, line ends and doubled quotes; what follows the closing quote up to the next
//!   delimiter belongs to the cell. A quote inside a cell that does not begin with one is text.
//! - A quote that is closed on a later line and followed by text was left open, and that text is another cell: the
//!   row's first physical line is ragged and reading goes on with the next.
//! - An empty cell is null, an empty cell in quotes is empty text.
//! - Where the text format says `trim`, blanks around a cell or a name are no part of it, in quotes or not, and a cell of
//!   nothing else is null. A quote after a blank does not begin its cell: it is text.
//! - A row with another number of cells than the header is ragged; so is an empty line, unless the file has one column:
//!   there it is a null. Empty lines at the end of the file are no rows.
//! - The same holds for a quote that nothing closes within the file, and for a row of several lines that is longer than
//!   [`ROW_BYTES_MAX`]. In the bytes looked through in vain, a quote must be closed on its own line, so that no byte is
//!   looked at again and again. A line longer than [`ROW_BYTES_MAX`] is ragged, and its first so many bytes are kept, as
//!   UTF-8 whatever the file's encoding.
//! - A row whose bytes are not in the file's encoding is kept as bytes, whatever else is wrong with it.
//!
//! In a file of JSON lines each line is one object whose members are the contract's columns by name. Cells are the texts
//! of the values, numbers with the text format's decimal mark, so that a value means the same in both kinds of file. An
//! object or array where the contract has a text is its JSON. Empty lines at the end are no rows, elsewhere no objects.

mod cut;
mod decode;
mod fit;
mod json;
mod reader;
mod source;
mod structure;
mod transcode;

pub use cut::ROW_BYTES_MAX;
pub use decode::LineDecoder;
pub use fit::{ColumnsFit, columns_header};
pub use reader::{Bounds, LineReader, Shape};
