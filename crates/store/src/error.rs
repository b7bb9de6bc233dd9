//! What can go wrong while keeping things, by whose trouble it is and whether trying again helps.
//!
//! Made throughout this crate, read by `muster`, which pauses and retries on the environment's trouble and never
//! turns it into a bad row. Texts name files, statements and codes, never a value of a person's data: of a database
//! error only its code and its main message are kept, since details quote rows.

use std::io;

use muster_spec::Token;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

/// Whose trouble an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// The user's: a name that does not exist, a setting that cannot be read.
    User,
    /// The world's around us: disk, network, database. It may pass.
    Environment,
    /// Ours: a bug, or a ledger that somebody changed by hand.
    Internal,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An operation on a file failed. Never retried on the same handle.
    #[error("cannot {action} `{path}`: {source}")]
    File {
        /// What was tried: `write`, `sync`.
        action: &'static str,
        /// The file, below the project folder.
        path: String,
        /// The system's error, with its number.
        source: io::Error,
    },
    /// Columns could not be encoded.
    #[error("cannot encode `{path}`: {reason}")]
    Encode {
        /// The file, below the project folder.
        path: String,
        /// What the writer said.
        reason: String,
    },
    /// A file is not what was sealed: truncated, altered or gone.
    #[error("file `{path}` is damaged: {reason}")]
    Damaged {
        /// The file, below the project folder.
        path: String,
        /// What differs.
        reason: String,
    },
    /// A name that cannot be part of a path.
    #[error("`{0}` cannot be part of a file's path")]
    Path(String),
    /// A writer was used after it failed.
    #[error("the writer of `{0}` failed before and takes no more rows")]
    Broken(String),
    /// A batch does not begin where the last one ended.
    #[error("a batch from offset {found} was handed to a writer that is at {expected}")]
    NotContiguous {
        /// Where the writer is.
        expected: i64,
        /// Where the batch begins.
        found: i64,
    },
    /// The database's address cannot be read.
    #[error("the database's address cannot be read: {0}")]
    Address(String),
    /// The database cannot be reached, or did not answer in time.
    #[error("the database cannot be reached while trying to {action}: {reason}")]
    Unreachable {
        /// What was tried.
        action: &'static str,
        /// Why, as the driver says it.
        reason: String,
    },
    /// The database refused a statement; nothing of it was done.
    #[error("the database refused to {action}: {message} ({})", .code.code())]
    Refused {
        /// What was tried.
        action: &'static str,
        /// The SQLSTATE.
        code: SqlState,
        /// The database's main message.
        message: String,
    },
    /// The answer to a commit was lost: it may have happened, be under way, or never come. Resolve it.
    #[error("the answer to commit attempt {attempt} was lost: {reason}")]
    OutcomeUnknown {
        /// The attempt to resolve.
        attempt: Uuid,
        /// How it was lost.
        reason: String,
    },
    /// The writer's token has passed on; nothing was written.
    #[error("token {token} has passed on while trying to {action}")]
    Fenced {
        /// What was tried.
        action: &'static str,
        /// The token.
        token: Token,
    },
    /// The ledger was made by another version of this program.
    #[error("the ledger is at migration {found} and this program at {expected}: {hint}")]
    Migration {
        /// The ledger's last migration, 0 for none.
        found: i32,
        /// This program's last migration.
        expected: i32,
        /// What to do.
        hint: &'static str,
    },
    /// A migration failed.
    #[error("cannot migrate the ledger: {0}")]
    Migrate(String),
    /// A schema id stands for another text than before.
    #[error("schema id {id} of registry `{registry}` had another text before")]
    SchemaChanged {
        /// The registry's address, empty for derived ids.
        registry: String,
        /// The id.
        id: u32,
    },
    /// A name the ledger does not know.
    #[error("the ledger knows no {what} `{name}`")]
    Missing {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The ledger holds what it must not hold.
    #[error("the ledger's answer makes no sense: {0}")]
    Answer(String),
}

impl Error {
    /// Whose trouble it is.
    pub fn domain(&self) -> Domain {
        match self {
            Self::Address(_) | Self::Missing { .. } | Self::Migration { .. } | Self::Path(_) => Domain::User,
            Self::File { .. }
            | Self::Damaged { .. }
            | Self::Unreachable { .. }
            | Self::OutcomeUnknown { .. }
            | Self::Fenced { .. }
            | Self::SchemaChanged { .. }
            | Self::Migrate(_) => Domain::Environment,
            Self::Refused { code, .. } => refused_domain(code),
            Self::Encode { .. } | Self::Broken(_) | Self::NotContiguous { .. } | Self::Answer(_) => Domain::Internal,
        }
    }

    /// Whether the same thing, done again from its start, may succeed. An unknown outcome is resolved, not retried.
    pub fn retry(&self) -> bool {
        match self {
            Self::File { .. } | Self::Unreachable { .. } => true,
            Self::Refused { code, .. } => is_whole_retry(code) || refused_domain(code) == Domain::Environment,
            Self::Encode { .. }
            | Self::Damaged { .. }
            | Self::Path(_)
            | Self::Broken(_)
            | Self::NotContiguous { .. }
            | Self::Address(_)
            | Self::OutcomeUnknown { .. }
            | Self::Fenced { .. }
            | Self::Migration { .. }
            | Self::Migrate(_)
            | Self::SchemaChanged { .. }
            | Self::Missing { .. }
            | Self::Answer(_) => false,
        }
    }

    /// A failed operation on a file.
    pub fn file(action: &'static str, path: impl Into<String>, source: io::Error) -> Self {
        Self::File {
            action,
            path: path.into(),
            source,
        }
    }

    /// A file that is not what was sealed.
    pub fn damaged(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.into(),
            reason: reason.into(),
        }
    }

    pub(crate) fn database(action: &'static str, error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(refusal) if !is_goodbye(refusal.code()) => Self::Refused {
                action,
                code: refusal.code().clone(),
                message: refusal.message().to_owned(),
            },
            Some(goodbye) => Self::Unreachable {
                action,
                reason: goodbye.message().to_owned(),
            },
            None => Self::Unreachable {
                action,
                reason: unreached(&with_causes(error)),
            },
        }
    }
}

/// Serialization failure and deadlock: the transaction did nothing and may succeed when run again.
pub(crate) fn is_whole_retry(code: &SqlState) -> bool {
    *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED
}

/// An error's text with its causes'. Not for what quotes rows: a refusal's details.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Why the server was not reached, in words that name the parameter where TLS is the reason.
fn unreached(told: &str) -> String {
    if told.contains("server does not support TLS") {
        return "the server offers no TLS, which `sslmode` asks for".to_owned();
    }
    // What rustls says before a reason that is ours.
    told.replace("unexpected error: ", "")
}

/// The server ends the connection: what it was doing may or may not have been committed.
fn is_goodbye(code: &SqlState) -> bool {
    matches!(code.code(), "57P01" | "57P02" | "57P03" | "57P05") || code.code().starts_with("08")
}

fn refused_domain(code: &SqlState) -> Domain {
    match code.code().get(..2) {
        // Rights, authentication, a database that does not exist, a table that was never migrated.
        Some("28" | "3D" | "42") => Domain::User,
        // Resources, operator intervention and timeouts, system errors, locks not had, transactions rolled back.
        Some("53" | "57" | "58" | "55" | "40") => Domain::Environment,
        _ => Domain::Internal,
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
