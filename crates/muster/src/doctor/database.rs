//! The ledger's database: does it answer, is it set up, is it this program's.

use muster_store::ledger::examine::{Examined, examine};
use muster_store::{Ledger, Role, Settings};

use super::{Line, Lines, clock};

/// The oldest PostgreSQL that the ledger is tested on.
const VERSION_MIN: i32 = 150_000;
/// Roles that commands take on.
const ROLES: usize = 3;
/// Connections that ingest, score and one who looks need at the same time.
const CONNECTIONS: i64 = 12;

/// Asks the database.
pub async fn look(settings: anyhow::Result<Settings>) -> Vec<Line> {
    let mut lines = Lines::of("database");
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            lines.fail(
                "database",
                format!("{error:#}"),
                "--database-url names another; `postgresql` has to be installed for a private one",
            );
            return lines.done();
        }
    };
    match examine(&settings).await {
        Ok(examined) => {
            describe(&examined, &mut lines);
            migrations(&settings, &examined, &mut lines).await;
        }
        Err(error) => {
            let todo = "is PostgreSQL running, is the address right, may this user connect (pg_hba.conf), does it want \
                        `sslmode=require`?";
            lines.fail("database", error.to_string(), todo);
        }
    }
    lines.done()
}

/// What is said of a project that has no database yet and names none.
pub fn not_made() -> Vec<Line> {
    let mut lines = Lines::of("database");
    let found =
        "none is named, and the project's private one is not made yet: the first command that needs it makes it";
    lines.ok("database", found);
    lines.done()
}

fn describe(examined: &Examined, lines: &mut Lines) {
    let Examined {
        version,
        user,
        round_trip,
        ..
    } = examined;
    let found = format!(
        "PostgreSQL {version} answers `{user}` in {:.1} ms",
        round_trip.as_secs_f64() * 1e3
    );
    if examined.version_number < VERSION_MIN {
        lines.warn(
            "version",
            found,
            "upgrade it: 15 is the oldest that the ledger is tested on",
        );
    } else {
        lines.ok("version", found);
    }
    if examined.follows {
        lines.fail(
            "writes",
            "it follows another server and takes no writes",
            "name the primary: `target_session_attrs=read-write` finds it",
        );
    } else if examined.durable {
        lines.ok("writes", "a commit waits for the disk");
    } else {
        let todo = "set `fsync` and `synchronous_commit` to `on`: what was committed must not be lost with the server";
        lines.warn("writes", "a commit does not wait for the disk", todo);
    }
    let missing = examined.roles_missing.join(", ");
    if missing.is_empty() {
        lines.ok("roles", "ingest, score and read can be taken on");
    } else if examined.roles_missing.len() < ROLES {
        let todo = "fine for a login that is meant for the others alone";
        lines.warn("roles", format!("`{user}` cannot take on {missing}"), todo);
    } else {
        let todo = format!(
            "`muster migrate` as the owner makes them; then `GRANT {missing} TO {user}` lets this user take them on"
        );
        lines.fail("roles", format!("`{user}` cannot take on {missing}"), todo);
    }
    let (used, most) = examined.connections;
    let found = format!("{used} of {most} in use");
    if most - used < CONNECTIONS {
        lines.warn(
            "connections",
            found,
            format!("raise `max_connections`: a process takes up to {CONNECTIONS}"),
        );
    } else {
        lines.ok("connections", found);
    }
    clock::compare(lines, examined.clock_ahead_secs);
}

async fn migrations(settings: &Settings, examined: &Examined, lines: &mut Lines) {
    let expected = muster_store::ledger::migrate::version_expected();
    if examined.roles_missing.iter().any(|role| role == Role::Read.name()) {
        lines.fail(
            "migrations",
            "cannot be told without the role that reads",
            "see the roles above",
        );
        return;
    }
    let checked = match Ledger::new(settings, Role::Read) {
        Ok(ledger) => ledger.check_version().await,
        Err(error) => Err(error),
    };
    match checked {
        Ok(()) => lines.ok(
            "migrations",
            format!("the ledger is at version {expected}, as this program is"),
        ),
        Err(muster_store::Error::Migration { found, expected, hint }) => {
            lines.fail(
                "migrations",
                format!("the ledger is at version {found}, this program at {expected}"),
                hint,
            );
        }
        Err(error) => lines.fail(
            "migrations",
            error.to_string(),
            "`muster migrate` as the owner makes the ledger's tables",
        ),
    }
}
