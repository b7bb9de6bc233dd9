//! `docker-compose.yml` as a file: its settings are those the tests run with, what it mounts exists, its secrets are
//! written by `scripts/secrets`, and nothing listens beyond this machine. It is read as text, by its indentation.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::{none, root};

const COMPOSE: &str = "docker-compose.yml";
/// Services that do their work and end.
const ENDING: [&str; 3] = ["migrate", "publisher", "trainer"];

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The entries of a top-level key, by name, each with its indented lines.
fn entries<'a>(compose: &'a str, key: &str) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    let of_key = compose.lines().skip_while(|line| *line != format!("{key}:")).skip(1);
    let lines = of_key.take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
    for line in lines.filter(|line| !line.trim_start().starts_with('#')) {
        let entry = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '));
        match (entry.and_then(|rest| rest.split_once(':')), found.last_mut()) {
            (Some((name, rest)), _) => found.push((name, vec![rest.trim()])),
            (None, Some((_, lines))) => lines.push(line.trim()),
            (None, None) => {}
        }
    }
    found
}

/// A service's value for a key that is written on one line.
fn value<'a>(lines: &[&'a str], key: &str) -> Option<&'a str> {
    let found = lines.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    found.map(|value| value.trim_matches('"'))
}

fn service<'a>(services: &'a [(&'a str, Vec<&'a str>)], name: &str) -> &'a [&'a str] {
    let found = services.iter().find(|(of, _)| *of == name);
    &found.unwrap_or_else(|| panic!("no service `{name}`")).1
}

#[test]
fn versions_are_those_the_tests_run_with() {
    let compose = read(COMPOSE);
    let services = entries(&compose, "services");
    let tag = |name: &str| {
        let image = value(service(&services, name), "image").expect("an image");
        image.rsplit_once(':').expect("a version").1.to_owned()
    };
    let kafka = tag("kafka");
    assert!(
        read("crates/sandbox/kafka/pom.xml").contains(&format!("<version>{kafka}</version>")),
        "the tests run another Kafka than {kafka}"
    );
    let registry = tag("registry");
    assert!(
        read("crates/sandbox/src/apicurio.rs").contains(registry.trim_end_matches(".Final")),
        "the tests run another registry than {registry}"
    );
    let grafana = tag("grafana");
    assert!(
        read("tests/dashboards/package.json").contains(&format!("\"@grafana/schema\": \"{grafana}\"")),
        "the dashboards are checked against another Grafana than {grafana}"
    );
}

#[test]
fn settings_of_kafka_are_those_the_tests_run_with() {
    // Where it listens and keeps its data is a container's own.
    const OWN: [&str; 3] = ["listeners", "log.dirs", "controller.quorum.voters"];
    let compose = read(COMPOSE);
    let services = entries(&compose, "services");
    let kafka = service(&services, "kafka");
    let properties = read("crates/sandbox/kafka/broker.properties");
    let tested: Vec<(&str, &str)> = properties.lines().filter_map(|line| line.split_once('=')).collect();
    let mut findings = Vec::new();
    let mut equal = 0;
    for line in kafka.iter().filter_map(|line| line.strip_prefix("KAFKA_")) {
        let (name, given) = line.split_once(": ").expect("a setting");
        let name = name.to_lowercase().replace('_', ".");
        match tested.iter().find(|(key, _)| *key == name && !OWN.contains(key)) {
            Some((_, value)) if *value == given.trim_matches('"') => equal += 1,
            Some((key, value)) => findings.push(format!("{key}: {given} here, {value} in the tests")),
            None => {}
        }
    }
    none(&findings, "a setting of Kafka's that the tests do not run with");
    assert!(equal >= 8, "only {equal} settings were compared");
}

#[test]
fn postgresql_keeps_personal_values_out_of_its_log_as_in_the_tests() {
    let compose = read(COMPOSE);
    let services = entries(&compose, "services");
    let command = value(service(&services, "postgres"), "command").expect("a command");
    let settings: Vec<&str> = command
        .trim_matches(['[', ']'])
        .split(", ")
        .filter(|part| part.contains('='))
        .collect();
    let tested = read("crates/sandbox/src/postgres/cluster.rs");
    for wanted in [
        "log_min_error_statement=panic",
        "log_error_verbosity=terse",
        "timezone=UTC",
    ] {
        assert!(settings.contains(&wanted), "no {wanted}");
    }
    let untested = settings
        .iter()
        .filter(|setting| !tested.contains(&format!("\"{setting}\"")));
    let findings: Vec<String> = untested.map(|setting| (*setting).to_owned()).collect();
    none(&findings, "a setting of PostgreSQL's that the tests do not run with");
}

