//! A file held against a contract without Kafka: the same judging as on events.
//!
//! Used by `muster validate`. Two threads: one reads and types runs of rows, the other judges and writes. Memory is
//! bounded by a few runs and a row group a file, and grows only with unique keys. A report is gathered while rows pass.

mod avro_rows;
mod avro_texts;
mod parquet_rows;
mod rows;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context, anyhow, bail};
use muster_batch::{DecodedBatch, Origin, RawLines};
use muster_contract::decode::columns;
use muster_contract::judge::Judge;
use muster_spec::{Contract, Severity};
use muster_store::files::{ValidateWriter, Validated};
use serde::Serialize;
use serde_json::{Map, Value, json};

use avro_texts::AvroTexts;
pub use rows::Rows;

use crate::reporting::{self, OfFile};

/// How many typed runs wait for judging; one more is being typed and one judged.
const DECODED_CAPACITY: usize = 1;
/// How many runs whose rows are done with wait to be filled again: as many as there are.
const SPARE_CAPACITY: usize = DECODED_CAPACITY + 2;

/// What was found, as `violations.json` says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Data rows: good and bad ones, and events that stood in the file before.
    pub rows: u64,
    /// Good ones.
    pub good: u64,
    /// Bad ones.
    pub bad: u64,
    /// How often each rule was broken, broken ones only.
    pub rules: Map<String, Value>,
    /// The same for rules that only warn.
    pub warnings: Map<String, Value>,
}

/// Judges a file and writes `good.parquet`, `bad.parquet` and `violations.json` into `out`, and `report.html` and
/// `report.json` where they are asked for; where the file cannot be read to its end, nothing. `progress` is told how many
/// bytes of it were read.
pub fn validate(
    contract: &Arc<Contract>,
    mut rows: Rows,
    file: &Path,
    out: &Path,
    with_report: bool,
    progress: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<Findings> {
    std::fs::create_dir_all(out).with_context(|| format!("could not make `{}`", out.display()))?;
    let (header, texts) = (rows.header(), rows.texts());
    let (typed, to_judge) = sync_channel(DECODED_CAPACITY);
    let (spare, spares) = sync_channel(SPARE_CAPACITY);
    let mut report = with_report.then(|| OfFile::new(contract, &header));
    let writer = std::thread::scope(|threads| {
        let reader = std::thread::Builder::new().name("read".to_owned());
        let reading = reader.spawn_scoped(threads, move || -> anyhow::Result<()> {
            while let Some(batch) = rows.next_batch()? {
                progress(rows.bytes_read());
                if typed.send(batch).is_err() {
                    break;
                }
                if let Ok(lines) = spares.try_recv() {
                    rows.recycle(lines);
                }
            }
            Ok(())
        })?;
        let writer = ValidateWriter::create(out, Arc::clone(contract), columns::schema(contract), &header)?;
        let judged = judge(contract, &to_judge, &spare, texts.as_deref(), report.as_mut(), writer);
        // When judging failed, reading ends at its next send.
        drop(to_judge);
        let read = reading
            .join()
            .map_err(|_| anyhow!("reading `{}` panicked", file.display()))?;
        read.with_context(|| format!("could not read `{}`", file.display()))?;
        judged
    })?;
    let written = writer.finish()?;
    if let Some(report) = report {
        reporting::write(&report.report(file, out, &written), &out.join("report.html"))?;
    }
    let findings = Findings::of(contract, &written);
    let text = serde_json::to_string_pretty(&findings)?;
    let path = out.join("violations.json");
    std::fs::write(&path, text + "\n").with_context(|| format!("could not write `{}`", path.display()))?;
    Ok(findings)
}

/// Judges rows as they come and gives the writer back when there are no more.
fn judge(
    contract: &Arc<Contract>,
    typed: &Receiver<DecodedBatch>,
    spare: &SyncSender<RawLines>,
    texts: Option<&AvroTexts>,
    mut report: Option<&mut OfFile>,
    mut writer: ValidateWriter,
) -> anyhow::Result<ValidateWriter> {
    let mut judge = Judge::new(Arc::clone(contract)).map_err(|problems| {
        anyhow!(
            "{}",
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        )
    })?;
    let mut keys = judge.key_state();
    while let Ok(decoded) = typed.recv() {
        let mut judged = judge.judge(decoded, &mut keys);
        if let Some(full) = keys.full() {
            bail!(
                "`{}` would remember {} keys and its keys_max is {}\n  hint: raise it in the contract",
                contract.rule_id(full.rule),
                full.keys,
                full.keys_max
            );
        }
        if let Some(texts) = texts {
            texts.show(&mut judged)?;
        }
        if let Some(report) = &mut report {
            report.add(&judged);
        }
        writer.push(&judged)?;
        if let Origin::Lines(lines) = judged.origin {
            // One too many is dropped: the reader makes its own when none came back.
            let _ = spare.try_send(lines);
        }
    }
    Ok(writer)
}

impl Findings {
    fn of(contract: &Contract, written: &Validated) -> Self {
        let of = |severity: Severity| -> Map<String, Value> {
            let broken = contract
                .rules
                .iter()
                .zip(&written.rules)
                .filter(|(_, count)| **count > 0);
            let broken = broken.filter(|(rule, _)| rule.severity == severity);
            broken.map(|(rule, count)| (rule.id.clone(), json!(count))).collect()
        };
        Self {
            rows: written.rows,
            good: written.good,
            bad: written.bad,
            rules: of(Severity::Error),
            warnings: of(Severity::Warn),
        }
    }
}
