//! A file held against a contract without Kafka: the same judging as on events.
//!
//! Used by `muster validate`. Two threads: one reads and types runs of rows, the other judges and writes. Every kind of
//! file becomes rows of text cells first, so that a value means the same in all of them; memory is bounded by a few runs
//! and grows only with unique keys.

mod tables;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context, anyhow, bail};
use muster_batch::{DecodedBatch, RawLines};
use muster_contract::decode::columns;
use muster_contract::judge::Judge;
use muster_contract::lines::{ColumnsFit, LineDecoder, LineReader};
use muster_spec::{Contract, Severity, TextFormat};
use muster_store::files::ValidateWriter;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::publishing::open_lines;
use tables::{AvroRows, ParquetRows};

/// How many typed runs wait for judging.
const DECODED_CAPACITY: usize = 2;

/// What was found, as `violations.json` says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Data rows.
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

/// Judges a file and writes `good.parquet`, `bad.parquet` and `violations.json` into `out`. `progress` is told how many
/// bytes of the file were read.
pub fn validate(
    contract: &Arc<Contract>,
    file: &Path,
    format: &TextFormat,
    out: &Path,
    progress: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<Findings> {
    let mut rows = Rows::open(file, contract, format)?;
    std::fs::create_dir_all(out).with_context(|| format!("could not make `{}`", out.display()))?;
    let decoder = LineDecoder::new(Arc::clone(contract), rows.format(format), Arc::clone(rows.fit()))?;
    let header = rows.fit().header.clone();
    let (typed, to_judge) = sync_channel(DECODED_CAPACITY);
    let findings = std::thread::scope(|threads| {
        let reading = threads.spawn(move || -> anyhow::Result<()> {
            while let Some(run) = rows.next_run()? {
                progress(rows.bytes_read());
                if typed.send(decoder.decode(run)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        let findings = judge(contract, &to_judge, out, &header);
        // When judging failed, reading ends at its next send.
        drop(to_judge);
        let read = reading
            .join()
            .map_err(|_| anyhow!("reading `{}` panicked", file.display()))?;
        read.with_context(|| format!("could not read `{}`", file.display()))?;
        findings
    })?;
    let text = serde_json::to_string_pretty(&findings)?;
    let path = out.join("violations.json");
    std::fs::write(&path, text + "\n").with_context(|| format!("could not write `{}`", path.display()))?;
    Ok(findings)
}

fn judge(
    contract: &Arc<Contract>,
    typed: &Receiver<DecodedBatch>,
    out: &Path,
    header: &[String],
) -> anyhow::Result<Findings> {
    let mut judge = Judge::new(Arc::clone(contract)).map_err(|problems| {
        anyhow!(
            "{}",
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        )
    })?;
    let mut keys = judge.key_state();
    let mut writer = ValidateWriter::create(out, Arc::clone(contract), columns::schema(contract), header)?;
    while let Ok(decoded) = typed.recv() {
        let judged = judge.judge(decoded, &mut keys);
        if let Some(full) = keys.full() {
            bail!(
                "`{}` would remember {} keys and its keys_max is {}\n  hint: raise it in the contract",
                contract.rule_id(full.rule),
                full.keys,
                full.keys_max
            );
        }
        writer.push(&judged)?;
    }
    let written = writer.finish()?;
    let of = |severity: Severity| -> Map<String, Value> {
        let broken = contract
            .rules
            .iter()
            .zip(&written.rules)
            .filter(|(_, count)| **count > 0);
        let broken = broken.filter(|(rule, _)| rule.severity == severity);
        broken.map(|(rule, count)| (rule.id.clone(), json!(count))).collect()
    };
    Ok(Findings {
        rows: written.good + written.bad,
        good: written.good,
        bad: written.bad,
        rules: of(Severity::Error),
        warnings: of(Severity::Warn),
    })
}

/// The rows of a file of any kind.
enum Rows {
    Lines(Box<LineReader<Box<dyn Read + Send>>>),
    Parquet(Box<ParquetRows>),
    Avro(Box<AvroRows>),
}

impl Rows {
    /// Opens a file by the ending of its name; `-` is CSV from standard input.
    fn open(file: &Path, contract: &Contract, format: &TextFormat) -> anyhow::Result<Self> {
        if file == Path::new("-") {
            let bytes: Box<dyn Read + Send> = Box::new(std::io::stdin());
            return Ok(Self::Lines(Box::new(open_lines(bytes, "-", contract, format)?)));
        }
        let opened = File::open(file).with_context(|| format!("could not open `{}`", file.display()))?;
        let name = file.display().to_string();
        let ending = file
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        match ending.as_str() {
            "parquet" => Ok(Self::Parquet(Box::new(ParquetRows::open(opened, &name, contract)?))),
            "avro" => Ok(Self::Avro(Box::new(AvroRows::open(opened, &name, contract)?))),
            _ => {
                let bytes: Box<dyn Read + Send> = Box::new(opened);
                Ok(Self::Lines(Box::new(open_lines(bytes, &name, contract, format)?)))
            }
        }
    }

    /// How cells are written: the text file's way, or the plain one for files whose values are typed.
    fn format<'a>(&self, format: &'a TextFormat) -> &'a TextFormat {
        static PLAIN: std::sync::LazyLock<TextFormat> = std::sync::LazyLock::new(TextFormat::default);
        match self {
            Self::Lines(_) => format,
            Self::Parquet(_) | Self::Avro(_) => &PLAIN,
        }
    }

    fn fit(&self) -> &Arc<ColumnsFit> {
        match self {
            Self::Lines(reader) => reader.fit(),
            Self::Parquet(rows) => &rows.fit,
            Self::Avro(rows) => &rows.fit,
        }
    }

    fn next_run(&mut self) -> anyhow::Result<Option<RawLines>> {
        match self {
            Self::Lines(reader) => Ok(reader.next_run()?),
            Self::Parquet(rows) => rows.next_run(),
            Self::Avro(rows) => rows.next_run(),
        }
    }

    fn bytes_read(&self) -> u64 {
        match self {
            Self::Lines(reader) => reader.bytes_read(),
            Self::Parquet(_) | Self::Avro(_) => 0,
        }
    }
}
