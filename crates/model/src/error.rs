//! Why a model could not be trained, loaded or used.
//!
//! Returned by everything public in this crate. No message holds a value of a row: features are named, levels are not.

/// Why a model could not be trained, loaded or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text of a model is not what LightGBM writes: cut, altered, or of a kind this crate does not evaluate.
    #[error("the model's text is damaged at line {line}: {what}")]
    Text {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// LightGBM refused.
    #[error("LightGBM refused: {0}")]
    LightGbm(String),
    /// A parameter of the pipeline's model cannot be taken.
    #[error("parameter `{name}` {what}")]
    Parameter {
        /// Its name.
        name: String,
        /// Why not.
        what: String,
    },
    /// A feature cannot be encoded as the pipeline says.
    #[error("feature `{feature}` {what}")]
    Feature {
        /// Its name in the view.
        feature: String,
        /// Why not.
        what: String,
    },
    /// The rows cannot be trained on.
    #[error("cannot train: {0}")]
    Rows(String),
    /// A plainer model finds no fit on these rows. Nothing public returns it: a pipeline's own model is trained all the same.
    #[error("{0}")]
    NoFit(&'static str),
    /// The features handed in are not those the model was trained on.
    #[error("the features do not fit the model: {0}")]
    Signature(String),
    /// A model version's files are incomplete, altered or of another format.
    #[error("model version `{version}` is damaged: {what}")]
    Version {
        /// The first digits of the version that was asked for.
        version: String,
        /// What is wrong.
        what: String,
    },
    /// A model version's files could not be read or written.
    #[error("cannot {verb} `{path}`: {source}")]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// The file or folder.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// What this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn text(line: usize, what: impl Into<String>) -> Self {
        Self::Text {
            line,
            what: what.into(),
        }
    }

    pub(crate) fn feature(feature: &str, what: impl Into<String>) -> Self {
        Self::Feature {
            feature: feature.to_owned(),
            what: what.into(),
        }
    }

    pub(crate) fn parameter(name: &str, what: impl Into<String>) -> Self {
        Self::Parameter {
            name: name.to_owned(),
            what: what.into(),
        }
    }
}
