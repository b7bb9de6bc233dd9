//! Files that no table can be read from: no regular file, compressed ones, other programs' own formats.
//!
//! Used by [`super`] before a text file is looked at: what is no text would otherwise be a table of one column.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use muster_profile::BEGINNING_BYTES;

use crate::file_lines::open_file;

/// The first bytes of formats that are no text, what they are, and what to do.
const FORMATS: [(&[u8], &str, &str); 7] = [
    (b"\x1f\x8b", "a gzip file", "unpack it first: `gunzip`"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "unpack it first: `unzstd`"),
    (b"BZh91AY", "a bzip2 file", "unpack it first: `bunzip2`"),
    (b"\xfd7zXZ", "an xz file", "unpack it first: `unxz`"),
    (
        b"PK\x03\x04",
        "a ZIP file or a spreadsheet's own",
        "unpack it, or save the sheet as CSV",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "an old spreadsheet's own format",
        "save the sheet as CSV",
    ),
    (b"PAR1\x15", "a Parquet file", "let its name end in `.parquet`"),
];

/// A text file's first bytes.
///
/// Errors: a beginning that is no text's.
pub(super) fn beginning(path: &Path) -> anyhow::Result<Vec<u8>> {
    let unread = || format!("could not read `{}`", path.display());
    let mut bytes = Vec::new();
    open_file(path)?
        .take(BEGINNING_BYTES as u64)
        .read_to_end(&mut bytes)
        .with_context(unread)?;
    for (magic, what, todo) in FORMATS {
        if bytes.starts_with(magic) {
            bail!("`{}` is {what}, and no CSV\n  hint: {todo}", path.display());
        }
    }
    // Two of UTF-16's bytes in three are zero where its text is ASCII: a mark tells it from what is no text.
    let is_marked = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    if !is_marked && bytes.contains(&0) {
        bail!(
            "`{}` has NUL bytes, which no text has\n  hint: is it UTF-16 without a byte order mark? write it as UTF-8",
            path.display()
        );
    }
    Ok(bytes)
}

/// Ends where a file cannot be read twice. Asked before it is opened: opening a pipe waits for its writer.
pub(super) fn refuse_pipes(path: &Path) -> anyhow::Result<()> {
    let facts = std::fs::metadata(path).with_context(|| format!("could not open `{}`", path.display()))?;
    if facts.is_file() {
        return Ok(());
    }
    bail!(
        "`{}` is no regular file, and a table is read twice\n  hint: write it to a file first: `cat >table.csv`",
        path.display()
    );
}
