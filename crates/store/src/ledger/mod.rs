//! The ledger: the PostgreSQL tables that say what was received, judged, sealed and scored.
//!
//! One file a noun; what is longer than a line of SQL lies beside it or in `migrations/`. Each operation is one
//! statement, so no lock is ever held across a round trip, and each is bounded in time on both sides of the wire. A
//! serialization failure or deadlock is run again whole; a lost connection is the environment's trouble.

mod address;
pub mod alert_messages;
pub mod alerts;
pub mod bad_files;
pub mod claims;
pub mod commit;
pub mod compaction;
pub mod contracts;
mod copy_rows;
pub mod counts;
pub mod dead_letters;
mod dialing;
pub mod drift;
pub mod examine;
pub mod file_rows;
pub mod good_files;
pub mod health;
pub mod history;
pub mod keys;
mod listed;
pub mod migrate;
pub mod models;
pub mod predictions;
pub mod readers;
pub mod reconcile;
pub mod repairs;
pub mod report;
pub mod retention;
pub mod runs;
mod session;
pub mod sources;
pub mod standing;
pub mod tokens;
pub mod trace;
pub mod verify;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};

use crate::error::Error;
use address::Address;
pub use address::UsualFiles;
use dialing::Dialer;
use session::Session;

/// How the ledger is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A PostgreSQL address as libpq reads it, its TLS parameters and password file too:
    /// `postgres://user@host:port/database?sslmode=verify-full&…` or `host=… dbname=…`.
    pub address: String,
    /// Where files lie that the address does not name.
    pub usual: UsualFiles,
    /// Whose rows are written.
    pub tenant: Arc<str>,
    /// Connections at most, a role.
    pub connections_max: usize,
    /// How long making a connection, or waiting for a free one, may take.
    pub connect: Duration,
    /// How long a statement waits for a lock.
    pub lock: Duration,
    /// How long a statement may take, by the server's watch.
    pub statement: Duration,
    /// How long a transaction may stand idle.
    pub idle_in_transaction: Duration,
    /// How long we wait for an answer, by our own watch: longer than `statement`, or the server is silent.
    pub answer: Duration,
}

impl Settings {
    /// Settings with the usual limits.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            usual: UsualFiles::default(),
            tenant: "default".into(),
            connections_max: 4,
            connect: Duration::from_secs(10),
            lock: Duration::from_secs(10),
            statement: Duration::from_secs(30),
            idle_in_transaction: Duration::from_secs(30),
            answer: Duration::from_secs(40),
        }
    }

    /// The address without its password, and the password: what psql is started with, whose arguments everybody on the
    /// machine can see.
    pub fn for_psql(&self) -> Result<(String, Option<Vec<u8>>), Error> {
        let read = Address::read(&self.address, &self.usual)?;
        let password = read.config.get_password().map(<[u8]>::to_vec);
        Ok((address::without_password(&self.address)?, password))
    }

    fn dialer(&self) -> Result<Dialer, Error> {
        let mut dialer = Dialer::new(Address::read(&self.address, &self.usual)?)?;
        dialer
            .config_mut()
            .application_name("muster")
            .connect_timeout(self.connect)
            .tcp_user_timeout(self.answer)
            .keepalives_idle(Duration::from_secs(15));
        Ok(dialer)
    }
}

/// Whose rights a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sources, batches, files, contracts, alerts.
    Ingest,
    /// Runs, claims, predictions, models, alerts.
    Score,
    /// Nothing but reading.
    Read,
}

impl Role {
    /// The database role.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "muster_ingest",
            Self::Score => "muster_score",
            Self::Read => "muster_read",
        }
    }
}

/// The ledger, with the rights of one role. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    pool: Pool,
    settings: Arc<Settings>,
}

impl Ledger {
    /// Connections with a role's rights; the first is made when it is needed.
    pub fn new(settings: &Settings, role: Role) -> Result<Self, Error> {
        let greeting: Arc<str> = greeting(settings, role).into();
        let dialer = settings.dialer()?;
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_connect(dialer.config().clone(), dialer, recycling);
        let pool = Pool::builder(manager)
            .max_size(settings.connections_max)
            .wait_timeout(Some(settings.connect))
            .create_timeout(Some(settings.connect))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |client, _| {
                let greeting = Arc::clone(&greeting);
                Box::pin(async move { client.batch_execute(&greeting).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| Error::Address(error.to_string()))?;
        Ok(Self {
            pool,
            settings: Arc::new(settings.clone()),
        })
    }

    /// The tenant whose rows are written.
    pub fn tenant(&self) -> &str {
        &self.settings.tenant
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.session("ask for a sign of life").await?.run("SELECT", &[]).await
    }

    /// Drops idle connections; those in use end with their use.
    pub fn close(&self) {
        self.pool.close();
    }

    async fn session(&self, action: &'static str) -> Result<Session, Error> {
        let client = self
            .pool
            .get()
            .await
            .map_err(|error| session::no_connection(action, error))?;
        Ok(Session::new(client, action, self.settings.answer))
    }
}

fn greeting(settings: &Settings, role: Role) -> String {
    format!(
        "SET ROLE {}; SET search_path = muster, public; SET TIME ZONE 'UTC'; SET lock_timeout = {}; \
         SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; SET jit = off",
        role.name(),
        settings.lock.as_millis(),
        settings.statement.as_millis(),
        settings.idle_in_transaction.as_millis(),
    )
}
