//! A real Prometheus or Alertmanager for one test, on loopback, in a temporary folder.
//!
//! Used by tests that hold dashboards, rules and routes against the programs that read them. The programs are the
//! system's own packages. What must stay true: one server, one port, no gossip, and no process left behind.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, OnPath, Result, tail_of};
use crate::guard::{Guard, Guarded};
use crate::ports;

const READY: Duration = Duration::from_secs(30);
const STARTS_MAX: usize = 5;
const ANSWER: Duration = Duration::from_secs(10);

/// A running server. Dropping it ends it and removes its data.
#[derive(Debug)]
pub struct Monitor {
    // Held for its drop.
    _guard: Guard,
    port: u16,
}

/// Which server.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Prometheus,
    Alertmanager,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus",
            Self::Alertmanager => "Alertmanager",
        }
    }

    /// The program, under the names it is packaged with.
    fn program(self) -> Result<&'static str> {
        let (names, hint): (&[&str], _) = match self {
            Self::Prometheus => (&["prometheus"], "on Debian or Ubuntu `apt-get install prometheus`"),
            Self::Alertmanager => (
                &["prometheus-alertmanager", "alertmanager"],
                "on Debian or Ubuntu `apt-get install prometheus-alertmanager`",
            ),
        };
        let runs = |name: &str| {
            let mut command = Command::new(name);
            command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        names.iter().find(|name| runs(name)).copied().ok_or(Error::Missing {
            what: self.name().to_owned(),
            hint,
        })
    }

    fn arguments(self, folder: &Path, port: u16) -> Vec<String> {
        let listen = format!("--web.listen-address=127.0.0.1:{port}");
        let config = format!("--config.file={}", folder.join("config.yml").display());
        let data = folder.join("data");
        match self {
            Self::Prometheus => vec![config, format!("--storage.tsdb.path={}", data.display()), listen],
            Self::Alertmanager => vec![
                config,
                format!("--storage.path={}", data.display()),
                listen,
                "--cluster.listen-address=".to_owned(),
            ],
        }
    }
}

impl Monitor {
    /// Starts Prometheus with this configuration; `files` are written beside it, by their names.
    pub fn prometheus(config: &str, files: &[(&str, &str)]) -> Result<Self> {
        Self::start(Kind::Prometheus, config, files)
    }

    /// Starts Alertmanager with this configuration.
    pub fn alertmanager(config: &str) -> Result<Self> {
        Self::start(Kind::Alertmanager, config, &[])
    }

    fn start(kind: Kind, config: &str, files: &[(&str, &str)]) -> Result<Self> {
        let program = kind.program()?;
        let mut tried = 0;
        loop {
            tried += 1;
            match Self::on_free_port(kind, program, config, files) {
                // Somebody may have taken the port between our look and the bind: the server then ends at once.
                Err(Error::NotReady { waited_secs, .. }) if waited_secs < READY.as_secs() && tried < STARTS_MAX => {}
                started => return started,
            }
        }
    }

    fn on_free_port(kind: Kind, program: &str, config: &str, files: &[(&str, &str)]) -> Result<Self> {
        let (port, _) = ports::two_free();
        let folder = tempfile::Builder::new().prefix("muster-monitor-").tempdir();
        let folder = folder.on("create a folder in", Path::new("/tmp"))?;
        for (name, text) in files.iter().chain([&("config.yml", config)]) {
            let path = folder.path().join(name);
            let parent = path.parent().unwrap_or(folder.path());
            std::fs::create_dir_all(parent).on("create", parent)?;
            std::fs::write(&path, text).on("write", &path)?;
        }
        let mut command = vec![program.to_owned()];
        command.extend(kind.arguments(folder.path(), port));
        let log = folder.path().join("log");
        let mut guard = Guard::new(&Guarded {
            server: kind.name(),
            folder: folder.path(),
            end_signal: "KILL",
            log: log.clone(),
            command,
            work_folder: folder.path(),
            as_whom: &|_: &mut Command| (),
        })?;
        // From here the guard removes the folder.
        let _: PathBuf = folder.keep();
        guard.start()?;
        let begun = Instant::now();
        while !is_ready(port) || !guard.lives() {
            if !guard.lives() || begun.elapsed() > READY {
                return Err(Error::NotReady {
                    server: kind.name(),
                    waited_secs: begun.elapsed().as_secs(),
                    said: tail_of(&log),
                });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { _guard: guard, port })
    }

    /// Where it listens, `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The body of its answer to a GET, whatever its status.
    pub fn get(&self, path: &str) -> Result<String> {
        get(self.port, path)
            .map(|(_, body)| body)
            .on("ask", Path::new(&self.address()))
    }
}

fn is_ready(port: u16) -> bool {
    get(port, "/-/ready").is_ok_and(|(status, _)| status == "200")
}

/// The status and body of an answer. HTTP/1.0, so that the body ends with the connection.
fn get(port: u16, path: &str) -> std::io::Result<(String, String)> {
    let mut stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).unwrap_or_default();
    Ok((status.to_owned(), body.to_owned()))
}

/// What was started, for a test that goes without it where the program is not installed: it says so on standard error
/// and gives None; with `MUSTER_REQUIRE_PROMETHEUS=1` it panics instead.
#[expect(
    clippy::print_stderr,
    reason = "a test that runs without its server must be heard, with or without a subscriber"
)]
pub fn for_tests(started: Result<Monitor>) -> Option<Monitor> {
    let error = match started {
        Ok(monitor) => return Some(monitor),
        Err(error) => error,
    };
    let required = std::env::var_os("MUSTER_REQUIRE_PROMETHEUS").is_some_and(|required| required == "1");
    let missing = matches!(error, Error::Missing { .. });
    assert!(!required && missing, "no server to test with: {error}");
    eprintln!("\n*** NOT TESTED HERE. {error} ***\n");
    None
}
