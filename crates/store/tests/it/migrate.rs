//! Migrating: by several at once, twice, by an old program, and what is refused after.

use muster_store::ledger::migrate::{migrate, version_expected};
use muster_store::{Domain, Error, Ledger, Role, Settings};

use crate::support::Fixture;

fn empty() -> Settings {
    Settings::new(muster_sandbox::postgres::fresh_database("store_migrate").expect("a PostgreSQL"))
}

#[tokio::test]
async fn of_four_migrators_at_once_one_migrates() {
    let settings = empty();
    let (one, two, three, four) = tokio::join!(
        migrate(&settings),
        migrate(&settings),
        migrate(&settings),
        migrate(&settings)
    );
    let mut applied: Vec<usize> = [one, two, three, four]
        .into_iter()
        .map(|migrated| migrated.expect("migrates").applied.len())
        .collect();
    applied.sort_unstable();
    assert_eq!(applied, vec![0, 0, 0, version_expected() as usize]);
    let ledger = Ledger::new(&settings, Role::Ingest).unwrap();
    ledger.check_version().await.unwrap();
    ledger.ping().await.unwrap();
}

#[tokio::test]
async fn migrators_of_several_databases_share_the_servers_roles() {
    let settings = [empty(), empty(), empty()];
    let (one, two, three) = tokio::join!(migrate(&settings[0]), migrate(&settings[1]), migrate(&settings[2]));
    for migrated in [one, two, three] {
        assert_eq!(migrated.unwrap().applied.len(), version_expected() as usize);
    }
}

#[tokio::test]
async fn a_ledger_that_was_never_migrated_says_what_to_do() {
    let settings = empty();
    // The server's roles are there when another test's database was migrated before; make sure of it.
    migrate(&empty()).await.unwrap();
    let ledger = Ledger::new(&settings, Role::Read).unwrap();
    let error = ledger.check_version().await.unwrap_err();
    assert!(matches!(error, Error::Migration { found: 0, .. }), "{error}");
    assert!(error.to_string().contains("muster migrate"), "{error}");
    assert_eq!(error.domain(), Domain::User);
}

#[tokio::test]
async fn a_ledger_of_a_newer_program_is_left_alone() {
    let fixture = Fixture::new().await;
    let newer = "INSERT INTO migrations (version, name, applied_on, checksum)
        VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')";
    fixture.owner().await.batch_execute(newer).await.unwrap();
    let error = fixture.ingest.check_version().await.unwrap_err();
    assert!(matches!(error, Error::Migration { found: 999, .. }), "{error}");
    assert!(error.to_string().contains("newer"), "{error}");
    let refused = migrate(&fixture.settings).await.unwrap_err();
    assert!(matches!(refused, Error::Migrate(_)), "{refused}");
}

#[tokio::test]
async fn a_migration_that_was_broken_off_is_run_again_whole() {
    let settings = empty();
    let (client, connection) = tokio_postgres::connect(&settings.address, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    // Something stands in the way of the third migration.
    client
        .batch_execute("CREATE SCHEMA muster; CREATE TABLE muster.attempts (id integer)")
        .await
        .unwrap();
    let roles = "GRANT ALL ON SCHEMA muster TO PUBLIC";
    client.batch_execute(roles).await.unwrap();
    let refused = migrate(&settings).await.unwrap_err();
    assert!(refused.to_string().contains("attempts"), "{refused}");
    let half: bool = client
        .query_one(
            "SELECT to_regclass('muster.sources') IS NOT NULL AND to_regclass('muster.batches') IS NULL",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!(half, "a migration is done whole or not at all");
    client.batch_execute("DROP TABLE muster.attempts").await.unwrap();
    let migrated = migrate(&settings).await.unwrap();
    assert_eq!(migrated.applied.len(), version_expected() as usize - 2);
}

#[tokio::test]
async fn a_plain_session_finds_the_tables() {
    let fixture = Fixture::new().await;
    let (client, connection) = tokio_postgres::connect(&fixture.settings.address, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
        .batch_execute("SELECT FROM batches; SELECT FROM prediction_details")
        .await
        .unwrap();
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_the_users_trouble() {
    let error = Ledger::new(&Settings::new("postgres://user@host:notaport/x"), Role::Read)
        .err()
        .unwrap();
    assert_eq!(error.domain(), Domain::User, "{error}");
    let mut settings = Settings::new("host=/nowhere/at/all user=nobody dbname=none");
    settings.connect = std::time::Duration::from_secs(1);
    let error = Ledger::new(&settings, Role::Read).unwrap().ping().await.unwrap_err();
    assert_eq!((error.domain(), error.retry()), (Domain::Environment, true), "{error}");
}
