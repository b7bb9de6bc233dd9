//! A real schema registry for one test: Apicurio's, by its Confluent-compatible API, on loopback, schemas in memory.
//!
//! Used by the tests of `registry` and `muster`. The server comes from Maven Central once a machine, into the user's
//! cache folder. What must stay true: a folder under its final name is complete, and a server ends with this process.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, OnPath, Result, succeeded, tail_of};
use crate::guard::{Guard, Guarded};
use crate::kafka::prepare::program;
use crate::{cached, ports};

/// The Apicurio that tests run against.
pub const VERSION: &str = "2.6.13";

const SERVER: &str = "Apicurio";
const DOWNLOADER: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy";
const READY: Duration = Duration::from_mins(2);
const STOP: Duration = Duration::from_secs(20);
/// Where its Confluent-compatible API begins.
const API: &str = "/apis/ccompat/v7";

/// A running registry. Dropping it ends it.
#[derive(Debug)]
pub struct Apicurio {
    guard: Guard,
    port: u16,
}

impl Apicurio {
    /// Starts an empty registry; the first call on a machine downloads it.
    pub fn start() -> Result<Self> {
        program("java", "on Debian or Ubuntu `apt-get install default-jre-headless`")?;
        let prepared = cached::folder(&format!("apicurio-{VERSION}"), Path::is_dir, download)?;
        let (port, _) = ports::two_free();
        let folder = tempfile::Builder::new().prefix("muster-apicurio-").tempdir();
        let folder = folder.on("create a folder in", Path::new("/tmp"))?;
        let log = folder.path().join("registry.log");
        let command = [
            "java".to_owned(),
            "-Xmx128m".to_owned(),
            "-XX:+UseSerialGC".to_owned(),
            "-XX:TieredStopAtLevel=1".to_owned(),
            "-Dquarkus.http.host=127.0.0.1".to_owned(),
            format!("-Dquarkus.http.port={port}"),
            "-jar".to_owned(),
            format!("apicurio-registry-app-{VERSION}.Final-runner.jar"),
        ];
        let mut guard = Guard::new(&Guarded {
            server: SERVER,
            folder: folder.path(),
            end_signal: "KILL",
            log: log.clone(),
            command: command.to_vec(),
            work_folder: &prepared,
            as_whom: &|_: &mut Command| (),
        })?;
        // The guard removes it.
        let _ = folder.keep();
        let begun = Instant::now();
        guard.start()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        while !answers(address) {
            if !guard.lives() || begun.elapsed() > READY {
                let said = tail_of(&log);
                guard.end("KILL", STOP)?;
                return Err(Error::NotReady {
                    server: SERVER,
                    waited_secs: begun.elapsed().as_secs(),
                    said,
                });
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(Self { guard, port })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Where its Confluent-compatible API begins.
    pub fn url(&self) -> String {
        format!("http://{}{API}", self.address())
    }

    /// The same by another address that leads here, as a proxy's.
    pub fn url_by(address: SocketAddr) -> String {
        format!("http://{address}{API}")
    }

    /// Kills the registry at once; its schemas are gone with it.
    pub fn kill(&mut self) -> Result<()> {
        self.guard.end("KILL", STOP)
    }
}

/// A registry for a test. Where none can be had it says so on standard error and gives None; with
/// `MUSTER_REQUIRE_KAFKA=1`, which means that real servers must be had, it panics instead.
#[expect(
    clippy::print_stderr,
    reason = "a test that runs without the registry must be heard, with or without a subscriber"
)]
pub fn registry_for_tests() -> Option<Apicurio> {
    match Apicurio::start() {
        Ok(registry) => Some(registry),
        Err(error) => {
            let required = std::env::var_os("MUSTER_REQUIRE_KAFKA").is_some_and(|required| required == "1");
            assert!(
                !required,
                "MUSTER_REQUIRE_KAFKA=1, and no real schema registry can be had: {error}"
            );
            eprintln!("\n*** NO SCHEMA REGISTRY: what needs the real one is NOT tested here. {error} ***\n");
            None
        }
    }
}

/// Whether the API answers: it does not know the schema that is asked for, and says so in its own words.
fn answers(address: SocketAddr) -> bool {
    let patience = Duration::from_secs(5);
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        let request = format!("GET {API}/schemas/ids/1 HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    asked().is_ok_and(|answer| answer.contains("40403"))
}

fn download(folder: &Path) -> Result<()> {
    let maven = program("mvn", "on Debian or Ubuntu `apt-get install maven`")?;
    let artifact = format!("-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}.Final:tar.gz:all");
    let archive = format!("apicurio-registry-app-{VERSION}.Final-all.tar.gz");
    tracing::info!(version = VERSION, folder = %folder.display(), "preparing Apicurio, once on this machine");
    let run = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null());
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        succeeded(&name, command.output().on("run", program)?).map(drop)
    };
    run(
        &maven,
        &["-q", "-B", "-ntp", DOWNLOADER, &artifact, "-DoutputDirectory=."],
    )?;
    run(Path::new("tar"), &["xzf", &archive])?;
    cached::remove(&folder.join(archive))
}
