//! Changed rules on stored rows: whose verdict would change, before the rules go live.
//!
//! Used by `muster rules backtest`. Good rows are read from sealed files as they are, bad ones are decoded from their bytes
//! again, and both are judged in the order of their offsets by the judge that ingests. Memory is bounded by a few row
//! groups a thread, and by the keys of `unique` rules. What cannot be looked at again stays as it was: that an event id came
//! with another payload is known of bad rows only, and they keep it.

mod sides;
mod tally;
mod unit;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;
use muster_contract::decode::Decoder;
use muster_contract::decode::stored::StoredRows;
use muster_contract::judge::{Judge, KeyState};
use muster_spec::{Check, Contract, RuleNumber, SchemaId, SourceId};
use muster_store::FileStore;
use muster_store::ledger::history::HistoryFile;

use sides::{BadPart, GoodPart, Side, Tools};
pub use tally::{Group, RuleFlips, Tally};

/// Finds a writer's schema by its id.
pub type FindSchema<'f> = &'f (dyn Fn(SchemaId) -> anyhow::Result<Option<String>> + Sync);

/// A changed contract and what to hold it against.
pub struct Backtest<'b> {
    /// The changed contract.
    pub contract: &'b Arc<Contract>,
    /// The column that is also counted by.
    pub by: Option<usize>,
    /// Where sealed files are.
    pub files: &'b dyn FileStore,
    /// For each source, offsets of rows that were made good since they came, as rising half-open ranges.
    pub repaired: HashMap<SourceId, Vec<(i64, i64)>>,
    /// Where writers' schemas are.
    pub find: FindSchema<'b>,
    /// Told of rows as they are done.
    pub progress: &'b (dyn Fn(u64) + Sync),
}

/// How long before the time asked for accepted keys still matter.
pub fn lead(contract: &Contract) -> Duration {
    let windows = contract.rules.iter().filter_map(|rule| match rule.check {
        Check::Unique { within, .. } => Some(within),
        _ => None,
    });
    windows.max().unwrap_or_default()
}

impl Backtest<'_> {
    /// Judges the rows of these files, which are those of whole batches, source by source in order. Blocks.
    pub fn run(&self, files: &[HistoryFile]) -> anyhow::Result<Tally> {
        // Where a verdict depends on the rows before, a source is one piece of work; else each batch is.
        let in_order = lead(self.contract) > Duration::ZERO;
        let together = |one: &HistoryFile, other: &HistoryFile| {
            one.source == other.source && (in_order || one.batch == other.batch)
        };
        let pieces: Vec<&[HistoryFile]> = files.chunk_by(together).collect();
        let next = AtomicUsize::new(0);
        let sum = Mutex::new(Tally::new(self.contract));
        let threads = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(pieces.len());
        std::thread::scope(|scope| {
            let work = || -> anyhow::Result<()> {
                let mut worker = Worker::new(self)?;
                while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                    worker
                        .judge(piece)
                        .inspect_err(|_| next.store(pieces.len(), Ordering::Relaxed))?;
                }
                sum.lock().unwrap_or_else(PoisonError::into_inner).add_all(worker.tally);
                Ok(())
            };
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(ended) => ended,
                Err(_) => bail!("judging stored rows panicked"),
            })
        })?;
        Ok(sum.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Worker<'b> {
    backtest: &'b Backtest<'b>,
    judge: Judge,
    tools: Tools<'b>,
    tally: Tally,
}

impl<'b> Worker<'b> {
    fn new(backtest: &'b Backtest<'b>) -> anyhow::Result<Self> {
        // Deliveries were looked at when the rows came: those that came twice are not stored.
        let judged_by = Contract {
            event_id: None,
            ..Contract::clone(backtest.contract)
        };
        let Ok(judge) = Judge::new(Arc::new(judged_by)) else {
            bail!("the contract's rules do not compile");
        };
        let conflict = backtest.contract.built_in(&Check::EventIdConflict, None);
        Ok(Self {
            judge,
            tools: Tools {
                files: backtest.files,
                find: backtest.find,
                repaired: &[],
                decoder: Decoder::new(Arc::clone(backtest.contract))?,
                stored: StoredRows::new(backtest.contract)?,
                conflict: conflict.filter(|_| backtest.contract.event_id.is_some()),
            },
            tally: Tally::new(backtest.contract),
            backtest,
        })
    }

    fn judge(&mut self, piece: &[HistoryFile]) -> anyhow::Result<()> {
        let repaired = self.backtest.repaired.get(&piece[0].source);
        self.tools.repaired = repaired.map_or(&[], Vec::as_slice);
        let mut keys = self.judge.key_state();
        // Rows that were repaired were accepted after those among which their offsets lie.
        for is_repair in [false, true] {
            let of = |is_good: bool| {
                let files = piece.iter();
                files.filter(move |file| file.is_repair == is_repair && file.is_good == is_good)
            };
            self.judge_in_order(&piece[0], (Side::new(of(true)), Side::new(of(false))), &mut keys)?;
        }
        Ok(())
    }

    fn judge_in_order(
        &mut self,
        source: &HistoryFile,
        (mut good, mut bad): (Side<'_, GoodPart>, Side<'_, BadPart>),
        keys: &mut KeyState,
    ) -> anyhow::Result<()> {
        while let Some(unit) = unit::next(&mut good, &mut bad, &mut self.tools)? {
            let (rows, records) = (unit.decoded.rows.clone(), unit.decoded.record_of_row.clone());
            let judged = self.judge.judge(unit.decoded, keys);
            if let Some(full) = keys.full() {
                let rule = self.rule_id(full.rule);
                bail!(
                    "`{rule}` would have to remember more than {} keys\n  hint: raise its `keys_max`",
                    full.keys_max
                );
            }
            (self.backtest.progress)(unit.was.len() as u64);
            if unit.is_asked {
                let by = self.backtest.by;
                let values = by.map(|field| tally::values(rows.column(field), &records, unit.was.len()));
                let values = values.transpose()?;
                self.tally.add(source, &unit.was, bad.part(), values.as_ref(), &judged);
            }
        }
        Ok(())
    }

    fn rule_id(&self, rule: RuleNumber) -> &str {
        self.backtest.contract.rule_id(rule)
    }
}
