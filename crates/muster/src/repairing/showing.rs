//! Bad rows for people: which there are, why, and what became of them.
//!
//! Used by `muster bad list`, `show` and `export`. Rows are decoded once more, since a bad file keeps bytes. Personal
//! values are masked in what is shown, and in what is exported unless it is asked for otherwise.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context;
use arrow::array::{Array, AsArray, StringArray};
use chrono::{DateTime, Utc};
use muster_batch::Origin;
use muster_contract::decode::Decoder;
use muster_contract::patch::Patcher;
use muster_spec::{Contract, Offset, SourceId};
use muster_store::files::{self, BadRecords, FileStore, SealedRow};
use muster_store::ledger::bad_files::{BadFile, BadFilter};
use muster_store::ledger::repairs::RepairStep;
use muster_store::{Error, Ledger};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::runtime::Handle;

use super::patching::{SampleChange, masked};
use super::rows::{Chunk, Selection};
use crate::ingest::schemas::kept;
use crate::reading::Reading;

/// A bad row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BadRow {
    /// Topic, partition and offset.
    pub position: String,
    /// The source, by the ledger's number.
    pub source: i64,
    /// The offset.
    pub offset: i64,
    /// Its batch.
    pub batch: i64,
    /// When it was committed.
    pub committed_at: DateTime<Utc>,
    /// Whether it is good by now.
    pub repaired: bool,
    /// The rules that it broke, as it came.
    pub rules: Vec<String>,
    /// The rules of severity warn that it broke.
    pub warnings: Vec<String>,
    /// Why it would not decode, if it would not.
    pub reason: Option<String>,
    /// What its fields held; empty where it would not decode.
    pub fields: Map<String, Value>,
}

/// A step in what became of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// `repair` or `replay`.
    pub kind: String,
    /// The repair, by the ledger's number.
    pub repair: i64,
    /// Its batch.
    pub batch: i64,
    /// By whom.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub committed_at: DateTime<Utc>,
    /// The contract's version that judged.
    pub contract_version: String,
    /// Whether the row was good then.
    pub good: bool,
    /// The rules that were left, where it was not.
    pub rules_left: Vec<String>,
    /// What was changed.
    pub changes: Vec<SampleChange>,
}

/// Reads bad rows of one contract; blocks.
pub struct Showing {
    ledger: Ledger,
    files: Arc<dyn FileStore>,
    runtime: Handle,
    contract: Arc<Contract>,
    decoder: Decoder,
    patcher: Patcher,
    /// Whether personal values are told.
    personal: bool,
    /// The file that was checked last.
    checked: Option<String>,
}

