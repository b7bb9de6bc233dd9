//! How the program is told where its servers are: secrets in files, which nothing it says repeats, and a database whose
//! certificate is held against its host.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use muster_sandbox::postgres::Temporary;
use rcgen::{CertificateParams, KeyPair, SanType};

use crate::program::{Ended, run};
use crate::world::{CONTRACT, World};

const SECRET: &str = "hushhush";

fn keep(world: &World, name: &str, text: &str) -> PathBuf {
    let path = world.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A command that is told its database by a file alone.
fn reconcile(world: &World) -> Command {
    let mut command = world.command(&["reconcile", "--format", "json"]);
    command.env_remove("DATABASE_URL");
    command
}

/// It could not work, and says why without the secret.
fn quiet(ended: &Ended, why: &str) {
    assert_eq!(ended.status.code(), Some(2), "{}", ended.said);
    let said = format!("{}{}", ended.output, ended.said);
    assert!(said.contains(why) && !said.contains(SECRET), "{said}");
}

#[test]
fn a_secret_is_read_from_its_file() {
    let Some(world) = World::new("secrets", 1) else { return };
    let url = keep(&world, "url", &format!("{}\n", world.database_url));
    let mut by_flag = reconcile(&world);
    by_flag.arg("--database-url-file").arg(&url);
    run(by_flag).with_code(0);
    let mut by_environment = reconcile(&world);
    by_environment.env("DATABASE_URL_FILE", &url);
    run(by_environment).with_code(0);

    let empty = keep(&world, "empty", "\n");
    for (path, why) in [(world.path().join("nowhere"), "nowhere"), (empty, "is empty")] {
        let mut command = reconcile(&world);
        command.env("DATABASE_URL_FILE", path);
        quiet(&run(command), why);
    }
}

#[test]
fn nothing_that_is_said_repeats_a_secret() {
    let Some(world) = World::new("quiet", 1) else { return };
    let rows = keep(
        &world,
        "rows.csv",
        "number,level,hours,occurred_at,target\n1,low,1.5,2026-03-01T00:00:00Z,\n",
    );
    let publish = |variable: &str, file: &Path| {
        let mut command = world.command(&[
            "publish",
            rows.to_str().unwrap(),
            "--contract",
            CONTRACT,
            "--log",
            "debug",
        ]);
        command.env(variable, file);
        run(command)
    };
    let registry = keep(&world, "registry", &format!("http://user:{SECRET}@127.0.0.1:1\n"));
    quiet(&publish("SCHEMA_REGISTRY_URL_FILE", &registry), "127.0.0.1:1");
    for (name, settings) in [
        ("unknown", format!("sasl.pasword={SECRET}\n")),
        ("no value", format!("security.protocol={SECRET}\n")),
        ("no form", format!("{SECRET}\n")),
    ] {
        let file = keep(&world, "kafka.properties", &settings);
        let ended = publish("KAFKA_CONFIG_FILE", &file);
        assert_eq!(ended.status.code(), Some(2), "{name}: {}", ended.said);
        assert!(!ended.said.contains(SECRET), "{name}: {}", ended.said);
    }
    let database = keep(&world, "url", &format!("postgres://me:{SECRET}@127.0.0.1:1/db"));
    let mut command = reconcile(&world);
    command.env("DATABASE_URL_FILE", &database).args(["--log", "debug"]);
    quiet(&run(command), "reached");
    let damaged = keep(&world, "url", &format!("postgres://me:{SECRET}@127.0.0.1:port/db"));
    let mut command = reconcile(&world);
    command.env("DATABASE_URL_FILE", &damaged);
    quiet(&run(command), "cannot be read");
}

#[test]
fn commands_and_psql_take_the_same_address_with_its_certificate_and_password() {
    let Some(mut world) = World::new("encrypted", 1) else {
        return;
    };
    let mut params = CertificateParams::default();
    let loopback: IpAddr = [127, 0, 0, 1].into();
    params.subject_alt_names = vec![SanType::IpAddress(loopback)];
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let files = [
        ("server.crt", certificate.as_bytes()),
        ("server.key", &key.serialize_pem().into_bytes()),
        (
            "pg_hba.conf",
            b"local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n",
        ),
    ];
    let server = Temporary::start_on_loopback(&files, &["ssl=on"]).unwrap();
    let plain = std::mem::replace(&mut world.database_url, server.url().to_owned());
    world.order(&format!("CREATE ROLE guest LOGIN SUPERUSER PASSWORD '{SECRET}'"));
    let root = keep(&world, "root.crt", &certificate);
    let address = |host: &str| {
        let port = server.port();
        let root = root.display();
        format!("postgres://guest:{SECRET}@{host}:{port}/muster?sslmode=verify-full&sslrootcert={root}")
    };
    world.database_url = address("127.0.0.1");
    world.run(&["migrate"]).with_code(0);
    assert_eq!(
        world.ask("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"),
        "t"
    );
    world.run(&["reconcile"]).with_code(0);
    // The certificate is for the address alone.
    world.database_url = address("localhost");
    quiet(&world.run(&["reconcile"]), "sslmode=verify-full");
    let psql = world.run(&["psql", "-c", "SELECT 1"]);
    assert!(
        psql.status.code() == Some(2) && psql.said.contains("localhost"),
        "{}",
        psql.said
    );
    world.database_url = plain;
}
