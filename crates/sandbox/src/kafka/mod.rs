//! A real Apache Kafka for one test or run, on loopback, in a temporary folder.
//!
//! Used by tests and benchmarks. The jars, a formatted data folder and the JVM's class archive are prepared once in the
//! user's cache folder ([`prepare`]); each broker is then ready in a second or two. What must stay true: a broker keeps
//! its ports and data from start to drop, through kills and restarts, and ends with this process.

pub mod operator;
pub(crate) mod prepare;

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, OnPath, Result, tail_of};
use crate::guard::{Guard, Guarded};
use crate::ports;

pub use prepare::{Prepared, VERSION};

const READY: Duration = Duration::from_mins(1);
const STOP: Duration = Duration::from_secs(20);
const STARTS_MAX: usize = 5;

/// A broker. Dropping it kills it and removes its data.
#[derive(Debug)]
pub struct Kafka {
    guard: Guard,
    port: u16,
    folder: PathBuf,
}

impl Kafka {
    /// Starts an empty broker; the first call on a machine downloads and prepares it (a minute).
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// The same with settings of `server.properties` that are added to ours or replace them.
    pub fn start_with(settings: &[(&str, &str)]) -> Result<Self> {
        let prepared = Prepared::ensure()?;
        let mut tried = 0;
        loop {
            tried += 1;
            match Self::on_free_ports(&prepared, settings) {
                // Somebody may have taken a port between our look and the bind: the broker then ends at once.
                Err(Error::NotReady { waited_secs, .. }) if waited_secs < READY.as_secs() && tried < STARTS_MAX => {}
                started => return started,
            }
        }
    }

    fn on_free_ports(prepared: &Prepared, settings: &[(&str, &str)]) -> Result<Self> {
        let (port, controller_port) = ports::two_free();
        let folder = tempfile::Builder::new().prefix("muster-kafka-").tempdir();
        let folder = folder.on("create a folder in", Path::new("/tmp"))?;
        let data = folder.path().join("data");
        prepared.copy_template(&data)?;
        let mut overrides = vec![
            ("log.dirs".to_owned(), data.display().to_string()),
            (
                "controller.quorum.voters".to_owned(),
                format!("1@127.0.0.1:{controller_port}"),
            ),
            (
                "listeners".to_owned(),
                format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}"),
            ),
        ];
        overrides.extend(
            settings
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        let guard = Guard::new(&Guarded {
            server: "Apache Kafka",
            folder: folder.path(),
            end_signal: "KILL",
            log: folder.path().join("broker.log"),
            command: prepared.server_command(&overrides),
            work_folder: prepared.folder(),
            as_whom: &|_: &mut Command| (),
        })?;
        let mut broker = Self {
            guard,
            port,
            folder: folder.keep(),
        };
        broker.restart()?;
        Ok(broker)
    }

    /// Where clients connect, as `bootstrap.servers` takes it.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The broker's process.
    pub fn pid(&self) -> Option<u32> {
        self.guard.pid()
    }

    /// The broker's log.
    pub fn log_file(&self) -> PathBuf {
        self.folder.join("broker.log")
    }

    /// Kills the broker at once, as `kill -9` does. Data that it had not yet flushed stays with the system, and is there
    /// after [`Kafka::restart`].
    pub fn kill(&mut self) -> Result<()> {
        self.guard.end("KILL", STOP)
    }

    /// Stops the broker in order.
    pub fn stop(&mut self) -> Result<()> {
        self.guard.end("TERM", STOP)
    }

    /// Freezes the broker until [`Kafka::resume`]: its sockets stay open and silent.
    pub fn pause(&mut self) -> Result<()> {
        self.guard.signal("STOP")
    }

    /// Ends a [`Kafka::pause`].
    pub fn resume(&mut self) -> Result<()> {
        self.guard.signal("CONT")
    }

    /// Starts the broker again on the same ports and data, after stopping it where it runs.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        let begun = Instant::now();
        self.guard.start()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        // The broker opens its port last, so that a connect is enough, as long as it is the broker that answers.
        while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() || !self.guard.lives() {
            if !self.guard.lives() || begun.elapsed() > READY {
                let said = tail_of(&self.log_file());
                self.guard.end("KILL", STOP)?;
                return Err(Error::NotReady {
                    server: "Apache Kafka",
                    waited_secs: begun.elapsed().as_secs(),
                    said,
                });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// The brokers that tests of this process use: those that `KAFKA_BROKERS` names, else a Kafka that all of them share.
/// Where none can be had it says so on standard error and gives None, so that a test can turn to the mock; with
/// `MUSTER_REQUIRE_KAFKA=1` it panics instead.
pub fn broker_for_tests() -> Option<String> {
    static SHARED: OnceLock<Option<Kafka>> = OnceLock::new();

    if let Ok(brokers) = std::env::var("KAFKA_BROKERS")
        && !brokers.is_empty()
    {
        return Some(brokers);
    }
    let shared = SHARED.get_or_init(|| match Kafka::start() {
        Ok(kafka) => Some(kafka),
        Err(error) => {
            without_kafka(&error);
            None
        }
    });
    shared.as_ref().map(Kafka::brokers)
}

/// A broker of one's own for a test that kills or pauses it; None as in [`broker_for_tests`], and where `KAFKA_BROKERS`
/// names a broker, which is not ours to kill.
pub fn own_broker_for_tests() -> Option<Kafka> {
    if std::env::var_os("KAFKA_BROKERS").is_some_and(|brokers| !brokers.is_empty()) {
        return None;
    }
    Kafka::start().inspect_err(without_kafka).ok()
}

#[expect(
    clippy::print_stderr,
    reason = "a test that runs without Kafka must be heard, with or without a subscriber"
)]
fn without_kafka(error: &Error) {
    let required = std::env::var_os("MUSTER_REQUIRE_KAFKA").is_some_and(|required| required == "1");
    assert!(
        !required,
        "MUSTER_REQUIRE_KAFKA=1, and no Apache Kafka can be had: {error}"
    );
    eprintln!("\n*** NO APACHE KAFKA: what needs the real one is NOT tested here. {error} ***\n");
}
