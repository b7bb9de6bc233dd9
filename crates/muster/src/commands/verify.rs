//! `muster verify`: files against their sha-256, a run's predictions against what they come to today.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use muster_spec::{ContractName, RunId};
use muster_store::{Error, FolderStore, Ledger, Role};
use serde_json::{Value, json};

use crate::cli::VerifyArgs;
use crate::exit::Exit;
use crate::output::{Output, counted, table};
use crate::reading::Reading;
use crate::servers::Database;
use crate::verifying::files::{FileFault, check, check_models};
use crate::verifying::run::{Compared, Recomputing};

/// Lines that are told on the terminal.
const LINES_MAX: usize = 50;

/// Verifies what was asked for; what is not as it was is a finding.
pub async fn run(folder: &Path, args: &VerifyArgs, output: Output) -> anyhow::Result<Exit> {
    let database = Database::open(folder, &args.database).await?;
    let ledger = database.ledger(Role::Read).await?;
    let readings = Reading::open_all(&ledger, "verify").await?;
    let mut told = serde_json::Map::new();
    let mut text = Vec::new();
    let mut exit = Exit::Fine;
    if args.files {
        let checked = files(folder, &ledger, args.contract.as_deref()).await?;
        if !checked.faults.is_empty() {
            exit = Exit::Finding;
        }
        told.insert("files".to_owned(), checked.json());
        text.push(checked.describe());
    }
    if let Some(run) = args.run.map(RunId) {
        let compared = recompute(folder, ledger.clone(), run).await?;
        if !compared.findings.is_empty() {
            exit = Exit::Finding;
        }
        told.insert("run".to_owned(), json!({ "run": run.0, "compared": compared }));
        text.push(describe(run, &compared));
    }
    for reading in readings {
        reading.close().await;
    }
    drop(ledger);
    database.close().await;
    output.json(&told)?;
    output.text(&text.join("\n"))?;
    Ok(exit)
}

/// What came of checking files.
struct Checked {
    files: usize,
    models: usize,
    bytes: u64,
    faults: Vec<FileFault>,
}

async fn files(folder: &Path, ledger: &Ledger, contract: Option<&str>) -> anyhow::Result<Checked> {
    let contract = contract.map(ContractName::from);
    let listings = ledger.listings(contract.as_ref()).await?;
    let models = match contract {
        Some(_) => Vec::new(),
        None => ledger.model_folders().await?,
    };
    let of_files = || listings.chunk_by(|one, other| one.file.path == other.file.path);
    let (count, bytes) = (of_files().count(), of_files().map(|owners| owners[0].bytes).sum());
    let bar = Output::bar(bytes, "bytes");
    let (shown, folder, known) = (bar.clone(), folder.to_owned(), models.len());
    let work = tokio::task::spawn_blocking(move || {
        let mut faults = check(&FolderStore::new(&folder), &listings, &|bytes| shown.inc(bytes))?;
        faults.extend(check_models(&folder, &models));
        Ok::<_, anyhow::Error>(faults)
    });
    let faults = work.await?;
    bar.finish_and_clear();
    Ok(Checked {
        files: count,
        models: known,
        bytes,
        faults: faults?,
    })
}

impl Checked {
    fn json(&self) -> Value {
        json!({ "files": self.files, "models": self.models, "bytes": self.bytes, "faults": self.faults })
    }

    fn describe(&self) -> String {
        let Self {
            files,
            models,
            bytes,
            faults,
        } = self;
        let (files, models) = (counted(*files as u64, "file"), counted(*models as u64, "model"));
        let mut text = format!("{files} of {bytes} bytes and {models}: ");
        if faults.is_empty() {
            text.push_str("each is what was sealed.");
            return text;
        }
        let _ = write!(text, "{} are not what was sealed.", faults.len());
        for fault in faults.iter().take(LINES_MAX) {
            let _ = write!(text, "\n{} ({}): {}", fault.path, fault.kind, fault.fault);
            for range in &fault.ranges {
                let _ = write!(
                    text,
                    "\n  ingest again: {} partition {}, offsets {} to {}",
                    range.topic,
                    range.partition,
                    range.from,
                    range.to - 1
                );
            }
            if let Some(hint) = &fault.hint {
                let _ = write!(text, "\n  hint: {hint}");
            }
        }
        if faults.len() > LINES_MAX {
            let _ = write!(text, "\nand {} more; --format json tells all", faults.len() - LINES_MAX);
        }
        text
    }
}

async fn recompute(folder: &Path, ledger: Ledger, run: RunId) -> anyhow::Result<Compared> {
    let known = match ledger.run(run).await {
        Ok(known) => known,
        Err(Error::Answer(_)) => bail!(
            "there is no run {run}\n  hint: `muster psql -c \"select id, pipeline, slot_utc from runs\"` lists them"
        ),
        Err(error) => return Err(error.into()),
    };
    let bar = Output::bar(known.predictions, "predictions");
    let mut recomputing = Recomputing::new(ledger, Arc::new(FolderStore::new(folder)));
    let compared = recomputing.run(run, &|predictions| bar.inc(predictions)).await;
    bar.finish_and_clear();
    compared
}

fn describe(run: RunId, compared: &Compared) -> String {
    let Compared {
        claims,
        predictions,
        reasons,
        bands_unknown,
        findings,
    } = compared;
    let (told, claims) = (counted(*predictions, "prediction"), counted(*claims, "batch"));
    let mut text = format!("run {run}: {told} of {claims} computed again, {reasons} with reasons: ");
    text.push_str(if findings.is_empty() {
        "the same to the bit."
    } else {
        "not as they were."
    });
    if *bands_unknown > 0 {
        let _ = write!(
            text,
            "\nThe bands of {bands_unknown} were not compared: they were scored before bands were kept."
        );
    }
    if !findings.is_empty() {
        let lines = findings.iter().take(LINES_MAX).map(|finding| {
            let example = finding.examples.first().cloned().unwrap_or_default();
            vec![
                finding.batch.to_string(),
                finding.what.clone(),
                finding.predictions.to_string(),
                example,
            ]
        });
        let _ = write!(
            text,
            "\n{}",
            table(&["batch", "what", "predictions", "first"], &[2], lines)
        );
    }
    text
}
