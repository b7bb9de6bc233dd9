//! Who may do what: each role its command's work and nothing more, on a server whose logins are nobody's superuser.

use std::collections::BTreeMap;

use muster_sandbox::postgres::Temporary;
use muster_store::ledger::migrate::{migrate, version_expected};
use muster_store::{Error, Ledger, Role, Settings};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::scoring::{LEASE, one_claim, predictions, take, with_batches, write};
use crate::support::{Fixture, contract, partition, topic_id};

const ROLES: [&str; 3] = ["muster_ingest", "muster_score", "muster_read"];

/// What a role may do to a table beside reading it: i(nsert), u(pdate), d(elete).
const RIGHTS: &[(&str, &str, &str)] = &[
    ("alert_conditions", "iu", "iu"),
    ("alert_deliveries", "iu", "iu"),
    ("alert_messages", "iu", "iu"),
    ("alert_targets", "iu", "iu"),
    ("alerts", "iu", "iu"),
    ("attempts", "i", ""),
    ("batch_file_blocks", "i", ""),
    ("batch_file_rows", "i", ""),
    ("batch_statistics", "i", ""),
    ("batches", "i", ""),
    ("claim_cursors", "", "iu"),
    ("claims", "", "iu"),
    ("contract_versions", "i", ""),
    ("contracts", "iu", "i"),
    ("dead_letter_cursors", "iu", ""),
    ("drift", "iu", ""),
    ("drift_windows", "iu", ""),
    ("files", "i", "i"),
    ("gaps", "i", ""),
    ("migrations", "", ""),
    ("model_alias_moves", "", "i"),
    ("model_aliases", "", "iud"),
    ("model_versions", "", "i"),
    ("pipelines", "", "iu"),
    ("predictions", "", "i"),
    ("repaired_rows", "i", ""),
    ("repairs", "iu", ""),
    ("readers", "", ""),
    ("run_scores", "", "iu"),
    ("runs", "", "iu"),
    ("schemas", "i", ""),
    ("sources", "iu", ""),
    ("tokens", "iu", "iu"),
    ("topics", "iu", ""),
    ("violations", "i", ""),
];

async fn connect(address: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The statement is refused for want of a right.
async fn refused(client: &Client, statement: &str) {
    let error = client.batch_execute(statement).await.expect_err(statement);
    assert_eq!(
        error.code(),
        Some(&SqlState::INSUFFICIENT_PRIVILEGE),
        "{statement}: {error}"
    );
}

#[tokio::test]
async fn every_table_is_read_by_all_and_written_by_whom_it_belongs_to() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner().await;
    let sql = "SELECT relname, role,
          concat(CASE WHEN has_table_privilege(role, relation.oid, 'SELECT') THEN 's' END,
            CASE WHEN has_table_privilege(role, relation.oid, 'INSERT') THEN 'i' END,
            CASE WHEN has_table_privilege(role, relation.oid, 'UPDATE') THEN 'u' END,
            CASE WHEN has_table_privilege(role, relation.oid, 'DELETE') THEN 'd' END,
            CASE WHEN has_table_privilege(role, relation.oid, 'TRUNCATE, REFERENCES, TRIGGER') THEN '!' END)
        FROM pg_class AS relation, unnest($1::text[]) AS role
        WHERE relnamespace = 'muster'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition";
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for row in owner.query(sql, &[&ROLES.as_slice()]).await.unwrap() {
        found.entry(row.get(0)).or_default().insert(row.get(1), row.get(2));
    }
    let rights = |name: &str, role: &str| {
        let named = RIGHTS.iter().find(|(table, ..)| *table == name);
        let written = named.map_or("", |(_, ingest, score)| match role {
            "muster_ingest" => ingest,
            "muster_score" => score,
            _ => "",
        });
        format!("s{written}")
    };
    for (table, roles) in &found {
        for (role, has) in roles {
            assert_eq!(*has, rights(table, role), "{role} on {table}");
        }
    }
    assert!(
        RIGHTS.iter().all(|(table, ..)| found.contains_key(*table)),
        "{:?}",
        found.keys()
    );
}

