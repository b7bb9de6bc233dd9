//! Repair and replay: bad rows changed, or only judged again, and brought to the good side where they belong there.
//!
//! Used by `muster bad repair` and `muster replay`. Source by source, a chunk of bad records at a time: select, decode,
//! patch, judge, seal, commit. The record stays in its bad file as it came; what is good now is a batch of its own,
//! without a delta, which the next scoring pass finds. Memory holds one chunk and the accepted keys that its rows have.
//! Whoever runs it twice, or beside somebody else, finds rows that were repaired meanwhile left out.

pub mod cells;
mod committing;
pub mod patching;
pub mod rows;
pub mod showing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use muster_batch::{DecodedBatch, JudgedBatch, KeyEntries, Origin, RawBatch};
use muster_contract::decode::Decoder;
use muster_contract::judge::{Judge, KeyState};
use muster_contract::patch::{Change, Patcher};
use muster_expr::RowSet;
use muster_spec::contract::EventIdPlace;
use muster_spec::{Contract, schema_id};
use muster_store::files::{self, FileStore, joined_files};
use muster_store::ledger::bad_files::{BadFile, BadFilter};
use muster_store::ledger::commit::Attempt;
use muster_store::ledger::repairs::{JudgedAgainst, NewRepair, Repair, RepairKind, RepairOutcome};
use muster_store::{Error, Ledger};
use serde::Serialize;
use tokio::runtime::Handle;

use crate::failpoint;
use crate::ingest::schemas::kept;
use crate::reading::Reading;
use committing::Keys;
use patching::{Patch, Sample};
use rows::{Chunk, Selection};

/// Records that are judged at a time.
const CHUNK_ROWS: usize = 64 * 1024;
/// Bytes of payloads, keys and headers that are judged at a time.
const CHUNK_BYTES: usize = 32 << 20;
/// How long a repair that gives no sign of life is left alone; every commit of it is one.
const LEASE: Duration = Duration::from_mins(10);
/// How often a chunk is judged again because others changed verdicts or keys meanwhile.
const TRIES_MAX: u32 = 200;

/// How often an answer is asked for again, over some two minutes.
const ANSWER_TRIES: u32 = 30;

/// What is to be done.
pub struct Task {
    /// The contract as it is now.
    pub contract: Arc<Contract>,
    /// Which bad rows.
    pub filter: BadFilter,
    /// What changes them; `None` for a replay.
    pub patch: Option<Patch>,
    /// Who does it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// Whether it is only to be said what would come of it.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Mended {
    /// The repair, by the ledger's number; none where nothing was committed.
    pub repair: Option<i64>,
    /// Rows that were judged again.
    pub judged: u64,
    /// Rows that are good now.
    pub good: u64,
    /// Rows that are bad for all that.
    pub still_bad: u64,
    /// Rows that the patch leaves as they are.
    pub unchanged: u64,
    /// Rows for which the patch's expression has no value.
    pub failed: u64,
    /// Records that have no fields to set: they do not decode.
    pub undecodable: u64,
    /// Lines of a file of patches that name no row that is bad.
    pub unmet: u64,
    /// The rules that rows still break, with how many of them.
    pub rules_left: BTreeMap<String, u64>,
    /// A few rows with what changes, personal values masked.
    pub sample: Vec<Sample>,
}

/// Does one task.
pub struct Mending {
    ledger: Ledger,
    files: Arc<dyn FileStore>,
    runtime: Handle,
    worker: String,
    task: Task,
    decoder: Decoder,
    patcher: Patcher,
    judge: Judge,
    begun: Option<Repair>,
    batches: u64,
    /// In a dry run, the keys of rows of the source that would be good by now: no key file has them.
    dry_keys: Vec<KeyEntries>,
    mended: Mended,
}

/// A chunk that was judged again.
struct Judged {
    judged: JudgedBatch,
    /// The records of the rows that were judged, in their order.
    records: Vec<u32>,
    changes: Vec<Change>,
    keys: Keys,
    against: JudgedAgainst,
    counts: Mended,
}

impl Mending {
    /// Ready to work on a ledger's files.
    pub fn new(ledger: Ledger, files: Arc<dyn FileStore>, task: Task) -> anyhow::Result<Self> {
        let contract = &task.contract;
        if let (Some(patch), Some(event_id)) = (&task.patch, &contract.event_id)
            && let EventIdPlace::Field(field) = event_id.place
            && patch.fields().contains(&field)
        {
            let name = &contract.fields[field].name;
            anyhow::bail!("`{name}` cannot be set: it says which event a row is, and that one was delivered as it is");
        }
        let judge = Judge::new(Arc::clone(contract)).map_err(|problems| {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("{}", told.join("\n"))
        })?;
        Ok(Self {
            ledger,
            files,
            runtime: Handle::current(),
            worker: crate::worker::name(),
            decoder: Decoder::new(Arc::clone(contract))?,
            patcher: Patcher::new(Arc::clone(contract))?,
            judge,
            task,
            begun: None,
            batches: 0,
            dry_keys: Vec::new(),
            mended: Mended::default(),
        })
    }

