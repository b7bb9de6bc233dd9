//! The arguments of `muster trace`.

use clap::Args;
use muster_spec::Offset;

use super::options::{DatabaseArgs, KafkaArgs};

const EXAMPLES: &str = "\
Examples:
  muster trace hr.candidate.v1/0/182
  muster trace prediction/12-182
  muster trace entity/8949 --format json
  muster trace hr.candidate.v1/0/182 --reveal
  muster trace hr.candidate.v1/0/182 --bytes --brokers localhost:9092

Values of personal fields are shown as hashes unless --reveal is given. The exit code is 1 when there is nothing to trace.";

/// `muster trace`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct TraceArgs {
    /// `TOPIC/PARTITION/OFFSET`, `prediction/ID` or `entity/KEY`.
    #[arg(value_name = "WHAT", value_parser = what)]
    pub what: Traced,
    /// Show the values of personal fields, and of features.
    #[arg(long)]
    pub reveal: bool,
    /// How many records of an entity, the last scored first.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub count: u32,
    /// Also hash the record's bytes as Kafka has them; of good records nothing else has.
    #[arg(long)]
    pub bytes: bool,
    /// Kafka, asked with `--bytes`.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The ledger.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// What is traced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traced {
    /// A record of a topic.
    Record {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: Offset,
    },
    /// A prediction: its claim and the offset of its row.
    Prediction {
        /// The claim.
        claim: i64,
        /// The offset.
        offset: Offset,
    },
    /// What was scored of an entity.
    Entity(String),
}

fn what(text: &str) -> Result<Traced, String> {
    const EXPECTED: &str = "expected TOPIC/PARTITION/OFFSET, prediction/ID or entity/KEY";
    if let Some(entity) = text.strip_prefix("entity/").filter(|entity| !entity.is_empty()) {
        return Ok(Traced::Entity(entity.to_owned()));
    }
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
    if let Some(id) = text.strip_prefix("prediction/") {
        let parts = id
            .split_once('-')
            .and_then(|(claim, offset)| number(claim).zip(number(offset)));
        let (claim, offset) =
            parts.ok_or("a prediction's id is two numbers: `12-182`, as `muster trace` shows them")?;
        return Ok(Traced::Prediction {
            claim,
            offset: Offset(offset),
        });
    }
    let [topic, partition, offset] = text.split('/').collect::<Vec<_>>()[..] else {
        return Err(EXPECTED.to_owned());
    };
    match (topic.is_empty(), partition.parse(), number(offset)) {
        (false, Ok(partition), Some(offset)) => Ok(Traced::Record {
            topic: topic.to_owned(),
            partition,
            offset: Offset(offset),
        }),
        _ => Err(EXPECTED.to_owned()),
    }
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
