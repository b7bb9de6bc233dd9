//! Why a table cannot be described.

/// Why a table cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The table has no such column.
    #[error("the file has no column `{name}`{}", near.as_ref().map(|near| format!("\n  hint: did you mean `{near}`?")).unwrap_or_default())]
    NoColumn {
        /// The name that was asked for.
        name: String,
        /// The nearest there is.
        near: Option<String>,
    },
    /// A column cannot be a label.
    #[error("`{name}` cannot be the label: it has {why}")]
    NoLabel {
        /// The column.
        name: String,
        /// What it has instead of two values.
        why: String,
    },
    /// Lines do not end as lines of text files do.
    #[error("the file's lines end in {ends}\n  hint: write it again with LF or CR LF at the end of each line: {mend}")]
    LineEnds {
        /// What they end in.
        ends: &'static str,
        /// A command that mends them.
        mend: &'static str,
    },
    /// The first line is no header.
    #[error(
        "the first line is no header: {why}\n  hint: take away what stands above the line that names the columns: `tail -n +2`"
    )]
    NoHeader {
        /// What it is instead.
        why: String,
    },
    /// No row has as many cells as the header.
    #[error(
        "no row has as many cells as the header, which has {header}: the first has {row}\n  hint: does each row end in a delimiter that \
         the header lacks? then let the header end in one too"
    )]
    AllRagged {
        /// Cells of the header.
        header: usize,
        /// Cells of the first row.
        row: usize,
    },
    /// The table has no row.
    #[error("the file has no row below its header: nothing can be told of its columns")]
    NoRow,
}

/// What can fail so.
pub type Result<T> = std::result::Result<T, Error>;
