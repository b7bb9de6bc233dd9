//! What can go wrong with a registry, and whether trying again can help.
//!
//! Returned by everything in this crate. Messages name the registry's host and what was asked, never a password.

use std::time::Duration;

use muster_spec::SchemaId;

use crate::cache::CacheError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry's address is no HTTP URL.
    #[error("the registry's address is no http or https URL: {why}")]
    Address {
        /// What is wrong with it.
        why: String,
    },
    /// No answer: no connection, or it broke, or took too long.
    #[error("no answer from the registry at {host}: {why}")]
    Silent {
        /// The registry's host and port.
        host: String,
        /// What the HTTP client says.
        why: String,
    },
    /// An answer that says it cannot answer now: 5xx, 429, 401, 403, or a 404 that is not the registry's own.
    #[error("the registry at {host} answered {status} to {asked}: {why}")]
    Outage {
        /// The registry's host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What was asked: `GET schemas/ids/7`.
        asked: String,
        /// What the answer says, shortened.
        why: String,
        /// How long it asks us to wait.
        wait: Option<Duration>,
    },
    /// An answer of the right status that is not what was asked for: a proxy's page, say.
    #[error("the registry at {host} answered {asked} with something else: {why}")]
    Garbled {
        /// The registry's host and port.
        host: String,
        /// What was asked.
        asked: String,
        /// What is wrong with it.
        why: String,
    },
    /// The registry has no such schema, and this was not said often enough yet to be believed.
    #[error("the registry has no schema {id}, asked {seen} of {needed} times")]
    Unconfirmed {
        /// The schema.
        id: SchemaId,
        /// How often it was said.
        seen: u32,
        /// How often it must be said.
        needed: u32,
        /// When to ask again.
        wait: Duration,
    },
    /// The registry will not take this schema: it is not compatible (409) or not valid (422).
    #[error("the registry refused the schema of `{subject}` with {status}: {why}")]
    Refused {
        /// The subject.
        subject: String,
        /// The HTTP status.
        status: u16,
        /// What the registry says.
        why: String,
    },
    /// The cache behind memory failed.
    #[error("schemas cannot be kept: {0}")]
    Cache(#[source] CacheError),
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It cannot: someone must change something first.
    Never,
    /// It can, after a while that grows and is not the same for all.
    Backoff,
    /// It can, not before this long.
    After(Duration),
}

impl Error {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Address { .. } | Self::Refused { .. } => Retry::Never,
            Self::Silent { .. } | Self::Garbled { .. } | Self::Cache(_) | Self::Outage { wait: None, .. } => {
                Retry::Backoff
            }
            Self::Outage { wait: Some(wait), .. } | Self::Unconfirmed { wait, .. } => Retry::After(*wait),
        }
    }

    /// The word for metrics and logs, one of a few.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "address",
            Self::Silent { .. } => "silent",
            Self::Outage { .. } => "outage",
            Self::Garbled { .. } => "garbled",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Refused { .. } => "refused",
            Self::Cache(_) => "cache",
        }
    }
}
