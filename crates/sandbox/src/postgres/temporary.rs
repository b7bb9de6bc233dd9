//! A cluster for tests, in a folder of its own, gone with the test's process; and fresh databases in it.
//!
//! Used by the tests of the crates that speak to PostgreSQL. One cluster serves a whole test program, each test has a
//! database of its own; tests of faults start one for themselves and kill, pause or restart it.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::programs::Programs;
use super::{DATABASE, PORT, cluster, url_at};
use crate::error::{Error, OnPath, Result, tail_of};
use crate::guard::{Guard, Guarded};
use crate::ports;

const READY: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(20);

/// A running cluster, removed when dropped or when this process ends in any way.
#[derive(Debug)]
pub struct Temporary {
    programs: Programs,
    folder: PathBuf,
    port: u16,
    url: String,
    guard: Guard,
}

impl Temporary {
    /// Makes and starts a cluster with one empty database.
    pub fn start() -> Result<Self> {
        Self::start_with(PORT, &[], &[])
    }

    /// The same on a port of 127.0.0.1 too, for tests of TLS and passwords: with these files in its data folder
    /// (certificates, `pg_hba.conf`) and these settings, as in `ssl=on`.
    pub fn start_on_loopback(files: &[(&str, &[u8])], settings: &[&str]) -> Result<Self> {
        let mut listening = vec!["listen_addresses=127.0.0.1"];
        listening.extend(settings);
        Self::start_with(ports::one_free(), files, &listening)
    }

    fn start_with(port: u16, files: &[(&str, &[u8])], settings: &[&str]) -> Result<Self> {
        let programs = Programs::find(None)?;
        // Short, because the socket lies in it and its path may have 107 bytes.
        let folder = tempfile::Builder::new().prefix("muster-pg-").tempdir_in("/tmp");
        let folder = folder.on("create a folder in", Path::new("/tmp"))?;
        cluster::make_private(folder.path(), &programs)?;
        let data = folder.path().join("data");
        cluster::make(&data, &programs, false)?;
        for (name, bytes) in files {
            let path = data.join(name);
            fs::write(&path, bytes).on("write", &path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).on("protect", &path)?;
            programs.give(&path)?;
        }
        let mut command = vec![
            programs.path("postgres").display().to_string(),
            "-D".to_owned(),
            data.display().to_string(),
        ];
        // The last of two holds.
        let own = settings.iter().map(|setting| (*setting).to_owned());
        for setting in cluster::settings(folder.path(), false).into_iter().chain(own) {
            command.extend(["-c".to_owned(), setting]);
        }
        command.extend(["-c".to_owned(), format!("port={port}")]);
        let dress = |command: &mut std::process::Command| programs.dress(command);
        let guard = Guard::new(&Guarded {
            server: "PostgreSQL",
            folder: folder.path(),
            end_signal: "QUIT",
            log: folder.path().join("log"),
            command,
            work_folder: Path::new("/"),
            as_whom: &dress,
        })?;
        let folder = folder.keep();
        let mut cluster = Self {
            url: url_at(&folder, port, DATABASE),
            programs,
            folder,
            port,
            guard,
        };
        cluster.restart()?;
        cluster.create_database(DATABASE)?;
        Ok(cluster)
    }

    /// The URL of the database that every cluster has.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port it answers on where it was started on loopback, and of its socket.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes an empty database and gives its URL. Names are of letters, digits and underscores.
    pub fn create_database(&self, name: &str) -> Result<String> {
        let psql = self.programs.path("psql");
        cluster::execute(
            &psql,
            &url_at(&self.folder, self.port, "postgres"),
            &format!("create database {}", quoted(name)),
        )?;
        Ok(url_at(&self.folder, self.port, name))
    }

    /// The server's process.
    pub fn pid(&self) -> Option<u32> {
        self.guard.pid()
    }

    /// Kills the server at once, as `kill -9` does.
    pub fn kill(&mut self) -> Result<()> {
        self.guard.end("KILL", STOP)
    }

    /// Stops the server: running statements are broken off, the cluster is left clean.
    pub fn stop(&mut self) -> Result<()> {
        self.guard.end("INT", STOP)
    }

    /// Freezes the server's main process: it takes no new connection until [`Temporary::resume`]; old ones go on.
    pub fn pause(&mut self) -> Result<()> {
        self.guard.signal("STOP")
    }

    /// Ends a [`Temporary::pause`].
    pub fn resume(&mut self) -> Result<()> {
        self.guard.signal("CONT")
    }

    /// Starts the server again on the same data and socket, after stopping it where it runs.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        let begun = Instant::now();
        self.guard.start()?;
        loop {
            // psql and not a bare connect: a server in recovery takes connections and refuses them.
            if self.answers() {
                return Ok(());
            }
            if begun.elapsed() > READY {
                let said = tail_of(&self.folder.join("log"));
                return Err(Error::NotReady {
                    server: "PostgreSQL",
                    waited_secs: READY.as_secs(),
                    said,
                });
            }
            if !self.guard.lives() {
                // The children of a killed server hold its memory for a moment more.
                self.guard.end("KILL", STOP)?;
                self.guard.start()?;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn answers(&self) -> bool {
        let socket = self.folder.join(format!(".s.PGSQL.{}", self.port));
        let url = url_at(&self.folder, self.port, "postgres");
        socket.exists() && cluster::execute(&self.programs.path("psql"), &url, "select 1").is_ok()
    }
}

/// An empty database for one test: on the server that `DATABASE_URL` names, else on a cluster that all tests of this
/// process share. `label` begins its name.
pub fn fresh_database(label: &str) -> Result<String> {
    static SHARED: OnceLock<std::result::Result<Temporary, String>> = OnceLock::new();
    static MADE: AtomicU32 = AtomicU32::new(0);

    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("{label}_{}_{number}", std::process::id());
    if let Ok(server) = std::env::var("DATABASE_URL") {
        let psql = Programs::find(None).map_or(PathBuf::from("psql"), |programs| programs.path("psql"));
        cluster::execute(&psql, &server, &format!("create database {}", quoted(&name)))?;
        return Ok(with_database(&server, &name));
    }
    let shared = SHARED.get_or_init(|| Temporary::start().map_err(|error| error.to_string()));
    match shared {
        Ok(cluster) => cluster.create_database(&name),
        Err(said) => Err(Error::NotReady {
            server: "PostgreSQL",
            waited_secs: 0,
            said: said.clone(),
        }),
    }
}

/// A URL with another database: what stands between the host and the parameters is replaced.
fn with_database(server: &str, name: &str) -> String {
    let (address, parameters) = server
        .split_once('?')
        .map_or((server, None), |(left, right)| (left, Some(right)));
    let host_from = address.find("://").map_or(0, |at| at + 3);
    let host_to = address[host_from..]
        .find('/')
        .map_or(address.len(), |at| host_from + at);
    let mut url = format!("{}/{name}", &address[..host_to]);
    if let Some(parameters) = parameters {
        let _ = write!(url, "?{parameters}");
    }
    url
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
#[path = "temporary_tests.rs"]
mod tests;
