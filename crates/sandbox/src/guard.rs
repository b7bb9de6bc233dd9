//! A shell process between a test and its server, which ends the server when the test's process ends.
//!
//! Used by [`crate::kafka`] and [`crate::postgres::Temporary`]. It replaces a parent-death signal, which would fire when
//! the starting *thread* ends, and reaps the server at once, so that a killed server's process id and lock files are
//! free for the next start. What must stay true: every order gets exactly one line of answer.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, OnPath, Result, succeeded};

const SCRIPT: &str = include_str!("guard.sh");

/// A guard and its server.
#[derive(Debug)]
pub(crate) struct Guard {
    server: &'static str,
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pid: Option<u32>,
}

/// What a guard needs to know.
pub(crate) struct Guarded<'a> {
    /// The server's name in errors.
    pub(crate) server: &'static str,
    /// Removed at the end.
    pub(crate) folder: &'a Path,
    /// The signal that ends the server when the asking process is gone.
    pub(crate) end_signal: &'static str,
    /// Where its output goes.
    pub(crate) log: PathBuf,
    /// The server's program and arguments.
    pub(crate) command: Vec<String>,
    /// Where it runs.
    pub(crate) work_folder: &'a Path,
    /// Who runs it: prepares the shell's command (user, group, environment).
    pub(crate) as_whom: &'a dyn Fn(&mut Command),
}

impl Guard {
    /// Starts the guard; the server waits for [`Guard::start`].
    pub(crate) fn new(guarded: &Guarded<'_>) -> Result<Self> {
        use std::os::unix::process::CommandExt;

        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "guard"])
            .arg(guarded.folder)
            .arg(guarded.end_signal)
            .arg(&guarded.log);
        command.args(&guarded.command).current_dir(guarded.work_folder);
        // Its own process group: Ctrl-C at a terminal must reach us, not the server under us.
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        (guarded.as_whom)(&mut command);
        let mut shell = command.spawn().on("run", Path::new("/bin/sh"))?;
        let orders = shell.stdin.take();
        let answers = shell.stdout.take().ok_or(Error::GuardGone { server: guarded.server })?;
        Ok(Self {
            server: guarded.server,
            shell,
            orders,
            answers: BufReader::new(answers),
            pid: None,
        })
    }

    /// Starts the server, which must not be running.
    pub(crate) fn start(&mut self) -> Result<()> {
        let answer = self.order("start")?;
        self.pid = Some(answer.parse().map_err(|_| Error::GuardGone { server: self.server })?);
        Ok(())
    }

    /// The server's process id, until it has been waited for.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Sends the server a signal by its name without `SIG`.
    pub(crate) fn signal(&mut self, name: &str) -> Result<()> {
        self.order(&format!("signal {name}")).map(drop)
    }

    /// Whether the server's process lives (a zombie does not).
    pub(crate) fn lives(&self) -> bool {
        self.pid.is_some_and(lives)
    }

    /// Sends a signal, waits for the end, and kills the server when it has not ended within `grace`.
    pub(crate) fn end(&mut self, signal: &str, grace: Duration) -> Result<()> {
        if self.pid.is_none() {
            return Ok(());
        }
        self.signal(signal)?;
        let begun = Instant::now();
        while self.lives() && begun.elapsed() < grace {
            thread::sleep(Duration::from_millis(5));
        }
        if self.lives() {
            self.signal("KILL")?;
        }
        self.order("wait")?;
        self.pid = None;
        Ok(())
    }

    fn order(&mut self, order: &str) -> Result<String> {
        let gone = Error::GuardGone { server: self.server };
        let Some(orders) = self.orders.as_mut() else {
            return Err(gone);
        };
        let mut answer = String::new();
        let asked = writeln!(orders, "{order}").and_then(|()| orders.flush());
        match asked.and_then(|()| self.answers.read_line(&mut answer)) {
            Ok(length) if length > 0 => Ok(answer.trim_end().to_owned()),
            _ => Err(gone),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.shell.wait();
    }
}

/// Sends a signal by its name without `SIG`. The shell's own `kill`, because a bare system has no program of that name.
pub(crate) fn signal(name: &str, pid: u32) -> Result<()> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()]);
    succeeded("kill", command.output().on("run", Path::new("/bin/sh"))?).map(drop)
}

/// Whether a process lives and is no zombie.
pub(crate) fn lives(pid: u32) -> bool {
    // The state is the first word after the program's name, which stands in brackets and may itself hold brackets.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(") ").map(|(_, rest)| !rest.starts_with(['Z', 'X'])))
        .unwrap_or(false)
}
