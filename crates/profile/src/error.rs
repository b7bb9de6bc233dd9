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
    #[error("`{name}` cannot be the label: it has {}, and a label has two", values.map_or("many values".to_owned(), |values| format!("{values} different value(s)")))]
    NoLabel {
        /// The column.
        name: String,
        /// How many values it has; `None` for many.
        values: Option<usize>,
    },
    /// The table has no row.
    #[error("the file has no row below its header: nothing can be told of its columns")]
    NoRow,
}

/// What can fail so.
pub type Result<T> = std::result::Result<T, Error>;
