//! The identifiers that pass between stages. Each is its own type, so that an offset is never taken for a row.
//!
//! Used by every crate. An identifier holds no behaviour beyond printing, comparing and, for offsets, the arithmetic of
//! half-open ranges.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub Arc<str>);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }
    };
}

text_id!(
    /// A contract's name, which is its file's: `hr.candidate` for `schemas/hr.candidate.contract.yaml`.
    ContractName
);
text_id!(
    /// A pipeline's name, which is its file's: `job-change` for `pipelines/job-change.yaml`.
    PipelineName
);
text_id!(
    /// An alert target's name, which is its file's: `data-quality` for `alerts/data-quality.yaml`.
    TargetName
);
text_id!(
    /// The sha-256 of a contract's file and its schema, 64 hexadecimal digits; people are shown the first 12.
    ContractVersion
);
text_id!(
    /// The sha-256 of a model's files, 64 hexadecimal digits; people are shown the first 12.
    ModelVersion
);

impl ContractVersion {
    /// The 12 digits people are shown.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl ModelVersion {
    /// The 12 digits people are shown.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

number_id!(
    /// The ledger's number of a source, that is of (topic, topic id, partition).
    SourceId(i64)
);
number_id!(
    /// The ledger's number of a batch.
    BatchId(i64)
);
number_id!(
    /// The ledger's number of a scoring run.
    RunId(i64)
);
number_id!(
    /// A record's offset within its source.
    Offset(i64)
);
number_id!(
    /// A rule's place in its contract's table of rules, see [`crate::Contract::rules`].
    RuleNumber(u16)
);
number_id!(
    /// The identifier in an Avro message's frame: a registry's, or one derived from the schema.
    SchemaId(u32)
);
number_id!(
    /// How many times a source's verdicts were changed by repair or replay.
    Revision(i64)
);

/// What fences a writer: raised when a source or claim passes to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Token(pub Uuid);

impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(out)
    }
}

/// Kafka's identity of a topic, which a topic made again under the same name does not share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TopicId(pub Uuid);

impl fmt::Display for TopicId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// The sha-256 of a file, as its 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileSha(pub [u8; 32]);

impl fmt::Display for FileSha {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for FileSha {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "FileSha({self})")
    }
}

/// The half-open range of offsets [from, to) that a batch answers for.
///
/// | stored next offset | delta | [`OffsetDelta::follows`] |
/// |---|---|---|
/// | 5 | [5, 9) | yes |
/// | 5 | [5, 5) | no: an empty delta moves nothing |
/// | 5 | [4, 9) | no: 4 would be counted twice |
/// | 5 | [6, 9) | no: 5 would be lost |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OffsetDelta {
    /// The first offset of the range.
    pub from: Offset,
    /// One past the last offset of the range.
    pub to: Offset,
}

impl OffsetDelta {
    /// The range [from, to).
    pub fn new(from: Offset, to: Offset) -> Self {
        Self { from, to }
    }

    /// Whether the range holds no offset.
    pub fn is_empty(self) -> bool {
        self.to <= self.from
    }

    /// Whether the range holds `offset`.
    pub fn contains(self, offset: Offset) -> bool {
        self.from <= offset && offset < self.to
    }

    /// Whether a ledger whose next offset is `next` may take this delta.
    pub fn follows(self, next: Offset) -> bool {
        !self.is_empty() && self.from == next
    }

    /// This delta and the one that begins where it ends, as one; `None` where they do not meet.
    pub fn join(self, later: Self) -> Option<Self> {
        (self.to == later.from).then(|| Self::new(self.from, later.to))
    }
}

impl fmt::Display for OffsetDelta {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "[{}, {})", self.from, self.to)
    }
}

#[cfg(test)]
#[path = "ids_tests.rs"]
mod tests;
