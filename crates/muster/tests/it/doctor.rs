//! `doctor` on a real Kafka and a real PostgreSQL: what is well, and each thing broken.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use muster_sandbox::postgres::{Temporary, fresh_database};
use muster_stream::{Connection, Outgoing, Publisher, PublisherConfig};
use serde_json::Value;

use crate::program::{Ended, muster, run};
use crate::world::World;

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:1";

/// `doctor` on a project with this ledger, in JSON.
fn doctor(project: &Path, database: &str, more: &[&str]) -> Command {
    let mut command = muster();
    command
        .args(["doctor", "--format", "json", "--wait-secs", "4"])
        .args(more);
    command.arg("--project").arg(project).args(["--database-url", database]);
    command
}

/// State, what was found and what to do of a line.
fn line(ended: &Ended, area: &str, about: &str) -> [String; 3] {
    let shown = ended.json();
    let lines = shown["lines"].as_array().unwrap();
    let found = lines.iter().find(|line| line["area"] == area && line["about"] == about);
    let found = found.unwrap_or_else(|| panic!("no line `{area}: {about}` in {shown:#}"));
    ["state", "found", "todo"].map(|key| found[key].as_str().unwrap_or_default().to_owned())
}

/// Holds a line to its state and to words of it.
fn told(ended: &Ended, area: &str, about: &str, state: &str, words: &str) {
    let line = line(ended, area, about);
    assert_eq!(line[0], state, "{area}: {about}: {line:?}");
    assert!(
        line[1].contains(words) || line[2].contains(words),
        "`{words}` is not in {line:?}"
    );
    assert_eq!(
        line[2].is_empty(),
        state == "ok",
        "what is not well says what to do: {line:?}"
    );
}

#[test]
fn what_is_well_is_told_so_and_a_record_from_the_future_is_found() {
    let Some(world) = World::new("doctor", 2) else { return };
    let look = || {
        run(doctor(
            world.path(),
            &world.database_url,
            &["--brokers", &world.brokers],
        ))
    };
    let ended = look().with_code(0);
    assert_eq!(ended.json()["fail"], 0, "{}", ended.output);
    told(&ended, "brokers", "brokers", "ok", "1 answer");
    told(&ended, "brokers", &world.topic, "ok", "2 partitions");
    told(
        &ended,
        "brokers",
        &format!("{} clock", world.topic),
        "ok",
        "no record is from the future",
    );
    told(&ended, "registry", "registry", "ok", "none is named");
    told(&ended, "database", "version", "ok", "PostgreSQL");
    told(&ended, "database", "roles", "ok", "ingest, score and read");
    told(&ended, "database", "migrations", "ok", "as this program is");
    told(&ended, "database", "connections", "ok", "in use");
    told(&ended, "database", "clock", "ok", "");
    told(&ended, "versions", "librdkafka", "ok", "2.");
    told(&ended, "folders", "file system", "ok", "one");
    assert!(std::fs::read_dir(world.path()).unwrap().all(|entry| {
        let name = entry.unwrap().file_name();
        !name.to_string_lossy().contains("doctor")
    }));

    let publisher = Publisher::new(&PublisherConfig::new(Connection::new(&*world.brokers))).unwrap();
    let in_an_hour = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64
        + 3_600_000;
    let record = Outgoing {
        topic: &world.topic,
        partition: Some(0),
        key: None,
        payload: Some(b"x"),
        headers: &[],
        timestamp_ms: Some(in_an_hour),
    };
    publisher
        .publish_all(&[record], std::time::Duration::from_secs(30))
        .unwrap();
    let ended = look().with_code(0);
    told(
        &ended,
        "brokers",
        &format!("{} clock", world.topic),
        "warn",
        "ahead of this machine's clock",
    );
}

#[test]
fn each_thing_broken_is_a_line_with_what_to_do_and_exit_code_one() {
    let Some(world) = World::new("doctor", 1) else { return };
    let (project, database) = (world.path(), &*world.database_url);
    let silent = run(doctor(project, database, &["--brokers", NOWHERE])).with_code(1);
    told(&silent, "brokers", "brokers", "fail", "is Kafka running");
    told(&silent, "database", "migrations", "ok", "");

    let unreached = format!("postgres://muster@{NOWHERE}/muster");
    let silent = run(doctor(project, &unreached, &[])).with_code(1);
    told(&silent, "database", "database", "fail", "is PostgreSQL running");
    told(&silent, "brokers", "brokers", "warn", "none are named");

    let registry = format!("http://{NOWHERE}");
    let silent = run(doctor(project, database, &["--registry-url", &registry])).with_code(1);
    told(&silent, "registry", NOWHERE, "fail", "is it running");

    let empty = run(doctor(project, &fresh_database("doctor").unwrap(), &[])).with_code(1);
    told(&empty, "database", "migrations", "fail", "");
    assert!(empty.output.contains("`muster migrate`"), "{}", empty.output);

    std::fs::write(project.join("good-data"), "").unwrap();
    let full = run(doctor(project, database, &[])).with_code(1);
    told(&full, "folders", "good-data", "fail", "takes no files");
    std::fs::remove_file(project.join("good-data")).unwrap();

    let contract = project.join("schemas/school.visit.contract.yaml");
    let text = std::fs::read_to_string(&contract).unwrap();
    std::fs::write(&contract, text.replace("key:", "kei:")).unwrap();
    let wrong = run(doctor(project, database, &[])).with_code(1);
    told(
        &wrong,
        "project",
        &project.display().to_string(),
        "fail",
        "`muster check`",
    );
    std::fs::write(&contract, text.replace(&world.topic, "it.nowhere")).unwrap();
    let gone = run(doctor(project, database, &["--brokers", &world.brokers])).with_code(0);
    told(&gone, "brokers", "it.nowhere", "warn", "there is no such topic");
    std::fs::write(&contract, text).unwrap();

    for (files, state, code) in [("200", "fail", 1), ("1000", "warn", 0)] {
        let program = env!("CARGO_BIN_EXE_muster");
        let mut limited = Command::new("/bin/sh");
        limited.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\""), program]);
        limited
            .args(["doctor", "--format", "json", "--project"])
            .arg(project)
            .args(["--database-url", database]);
        limited.env_remove("KAFKA_BROKERS").env_remove("SCHEMA_REGISTRY_URL");
        told(
            &run(limited).with_code(code),
            "limits",
            "open files",
            state,
            "LimitNOFILE",
        );
    }
    let nothing = tempfile::tempdir().unwrap();
    let nowhere = nothing.path().join("nowhere");
    for folder in [nothing.path(), &nowhere] {
        let no_project = run(doctor(folder, database, &[])).with_code(1);
        let about = folder.display().to_string();
        told(&no_project, "project", &about, "fail", "muster init");
    }
    let shown = run(doctor(&nowhere, database, &[])).with_code(1).json();
    assert_eq!(shown["fail"], 1, "a project that is not there is told once: {shown:#}");
}

