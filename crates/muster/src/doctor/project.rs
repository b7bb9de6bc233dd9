//! The project: do its files read, and can its folders be written.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Line, Lines};
use crate::output::counted;
use crate::project::{self, Project};

/// Folders that commands write to, and what for.
const FOLDERS: [(&str, &str); 6] = [
    ("raw-data", "files to be published"),
    ("good-data", "sealed good rows"),
    ("bad-data", "sealed bad rows"),
    ("feature-data", "features of what was scored"),
    ("models", "model versions"),
    (".muster", "the private PostgreSQL and what is made beside it"),
];

/// Free bytes below which a folder is worth a word, and below which nothing can be sealed.
const FREE_WARN: u64 = 2 << 30;
const FREE_FAIL: u64 = 200 << 20;

/// Reads the project's files; also gives what is in order.
pub fn files(folder: &Path) -> (Vec<Line>, Option<Project>) {
    let mut lines = Lines::of("project");
    let about = folder.display().to_string();
    let project = match project::read(folder) {
        Err(error) => {
            let todo = "name the project with --project DIR, or make one: `muster init --from FILE --project DIR`";
            lines.fail(about, format!("{error:#}").replace('\n', ";"), todo);
            None
        }
        Ok(reading) => {
            let (contracts, pipelines) = (reading.project.contracts.len(), reading.project.pipelines.len());
            match reading.problems.len() {
                0 => lines.ok(
                    about,
                    format!(
                        "{} and {} are in order",
                        counted(contracts as u64, "contract"),
                        counted(pipelines as u64, "pipeline")
                    ),
                ),
                problems => lines.fail(
                    about,
                    format!("its files have {}", counted(problems as u64, "problem")),
                    "`muster check` tells each",
                ),
            }
            Some(reading.project)
        }
    };
    (lines.done(), project)
}

/// Looks at the folders that commands write to; of a project that is not there its files tell.
pub fn folders(project: &Path) -> Vec<Line> {
    let mut lines = Lines::of("folders");
    if !project.is_dir() {
        return lines.done();
    }
    let mut devices = Vec::new();
    for (name, what) in FOLDERS {
        let folder = project.join(name);
        // A folder that is not there yet is made by whoever needs it.
        let there = folder.symlink_metadata().is_ok();
        let looked_at = if there { folder.as_path() } else { project };
        if let Err(error) = takes_files(looked_at) {
            let todo = format!(
                "{what} go there: let the user who runs muster write to `{}`",
                looked_at.display()
            );
            lines.fail(name, format!("takes no files: {error}"), todo);
            continue;
        }
        devices.extend(fs::metadata(looked_at).map(|facts| facts.dev()));
        let Some(free) = free_bytes(looked_at) else {
            lines.warn(name, "how much is free cannot be told", "look with `df`");
            continue;
        };
        let found = format!("{} free{}", size(free), if there { "" } else { ", not made yet" });
        let todo = format!("{what} go there: make room on its file system, or mount another there");
        match free {
            0..FREE_FAIL => lines.fail(name, found, todo),
            FREE_FAIL..FREE_WARN => lines.warn(name, found, todo),
            _ => lines.ok(name, found),
        }
    }
    devices.sort_unstable();
    devices.dedup();
    match devices.len() {
        0 => {}
        1 => lines.ok("file system", "all of them are on one"),
        _ => lines.warn(
            "file system",
            "not all of them are on one",
            "fine if it is meant; each fills up by itself, and a backup has to take all of them at one moment",
        ),
    }
    lines.done()
}

/// Makes a file and removes it again.
fn takes_files(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".muster-doctor-{}", std::process::id()));
    File::create_new(&probe)?;
    fs::remove_file(probe)
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(folder).ok()?;
    Some(facts.f_bavail * facts.f_frsize)
}

/// A size in words.
pub fn size(bytes: u64) -> String {
    let (unit, name) = if bytes >= 1 << 30 {
        (1 << 30, "GiB")
    } else {
        (1 << 20, "MiB")
    };
    format!("{:.1} {name}", bytes as f64 / f64::from(unit))
}
