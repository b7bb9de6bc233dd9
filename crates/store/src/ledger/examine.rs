//! How the ledger's server is set up: what may go wrong later, told before it does.
//!
//! Used by `muster doctor`. Connects as the address says, without any role of ours, so that what is missing can be told
//! apart; asks and changes nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::session::bounded;
use super::{Role, Settings};
use crate::error::Error;

const ACTION: &str = "examine the database";

/// A server, as `doctor` needs to know it.
#[derive(Clone, Debug)]
pub struct Examined {
    /// Its version as it says it: `15.14 (Debian ...)`.
    pub version: String,
    /// The same as a number: `150014`.
    pub version_number: i32,
    /// Who we are there.
    pub user: String,
    /// Whether it only follows another server, and takes no writes.
    pub follows: bool,
    /// Whether it waits until a commit is on the disk: `fsync` and `synchronous_commit`.
    pub durable: bool,
    /// Our roles that are not there, or that we may not take on.
    pub roles_missing: Vec<String>,
    /// Connections in use, and how many there may be.
    pub connections: (i64, i64),
    /// How much its clock is ahead of ours, in seconds; negative where it is behind.
    pub clock_ahead_secs: f64,
    /// How long an answer took.
    pub round_trip: Duration,
}

/// Asks a server how it is set up.
pub async fn examine(settings: &Settings) -> Result<Examined, Error> {
    let dialer = settings.dialer()?;
    let (client, driver) = bounded(ACTION, settings.connect, dialer.dial()).await?;
    let ask = |sql: &'static str| bounded(ACTION, settings.answer, client.query_one(sql, &[]));
    let facts = ask(include_str!("examine.sql")).await?;
    let before = SystemTime::now();
    let clock = ask("SELECT extract(epoch FROM clock_timestamp())::float8").await?;
    let round_trip = before.elapsed().unwrap_or_default();
    let ours = before.duration_since(UNIX_EPOCH).unwrap_or_default() + round_trip / 2;
    let mut roles_missing = Vec::new();
    for role in [Role::Ingest, Role::Score, Role::Read] {
        let taken = format!("SET ROLE {}; RESET ROLE", role.name());
        match bounded(ACTION, settings.answer, client.batch_execute(&taken)).await {
            Ok(()) => {}
            Err(Error::Refused { .. }) => roles_missing.push(role.name().to_owned()),
            Err(error) => return Err(error),
        }
    }
    drop(client);
    driver.abort();
    Ok(Examined {
        version: facts.get(0),
        version_number: facts.get(1),
        user: facts.get(2),
        follows: facts.get(3),
        durable: facts.get(4),
        connections: (facts.get(5), facts.get(6)),
        roles_missing,
        clock_ahead_secs: clock.get::<_, f64>(0) - ours.as_secs_f64(),
        round_trip,
    })
}
