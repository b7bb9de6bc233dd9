//! The private cluster of a project folder: started by the first command, joined by the next, stopped by the last.
//!
//! Used by every command that is given no database. Two lock files beside the cluster decide who does what; the kernel
//! releases a dead process's locks, so a crash leaves nothing to clean by hand:
//!
//! - `users.lock` is held shared for as long as a command uses the cluster;
//! - `door.lock` is held alone while a command comes in (start or join) or goes out (stop if nobody else uses it).
//!
//! What must stay true: `users.lock` is asked for only while `door.lock` is held, and a server is started or stopped only
//! while `door.lock` is held. The server belongs to no command: it is a daemon, and outlives a killed starter until the
//! next command has come and gone.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::cluster::{self, PidFile};
use super::programs::Programs;
use super::{DATABASE, url};
use crate::error::{Error, OnPath, Result, succeeded, tail_of};
use crate::guard;

/// How long a start may take; crash recovery of a large ledger is the slow case.
const START: Duration = Duration::from_mins(2);
/// A log longer than this is begun anew at the next start.
const LOG_BYTES_MAX: u64 = 16 << 20;

/// A use of a project's private cluster. Dropping it stops the server when nobody else uses it.
#[derive(Debug)]
pub struct Private {
    programs: Programs,
    data: PathBuf,
    url: String,
    door: File,
    users: Option<File>,
}

impl Private {
    /// Whether a project has a cluster: looking makes none.
    pub fn is_made(project: &Path) -> bool {
        let muster = project.join(".muster");
        muster.join("pg/data/PG_VERSION").exists() || muster.join("pg-at").exists()
    }

    /// Starts the cluster in `project/.muster/pg`, or joins it where it runs. A new project gets a new, empty cluster.
    pub fn start_or_join(project: &Path) -> Result<Self> {
        let muster = project.join(".muster");
        fs::create_dir_all(&muster).on("create", &muster)?;
        let muster = fs::canonicalize(&muster).on("resolve", &muster)?;
        let door = open_lock(&muster.join("door.lock"))?;
        let users = open_lock(&muster.join("users.lock"))?;
        door.lock().on("lock", &muster.join("door.lock"))?;
        users.lock_shared().on("lock", &muster.join("users.lock"))?;

        let home = home(&muster)?;
        let data = home.join("data");
        let major = fs::read_to_string(data.join("PG_VERSION")).ok();
        let programs = Programs::find(major.as_deref().map(str::trim))?;
        if major.is_none() {
            cluster::make(&data, &programs, true)?;
        }
        let socket_folder = match running(&data, &programs) {
            Some(server) if is_ready(&server, &data, &programs) => server.socket_folder,
            Some(_) => {
                stop(&data, &programs)?; // it lives and cannot be reached: somebody cleared /tmp
                start(&home, &data, &programs)?
            }
            None => start(&home, &data, &programs)?,
        };
        make_database(&programs, &socket_folder)?;
        door.unlock().on("unlock", &muster.join("door.lock"))?;
        Ok(Self {
            url: url(&socket_folder, DATABASE),
            programs,
            data,
            door,
            users: Some(users),
        })
    }

    /// A cluster for the tests of this process, see [`super::Temporary`].
    pub fn temporary() -> Result<super::Temporary> {
        super::Temporary::start()
    }

    /// The database's URL, for tokio-postgres and for psql.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// PostgreSQL's own client, of the server's version.
    pub fn psql(&self) -> PathBuf {
        self.programs.path("psql")
    }

    /// The cluster's data folder.
    pub fn data_folder(&self) -> &Path {
        &self.data
    }

    fn leave(&mut self) -> Result<()> {
        let Some(users) = self.users.take() else { return Ok(()) };
        let muster = self.data.as_path();
        self.door.lock().on("lock", muster)?;
        users.unlock().on("unlock", muster)?;
        let stopped = match users.try_lock() {
            Ok(()) => stop(&self.data, &self.programs),
            Err(_) => Ok(()), // somebody else uses it
        };
        self.door.unlock().on("unlock", muster)?;
        stopped
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            tracing::warn!(%error, "the private cluster was not stopped");
        }
    }
}

fn open_lock(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .on("open", path)
}

/// The folder that holds the cluster: `.muster/pg`, or what `.muster/pg-at` names. A folder that is given out here exists
/// and belongs to the server's user.
fn home(muster: &Path) -> Result<PathBuf> {
    let pointer = muster.join("pg-at");
    if let Ok(folder) = fs::read_to_string(&pointer) {
        let folder = PathBuf::from(folder.trim());
        return if folder.join("data").is_dir() {
            Ok(folder)
        } else {
            Err(Error::ClusterGone { folder, pointer })
        };
    }
    let programs = Programs::find(None)?;
    let home = muster.join("pg");
    cluster::make_private(&home, &programs)?;
    if home.join("data").is_dir() || enters(&programs, &home) {
        return Ok(home);
    }
    // The server's user cannot pass a parent of the project folder, as under /root. /var/tmp outlives a reboot.
    fs::remove_dir(&home).on("remove", &home)?;
    let elsewhere = tempfile::Builder::new().prefix("muster-pg-").tempdir_in("/var/tmp");
    let elsewhere = elsewhere.on("create a folder in", Path::new("/var/tmp"))?.keep();
    cluster::make_private(&elsewhere, &programs)?;
    cluster::make(&elsewhere.join("data"), &programs, true)?;
    // Written last and whole: a pointer is there only when its cluster is.
    let unfinished = muster.join("pg-at.new");
    fs::write(&unfinished, elsewhere.as_os_str().as_encoded_bytes()).on("write", &unfinished)?;
    fs::rename(&unfinished, &pointer).on("rename", &unfinished)?;
    tracing::info!(folder = %elsewhere.display(), "the private cluster lives outside the project folder");
    Ok(elsewhere)
}