#[test]
fn every_service_is_pinned_checked_local_and_without_a_password_of_its_own() {
    let compose = read(COMPOSE);
    let mut findings = Vec::new();
    for (name, lines) in entries(&compose, "services") {
        let ours = lines.contains(&"<<: *muster");
        match value(&lines, "image").and_then(|image| image.rsplit_once(':')) {
            Some((_, tag)) if tag != "latest" => {}
            None if ours => {}
            _ => findings.push(format!("{name}: an image without a version")),
        }
        if !ENDING.contains(&name) && !lines.contains(&"healthcheck:") {
            findings.push(format!("{name}: no health check"));
        }
        for line in &lines {
            let secret = line.contains("PASSWORD") && !line.contains("/run/secrets/");
            let listens = line.starts_with("ports:") && !line.starts_with("ports: [\"127.0.0.1:");
            if secret || listens {
                findings.push(format!("{name}: {line}"));
            }
            let mounted = line.strip_prefix("- ./").and_then(|mount| mount.split_once(':'));
            if let Some((path, _)) = mounted
                && !root().join(path).exists()
            {
                findings.push(format!("{name}: `{path}` is mounted and does not exist"));
            }
        }
    }
    none(&findings, "a service that is not as careful as the others");
    let shared = compose.split("\nservices:").next().unwrap_or_default();
    for wanted in [
        "user: \"10001:10001\"",
        "read_only: true",
        "cap_drop: [ALL]",
        "no-new-privileges:true",
    ] {
        assert!(shared.contains(wanted), "Muster's own services run without `{wanted}`");
    }
}

/// The secrets that `scripts/secrets` leaves in a folder, with their text.
fn written(folder: &Path) -> Vec<(String, String)> {
    let script = folder.join("scripts/secrets");
    std::fs::create_dir_all(folder.join("scripts")).expect("a folder");
    std::fs::copy(root().join("scripts/secrets"), &script).expect("a script");
    let ran = Command::new("/bin/sh")
        .arg(&script)
        .env_remove("ALERT_WEBHOOK_URL")
        .output();
    let ran = ran.expect("a shell");
    assert!(ran.status.success() && ran.stdout.is_empty(), "{ran:?}");
    let files = std::fs::read_dir(folder.join(".secrets")).expect("a folder");
    let mut secrets: Vec<(String, String)> = files
        .map(|file| {
            let path = file.expect("a file").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("text"))
        })
        .collect();
    secrets.sort();
    secrets
}

#[test]
fn secrets_are_written_once_each_its_own_for_their_owner_alone() {
    let folder = std::env::temp_dir().join(format!("muster-secrets-{}", std::process::id()));
    let secrets = written(&folder);
    let again = written(&folder);
    let mode = std::fs::metadata(folder.join(".secrets"))
        .expect("a folder")
        .permissions()
        .mode();
    std::fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(secrets, again, "a second run keeps them");
    assert_eq!(mode & 0o777, 0o700);
    let passwords: BTreeSet<&String> = secrets
        .iter()
        .filter(|(name, _)| name.ends_with("_password"))
        .map(|(_, text)| text)
        .collect();
    assert_eq!(passwords.len(), 4, "each is drawn for itself");
    assert!(passwords.iter().all(|password| password.len() == 40));

    let compose = read(COMPOSE);
    let declared: BTreeSet<String> = entries(&compose, "secrets")
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let names: BTreeSet<String> = secrets.into_iter().map(|(name, _)| name).collect();
    assert_eq!(declared, names, "docker-compose.yml and scripts/secrets name the same");
    assert!(
        read(".gitignore").lines().any(|line| line == "/.secrets/"),
        "git must not see them"
    );
    assert!(
        read(".dockerignore").lines().any(|line| line == ".secrets"),
        "nor the image"
    );
}

/// Has Compose of version 2 read a file; `None`, said loudly, where it is not installed.
fn read_by_compose(file: &str) -> Option<std::process::Output> {
    let ask = |program: &str, first: &[&str], arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(first).args(arguments).current_dir(root()).output().ok()
    };
    let is_second = |output: std::process::Output| {
        output.status.success()
            && !String::from_utf8_lossy(&output.stdout)
                .trim_start_matches('v')
                .starts_with("1.")
    };
    let ways: [(&str, &[&str]); 2] = [("docker", &["compose"]), ("docker-compose", &[])];
    let found = ways
        .into_iter()
        .find(|(program, first)| ask(program, first, &["version", "--short"]).is_some_and(is_second));
    let Some((program, first)) = found else {
        eprintln!("\n*** NOT TESTED HERE, for want of Docker Compose 2 ***\n");
        return None;
    };
    ask(program, first, &["-f", file, "--profile", "*", "config", "--quiet"])
}

#[test]
fn compose_itself_accepts_the_file_and_refuses_one_with_a_key_it_does_not_know() {
    let Some(output) = read_by_compose(COMPOSE) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let altered = std::env::temp_dir().join(format!("muster-compose-{}.yml", std::process::id()));
    let wrong = read(COMPOSE).replacen("healthcheck:", "healthchecks:", 1);
    std::fs::write(&altered, wrong).expect("a file");
    let output = read_by_compose(&altered.to_string_lossy()).expect("it was there just now");
    std::fs::remove_file(&altered).expect("it was written");
    assert!(!output.status.success(), "a misspelt key is accepted");
}
