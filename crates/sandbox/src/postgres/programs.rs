//! Where PostgreSQL's programs are, and as whom they run.
//!
//! Used by [`super::cluster`]. The server refuses to run as root, so root hands it to the user `postgres` where there is
//! one, else to `nobody`. What must stay true: every program runs from a folder that its user may enter, without the
//! caller's PostgreSQL variables.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, OnPath, Result};

/// The numeric ids that the server runs under when we are root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Debian's and most other systems' `nobody`.
const NOBODY: Account = Account {
    uid: 65_534,
    gid: 65_534,
};

/// The server's programs and the user that runs them.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    /// None when we are not root: the server then runs as ourselves.
    pub(crate) account: Option<Account>,
}

impl Programs {
    /// Finds the programs; `major` is the version that an existing cluster needs.
    pub(crate) fn find(major: Option<&str>) -> Result<Self> {
        let wanted = candidates().into_iter().find(|folder| {
            ["initdb", "pg_ctl", "postgres"]
                .iter()
                .all(|program| folder.join(program).is_file())
                && major.is_none_or(|major| version(folder).as_deref() == Some(major))
        });
        let Some(folder) = wanted else {
            let what = major.map_or("PostgreSQL's server".to_owned(), |major| {
                format!("PostgreSQL {major}'s server")
            });
            let hint = "on Debian or Ubuntu `apt-get install postgresql`, or give a database with `--database-url`";
            return Err(Error::Missing { what, hint });
        };
        Ok(Self {
            folder,
            account: account()?,
        })
    }

    /// A program's full path.
    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    /// A program that runs as the server's user.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.as_server(self.path(program))
    }

    /// Any program that runs as the server's user.
    pub(crate) fn as_server(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        self.dress(&mut command);
        command
    }

    /// Gives a command the server's user, folder and environment.
    pub(crate) fn dress(&self, command: &mut Command) {
        undress(command);
        command.current_dir("/").env("LC_ALL", "C");
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
    }

    /// Hands a path to the server's user.
    pub(crate) fn give(&self, path: &Path) -> Result<()> {
        match self.account {
            Some(account) => std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid)).on("hand over", path),
            None => Ok(()),
        }
    }
}

/// Takes away the variables that would make PostgreSQL's programs look elsewhere.
pub(crate) fn undress(command: &mut Command) {
    for variable in [
        "PGDATA",
        "PGDATABASE",
        "PGHOST",
        "PGHOSTADDR",
        "PGOPTIONS",
        "PGPASSFILE",
        "PGPASSWORD",
        "PGPORT",
        "PGSERVICE",
        "PGSERVICEFILE",
        "PGSSLMODE",
        "PGTZ",
        "PGUSER",
    ] {
        command.env_remove(variable);
    }
}

/// Folders to look in: what `pg_config` says, Debian's versioned ones from the newest down, the search path.
fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output()
        && output.status.success()
    {
        folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let mut versioned: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versioned.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    folders.extend(versioned.into_iter().map(|(_, folder)| folder));
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    folders
}

/// The major version of the server in a folder, from `postgres (PostgreSQL) 15.18 (Debian ...)`.
fn version(folder: &Path) -> Option<String> {
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    number.split('.').next().map(str::to_owned)
}

fn account() -> Result<Option<Account>> {
    let own = Path::new("/proc/self");
    if std::fs::metadata(own).on("look at", own)?.uid() != 0 {
        return Ok(None);
    }
    let id = |flag: &str| -> Option<u32> {
        let output = Command::new("id").args([flag, "postgres"]).output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    Ok(Some(match (id("-u"), id("-g")) {
        (Some(uid), Some(gid)) if uid != 0 => Account { uid, gid },
        _ => NOBODY,
    }))
}