/// Whether the server's user can work in a folder that belongs to it.
fn enters(programs: &Programs, folder: &Path) -> bool {
    let status = programs
        .as_server("test")
        .arg("-w")
        .arg(folder)
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// What the running server wrote of itself, if one runs on this folder.
fn running(data: &Path, programs: &Programs) -> Option<PidFile> {
    PidFile::read(data).filter(|file| is_server(file.pid, data, programs))
}

/// Whether a process is the server of this folder, and not one that came to have its number: the server works in its
/// data folder. Asked as the server's user, because root without the right to trace cannot see that of others.
fn is_server(pid: u32, data: &Path, programs: &Programs) -> bool {
    let mut command = programs.as_server("readlink");
    let output = command.arg(format!("/proc/{pid}/cwd")).stderr(Stdio::null()).output();
    guard::lives(pid)
        && output.is_ok_and(|output| output.stdout.trim_ascii_end() == data.as_os_str().as_encoded_bytes())
}

/// Waits for a server that still recovers; false when it has ended or has no socket.
fn is_ready(server: &PidFile, data: &Path, programs: &Programs) -> bool {
    let socket = server.socket_folder.join(format!(".s.PGSQL.{}", super::PORT));
    let begun = Instant::now();
    while begun.elapsed() < START {
        if cluster::execute(
            &programs.path("psql"),
            &url(&server.socket_folder, "postgres"),
            "select 1",
        )
        .is_ok()
        {
            return true;
        }
        let waited_for_socket = begun.elapsed() > Duration::from_secs(5);
        if !guard::lives(server.pid) || waited_for_socket && !socket.exists() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    tracing::warn!(data = %data.display(), "the private cluster runs but does not answer; it is started again");
    false
}

/// Starts the server as a daemon and gives its socket folder.
fn start(home: &Path, data: &Path, programs: &Programs) -> Result<PathBuf> {
    let log = home.join("log");
    if fs::metadata(&log).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
        fs::remove_file(&log).on("remove", &log)?;
    }
    let begun = Instant::now();
    loop {
        forget_the_dead(data, programs)?;
        // A socket's path may be 107 bytes long, a project's is anything: the socket lives in a short folder of its own.
        let socket_folder = tempfile::Builder::new().prefix("muster-pg-").tempdir_in("/tmp");
        let socket_folder = socket_folder.on("create a folder in", Path::new("/tmp"))?;
        cluster::make_private(socket_folder.path(), programs)?;
        let options: Vec<String> = cluster::settings(socket_folder.path(), true)
            .iter()
            .map(|setting| format!("-c '{setting}'"))
            .collect();
        let mut command = programs.command("pg_ctl");
        command
            .arg("start")
            .arg("-D")
            .arg(data)
            .arg("-l")
            .arg(&log)
            .args(["-s", "-w", "-o", &options.join(" ")]);
        command.args(["-t", &START.as_secs().to_string()]).stdin(Stdio::null());
        let output = command.output().on("run", &programs.path("pg_ctl"))?;
        if output.status.success() {
            return Ok(socket_folder.keep());
        }
        // After a kill, the server's children hold its memory for a moment more.
        if begun.elapsed() > Duration::from_secs(10) {
            stop(data, programs)?; // one that is merely late would be lost with its socket folder
            return Err(Error::NotReady {
                server: "PostgreSQL",
                waited_secs: begun.elapsed().as_secs(),
                said: tail_of(&log),
            });
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Removes what a killed server left: its pid file, which would forbid a start as long as the process id is taken by a
/// zombie or by another program, and its socket folder. PostgreSQL itself still looks whether children of the dead
/// server use the cluster.
fn forget_the_dead(data: &Path, programs: &Programs) -> Result<()> {
    let Some(file) = PidFile::read(data) else { return Ok(()) };
    if is_server(file.pid, data, programs) {
        return Ok(());
    }
    forget_socket(&file.socket_folder);
    let path = data.join("postmaster.pid");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).on("remove", &path),
        _ => Ok(()),
    }
}

fn forget_socket(folder: &Path) {
    let ours = folder
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("muster-pg-"));
    if ours && folder.parent() == Some(Path::new("/tmp")) {
        let _ = fs::remove_dir_all(folder);
    }
}

fn stop(data: &Path, programs: &Programs) -> Result<()> {
    let Some(file) = running(data, programs) else {
        return Ok(());
    };
    let mut command = programs.command("pg_ctl");
    command
        .arg("stop")
        .arg("-D")
        .arg(data)
        .args(["-s", "-w", "-m", "fast", "-t", "60"])
        .stdin(Stdio::null());
    succeeded("pg_ctl stop", command.output().on("run", &programs.path("pg_ctl"))?)?;
    forget_socket(&file.socket_folder);
    Ok(())
}

/// Makes the commands' database where it is missing.
fn make_database(programs: &Programs, socket_folder: &Path) -> Result<()> {
    let postgres = url(socket_folder, "postgres");
    let psql = programs.path("psql");
    let there = cluster::execute(
        &psql,
        &postgres,
        &format!("select 1 from pg_database where datname = '{DATABASE}'"),
    )?;
    if there.is_empty() {
        cluster::execute(&psql, &postgres, &format!("create database {DATABASE}"))?;
    }
    Ok(())
}
