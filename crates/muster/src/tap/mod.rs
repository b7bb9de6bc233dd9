//! `muster tap` at work: verdicts as records arrive, from Kafka itself.
//!
//! Reads the topics without a group and judges with the judge that ingest judges with, on one thread: nothing of ingest
//! knows of it, waits for it or pays for it, and nothing is written anywhere. What it cannot know is what came before
//! it: keys and events delivered before it began are new to it, so of `unique` rules and duplicates it sees those whose
//! first was tapped too. What was committed is in the ledger, and `muster top` shows it
//! ([0011](../../../docs/adr/0011-tap-judges-for-itself.md)).

mod judging;
mod sampling;
mod telling;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_batch::RawBatch;
use muster_registry::Registry;
use muster_spec::Contract;
use muster_stream::{Connection, FollowFrom, Follower};

use crate::output::Output;
use crate::shutdown::Shutdown;
use judging::Bench;
use sampling::Sampling;
use telling::{Told, Verdict};

/// How long to wait for records before looking whether to stop.
const PASS: Duration = Duration::from_millis(100);
/// How long a broker may take to answer where a log begins and ends.
const BROKER_LIMIT: Duration = Duration::from_secs(10);

/// What is tapped, and what of it is told.
pub struct Plan {
    /// The contracts whose topics are read.
    pub contracts: Vec<Arc<Contract>>,
    /// Kafka.
    pub connection: Connection,
    /// Where reading begins.
    pub from: FollowFrom,
    /// The schema registry, if there is one.
    pub registry: Option<Registry>,
    /// Only these verdicts.
    pub filter: Filter,
    /// After how many to end.
    pub limit: Option<u64>,
    /// How many a second; all where there is no limit.
    pub per_sec: Option<u64>,
    /// Whether to end where the logs end now.
    pub once: bool,
}

/// Which verdicts are told.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Bad ones only.
    pub bad: bool,
    /// Only those that break one of these rules; any where none is named.
    pub rules: BTreeSet<String>,
}

impl Filter {
    fn wants(&self, told: &Told<'_>) -> bool {
        let mut broken = told.violations.iter().chain(&told.warnings);
        (!self.bad || told.verdict == Verdict::Bad)
            && (self.rules.is_empty() || broken.any(|rule| self.rules.contains(*rule)))
    }
}

/// How many of each verdict were seen, and how many verdicts told.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    good: u64,
    bad: u64,
    duplicate: u64,
    tombstone: u64,
    told: u64,
}

/// What comes after a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    More,
    /// As many as were wanted.
    Enough,
    /// Nobody reads what is told.
    Unheard,
}

/// Taps until told to stop, until the limit or the logs' ends are reached, or until nobody reads. Blocks.
pub fn run(plan: &Plan, output: Output, shutdown: &Shutdown) -> anyhow::Result<()> {
    let topics: Vec<String> = plan.contracts.iter().map(|contract| contract.topic.clone()).collect();
    let mut follower = Follower::start(&plan.connection, &topics, plan.from, BROKER_LIMIT)?;
    Output::say(&format!(
        "tapping {} partitions of {}",
        follower.partitions(),
        topics.join(", ")
    ));
    for topic in follower.missing() {
        Output::say(&format!("`{topic}` is not there yet"));
    }
    let mut bench = Bench::new(&plan.contracts, plan.registry.clone())?;
    let mut tap = Tap {
        plan,
        output,
        colours: Output::has_colours(),
        sampling: Sampling::new(plan.per_sec, Instant::now()),
        seen: Seen::default(),
    };
    let mut next = Next::More;
    while next == Next::More && !shutdown.is_asked() {
        for batch in follower.take(PASS)? {
            next = tap.batch(&mut bench, batch, shutdown)?;
            if next != Next::More {
                break;
            }
        }
        tap.say_held_back();
        if plan.once && follower.is_at_ends() {
            break;
        }
    }
    if next != Next::Unheard {
        tap.say_seen();
    }
    Ok(())
}

struct Tap<'a> {
    plan: &'a Plan,
    output: Output,
    colours: bool,
    sampling: Sampling,
    seen: Seen,
}

impl Tap<'_> {
    /// Judges a batch and tells what is wanted of it.
    fn batch(&mut self, bench: &mut Bench, batch: RawBatch, shutdown: &Shutdown) -> anyhow::Result<Next> {
        let Some(verdicts) = bench.judge(batch, shutdown)? else {
            return Ok(Next::More);
        };
        for told in verdicts.iter() {
            match told.verdict {
                Verdict::Good => self.seen.good += 1,
                Verdict::Bad => self.seen.bad += 1,
                Verdict::Duplicate => self.seen.duplicate += 1,
                Verdict::Tombstone => self.seen.tombstone += 1,
            }
            let next = self.tell(&told)?;
            if next != Next::More {
                return Ok(next);
            }
        }
        Ok(Next::More)
    }

    fn tell(&mut self, told: &Told<'_>) -> anyhow::Result<Next> {
        if !self.plan.filter.wants(told) {
            return Ok(Next::More);
        }
        self.say_held_back();
        let Some(skipped) = self.sampling.admit() else {
            return Ok(Next::More);
        };
        let line = if self.output.is_json() {
            told.json(skipped).to_string()
        } else {
            told.text(self.colours)
        };
        if !Output::line(&line)? {
            return Ok(Next::Unheard);
        }
        self.seen.told += 1;
        Ok(if self.plan.limit == Some(self.seen.told) {
            Next::Enough
        } else {
            Next::More
        })
    }

    fn say_held_back(&mut self) {
        if let Some(held_back) = self.sampling.turn(Instant::now()) {
            Output::say(&format!("{held_back} more in this second; --rate shows more of them"));
        }
    }

    fn say_seen(&self) {
        let Seen {
            good,
            bad,
            duplicate,
            tombstone,
            told,
        } = self.seen;
        Output::say(&format!(
            "{} records seen: {good} good, {bad} bad, {duplicate} duplicate, {tombstone} tombstone; {told} shown",
            good + bad + duplicate + tombstone
        ));
    }
}

#[cfg(test)]
#[path = "tap_tests.rs"]
mod tests;
