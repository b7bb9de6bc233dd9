//! The project that Muster brings along: three contracts, a pipeline, an alert target, a small sample.
//!
//! Called by `demo` alone, in a folder that is no project yet: somebody puts a file into a new folder, or nothing at all,
//! and sees it judged and scored. What must stay true: nothing that is there is changed, and a folder that holds
//! anything else than files to publish is left as it is.

use std::io;
use std::path::Path;

/// Each file's place below a project folder, and what it holds.
macro_rules! shipped {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_bytes!(concat!("../../../", $path)) as &[u8])),*]
    };
}

const PROJECT: [(&str, &[u8]); 9] = shipped![
    "alerts/data-quality.yaml",
    "pipelines/job-change.sql",
    "pipelines/job-change.yaml",
    "schemas/feedback.review.avsc",
    "schemas/feedback.review.contract.yaml",
    "schemas/hr.candidate.avsc",
    "schemas/hr.candidate.contract.yaml",
    "schemas/lms.completion.avsc",
    "schemas/lms.completion.contract.yaml",
];

/// Rows to begin with, where there are none.
const SAMPLE: [(&str, &[u8]); 1] = shipped!["raw-data/hr.candidate/sample.csv"];

/// Writes the shipped project into a folder that is new, empty, or has `raw-data` alone; and the sample with it where
/// there is no `raw-data`. Whether it did.
pub fn lay_out(folder: &Path) -> io::Result<bool> {
    let mut has_rows = false;
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                if entry?.file_name() != "raw-data" {
                    return Ok(false);
                }
                has_rows = true;
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let sample = if has_rows { &SAMPLE[..0] } else { &SAMPLE[..] };
    for (path, bytes) in PROJECT.iter().chain(sample) {
        let file = folder.join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, bytes)?;
    }
    Ok(true)
}

#[cfg(test)]
#[path = "shipped_tests.rs"]
mod tests;
