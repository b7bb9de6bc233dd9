//! An alert target: where people are told, how often, and how much at once.
//!
//! Read from `alerts/NAME.yaml` by `crate::read`; used by `monitor` (bodies, delivery) and `muster` (the sender). An
//! address and its secrets never stand in the file: it says which environment variable or file holds them.

use std::time::Duration;

use crate::ids::TargetName;

/// An alert target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertTarget {
    /// Its name, from its file's.
    pub name: TargetName,
    /// What understands the messages.
    pub kind: TargetKind,
    /// Where its address is found.
    pub url: HeldIn,
    /// Where the secrets are found that sign its messages, the current one first; with two, both sign.
    pub secrets: Vec<HeldIn>,
    /// Hosts that may be loopback, private or unencrypted, as they stand in the address; in small letters.
    pub allow_hosts: Vec<String>,
    /// How alerts are gathered into messages.
    pub grouping: Grouping,
    /// How much is sent.
    pub limits: Limits,
    /// Whether it is told that a condition is over.
    pub resolved: bool,
}

/// What understands a target's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A program: the body of Alertmanager's webhook, signed under Standard Webhooks.
    Webhook,
    /// A Slack incoming webhook.
    Slack,
    /// A Microsoft Teams workflow that posts an Adaptive Card.
    Teams,
}

impl TargetKind {
    /// The word of the file, and of metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Teams => "teams",
        }
    }

    /// How many bytes a body has at most unless the file says otherwise: what receivers of this kind are known to take.
    pub fn body_bytes_max(self) -> u64 {
        match self {
            Self::Webhook => 20_000,
            Self::Slack => 12_000,
            Self::Teams => 21_000,
        }
    }
}

/// What holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldIn {
    /// An environment variable.
    Env(String),
    /// A file; one that is not absolute lies below the project folder.
    File(String),
}

/// How alerts are gathered into messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// Alerts that agree in these share a message; all alerts where nothing is named.
    pub by: Vec<GroupBy>,
    /// How long a message waits for more alerts after the first one that is news.
    pub wait: Duration,
    /// How long after a group's message its next one may go out.
    pub interval: Duration,
    /// How long after a group's message it is told again of what is still wrong.
    pub repeat: Duration,
}

/// What alerts of one message agree in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// The contract or pipeline.
    About,
    /// The condition.
    Condition,
}

impl GroupBy {
    /// The word of the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::About => "about",
            Self::Condition => "condition",
        }
    }
}

/// How much is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages a minute at most, tries that failed included.
    pub messages_per_minute: u32,
    /// Alerts that one message may stand for.
    pub alerts_max: u64,
    /// Bytes of a message's body at most.
    pub body_bytes_max: u64,
}
