//! Apache Kafka in the user's cache folder: jars from Maven Central, a formatted data folder, a class archive.
//!
//! Used by [`super::Kafka`]. It is done once per machine and version, by one process at a time; the class archive takes a
//! start from two seconds to one, the warmed template spares each broker's first group a wait of three. What must stay
//! true: a folder under its final name is complete, and `stamp` in it says what it was made from.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::error::{Error, OnPath, Result, succeeded, tail_of};
use crate::{cached, guard, ports};

/// The Apache Kafka that tests run against.
pub const VERSION: &str = "4.3.1";

const POM: &str = include_str!("../../kafka/pom.xml");
const PROPERTIES: &str = include_str!("../../kafka/broker.properties");
const DOWNLOADER: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy-dependencies";
/// Serial collection and the first compiler only: a broker in a test lives for seconds.
const JAVA: [&str; 4] = [
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
];
const WARM_UP: Duration = Duration::from_mins(1);

/// A prepared Kafka.
#[derive(Debug)]
pub struct Prepared {
    folder: PathBuf,
    class_path: String,
}

impl Prepared {
    /// Gives the prepared Kafka, preparing it when it is missing or was made from other settings or by another Java.
    pub fn ensure() -> Result<Self> {
        let stamp = stamp()?;
        let is_current = |folder: &Path| fs::read_to_string(folder.join("stamp")).is_ok_and(|of| of == stamp);
        let make = |folder: &Path| prepare(folder, &stamp);
        let folder = cached::folder(&format!("kafka-{VERSION}"), is_current, make)?;
        let class_path = class_path(&folder)?;
        Ok(Self { folder, class_path })
    }

    /// Where the jars are; the server runs there, because the class archive holds their relative names.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Copies the formatted, warmed data folder.
    pub(crate) fn copy_template(&self, to: &Path) -> Result<()> {
        let mut command = Command::new("cp");
        command
            .args(["-a", "--sparse=always"])
            .arg(self.folder.join("template"))
            .arg(to);
        succeeded("cp", command.output().on("run", Path::new("cp"))?).map(drop)
    }

    /// The server's program and arguments.
    pub(crate) fn server_command(&self, overrides: &[(String, String)]) -> Vec<String> {
        let mut command = vec!["java".to_owned()];
        command.extend(JAVA.map(str::to_owned));
        command.push("-XX:SharedArchiveFile=kafka.jsa".to_owned());
        command.extend(server_arguments(&self.class_path, overrides));
        command
    }
}

fn server_arguments(class_path: &str, overrides: &[(String, String)]) -> Vec<String> {
    let mut arguments = ["-cp", class_path, "kafka.Kafka", "broker.properties"]
        .map(str::to_owned)
        .to_vec();
    for (key, value) in overrides {
        arguments.extend(["--override".to_owned(), format!("{key}={value}")]);
    }
    arguments
}

/// What a prepared folder depends on: our two files and the Java that wrote the class archive.
fn stamp() -> Result<String> {
    let java = program("java", "on Debian or Ubuntu `apt-get install default-jre-headless`")?;
    let java = fs::canonicalize(&java).on("resolve", &java)?;
    let about = fs::metadata(&java).on("look at", &java)?;
    let changed = about
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let changed_secs = changed.map_or(0, |since| since.as_secs());
    Ok(format!(
        "{POM}{PROPERTIES}{DOWNLOADER}\n{} {changed_secs} {}\n",
        java.display(),
        about.len()
    ))
}

pub(crate) fn program(name: &str, hint: &'static str) -> Result<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.ok_or_else(|| Error::Missing {
        what: format!("`{name}`"),
        hint,
    })
}

