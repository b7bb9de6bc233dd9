//! Records to verdicts one by one, with the judge that ingest judges with.
//!
//! Used by [`super`] alone. Keeps a key state for each partition that begins empty with the tap; where they grow past a
//! bound they begin anew, because who looks on must not run out of memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use muster_batch::{JudgedBatch, Origin, RawBatch, Refusal, RuleLists};
use muster_contract::decode::Decoder;
use muster_contract::judge::{Judge, KeyState, event_time};
use muster_registry::{Answer, NoCache, Registry};
use muster_spec::{Contract, RuleNumber, SourceId};

use super::telling::{Told, Verdict};
use crate::ingest::{by_topic, schemas};
use crate::masking;
use crate::output::Output;
use crate::shutdown::Shutdown;

/// How many keys and events are remembered, over all partitions.
const KEYS_MAX: u64 = 2_000_000;

/// What a topic's records are decoded and judged with.
struct Court {
    decoder: Decoder,
    judge: Judge,
}

/// Judges records of all tapped topics.
pub struct Bench {
    courts: HashMap<String, Court>,
    keys: HashMap<SourceId, KeyState>,
    schemas: Option<muster_registry::Schemas<NoCache>>,
    runtime: tokio::runtime::Handle,
}

impl Bench {
    /// One for these contracts. Must be made within the runtime.
    pub fn new(contracts: &[Arc<Contract>], registry: Option<Registry>) -> anyhow::Result<Self> {
        let mut courts = HashMap::new();
        for (topic, contract) in by_topic(contracts)? {
            let judge = Judge::new(Arc::clone(&contract)).map_err(|problems| {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                anyhow::anyhow!("{}", told.join("\n"))
            })?;
            let decoder = Decoder::new(contract)?;
            courts.insert(topic, Court { decoder, judge });
        }
        Ok(Self {
            courts,
            keys: HashMap::new(),
            schemas: registry.map(schemas::in_memory),
            runtime: tokio::runtime::Handle::current(),
        })
    }

    /// The verdicts on a batch; `None` where a stop was asked for while a schema was looked for.
    pub fn judge(&mut self, batch: RawBatch, shutdown: &Shutdown) -> anyhow::Result<Option<Verdicts>> {
        let court = self
            .courts
            .get_mut(&*batch.topic)
            .context("a record of no tapped topic")?;
        for id in court.decoder.missing(&batch) {
            let Some(schemas) = &self.schemas else {
                court.decoder.unknown(id);
                continue;
            };
            let Some(answer) = ask(&self.runtime, schemas, id, shutdown) else {
                return Ok(None);
            };
            match answer {
                Answer::Unknown => court.decoder.unknown(id),
                Answer::Schema(text) => {
                    if let Err(error) = court.decoder.learn(id, &text) {
                        tracing::warn!(schema = %id, topic = &*batch.topic, %error, "schema does not fit");
                    }
                }
            }
        }
        let source = batch.source;
        let keys = self.keys.entry(source).or_insert_with(|| court.judge.key_state());
        let verdicts = Verdicts::of(court, keys, batch);
        self.bound_keys();
        Ok(Some(verdicts))
    }

    fn bound_keys(&mut self) {
        if self.keys.values().map(KeyState::keys).sum::<u64>() > KEYS_MAX {
            self.keys.clear();
            Output::say("too many keys to remember: earlier ones are forgotten");
        }
    }
}

/// Asks the registry until it answers; `None` when a stop is asked for before that.
fn ask(
    runtime: &tokio::runtime::Handle,
    schemas: &muster_registry::Schemas<NoCache>,
    id: muster_spec::SchemaId,
    shutdown: &Shutdown,
) -> Option<Answer> {
    let mut rest = Duration::from_millis(100);
    loop {
        match runtime.block_on(schemas.get(id)) {
            Ok(answer) => return Some(answer),
            Err(error) => tracing::warn!(schema = %id, %error, "no word from the registry, asking again"),
        }
        if shutdown.is_asked() {
            return None;
        }
        std::thread::sleep(rest);
        rest = (rest * 2).min(Duration::from_secs(2));
    }
}

