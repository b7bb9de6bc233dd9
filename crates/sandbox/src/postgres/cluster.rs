//! A cluster's folder: how it is made, which settings the server gets, how a database is added.
//!
//! Used by [`super::shared`] and [`super::temporary`]. What must stay true: a cluster's folder appears under its name
//! only when it is complete, so that a killed `initdb` leaves nothing that looks like one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::programs::{Programs, undress};
use super::{PORT, USER};
use crate::error::{OnPath, Result, succeeded};

/// A folder that only the server's user may enter.
pub(crate) fn make_private(folder: &Path, programs: &Programs) -> Result<()> {
    fs::create_dir_all(folder).on("create", folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).on("protect", folder)?;
    programs.give(folder)
}

/// Makes a new cluster in `data`, which must not exist; its parent belongs to the server's user.
pub(crate) fn make(data: &Path, programs: &Programs, durable: bool) -> Result<()> {
    let unfinished = data.with_extension("new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).on("remove", &unfinished)?;
    }
    let mut command = programs.command("initdb");
    command
        .arg("-D")
        .arg(&unfinished)
        .args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]);
    if !durable {
        command.arg("--no-sync");
    }
    let output = command
        .stdin(Stdio::null())
        .output()
        .on("run", &programs.path("initdb"))?;
    succeeded("initdb", output)?;
    fs::rename(&unfinished, data).on("rename", &unfinished)
}

/// The server's settings as `-c` arguments. Durability is left on for a project; a test's cluster dies with the test,
/// and without `fsync` a killed process, unlike a killed machine, loses no commit.
pub(crate) fn settings(socket_folder: &Path, durable: bool) -> Vec<String> {
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories={}", socket_folder.display()),
        "unix_socket_permissions=0700".to_owned(),
        format!("port={PORT}"),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        // Statements and error details can quote rows, and rows are about people.
        "log_min_error_statement=panic".to_owned(),
        "log_error_verbosity=terse".to_owned(),
        "max_connections=200".to_owned(),
    ];
    if !durable {
        settings.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
    }
    settings
}

/// Runs one statement through psql, as ourselves, on a database given by URL.
pub(crate) fn execute(psql: &Path, database_url: &str, statement: &str) -> Result<String> {
    let mut command = Command::new(psql);
    undress(&mut command);
    command.args([
        "-X",
        "-q",
        "-A",
        "-t",
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        database_url,
        "-c",
        statement,
    ]);
    let output = command.stdin(Stdio::null()).output().on("run", psql)?;
    Ok(String::from_utf8_lossy(&succeeded("psql", output)?.stdout)
        .trim()
        .to_owned())
}

/// What a running or killed server left in `postmaster.pid`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PidFile {
    /// The server's process.
    pub(crate) pid: u32,
    /// Where its socket is.
    pub(crate) socket_folder: PathBuf,
}

impl PidFile {
    /// Reads it; None when there is none or it is not yet complete.
    pub(crate) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join("postmaster.pid")).ok()?)
    }

    /// Its lines: pid, data folder, start time, port, socket folder, ...
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let socket_folder = PathBuf::from(lines.nth(3)?.trim());
        Some(Self { pid, socket_folder })
    }
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
