//! The arguments of `muster alerts`.

use clap::{Args, Subcommand, ValueEnum};

use super::options::{DatabaseArgs, LinkArgs};

/// `muster alerts`
#[derive(Args, Debug)]
pub struct AlertsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: AlertsAction,
}

/// What can be done with alerts.
#[derive(Debug, Subcommand)]
pub enum AlertsAction {
    /// What waits for each target, and the last messages.
    #[command(
        after_help = "Examples:\n  muster alerts list\n  muster alerts list --target data-quality --state parked --format json"
    )]
    List {
        /// Only this target's messages.
        #[arg(long, value_name = "NAME")]
        target: Option<String>,
        /// Only messages in this state.
        #[arg(long, value_name = "STATE")]
        state: Option<MessageStateName>,
        /// How many messages at most.
        #[arg(long, value_name = "N", default_value_t = 20)]
        count: u32,
        /// The ledger.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Try messages again at once, under their ids, and enable their targets.
    #[command(
        after_help = "Examples:\n  muster alerts resend --target data-quality\n  muster alerts resend msg_5f0c1e9a7d3b4c6e8f0a1b2c3d4e5f60"
    )]
    Resend {
        /// A message, whatever became of it.
        #[arg(value_name = "MESSAGE", required_unless_present = "target")]
        message: Option<String>,
        /// All messages of a target that were not delivered.
        #[arg(long, value_name = "NAME", conflicts_with = "message")]
        target: Option<String>,
        /// The ledger.
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Send a message that says it is a test, and say what came of it; the ledger is not asked.
    #[command(after_help = "Examples:\n  muster alerts test data-quality\n  muster alerts test data-quality --print")]
    Test {
        /// The target.
        #[arg(value_name = "TARGET")]
        target: String,
        /// Print the body instead of sending it.
        #[arg(long)]
        print: bool,
        /// What the message leads to.
        #[command(flatten)]
        link: LinkArgs,
    },
    /// Send what is due, as `serve` does, until stopped.
    #[command(after_help = "Examples:\n  muster alerts send\n  muster alerts send --once")]
    Send {
        /// End when nothing more is due now.
        #[arg(long)]
        once: bool,
        /// What messages lead to.
        #[command(flatten)]
        link: LinkArgs,
        /// The ledger.
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// A message's state.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MessageStateName {
    /// To be tried, or tried again.
    Open,
    /// Taken by its receiver.
    Delivered,
    /// Given up.
    Parked,
}

impl MessageStateName {
    /// The ledger's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Delivered => "delivered",
            Self::Parked => "parked",
        }
    }
}
