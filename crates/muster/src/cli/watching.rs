//! The arguments of `muster top` and `muster tap`: looking on.

use std::time::Duration;

use clap::Args;

use super::options::{DatabaseArgs, From, KafkaArgs, duration, secs};

pub(super) const TOP_HELP: &str = "\
Examples:
  muster top
  muster top --url http://10.0.0.5:8000 --url http://10.0.0.6:8000
  muster top --once --format json

Keys: arrows or j and k move, Enter folds a topic, a all of them, s sorts, r turns the order, p pauses, ? helps, q ends. \
Counts, runs and alerts come from the ledger, lag from the workers' /metrics: where none answers, lag is unknown. Where \
standard output is no terminal, or with --once, what stands now is printed once. NO_COLOR is respected.";

pub(super) const TAP_HELP: &str = "\
Examples:
  muster tap --brokers localhost:9092
  muster tap hr.candidate --bad --limit 10
  muster tap hr.candidate --rule city.format --since 2h --once
  muster tap --format json --rate 0

It judges for itself, by the contracts in the project folder, what arrives in the topics. It joins no group and writes \
nothing: ingest does not notice it. What came before it began it does not know: of duplicates and repeated keys it sees \
those whose first it saw too. Fields that the contract does not call `public` are masked. Ends with 0 when it is stopped \
or when nobody reads its output.";

/// `muster top`
#[derive(Args, Debug)]
pub struct TopArgs {
    /// Where a worker answers HTTP; may be given several times. Without it <http://127.0.0.1:8000> is tried.
    #[arg(long = "url", value_name = "URL")]
    pub urls: Vec<String>,
    /// How long to wait between two looks.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = every_secs)]
    pub every_secs: f64,
    /// Print what stands now and end.
    #[arg(long)]
    pub once: bool,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `muster tap`
#[derive(Args, Debug)]
pub struct TapArgs {
    /// Only these contracts' topics; all unless named.
    #[arg(value_name = "CONTRACT")]
    pub contracts: Vec<String>,
    /// Only bad records.
    #[arg(long)]
    pub bad: bool,
    /// Only records that break this rule, warnings included; may be given several times.
    #[arg(long = "rule", value_name = "ID")]
    pub rules: Vec<String>,
    /// End after this many.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// How many are shown a second at most, the others are counted; 0 shows all.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub rate: u64,
    /// Where reading begins.
    #[arg(long, value_name = "END", default_value = "latest")]
    pub from: From,
    /// Begin this long ago, by the records' timestamps: `30s`, `15m`, `2h`, `7d`.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "from")]
    pub since: Option<Duration>,
    /// End where the logs end now instead of waiting for more.
    #[arg(long)]
    pub once: bool,
    /// Kafka.
    #[command(flatten)]
    pub kafka: KafkaArgs,
}

fn every_secs(text: &str) -> Result<f64, String> {
    secs(text).and_then(|secs| {
        if secs >= 0.1 {
            Ok(secs)
        } else {
            Err("the ledger has better things to do than to answer ten times a second".to_owned())
        }
    })
}