    /// Works until every row that is meant was judged; blocks.
    pub fn run(mut self) -> anyhow::Result<Mended> {
        let name = &self.task.contract.name;
        let (reading, listed) = self.runtime.block_on(async {
            let reading = Reading::open(&self.ledger, name, "repair").await?;
            let listed = self.ledger.bad_files(name, &self.task.filter).await?;
            Ok::<_, Error>((reading, joined_files(listed, |bad| &mut bad.file)))
        })?;
        let worked = listed
            .chunk_by(|one, next| one.source == next.source)
            .try_for_each(|of_source| self.source(of_source));
        if let Some(reading) = reading {
            self.runtime.block_on(reading.close());
        }
        if let Some(repair) = self.begun {
            let ended = self.runtime.block_on(self.ledger.end_repair(repair));
            worked?;
            ended?;
        } else {
            worked?;
        }
        self.mended.unmet = self.task.patch.as_ref().map_or(0, Patch::unmet);
        Ok(self.mended)
    }

    fn source(&mut self, listed: &[BadFile]) -> anyhow::Result<()> {
        let source = listed[0].source;
        let repaired = self.runtime.block_on(self.ledger.repaired_rows(source, None))?;
        let wanted = self.task.patch.as_ref().and_then(|patch| patch.offsets(source));
        let selection = Selection::new(self.task.filter.rule.clone(), repaired, wanted);
        self.dry_keys.clear();
        let mut chunk = Chunk::of(&listed[0]);
        for file in listed {
            for rows in files::open(&*self.files, &file.file, None)? {
                chunk.add(&rows?, &selection, &file.file)?;
                if chunk.records.len() >= CHUNK_ROWS || chunk.records.byte_len() >= CHUNK_BYTES {
                    let full = std::mem::replace(&mut chunk, Chunk::of(file));
                    self.chunk(full)?;
                }
            }
        }
        self.chunk(chunk)
    }

    /// Judges a chunk until its verdicts hold, and commits it.
    fn chunk(&mut self, mut chunk: Chunk) -> anyhow::Result<()> {
        let source = chunk.records.source;
        for tried in 0..TRIES_MAX {
            if chunk.records.is_empty() {
                return Ok(());
            }
            if tried > 0 {
                std::thread::sleep(Duration::from_millis(u64::from(tried.min(20)) * 5));
                let repaired = self.runtime.block_on(self.ledger.repaired_rows(source, None))?;
                chunk = chunk.without(&repaired);
            }
            let judged = self.judge(chunk.clone())?;
            failpoint::reach("repair.judge");
            if self.task.dry_run || !self.is_news(&judged) {
                self.count(judged.counts, None);
                return Ok(());
            }
            let repair = self.begin()?;
            let counts = judged.counts.clone();
            if self.commit(repair, judged)?.is_ok() {
                self.count(counts, Some(repair));
                return Ok(());
            }
            tracing::info!(%source, "verdicts or keys changed meanwhile: judging again");
        }
        anyhow::bail!("others changed the verdicts of source {source} again and again\n  hint: try later")
    }

    /// Whether anything is to be kept of it: a row that is good now, or one that somebody changed.
    fn is_news(&self, judged: &Judged) -> bool {
        judged.counts.good > 0 || self.task.patch.is_some() && judged.counts.judged > 0
    }

    fn judge(&mut self, chunk: Chunk) -> anyhow::Result<Judged> {
        let source = chunk.records.source;
        let against = self.runtime.block_on(self.ledger.judged_against(source))?;
        self.learn_schemas(&chunk.records)?;
        let Chunk { records, conflicting } = chunk;
        let decoded = self.decoder.decode(records);
        let mut counts = Mended::default();
        let (decoded, changes) = match &mut self.task.patch {
            None => (decoded, Vec::new()),
            Some(patch) => {
                let decoded = match patch {
                    // A file may give a record that does not decode all its fields.
                    Patch::Cells(_) => self.patcher.with_refused(decoded),
                    Patch::Set(_) => decoded,
                };
                counts.undecodable = decoded.refused.len() as u64;
                let texts = self.patcher.texts(&decoded);
                let new = patch.values(&self.task.contract, source, &decoded, &texts, &self.patcher);
                let patched = self.patcher.apply(decoded, &texts, &new);
                counts.unchanged = patched.unchanged;
                counts.failed = patched.failed;
                (patched.decoded, patched.changes)
            }
        };
        let records = decoded.record_of_row.clone();
        let mut keys = Keys::of(&self.judge, &decoded, source);
        let mut state = self.judge.key_state().whole();
        for entries in self.new_keys(&mut keys)?.iter().chain(&self.dry_keys) {
            state.restore(entries);
        }
        let judged = self.judge_again(decoded, &conflicting, &mut state);
        if self.task.dry_run {
            self.dry_keys.push(judged.keys.clone());
        }
        counts.good = judged.good_records.len() as u64;
        counts.still_bad = judged.bad_records.len() as u64;
        counts.judged = counts.good + counts.still_bad;
        for (rule, rows) in self.task.contract.rules.iter().zip(still_broken(&judged)) {
            if rows > 0 {
                counts.rules_left.insert(rule.id.clone(), rows);
            }
        }
        counts.sample = patching::sample(&self.task.contract, &judged, &records, &changes);
        Ok(Judged {
            judged,
            records,
            changes,
            keys,
            against,
            counts,
        })
    }

