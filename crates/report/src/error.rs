//! What can go wrong while a report is written.

/// What went wrong: nothing in a report can make it, so it is a bug.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template did not render.
    #[error("cannot write the page: {0}")]
    Page(#[from] askama::Error),
    /// The report did not serialize.
    #[error("cannot write the report as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