#[test]
fn looking_at_a_project_without_a_database_makes_none_and_a_registry_is_asked_in_any_case() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    let look = |more: &[&str]| {
        let mut command = muster();
        command
            .args(["doctor", "--format", "json", "--wait-secs", "4"])
            .args(more);
        command.arg("--project").arg(project);
        run(command)
    };
    std::fs::create_dir(project.join("schemas")).unwrap();
    let looked = look(&[]);
    told(&looked, "database", "database", "ok", "not made yet");
    for folder in ["raw-data", "feature-data", "good-data", "bad-data", "models", ".muster"] {
        told(&looked, "folders", folder, "ok", "not made yet");
    }
    let left: Vec<_> = std::fs::read_dir(project)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["schemas"], "looking makes nothing");

    // No contract asks it for a schema, so it is asked for one that nobody has.
    let url = registry(None);
    let host = url.strip_prefix("http://").unwrap();
    told(&look(&["--registry-url", &url]), "registry", host, "ok", "it answers");
    let silent = look(&["--registry-url", &format!("http://{NOWHERE}")]).with_code(1);
    told(&silent, "registry", NOWHERE, "fail", "is it running");
}

#[test]
fn a_login_without_roles_and_a_ledger_of_a_newer_program_are_told_apart() {
    let Some(world) = World::new("doctor", 1) else { return };
    let postgres = Temporary::start().unwrap();
    let psql = |statement: &str| {
        let mut command = muster();
        command.args(["psql", "-c", statement, "--database-url", postgres.url()]);
        run(command).with_code(0)
    };
    let mut migrate = muster();
    migrate.args(["migrate", "--database-url", postgres.url()]);
    run(migrate).with_code(0);
    psql("CREATE ROLE stranger LOGIN; CREATE ROLE reader LOGIN; GRANT muster_read TO reader");
    let by = |login: &str| postgres.url().replace("//muster@", &format!("//{login}@"));
    let stranger = run(doctor(world.path(), &by("stranger"), &[])).with_code(1);
    told(
        &stranger,
        "database",
        "roles",
        "fail",
        "GRANT muster_ingest, muster_score, muster_read TO stranger",
    );
    let reader = run(doctor(world.path(), &by("reader"), &[])).with_code(0);
    told(
        &reader,
        "database",
        "roles",
        "warn",
        "cannot take on muster_ingest, muster_score",
    );
    told(&reader, "database", "migrations", "ok", "");
    // The sandbox's servers do not wait for the disk, which is what is to be told.
    told(&reader, "database", "writes", "warn", "synchronous_commit");
    psql("INSERT INTO muster.migrations (version, name, applied_on, checksum) VALUES (999, 'later', now()::text, '0')");
    let newer = run(doctor(world.path(), postgres.url(), &[])).with_code(1);
    told(&newer, "database", "migrations", "fail", "use the newer program");
}

/// A registry whose only schema is this one; `None` has none.
fn registry(schema: Option<&str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (status, body) = match schema {
        Some(schema) => (
            "200 OK",
            serde_json::json!({"id": 7, "version": 1, "schema": schema}).to_string(),
        ),
        None => (
            "404 Not Found",
            serde_json::json!({"error_code": 40401, "message": "no subject"}).to_string(),
        ),
    };
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn a_schema_that_the_contract_cannot_read_is_found_before_its_records_come() {
    let Some(world) = World::new("doctor", 1) else { return };
    let subject = format!("{}-value", world.topic);
    let ask = |url: &str| run(doctor(world.path(), &world.database_url, &["--registry-url", url]));
    told(
        &ask(&registry(None)).with_code(0),
        "registry",
        &subject,
        "ok",
        "no schema is registered yet",
    );
    let own = &world.contract.schema_text;
    told(
        &ask(&registry(Some(own))).with_code(0),
        "registry",
        &subject,
        "ok",
        "is read by contract",
    );
    let other = r#"{"type": "record", "name": "Visit", "namespace": "school", "fields": [{"name": "number", "type": {"type": "array", "items": "int"}}]}"#;
    told(
        &ask(&registry(Some(other))).with_code(1),
        "registry",
        &subject,
        "fail",
        "cannot be read",
    );
    let shown: Value = ask(&registry(Some(other))).json();
    assert_eq!(shown["state"], "fail");
}
