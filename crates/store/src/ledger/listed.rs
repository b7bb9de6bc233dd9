//! What a batch has in a file, as every list of files reads it.
//!
//! Used by whatever hands files out for reading, so that none forgets that a merged file holds others' rows too.

use tokio_postgres::Row;

use super::keys::digest;
use crate::error::Error;
use crate::files::ListedFile;

/// The columns of a [`ListedFile`], from `files`.
pub(super) const LISTED: &str =
    "files.path, files.rows, files.first_row, coalesce(files.file_rows, files.rows), files.sha256";

/// How many they are.
pub(super) const LISTED_COLUMNS: usize = 5;

/// Reads them from this column on.
pub(super) fn listed(row: &Row, first: usize) -> Result<ListedFile, Error> {
    let count = |column: usize| row.get::<_, i64>(first + column) as u64;
    Ok(ListedFile {
        path: row.get(first),
        rows: count(1),
        first_row: count(2),
        file_rows: count(3),
        sha256: digest(row.get(first + 4))?,
    })
}
