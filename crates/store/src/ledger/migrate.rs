//! Making and growing the ledger's tables. The only place that works with the owner's rights.
//!
//! Called by `muster migrate`, and by commands that start a private database. Of several migrators at once one works,
//! behind an advisory lock, and the others find nothing left to do. A migration that was released is never edited.

use refinery::{Migration, Runner};
use tokio_postgres::Client;

use super::session::bounded;
use super::{Ledger, Settings};
use crate::error::{Error, with_causes};

const BOOTSTRAP: &str = include_str!("migrations/bootstrap.sql");

/// Number, name and text; one a noun, in the order they build on each other.
const MIGRATIONS: [(&str, &str); 17] = [
    ("V1__contracts", include_str!("migrations/V1__contracts.sql")),
    ("V2__sources", include_str!("migrations/V2__sources.sql")),
    ("V3__batches", include_str!("migrations/V3__batches.sql")),
    ("V4__commit", include_str!("migrations/V4__commit.sql")),
    ("V5__scoring", include_str!("migrations/V5__scoring.sql")),
    ("V6__predictions", include_str!("migrations/V6__predictions.sql")),
    ("V7__projections", include_str!("migrations/V7__projections.sql")),
    ("V8__grants", include_str!("migrations/V8__grants.sql")),
    ("V9__run_ends", include_str!("migrations/V9__run_ends.sql")),
    (
        "V10__dead_letter_leases",
        include_str!("migrations/V10__dead_letter_leases.sql"),
    ),
    ("V11__file_blocks", include_str!("migrations/V11__file_blocks.sql")),
    (
        "V12__alert_messages",
        include_str!("migrations/V12__alert_messages.sql"),
    ),
    ("V13__run_scores", include_str!("migrations/V13__run_scores.sql")),
    ("V14__drift", include_str!("migrations/V14__drift.sql")),
    ("V15__repairs", include_str!("migrations/V15__repairs.sql")),
    ("V16__traces", include_str!("migrations/V16__traces.sql")),
    ("V17__compaction", include_str!("migrations/V17__compaction.sql")),
];

/// Names the lock among all advisory locks of the database: the bytes of `muster`.
const LOCK: i64 = 0x6d75_7374_6572;

const ACTION: &str = "migrate the ledger";

/// What a migration did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The names of the migrations that were applied now; empty when the ledger was up to date.
    pub applied: Vec<String>,
    /// The last migration.
    pub version: i32,
}

/// Brings the ledger to this program's last migration. Connects as the address says, with the owner's rights.
pub async fn migrate(settings: &Settings) -> Result<Migrated, Error> {
    let dialer = settings.dialer()?;
    let (mut client, driver) = bounded(ACTION, settings.connect, dialer.dial()).await?;
    let migrated = migrate_on(&mut client, settings).await;
    // The connection's end gives the advisory lock back, whatever happened.
    drop(client);
    driver.abort();
    migrated
}

async fn migrate_on(client: &mut Client, settings: &Settings) -> Result<Migrated, Error> {
    let waiting = format!(
        "SET lock_timeout = 0; SET statement_timeout = 0; SET client_min_messages = warning; \
         SELECT pg_advisory_lock({LOCK})"
    );
    // Another migrator may hold the lock for as long as it works.
    bounded(ACTION, settings.answer * 10, client.batch_execute(&waiting)).await?;
    bounded(ACTION, settings.answer, client.batch_execute(BOOTSTRAP)).await?;
    let owner = "SET ROLE muster_owner; SET search_path = muster";
    bounded(ACTION, settings.answer, client.batch_execute(owner)).await?;

    let mut runner = Runner::new(&migrations()?)
        .set_grouped(false)
        .set_abort_divergent(true)
        .set_abort_missing(true);
    runner.set_migration_table_name("migrations");
    let report = runner
        .run_async(client)
        .await
        .map_err(|error| Error::Migrate(with_causes(&error)))?;
    let readable = "GRANT SELECT ON migrations TO muster_ingest, muster_score, muster_read";
    bounded(ACTION, settings.answer, client.batch_execute(readable)).await?;
    Ok(Migrated {
        applied: report.applied_migrations().iter().map(ToString::to_string).collect(),
        version: version_expected(),
    })
}

fn migrations() -> Result<Vec<Migration>, Error> {
    MIGRATIONS
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql).map_err(|error| Error::Migrate(error.to_string())))
        .collect()
}

/// This program's last migration.
pub fn version_expected() -> i32 {
    MIGRATIONS.len() as i32
}

impl Ledger {
    /// Refuses a ledger that another version of this program made, in words that say what to do.
    pub async fn check_version(&self) -> Result<(), Error> {
        let mut session = self.session("read the ledger's version").await?;
        let known = session
            .row("SELECT to_regclass('muster.migrations') IS NOT NULL", &[])
            .await?;
        let found: i32 = if known.get(0) {
            let row = session
                .row("SELECT coalesce(max(version), 0) FROM migrations", &[])
                .await?;
            row.get(0)
        } else {
            0
        };
        let expected = version_expected();
        let hint = match found.cmp(&expected) {
            std::cmp::Ordering::Less => "run `muster migrate`",
            std::cmp::Ordering::Greater => "use the newer program that migrated it",
            std::cmp::Ordering::Equal => return Ok(()),
        };
        Err(Error::Migration { found, expected, hint })
    }
}
