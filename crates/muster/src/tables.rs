//! A file that no contract describes yet, looked at twice.
//!
//! Used by `init` and `profile`. The first look finds out how the file is written and what its columns are, the second reads
//! it by a contract made of that. Memory is a run of rows and what is told of the columns. What must stay true: a file that
//! is no table of text or Parquet is refused with a word before anything is told of it.

mod refused;

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use muster_batch::Origin;
use muster_contract::lines::LineDecoder;
use muster_profile::{BEGINNING_BYTES, Guess, Guesser, Label, Profiler, Reading, draft, latin, sniff};
use muster_spec::TextFormat;

use crate::cli::FileFormat;
use crate::file_lines::FileLines;
use crate::output::Output;

/// Reads a file and says what is in it. `label` names the label's column, where it is known; `progress` is told of how many
/// bytes of the second look were read.
fn read(path: &Path, label: Option<&str>, progress: &dyn Fn(u64)) -> anyhow::Result<Reading> {
    refused::refuse_pipes(path)?;
    let kind = FileFormat::of_name(path);
    if !matches!(kind, FileFormat::Csv | FileFormat::Parquet) {
        bail!(
            "`{}` looks like {}\n  hint: CSV and Parquet are read",
            path.display(),
            kind.words()
        );
    }
    let is_text = kind == FileFormat::Csv;
    let mut format = if is_text { written(path)? } else { TextFormat::default() };
    let mut guess = first_look(path, &format, is_text)?;
    if is_text && guess.foreign > 0 && format.encoding != latin(&format).encoding {
        format = latin(&format);
        guess = first_look(path, &format, is_text)?;
    }
    let label = Label::find(&guess, label)?;
    if label.is_none() {
        guess.notes.extend(Label::near_miss(&guess));
    }
    let contract = draft::bare(&guess).map_err(|problems| {
        let listed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow!("`{}` cannot be described\n{}", path.display(), listed.join("\n"))
    })?;
    let contract = std::sync::Arc::new(contract);
    let mut profiler = Profiler::new(&contract, label.clone());
    let mut lines = FileLines::open(path, &contract, &guess.format)?;
    let decoder = LineDecoder::new(contract, &guess.format, std::sync::Arc::clone(lines.fit()))?;
    while let Some(run) = lines.next_run()? {
        let decoded = decoder.decode(run);
        profiler.add(&decoded);
        progress(lines.bytes_read());
        if let Origin::Lines(run) = decoded.origin {
            lines.recycle(run);
        }
    }
    Ok(Reading::new(guess, &profiler, label)?)
}

/// The same on a thread that may block, with a bar for people who wait.
pub async fn read_shown(path: PathBuf, label: Option<String>) -> anyhow::Result<Reading> {
    let bar = Output::bar(path.metadata().map_or(0, |facts| facts.len()), "bytes");
    let shown = bar.clone();
    let work = tokio::task::spawn_blocking(move || read(&path, label.as_deref(), &|bytes| shown.set_position(bytes)));
    let reading = work.await?;
    bar.finish_and_clear();
    reading
}

/// How a text file is written, as its beginning says.
fn written(path: &Path) -> anyhow::Result<TextFormat> {
    let beginning = refused::beginning(path)?;
    sniff(&beginning, beginning.len() < BEGINNING_BYTES).with_context(|| format!("could not read `{}`", path.display()))
}

fn first_look(path: &Path, format: &TextFormat, is_text: bool) -> anyhow::Result<Guess> {
    let mut lines = FileLines::open_unknown(path, format)?;
    let mut guesser = Guesser::new(&lines.fit().header, is_text);
    while let Some(run) = lines.next_run()? {
        guesser.add(&run);
        lines.recycle(run);
    }
    let mut guess = guesser.finish(format.clone());
    guess.take_as_bytes(&lines.columns_of_bytes());
    Ok(guess)
}