fn prepare(folder: &Path, stamp: &str) -> Result<()> {
    let maven = program("mvn", "on Debian or Ubuntu `apt-get install maven`")?;
    for (name, text) in [("pom.xml", POM), ("broker.properties", PROPERTIES)] {
        let path = folder.join(name);
        fs::write(&path, text).on("write", &path)?;
    }
    tracing::info!(version = VERSION, folder = %folder.display(), "preparing Apache Kafka, once on this machine");
    let mut download = Command::new(maven);
    download.args([
        "-B",
        "-ntp",
        "-q",
        DOWNLOADER,
        "-DoutputDirectory=lib",
        "-DincludeScope=runtime",
    ]);
    succeeded(
        "mvn",
        download
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .on("run", Path::new("mvn"))?,
    )?;

    let class_path = class_path(folder)?;
    let (port, controller_port) = ports::two_free();
    let overrides = vec![
        (
            "controller.quorum.voters".to_owned(),
            format!("1@127.0.0.1:{controller_port}"),
        ),
        (
            "listeners".to_owned(),
            format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}"),
        ),
    ];
    let mut format = java(folder);
    format.args([
        "-cp",
        &class_path,
        "kafka.tools.StorageTool",
        "format",
        "-t",
        "muster-sandbox",
    ]);
    format.args(["-c", "broker.properties"]);
    succeeded("kafka format", format.output().on("run", Path::new("java"))?)?;

    let log = folder.join("prepare.log");
    let output = File::create(&log).on("create", &log)?;
    let errors = output.try_clone().on("open", &log)?;
    let mut server = java(folder);
    server
        .arg("-XX:ArchiveClassesAtExit=kafka.jsa")
        .args(server_arguments(&class_path, &overrides));
    let mut server = server
        .stdout(output)
        .stderr(errors)
        .spawn()
        .on("run", Path::new("java"))?;
    let warmed = warm(&mut server, port, &log);
    // SIGTERM: the class archive is written on the way out.
    let asked = guard::signal("TERM", server.id());
    if warmed.is_err() || asked.is_err() {
        let _ = server.kill();
    }
    server.wait().on("wait for", Path::new("java"))?;
    warmed.and(asked)?;
    let archive = folder.join("kafka.jsa");
    fs::metadata(&archive).on("find", &archive)?;
    cached::remove(&folder.join("template/.lock"))?;
    let path = folder.join("stamp");
    fs::write(&path, stamp).on("write", &path)
}

fn java(folder: &Path) -> Command {
    let mut java = Command::new("java");
    java.args(JAVA).current_dir(folder).stdin(Stdio::null());
    java
}

/// Waits for the server and makes it create its internal topics, as the first group and the first transaction do.
fn warm(server: &mut Child, port: u16, log: &Path) -> Result<()> {
    let begun = Instant::now();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
        if begun.elapsed() > WARM_UP || server.try_wait().on("wait for", Path::new("java"))?.is_some() {
            let waited_secs = begun.elapsed().as_secs();
            return Err(Error::NotReady {
                server: "Apache Kafka",
                waited_secs,
                said: tail_of(log),
            });
        }
        thread::sleep(Duration::from_millis(50));
    }
    let brokers = address.to_string();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &brokers);
    let producer: BaseProducer = config.clone().set("transactional.id", "warm-up").create()?;
    producer.init_transactions(WARM_UP)?;
    let consumer: BaseConsumer = config.set("group.id", "warm-up").create()?;
    let mut asked = TopicPartitionList::new();
    asked.add_partition_offset("none", 0, Offset::Invalid)?;
    consumer.committed_offsets(asked, WARM_UP)?;
    Ok(())
}

/// The jars in the order of their names, relative to the folder; the archive is bound to this very text.
fn class_path(folder: &Path) -> Result<String> {
    let lib = folder.join("lib");
    let mut jars = Vec::new();
    for entry in fs::read_dir(&lib).on("read", &lib)? {
        jars.push(format!("lib/{}", entry.on("read", &lib)?.file_name().to_string_lossy()));
    }
    jars.sort();
    Ok(jars.join(":"))
}