#[tokio::test]
async fn a_role_that_oversteps_is_refused_by_the_database() {
    let (fixture, claim) = one_claim().await;
    write(&fixture, &claim, &predictions(&claim, 8)).await.unwrap();
    let client = fixture.owner().await;
    let everybody = [
        "CREATE TABLE muster.mine (id integer)",
        "CREATE FUNCTION muster.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE batches ADD COLUMN mine integer",
        "DROP TABLE violations",
        "DROP FUNCTION fail_run(bigint, text, jsonb)",
        "TRUNCATE predictions",
        "DELETE FROM batches",
        "DELETE FROM predictions",
        "UPDATE predictions SET score = 0",
        "UPDATE batches SET bad = 0",
        "UPDATE repaired_rows SET good = still_bad",
        "UPDATE files SET path = 'x'",
        "DELETE FROM migrations",
        "UPDATE contract_versions SET contract_text = ''",
        "UPDATE model_versions SET metrics = '{}'",
        "SET ROLE muster_owner",
    ];
    let own: [(&str, &[&str]); 3] = [
        (
            "muster_ingest",
            &[
                "INSERT INTO predictions SELECT * FROM predictions",
                "UPDATE runs SET state = 'done'",
                "UPDATE claims SET tries = 0",
                "SELECT take_claim('visits', 'score', 'w', 1)",
                "SELECT move_alias('visits', 'champion', 'x')",
                "SELECT make_prediction_months()",
            ],
        ),
        (
            "muster_score",
            &[
                "UPDATE sources SET next_offset = 0",
                "INSERT INTO violations SELECT * FROM violations",
                "SELECT resume_source(1, NULL)",
                "SELECT begin_repair('{}', 'w', 1)",
                "SELECT pause_source(1, NULL, 'x', '[]')",
                "UPDATE contracts SET version = 0",
                "SELECT raise_source_tokens(ARRAY[1], 'w')",
            ],
        ),
        (
            "muster_read",
            &[
                "INSERT INTO alerts (fingerprint, condition, about, measured_over) VALUES ('x', 'x', 'x', 'x')",
                "UPDATE claims SET tries = 0",
                "SELECT resume_source(1, NULL)",
                "SELECT open_run('default', 'visits', 'score', now(), '{}', 'x', false)",
                "SELECT fail_run(1, 'x', '[]')",
                "SELECT make_prediction_months()",
                "SELECT FROM sources FOR UPDATE",
                "SELECT nextval('runs_id_seq')",
            ],
        ),
    ];
    // A login that is a member of one role alone: from a superuser's session any role could be taken on.
    for (role, further) in own {
        let login = format!("test_{role}_{}", std::process::id());
        let made =
            format!("DROP ROLE IF EXISTS {login}; CREATE ROLE {login} LOGIN PASSWORD 'x'; GRANT {role} TO {login}");
        client.batch_execute(&made).await.unwrap();
        let mut config: tokio_postgres::Config = fixture.settings.address.parse().unwrap();
        let (session, connection) = config
            .user(&login)
            .password("x")
            .connect(tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        for statement in everybody.iter().chain(further) {
            refused(&session, statement).await;
        }
        for other in ROLES.iter().filter(|other| **other != role) {
            refused(&session, &format!("SET ROLE {other}")).await;
        }
        session
            .batch_execute("SELECT FROM prediction_details; SELECT FROM batches")
            .await
            .unwrap();
        drop(session);
        client
            .batch_execute(&format!("DROP OWNED BY {login}; DROP ROLE {login}"))
            .await
            .unwrap();
    }
}

/// A server of its own, whose logins have one role each; the one that migrates is no superuser.
struct Logins {
    server: Temporary,
}

impl Logins {
    async fn new() -> Self {
        let server = Temporary::start().unwrap();
        let superuser = connect(server.url()).await;
        let logins = "CREATE ROLE migrator LOGIN CREATEROLE; CREATE ROLE ingester LOGIN; CREATE ROLE scorer LOGIN;
            CREATE ROLE reader LOGIN; CREATE ROLE stranger LOGIN";
        superuser.batch_execute(logins).await.unwrap();
        superuser
            .batch_execute("CREATE DATABASE people OWNER migrator")
            .await
            .unwrap();
        Self { server }
    }

    fn settings(&self, login: &str) -> Settings {
        let url = self.server.url().replace("//muster@", &format!("//{login}@"));
        let (place, _) = url.rsplit_once('/').unwrap();
        Settings::new(format!("{place}/people"))
    }

    fn ledger(&self, login: &str, role: Role) -> Ledger {
        Ledger::new(&self.settings(login), role).unwrap()
    }
}

fn is_refused(error: &Error) -> bool {
    matches!(error, Error::Refused { code, .. } if *code == SqlState::INSUFFICIENT_PRIVILEGE)
}

#[tokio::test]
async fn logins_with_one_role_each_do_their_commands_work_and_no_others() {
    let logins = Logins::new().await;
    let migrated = migrate(&logins.settings("migrator")).await.unwrap();
    assert_eq!(migrated.applied.len(), version_expected() as usize);
    assert!(migrate(&logins.settings("migrator")).await.unwrap().applied.is_empty());
    let given = "GRANT muster_ingest TO ingester; GRANT muster_score TO scorer; GRANT muster_read TO reader";
    connect(logins.server.url()).await.batch_execute(given).await.unwrap();

    let roles = [
        ("ingester", Role::Ingest),
        ("scorer", Role::Score),
        ("reader", Role::Read),
    ];
    for (login, own) in roles {
        for (_, role) in roles {
            let checked = logins.ledger(login, role).check_version().await;
            if role == own {
                checked.unwrap();
            } else {
                assert!(is_refused(&checked.unwrap_err()), "{login} as {role:?}");
            }
        }
        let refused = migrate(&logins.settings(login)).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{login}: {refused}");
    }
    let stranger = connect(&logins.settings("stranger").address).await;
    refused(&stranger, "SELECT FROM muster.batches").await;

    // Ingest, score and read, each as its login.
    let (ingest, contract) = (logins.ledger("ingester", Role::Ingest), contract());
    ingest.keep_contract(&contract).await.unwrap();
    ingest
        .assign("w", &[partition(&contract, topic_id(), 0, 1)])
        .await
        .unwrap();
    let score = logins.ledger("scorer", Role::Score);
    score.keep_model(&crate::scoring::model('a')).await.unwrap();
    let slot = crate::scoring::slot_of(contract.name.clone(), 0);
    score.open_run(&slot).await.unwrap();
    let read = logins.ledger("reader", Role::Read);
    assert_eq!(read.sources().await.unwrap().len(), 1);
    assert_eq!(read.runs(&slot.pipeline, 9).await.unwrap().len(), 1);
    assert!(read.reconcile().await.unwrap().faults.is_empty());
    assert!(is_refused(&read.open_run(&slot).await.unwrap_err()));
    assert!(is_refused(&score.keep_contract(&contract).await.unwrap_err()));
}

#[tokio::test]
async fn a_ledger_of_one_role_cannot_do_anothers_work() {
    let (fixture, _) = with_batches(1).await;
    let slot = crate::scoring::slot(&fixture, 0);
    assert!(is_refused(&fixture.ingest.open_run(&slot).await.unwrap_err()));
    fixture.score.open_run(&slot).await.unwrap();
    let claim = take(&fixture, "a", LEASE).await.unwrap();
    let reader = Ledger::new(&fixture.settings, Role::Read).unwrap();
    for other in [&fixture.ingest, &reader] {
        assert!(is_refused(&other.park_claim(&claim, "x", &[]).await.unwrap_err()));
    }
    let wanted = [partition(&fixture.contract, topic_id(), 0, 1)];
    for other in [&fixture.score, &reader] {
        assert!(is_refused(&other.assign("w", &wanted).await.unwrap_err()));
    }
}