    fn judge_again(&mut self, decoded: DecodedBatch, conflicting: &[u32], keys: &mut KeyState) -> JudgedBatch {
        let mut rows = RowSet::empty(decoded.rows.num_rows());
        for (row, record) in decoded.record_of_row.iter().enumerate() {
            if conflicting.binary_search(record).is_ok() {
                rows.insert(row);
            }
        }
        self.judge.judge_again(decoded, &rows, keys)
    }

    fn learn_schemas(&mut self, records: &RawBatch) -> anyhow::Result<()> {
        for id in self.decoder.missing(records) {
            match self.runtime.block_on(kept(&self.ledger, id))? {
                Some(text) => {
                    self.patcher.learn(id, &text);
                    if let Err(error) = self.decoder.learn(id, &text) {
                        tracing::warn!(schema = %id, contract = %self.task.contract.name, %error, "schema does not fit");
                    }
                }
                None => self.decoder.unknown(id),
            }
        }
        Ok(())
    }

    /// The repair in the ledger, begun when there is something to commit.
    fn begin(&mut self) -> anyhow::Result<Repair> {
        if let Some(repair) = self.begun {
            return Ok(repair);
        }
        let contract = &self.task.contract;
        let name = |field: &usize| contract.fields[*field].name.clone();
        let fields = self.task.patch.as_ref().map(Patch::fields).unwrap_or_default();
        let new = NewRepair {
            contract: contract.name.clone(),
            contract_version: contract.version.clone(),
            kind: self.kind(),
            author: self.task.author.clone(),
            reason: self.task.reason.clone(),
            rule: self.task.filter.rule.clone(),
            fields: fields.iter().map(name).collect(),
        };
        let repair = self.runtime.block_on(async {
            self.ledger.keep_contract(contract).await?;
            let own = &contract.schema_text;
            self.ledger.keep_schema("", schema_id(own), own).await?;
            self.ledger.begin_repair(&new, &self.worker, LEASE).await
        })?;
        self.begun = Some(repair);
        Ok(repair)
    }

    fn kind(&self) -> RepairKind {
        match self.task.patch {
            Some(_) => RepairKind::Repair,
            None => RepairKind::Replay,
        }
    }

    fn count(&mut self, counts: Mended, repair: Option<Repair>) {
        let all = &mut self.mended;
        all.repair = all.repair.or(repair.map(|repair| repair.id));
        all.judged += counts.judged;
        all.good += counts.good;
        all.still_bad += counts.still_bad;
        all.unchanged += counts.unchanged;
        all.failed += counts.failed;
        all.undecodable += counts.undecodable;
        for (rule, rows) in counts.rules_left {
            *all.rules_left.entry(rule).or_default() += rows;
        }
        let room = patching::SAMPLE_MAX.saturating_sub(all.sample.len());
        all.sample.extend(counts.sample.into_iter().take(room));
    }

    /// Asks the ledger for one commit until it answers.
    fn send(&self, batch: &muster_store::ledger::repairs::RepairCommit) -> Result<RepairOutcome, Error> {
        let attempt = Attempt::new();
        let mut rest = Duration::from_millis(100);
        for _ in 0..ANSWER_TRIES {
            match self.runtime.block_on(self.ledger.commit_repair(attempt, batch, LEASE)) {
                Err(Error::OutcomeUnknown { reason, .. }) => {
                    tracing::warn!(reason, "the answer to a commit was lost: asking for it again");
                }
                // Nothing was written; after a lost answer it is the same attempt that is asked for.
                Err(error) if error.retry() => tracing::warn!(%error, "could not commit yet"),
                answered => return answered,
            }
            std::thread::sleep(rest);
            rest = (rest * 2).min(Duration::from_secs(5));
        }
        self.runtime.block_on(self.ledger.commit_repair(attempt, batch, LEASE))
    }
}

/// How often each rule of severity error is broken by the rows that are bad still, by rule number.
fn still_broken(judged: &JudgedBatch) -> Vec<u64> {
    let mut counts = vec![0; judged.counts.len()];
    for rule in &judged.violations.rules {
        counts[usize::from(rule.0)] += 1;
    }
    counts
}

/// The records of judged rows.
fn records_of(judged: &JudgedBatch) -> &RawBatch {
    match &judged.origin {
        Origin::Records(records) => records,
        Origin::Lines(_) => unreachable!("bad files hold records"),
    }
}

/// The offsets of records, which rise.
fn offsets(judged: &JudgedBatch, records: &[u32]) -> Vec<i64> {
    let all = &records_of(judged).offsets;
    records.iter().map(|&record| all[record as usize]).collect()
}
