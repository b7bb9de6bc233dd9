//! Sample candidates: rows that look like people, a target that can be learned, and faults at known places.
//!
//! Called by `muster generate` and by tests. The same seed makes the same bytes. Every fault is written down in a truth
//! file as (file, row, rule), so that a validator can be held against it: what the truth names must be found, and
//! nothing else.

mod candidate;
mod faults;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use candidate::CANDIDATES_MAX;
use candidate::{COLUMNS, Candidate};
use faults::{Fault, Written};

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rows of the main file.
    pub rows: u64,
    /// The share of rows that get a fault, 0 to 1.
    pub faults: f64,
    /// The seed.
    pub seed: u64,
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    /// The files of rows.
    pub files: Vec<PathBuf>,
    /// The file of (file, row, rule).
    pub truth: PathBuf,
    /// Rows in all files.
    pub rows: u64,
    /// Rows with a fault.
    pub faulty: u64,
}

/// Writes `hr.candidate.csv`, `hr.candidate.truth.csv` and, with faults, `hr.candidate-columns.csv`, whose columns do
/// not fit the contract, into `out`.
pub fn write(plan: Plan, out: &Path, mut progress: impl FnMut(u64)) -> anyhow::Result<Made> {
    std::fs::create_dir_all(out).with_context(|| format!("could not make `{}`", out.display()))?;
    let main = out.join("hr.candidate.csv");
    let truth_path = out.join("hr.candidate.truth.csv");
    let mut truth = create(&truth_path)?;
    writeln!(truth, "file,row,rule")?;
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    let faulty = write_rows(plan, &main, &mut truth, &mut random, &mut progress)?;
    let mut made = Made {
        files: vec![main],
        truth: truth_path,
        rows: plan.rows,
        faulty,
    };
    if plan.faults > 0.0 {
        let beside = out.join("hr.candidate-columns.csv");
        let rows = (plan.rows / 100).clamp(3, 50);
        write_misfit(rows, plan.rows, &beside, &mut truth, &mut random)?;
        made.files.push(beside);
        made.rows += rows;
        made.faulty += rows;
    }
    truth.flush().context("could not write the truth file")?;
    Ok(made)
}

fn create(path: &Path) -> anyhow::Result<std::io::BufWriter<std::fs::File>> {
    let file = std::fs::File::create(path).with_context(|| format!("could not write `{}`", path.display()))?;
    Ok(std::io::BufWriter::with_capacity(1 << 20, file))
}

/// The main file: a share of its rows gets one fault each; gives how many.
fn write_rows(
    plan: Plan,
    path: &Path,
    truth: &mut impl Write,
    random: &mut ChaCha8Rng,
    progress: &mut impl FnMut(u64),
) -> anyhow::Result<u64> {
    let name = file_name(path);
    let mut file = create(path)?;
    writeln!(file, "{}", COLUMNS.join(","))?;
    let mut written = Written::default();
    let mut faulty = 0;
    for row in 0..plan.rows {
        let mut candidate = Candidate::new(row, random);
        let fault = random
            .random_bool(plan.faults.clamp(0.0, 1.0))
            .then(|| Fault::any(random));
        let spoilt = fault.and_then(|fault| fault.apply(&mut candidate, &written, random));
        let line = if let Some(spoilt) = spoilt {
            faulty += 1;
            for rule in spoilt.rules {
                writeln!(truth, "{name},{row},{rule}")?;
            }
            spoilt.line
        } else {
            written.good(&candidate);
            candidate.line()
        };
        file.write_all(&line)?;
        file.write_all(b"\n")?;
        if row % 10_000 == 9_999 {
            progress(row + 1);
        }
    }
    file.flush()
        .with_context(|| format!("could not write `{}`", path.display()))?;
    Ok(faulty)
}

/// A small file without `training_hours` and with a column nobody knows: every row breaks `columns`.
fn write_misfit(
    rows: u64,
    first_id: u64,
    path: &Path,
    truth: &mut impl Write,
    random: &mut ChaCha8Rng,
) -> anyhow::Result<()> {
    let name = file_name(path);
    let mut file = create(path)?;
    writeln!(
        file,
        "{}",
        COLUMNS
            .map(|column| if column == "training_hours" {
                "shoe_size"
            } else {
                column
            })
            .join(",")
    )?;
    for row in 0..rows {
        let candidate = Candidate::new(first_id + row, random);
        file.write_all(&candidate.line())?;
        file.write_all(b"\n")?;
        for rule in ["columns", "training_hours.required"] {
            writeln!(truth, "{name},{row},{rule}")?;
        }
    }
    file.flush()
        .with_context(|| format!("could not write `{}`", path.display()))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
#[path = "generate_tests.rs"]
mod tests;
