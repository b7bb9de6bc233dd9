//! Judged rows to files and to the ledger, and the keys they were held against.
//!
//! Used by [`super::Mending`]. The commit refuses rows whose source accepted records since its keys were looked at. Then
//! only the key files that came are looked at, and the files that were sealed stay as they are unless one of them holds
//! a key of these rows: so a source that is busy does not keep a repair waiting.

use std::collections::{BTreeMap, HashSet};

use muster_batch::{DecodedBatch, KeyEntries, KeyKind};
use muster_contract::judge::Judge;
use muster_spec::SourceId;
use muster_store::ledger::repairs::{Repair, RepairCommit, RepairFence, RepairOutcome};
use muster_store::{BatchWriter, Step, files};

use super::{Judged, Mending, offsets, patching};
use crate::failpoint;
use crate::ingest::longest_window;

/// The rows have to be judged again.
pub struct Again;

/// The unique keys of a chunk's rows, and which key files were looked at for them.
pub struct Keys {
    source: SourceId,
    wanted: HashSet<u128>,
    /// Event times between which a key that matters was accepted.
    from: i64,
    to: i64,
    /// By path and first row: others' keys may lie before and between.
    seen: HashSet<(String, u64)>,
}

impl Keys {
    /// Of decoded rows. None where the contract asks for no unique key.
    pub fn of(judge: &Judge, decoded: &DecodedBatch, source: SourceId) -> Self {
        let wanted = judge.keys_of(&decoded.rows);
        let times = judge.event_times(decoded);
        let reach = longest_window(judge.contract())
            .map_or(i64::MAX, |within| i64::try_from(within.as_micros()).unwrap_or(i64::MAX));
        // A row without a time is near everything.
        let timeless = times.contains(&i64::MIN);
        let (least, greatest) = (times.iter().min(), times.iter().max());
        let bound = |time: Option<&i64>| time.copied().filter(|_| !timeless);
        Self {
            source,
            wanted,
            from: bound(least).map_or(i64::MIN, |least| least.saturating_sub(reach)),
            to: bound(greatest).map_or(i64::MAX, |greatest| greatest.saturating_add(reach)),
            seen: HashSet::new(),
        }
    }

    /// Whether there is any key.
    pub fn are_there(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Those of a key file's entries that are among the rows' keys.
    fn among(&self, entries: &KeyEntries) -> KeyEntries {
        let mut among = KeyEntries::default();
        for at in 0..entries.len() {
            let (kind, key) = (entries.kinds[at], entries.fingerprints[at]);
            if matches!(kind, KeyKind::Unique(_)) && self.wanted.contains(&key) {
                let (time, offset) = (entries.event_times[at], entries.offsets[at]);
                among.push(kind, key, time, offset, entries.payload_hashes[at]);
            }
        }
        among
    }
}

impl Mending {
    /// What key files that were not looked at yet hold of these keys.
    pub(super) fn new_keys(&self, keys: &mut Keys) -> anyhow::Result<Vec<KeyEntries>> {
        if !keys.are_there() {
            return Ok(Vec::new());
        }
        let listing = self.ledger.keys_between(keys.source, keys.from, keys.to);
        let mut found = Vec::new();
        for file in self.runtime.block_on(listing)? {
            if keys.seen.insert((file.path.clone(), file.first_row)) {
                let among = keys.among(&files::read_keys(&*self.files, &file, &self.task.contract)?);
                if !among.is_empty() {
                    found.push(among);
                }
            }
        }
        Ok(found)
    }

    /// Seals a judged chunk and commits it; `Err(Again)` where it has to be judged again.
    pub(super) fn commit(&mut self, repair: Repair, chunk: Judged) -> anyhow::Result<Result<(), Again>> {
        let Judged {
            judged,
            records,
            changes,
            mut keys,
            against,
            counts,
        } = chunk;
        self.batches += 1;
        let contract = &self.task.contract;
        let mut writer = BatchWriter::of_repair(
            self.files.clone(),
            contract.clone(),
            keys.source,
            repair.token,
            self.batches,
        )?;
        writer.push(&judged)?;
        if let Some(patch) = &self.task.patch {
            writer.push_patch(&patching::changes(contract, patch, &judged, &records, &changes)?)?;
        }
        let sealed = writer.seal(&|step: Step| failpoint::reach(step.name()))?;
        let is_repair = self.task.patch.is_some();
        let mut commit = RepairCommit {
            repair,
            kind: self.kind(),
            sealed,
            against,
            keyed: keys.are_there(),
            good: offsets(&judged, &judged.good_records),
            still_bad: if is_repair {
                offsets(&judged, &judged.bad_records)
            } else {
                Vec::new()
            },
            rules_left: if is_repair { counts.rules_left } else { BTreeMap::new() },
        };
        drop(judged);
        loop {
            failpoint::reach("repair.commit");
            match self.send(&commit)? {
                RepairOutcome::Committed { batch, .. } => {
                    failpoint::reach("repair.committed");
                    tracing::info!(source = %keys.source, %batch, rows = commit.good.len(), "made rows good");
                    return Ok(Ok(()));
                }
                RepairOutcome::Fenced(RepairFence::Offset) => {
                    let against = self.runtime.block_on(self.ledger.judged_against(keys.source))?;
                    if against.revision == commit.against.revision && self.new_keys(&mut keys)?.is_empty() {
                        commit.against = against;
                        continue;
                    }
                }
                RepairOutcome::Fenced(RepairFence::Revision | RepairFence::Verdict) => {}
                RepairOutcome::Fenced(fence @ (RepairFence::Token | RepairFence::Unknown)) => {
                    commit.sealed.discard(&*self.files)?;
                    anyhow::bail!(
                        "the ledger does not take this repair any more ({fence:?}): it gave no sign of life for too long\n  \
                         hint: run it again; what was committed stays, and is left out"
                    );
                }
            }
            commit.sealed.discard(&*self.files)?;
            return Ok(Err(Again));
        }
    }
}