impl Showing {
    /// A reader; `personal` tells personal values too.
    pub fn new(
        ledger: Ledger,
        files: Arc<dyn FileStore>,
        contract: Arc<Contract>,
        personal: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            ledger,
            files,
            runtime: Handle::current(),
            decoder: Decoder::new(Arc::clone(&contract))?,
            patcher: Patcher::new(Arc::clone(&contract))?,
            contract,
            personal,
            checked: None,
        })
    }

    /// Hands out the rows that are meant, in their order, until `take` has enough. Rows that are good by now are among
    /// them where `repaired` says so.
    pub fn each(
        &mut self,
        filter: &BadFilter,
        repaired: bool,
        take: &mut dyn FnMut(BadRow) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<()> {
        let (_reading, listed) = self.listed(filter)?;
        for of_source in listed.chunk_by(|one, next| one.source == next.source) {
            let mended = self
                .runtime
                .block_on(self.ledger.repaired_rows(of_source[0].source, None))?;
            let selection = Selection::new(filter.rule.clone(), mended, None);
            for file in of_source {
                if self.file(file, &selection, None, repaired, take)?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// One bad row; `None` where there is none at this place.
    pub fn one(&mut self, topic: &str, partition: i32, offset: i64) -> anyhow::Result<Option<(SourceId, BadRow)>> {
        let all = BadFilter::default();
        let (_reading, mut listed) = self.listed(&all)?;
        listed.retain(|file| &*file.topic == topic && file.partition == partition);
        // Of topics of one name the last one is meant.
        for file in listed.iter().rev() {
            let mended = self.runtime.block_on(self.ledger.repaired_rows(file.source, None))?;
            let selection = Selection::new(None, mended, None);
            let mut found = None;
            let _ = self.file(file, &selection, Some(offset), true, &mut |row| {
                found = Some(row);
                Ok(ControlFlow::Break(()))
            })?;
            if let Some(row) = found {
                return Ok(Some((file.source, row)));
            }
        }
        Ok(None)
    }

    /// The files that may hold such rows, and what keeps them there.
    fn listed(&self, filter: &BadFilter) -> Result<(Option<Reading>, Vec<BadFile>), Error> {
        self.runtime.block_on(async {
            let reading = Reading::open(&self.ledger, &self.contract.name, "bad rows").await?;
            let listed = self.ledger.bad_files(&self.contract.name, filter).await?;
            Ok((reading, listed))
        })
    }

    fn file(
        &mut self,
        file: &BadFile,
        selection: &Selection,
        only: Option<i64>,
        repaired: bool,
        take: &mut dyn FnMut(BadRow) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<ControlFlow<()>> {
        // A merged file is listed once for each batch, and checked once for all of them.
        let batches = if self.checked.as_ref() == Some(&file.file.path) {
            files::open_again(&*self.files, &file.file)?
        } else {
            files::open(&*self.files, &file.file, None)?
        };
        self.checked = Some(file.file.path.clone());
        for rows in batches {
            let rows = rows?;
            let damaged = || format!("`{}` has not the columns of a bad file", file.file.path);
            let records = BadRecords::read(&rows).with_context(damaged)?;
            let meant = |record: &usize| {
                let offset = records.offset(*record);
                only.is_none_or(|only| only == offset)
                    && (repaired || !selection.is_repaired(offset))
                    && selection.is_asked(&records, *record)
            };
            let chosen: Vec<usize> = (0..records.len()).filter(meant).collect();
            let mut chunk = Chunk::of(file);
            for &record in &chosen {
                records.copy(record, &mut chunk.records);
            }
            for (record, fields) in chosen.into_iter().zip(self.fields(chunk)?) {
                let offset = records.offset(record);
                let row = BadRow {
                    position: format!("{}/{}/{offset}", file.topic, file.partition),
                    source: file.source.0,
                    offset,
                    batch: file.batch.0,
                    committed_at: file.committed_at,
                    repaired: selection.is_repaired(offset),
                    rules: records.violations(record).map(str::to_owned).collect(),
                    warnings: records.warnings(record).map(str::to_owned).collect(),
                    reason: records.reason(record).map(str::to_owned),
                    fields,
                };
                if take(row)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The fields of each record of a chunk.
    fn fields(&mut self, chunk: Chunk) -> anyhow::Result<Vec<Map<String, Value>>> {
        for id in self.decoder.missing(&chunk.records) {
            match self.runtime.block_on(kept(&self.ledger, id))? {
                Some(text) => {
                    self.patcher.learn(id, &text);
                    // One that does not fit leaves its records without fields.
                    let _ = self.decoder.learn(id, &text);
                }
                None => self.decoder.unknown(id),
            }
        }
        let decoded = self.decoder.decode(chunk.records);
        let texts = self.patcher.texts(&decoded);
        let columns = (0..self.contract.fields.len()).map(|field| self.patcher.told(&decoded, &texts, field));
        let columns: Vec<StringArray> = columns.collect();
        let records = match &decoded.origin {
            Origin::Records(records) => records.len(),
            Origin::Lines(_) => 0,
        };
        let mut all = vec![Map::new(); records];
        for (row, record) in decoded.record_of_row.iter().enumerate() {
            for (field, column) in self.contract.fields.iter().zip(&columns) {
                let value = column.is_valid(row).then(|| column.value(row));
                let told = if self.personal {
                    value.map(str::to_owned)
                } else {
                    masked(field, value)
                };
                all[*record as usize].insert(field.name.clone(), told.map_or(Value::Null, Value::String));
            }
        }
        Ok(all)
    }

    /// What was done to a row, in order, personal values masked.
    pub fn steps(&self, source: SourceId, offset: i64) -> anyhow::Result<Vec<Step>> {
        let listing = self.ledger.repairs_of(source, Offset(offset));
        let steps = self.runtime.block_on(listing)?;
        let at = (source, Offset(offset));
        let told = steps.iter().map(|of| step(&*self.files, &self.contract, of, at, false));
        told.collect()
    }
}

/// A step as people read it, with what the patch changed of the row; personal values are masked unless `personal`.
pub fn step(
    files: &dyn FileStore,
    contract: &Contract,
    step: &RepairStep,
    (source, offset): (SourceId, Offset),
    personal: bool,
) -> anyhow::Result<Step> {
    let mut told = Step {
        kind: step.kind.clone(),
        repair: step.repair,
        batch: step.batch.0,
        author: step.author.clone(),
        reason: step.reason.clone(),
        committed_at: step.committed_at,
        contract_version: step.contract_version.to_string(),
        good: step.good,
        rules_left: Vec::new(),
        changes: Vec::new(),
    };
    let Some(patch) = &step.patch else { return Ok(told) };
    let Some(SealedRow { rows, .. }) = files::row_at(files, patch, source, offset)? else {
        return Err(Error::damaged(&*patch.path, "it has not the row that the ledger says").into());
    };
    let left = rows["_violations"].as_list::<i32>().value(0);
    told.rules_left = left.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    for field in &contract.fields {
        let text = |side: &str| {
            let column = rows.column_by_name(&format!("{}.{side}", field.name))?;
            let texts = column.as_string_opt::<i32>()?;
            Some(texts.is_valid(0).then(|| texts.value(0)))
        };
        let shown = |value: Option<&str>| {
            if personal {
                value.map(str::to_owned)
            } else {
                masked(field, value)
            }
        };
        if let (Some(before), Some(after)) = (text("before"), text("after"))
            && before != after
        {
            told.changes.push(SampleChange {
                field: field.name.clone(),
                before: shown(before),
                after: shown(after),
            });
        }
    }
    Ok(told)
}

/// Writes a row as one line: its place, its rules and its fields, as `--patch` reads them.
pub fn write_row(contract: &Contract, row: &BadRow, as_csv: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let rules = row.rules.join(" ");
    if !as_csv {
        let mut object = Map::new();
        object.insert("_source".into(), row.source.into());
        object.insert("_offset".into(), row.offset.into());
        object.insert("_position".into(), row.position.as_str().into());
        object.insert("_rules".into(), rules.into());
        object.extend(row.fields.clone());
        return Ok(writeln!(out, "{}", Value::Object(object))?);
    }
    write!(
        out,
        "{},{},{},{}",
        row.source,
        row.offset,
        quoted(&row.position),
        quoted(&rules)
    )?;
    for field in &contract.fields {
        let text = row.fields.get(&field.name).and_then(Value::as_str);
        write!(out, ",{}", text.map_or_else(String::new, quoted))?;
    }
    Ok(writeln!(out)?)
}

/// The line above the rows of a CSV file.
pub fn write_header(contract: &Contract, out: &mut impl Write) -> anyhow::Result<()> {
    let names = ["_source", "_offset", "_position", "_rules"].into_iter();
    let names = names.chain(contract.fields.iter().map(|field| field.name.as_str()));
    Ok(writeln!(out, "{}", names.map(quoted).collect::<Vec<_>>().join(","))?)
}

/// A cell of CSV. Empty text is told from nothing by its quotes.
fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