/// What became of one record, and where more about it stands.
#[derive(Clone, Copy)]
enum Fate {
    Good,
    /// The n-th of the bad side.
    Bad(usize),
    Duplicate,
    Tombstone,
}

/// A batch's verdicts, by record.
pub struct Verdicts {
    contract: Arc<Contract>,
    origin: Origin,
    /// The rows of all records that decoded.
    rows: RecordBatch,
    row_of_record: Vec<Option<usize>>,
    event_times: Vec<i64>,
    fates: Vec<Fate>,
    violations: RuleLists,
    refusals: Vec<Option<Refusal>>,
    /// For each row, the rules of severity warn that it breaks.
    warnings: Vec<Vec<RuleNumber>>,
}

impl Verdicts {
    fn of(court: &mut Court, keys: &mut KeyState, records: RawBatch) -> Self {
        let contract = Arc::clone(court.judge.contract());
        let decoded = court.decoder.decode(records);
        // Of bad records judging keeps the bytes alone. The columns are shared, so that holding on to all costs nothing.
        let rows = decoded.rows.clone();
        let event_times = event_time::of_rows(&contract, &decoded);
        let mut row_of_record = vec![None; decoded.origin.len()];
        for (row, record) in decoded.record_of_row.iter().enumerate() {
            row_of_record[*record as usize] = Some(row);
        }
        let mut warnings = vec![Vec::new(); rows.num_rows()];
        for (rule, broken_by) in court.judge.warnings(&decoded) {
            broken_by.iter().for_each(|row| warnings[row].push(rule));
        }
        let judged = court.judge.judge(decoded, keys);
        Self {
            fates: fates(&judged),
            contract,
            origin: judged.origin,
            rows,
            row_of_record,
            event_times,
            violations: judged.violations,
            refusals: judged.refusals,
            warnings,
        }
    }

    /// All of them, in the order of the log.
    pub fn iter(&self) -> impl Iterator<Item = Told<'_>> {
        let records = match &self.origin {
            Origin::Records(records) => Some(records),
            // A tap reads topics, not files.
            Origin::Lines(_) => None,
        };
        let all = records.map(|records| (0..records.len()).map(move |record| self.told(records, record)));
        all.into_iter().flatten()
    }

    fn told<'a>(&'a self, records: &'a RawBatch, record: usize) -> Told<'a> {
        let fate = self.fates[record];
        let row = self.row_of_record[record];
        let (verdict, broken, refusal) = match fate {
            Fate::Good => (Verdict::Good, &[][..], None),
            Fate::Bad(at) => (Verdict::Bad, self.violations.get(at), self.refusals[at]),
            Fate::Duplicate => (Verdict::Duplicate, &[][..], None),
            Fate::Tombstone => (Verdict::Tombstone, &[][..], None),
        };
        let warned = row.map_or(&[][..], |row| &self.warnings[row]);
        let ids = |rules: &[RuleNumber]| rules.iter().map(|rule| self.contract.rule_id(*rule)).collect();
        let micros = match row {
            Some(row) => self.event_times[row],
            None => event_time::of_record(&self.origin, record as u32),
        };
        Told {
            contract: self.contract.name.as_str(),
            topic: &records.topic,
            partition: records.partition,
            offset: records.offsets[record],
            event_time: DateTime::<Utc>::from_timestamp_micros(micros),
            verdict,
            violations: ids(broken),
            warnings: ids(warned),
            refusal: refusal.map(Refusal::code),
            payload_bytes: records.payloads.get(record).map_or(0, <[u8]>::len),
            fields: row.map_or_else(Vec::new, |row| masking::fields(&self.contract, &self.rows, row)),
        }
    }
}

fn fates(judged: &JudgedBatch) -> Vec<Fate> {
    let mut fates = vec![Fate::Good; judged.origin.len()];
    for (at, record) in judged.bad_records.iter().enumerate() {
        fates[*record as usize] = Fate::Bad(at);
    }
    for record in &judged.duplicates {
        fates[*record as usize] = Fate::Duplicate;
    }
    for record in &judged.tombstones {
        fates[*record as usize] = Fate::Tombstone;
    }
    fates
}
