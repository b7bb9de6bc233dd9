//! Where the process finds its servers: the ledger's database, Kafka, the schema registry.
//!
//! Used by every command that needs one. Without a database URL the project's private cluster is started or joined and
//! brought up to date; with one, nothing is started and an old ledger is refused with a word. Secrets are read from
//! flags, environment or files and never printed.

use std::path::Path;

use anyhow::{Context, bail};
use muster_sandbox::Private;
use muster_store::ledger::UsualFiles;
use muster_store::ledger::migrate::migrate;
use muster_store::{Ledger, Role, Settings};
use muster_stream::Connection;

use crate::cli::{DatabaseArgs, HttpArgs, KafkaArgs};

/// A database that answers, and the private cluster behind it when there is one.
pub struct Database {
    /// How it is reached.
    pub settings: Settings,
    /// Held for as long as the command works: the last one out stops the cluster.
    private: Option<Private>,
    /// What was handed out, to be closed before the cluster may stop.
    ledgers: std::sync::Mutex<Vec<Ledger>>,
}

impl Database {
    /// The database that flags and environment name, else the project's private one.
    pub async fn open(project: &Path, args: &DatabaseArgs) -> anyhow::Result<Self> {
        let database = Self::reach(project, args).await?;
        if database.private.is_some() {
            migrate(&database.settings)
                .await
                .context("could not bring the private ledger up to date")?;
        }
        Ok(database)
    }

    /// The same, for who only looks: no cluster is made, and no ledger brought up to date. `None` where nothing is named
    /// and the project has no private one yet.
    pub async fn find(project: &Path, args: &DatabaseArgs) -> anyhow::Result<Option<Self>> {
        let is_named = args.database_url.is_some() || args.database_url_file.is_some();
        if !is_named && !Private::is_made(project) {
            return Ok(None);
        }
        Self::reach(project, args).await.map(Some)
    }

    async fn reach(project: &Path, args: &DatabaseArgs) -> anyhow::Result<Self> {
        if let Some(url) = secret(args.database_url.as_deref(), args.database_url_file.as_deref())? {
            let mut settings = Settings::new(url);
            settings.usual = UsualFiles {
                home: std::env::home_dir(),
                password_file: std::env::var_os("PGPASSFILE").map(Into::into),
            };
            return Ok(Self {
                settings,
                private: None,
                ledgers: std::sync::Mutex::default(),
            });
        }
        if !project.join("schemas").is_dir() {
            bail!(
                "`{}` is no project folder: it has no `schemas`\n  hint: name one with --project DIR",
                project.display()
            );
        }
        let folder = project.to_owned();
        let private = tokio::task::spawn_blocking(move || Private::start_or_join(&folder))
            .await?
            .context("could not start the project's private PostgreSQL\n  hint: name another with --database-url")?;
        Ok(Self {
            settings: Settings::new(private.url()),
            private: Some(private),
            ledgers: std::sync::Mutex::default(),
        })
    }

    /// The ledger with a role's rights; one that another version of this program made is refused.
    pub async fn ledger(&self, role: Role) -> anyhow::Result<Ledger> {
        let ledger = Ledger::new(&self.settings, role)?;
        ledger.check_version().await?;
        self.ledgers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(ledger.clone());
        Ok(ledger)
    }

    /// The psql to use: the private cluster's, else the one in the search path.
    pub fn psql(&self) -> std::path::PathBuf {
        self.private.as_ref().map_or_else(|| "psql".into(), Private::psql)
    }

    /// Leaves the private cluster, which stops when nobody else uses it.
    pub async fn close(self) {
        self.ledgers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .iter()
            .for_each(Ledger::close);
        // Connections say goodbye on the runtime's own time: a moment is enough.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        // Stopping waits for the server; that must not hold up the runtime.
        let _ = tokio::task::spawn_blocking(move || drop(self.private)).await;
    }
}

/// Kafka as flags and environment name it; `brokers` stands in where they do not.
pub fn kafka(args: &KafkaArgs, brokers: Option<&str>) -> anyhow::Result<Connection> {
    let Some(brokers) = args.brokers.as_deref().or(brokers) else {
        bail!("no Kafka is named\n  hint: --brokers HOST:PORT or KAFKA_BROKERS; `muster demo` brings its own");
    };
    let mut connection = Connection::new(brokers);
    if let Some(file) = &args.kafka_config_file {
        let text = std::fs::read_to_string(file).with_context(|| format!("could not read `{}`", file.display()))?;
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            connection = connection.with(line)?;
        }
    }
    for (key, value) in &args.kafka_config {
        connection = connection.with(&format!("{key}={value}"))?;
    }
    Ok(connection)
}

/// The schema registry's URL, if one is named.
pub fn registry_url(args: &KafkaArgs) -> anyhow::Result<Option<String>> {
    secret(args.registry_url.as_deref(), args.registry_url_file.as_deref())
}

/// What `/reports/` asks for, if anything.
pub fn http_token(args: &HttpArgs) -> anyhow::Result<Option<String>> {
    secret(args.http_token.as_deref(), args.http_token_file.as_deref())
}

/// A setting given as such or in a file.
fn secret(given: Option<&str>, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    match (given, file) {
        (Some(given), _) => Ok(Some(given.to_owned())),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("could not read `{}`", file.display()))?;
            match text.trim() {
                "" => bail!("`{}` is empty", file.display()),
                text => Ok(Some(text.to_owned())),
            }
        }
        (None, None) => Ok(None),
    }
}
