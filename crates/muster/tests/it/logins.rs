//! The logins that `docker-compose.yml` makes: what each may do, on a real PostgreSQL.

use std::process::Command;

use muster_sandbox::postgres::Temporary;

use crate::program::{Ended, muster, run};

/// A cluster with the logins and the ledger's tables, as compose brings them up.
struct Cluster {
    postgres: Temporary,
    secrets: tempfile::TempDir,
}

impl Cluster {
    fn start() -> Self {
        let postgres = Temporary::start().unwrap();
        let secrets = tempfile::tempdir().unwrap();
        for name in ["ledger_app_password", "ledger_read_password"] {
            std::fs::write(secrets.path().join(name), format!("it's {name}")).unwrap();
        }
        let cluster = Self { postgres, secrets };
        let made = cluster.make_logins();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        run(cluster.command("muster", &["migrate"])).with_code(0);
        cluster
    }

    /// Runs the script as PostgreSQL's image does.
    fn make_logins(&self) -> std::process::Output {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/compose/logins.sh");
        let socket = self
            .postgres
            .url()
            .split(['@', ':'])
            .nth(2)
            .unwrap()
            .replace("%2F", "/");
        let mut command = Command::new("/bin/sh");
        command
            .arg(script)
            .envs([
                ("POSTGRES_USER", "muster"),
                ("POSTGRES_DB", "muster"),
                ("PGHOST", &socket),
            ])
            .env("MUSTER_SECRETS", self.secrets.path());
        command.output().unwrap()
    }

    /// A command that reaches the ledger by a login.
    fn command(&self, login: &str, arguments: &[&str]) -> Command {
        let url = self.postgres.url().replace("//muster@", &format!("//{login}@"));
        let mut command = muster();
        command.args(arguments).env("DATABASE_URL", url);
        command
    }

    fn psql(&self, login: &str, statement: &str) -> Ended {
        run(self.command(login, &["psql", "-c", statement]))
    }
}

#[test]
fn grafanas_login_reads_the_ledger_and_changes_nothing() {
    let cluster = Cluster::start();
    cluster
        .psql("muster_grafana", "SELECT count(*) FROM batches, prediction_details")
        .with_code(0);
    let tried = cluster
        .psql("muster_grafana", "INSERT INTO contracts (name) VALUES ('x')")
        .with_code(2);
    assert!(tried.said.contains("read-only transaction"), "{}", tried.said);
    for statement in [
        "BEGIN READ WRITE; INSERT INTO contracts (name) VALUES ('x')",
        "SET ROLE muster_ingest",
    ] {
        let tried = cluster.psql("muster_grafana", statement).with_code(2);
        assert!(
            tried.said.contains("permission denied"),
            "`{statement}`: {}",
            tried.said
        );
    }
}

#[test]
fn the_programs_login_works_in_its_roles_and_cannot_become_the_owner() {
    let cluster = Cluster::start();
    run(cluster.command("muster_app", &["reconcile"])).with_code(0);
    cluster
        .psql(
            "muster_app",
            "SET ROLE muster_ingest; INSERT INTO contracts (name) VALUES ('x')",
        )
        .with_code(0);
    for statement in [
        "SELECT * FROM muster.batches",
        "SET ROLE muster_owner",
        "SET ROLE muster_ingest; DELETE FROM batches",
        "SET ROLE muster_score; DROP TABLE runs",
    ] {
        let tried = cluster.psql("muster_app", statement).with_code(2);
        let refused = ["permission denied", "must be owner"]
            .iter()
            .any(|words| tried.said.contains(words));
        assert!(refused, "`{statement}`: {}", tried.said);
    }
}

#[test]
fn passwords_are_kept_as_scram_and_told_to_nobody() {
    let cluster = Cluster::start();
    let kept = "SELECT count(*) FROM pg_authid WHERE rolcanlogin AND rolpassword LIKE 'SCRAM-SHA-256$%'";
    assert!(cluster.psql("muster", kept).with_code(0).output.contains('2'));
    // A second run finds the roles there; what it says holds no password.
    let again = cluster.make_logins();
    assert!(!again.status.success());
    let said = [&again.stdout[..], &again.stderr[..]]
        .map(String::from_utf8_lossy)
        .concat();
    assert!(said.contains("already exists") && !said.contains("it's"), "{said}");
}
