//! Options that several commands share: where servers are, how text files are written, how ingest works.
//!
//! Flattened into the commands' own arguments by [`super`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

/// Where the ledger is.
#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// The ledger's PostgreSQL; without it a private one is started in the project's `.muster` folder.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// A file that holds the database URL.
    #[arg(
        long,
        value_name = "FILE",
        env = "DATABASE_URL_FILE",
        conflicts_with = "database_url"
    )]
    pub database_url_file: Option<PathBuf>,
}

/// Where HTTP is answered.
#[derive(Args, Clone, Debug)]
pub struct HttpArgs {
    /// Where `/metrics`, `/livez`, `/readyz` and `/reports/` are answered.
    #[arg(
        long = "http",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8000",
        env = "MUSTER_HTTP"
    )]
    pub address: String,
    /// What `/reports/` asks for; without it they are answered on a loopback address only.
    #[arg(long, value_name = "TOKEN", env = "MUSTER_HTTP_TOKEN", hide_env_values = true)]
    pub http_token: Option<String>,
    /// A file that holds the token.
    #[arg(
        long,
        value_name = "FILE",
        env = "MUSTER_HTTP_TOKEN_FILE",
        conflicts_with = "http_token"
    )]
    pub http_token_file: Option<PathBuf>,
}

/// What messages and reports lead to.
#[derive(Args, Clone, Debug)]
pub struct LinkArgs {
    /// Where people reach this Muster's HTTP: reports are below it, and alert messages lead there.
    #[arg(long, value_name = "URL", env = "MUSTER_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Where Grafana is, for reports to lead to.
    #[arg(long, value_name = "URL", env = "MUSTER_GRAFANA_URL")]
    pub grafana_url: Option<String>,
    /// Where the pages of `docs/runbooks/` are, for reports to lead to.
    #[arg(long, value_name = "URL", env = "MUSTER_RUNBOOK_URL")]
    pub runbook_url: Option<String>,
}

/// Where Kafka and the schema registry are.
#[derive(Args, Clone, Debug)]
pub struct KafkaArgs {
    /// Kafka's bootstrap servers, `host:port` with commas between.
    #[arg(long, value_name = "HOST:PORT,...", env = "KAFKA_BROKERS")]
    pub brokers: Option<String>,
    /// A librdkafka setting, for TLS and SASL; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub kafka_config: Vec<(String, String)>,
    /// A file of librdkafka settings, one `KEY=VALUE` a line: for those that are secret.
    #[arg(long, value_name = "FILE", env = "KAFKA_CONFIG_FILE")]
    pub kafka_config_file: Option<PathBuf>,
    /// A Confluent-compatible schema registry; without it a schema's id comes from its own text.
    #[arg(long, value_name = "URL", env = "SCHEMA_REGISTRY_URL", hide_env_values = true)]
    pub registry_url: Option<String>,
    /// A file that holds the schema registry's URL.
    #[arg(
        long,
        value_name = "FILE",
        env = "SCHEMA_REGISTRY_URL_FILE",
        conflicts_with = "registry_url"
    )]
    pub registry_url_file: Option<PathBuf>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, as in `security.protocol=SSL`")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// What a file of rows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Text with a header and a delimiter between cells.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
    /// An Avro object container.
    Avro,
}

impl FileFormat {
    /// What a file's name says that it is.
    pub fn of_name(file: &Path) -> Self {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match &*ending.to_ascii_lowercase() {
            "jsonl" | "ndjson" | "json" => Self::Jsonl,
            "parquet" => Self::Parquet,
            "avro" => Self::Avro,
            _ => Self::Csv,
        }
    }

    /// What people call such a file.
    pub fn words(self) -> &'static str {
        match self {
            Self::Csv => "a CSV file",
            Self::Jsonl => "a file of JSON lines",
            Self::Parquet => "a Parquet file",
            Self::Avro => "an Avro file",
        }
    }
}

/// How `score`, `serve` and `demo` score.
#[derive(Args, Clone, Copy, Debug)]
pub struct ScoreOptions {
    /// How long a batch is left to a scorer that gives no sign of life; renewed for as long as it works.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = lease_secs)]
    pub lease_secs: f64,
}

/// How long something lasts, as a project's files say it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    muster_spec::read::duration(text)
        .ok_or_else(|| "expected a whole number above 0 and `s`, `m`, `h` or `d`: `15m`".to_owned())
}

/// A number of seconds, for a duration.
pub(super) fn secs(text: &str) -> Result<f64, String> {
    let secs: f64 = text.parse().map_err(|_| "expected a number of seconds")?;
    if (0.0..=1e9).contains(&secs) {
        Ok(secs)
    } else {
        Err("expected a number of seconds from 0 to 1000000000".to_owned())
    }
}

/// A length of time as contracts write it.
pub(super) fn period(text: &str) -> Result<Duration, String> {
    muster_spec::read::duration(text)
        .ok_or_else(|| "expected a whole number above 0 and `s`, `m`, `h` or `d`, as in `30d`".to_owned())
}

/// A lease that can be renewed before it runs out.
fn lease_secs(text: &str) -> Result<f64, String> {
    secs(text).and_then(|secs| {
        if secs >= 1.0 {
            Ok(secs)
        } else {
            Err("a lease of less than a second would run out before it is renewed".to_owned())
        }
    })
}

/// How a text file is written, where it differs from the contract's `text:`.
#[derive(Args, Clone, Debug, Default)]
pub struct TextArgs {
    /// Between cells, one character; `\t` for a tab.
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<String>,
    /// The file's encoding, by its WHATWG label: `utf-8`, `latin1`, `windows-1252`.
    #[arg(long, value_name = "LABEL")]
    pub encoding: Option<String>,
    /// The decimal mark, one character.
    #[arg(long, value_name = "CHAR")]
    pub decimal: Option<char>,
}

/// How rows are sealed into files.
#[derive(Args, Clone, Debug)]
pub struct SealArgs {
    /// Seal a batch at this many rows.
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    pub seal_rows: u64,
    /// Seal a batch at this many bytes of payload.
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    pub seal_bytes: u64,
    /// Seal a batch when it has been open this long.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = secs)]
    pub seal_secs: f64,
}

/// What `ingest`, `serve` and `demo` share.
#[derive(Args, Clone, Debug)]
pub struct IngestOptions {
    /// The consumer group.
    #[arg(long, value_name = "NAME", default_value = "muster")]
    pub group: String,
    /// Where a source that the ledger does not know begins.
    #[arg(long, value_name = "END", default_value = "earliest")]
    pub from: From,
    /// The group protocol: Kafka's classic one with cooperative-sticky assignment, or the newer one.
    #[arg(long, value_name = "NAME", default_value = "classic")]
    pub group_protocol: GroupProtocol,
    /// When files are sealed.
    #[command(flatten)]
    pub seal: SealArgs,
    /// How long SIGTERM or Ctrl-C lets it take to seal and commit what was received, and to end the batch it scores; a
    /// second one ends at once.
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = secs)]
    pub drain_secs: f64,
}

/// Where an unknown source begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// At the oldest record the broker has.
    Earliest,
    /// After the newest.
    Latest,
}

/// Kafka's group protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GroupProtocol {
    /// Classic, cooperative-sticky.
    Classic,
    /// `group.protocol=consumer`.
    Consumer,
}
