//! Quality reports end to end: of a file, of a batch and a day, on the command line and over HTTP, in a real browser;
//! their numbers are the ledger's and nothing of a person is in them.

mod browser;
mod many;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use muster_sandbox::postgres::fresh_database;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Answer, Ended, Program, muster, run};
use crate::real_file::fresh_project;
use crate::receiver::{Receiver, SECRET};
use crate::validate::project;

const CONTRACT: &str = "hr.candidate";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// Told at once, on this machine.
const TARGET: &str = "version: 1
kind: webhook
url: { env: PEOPLE_URL }
secrets: [{ file: secret }]
allow_hosts: [127.0.0.1]
group: { wait: 1s, interval: 1s }
";
/// A word that stands in a personal column of a bad row, and nowhere else.
const CANARY: &str = "Erika Mustermann";

/// A file of rows with known faults, one of them with a canary.
fn generated(rows: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut command = muster();
    command.args(["generate", CONTRACT, "--faults", "0.2", "--seed", "3"]);
    command
        .args(["--rows", &rows.to_string()])
        .arg("--out")
        .arg(folder.path());
    run(command).with_code(0);
    let path = folder.path().join("hr.candidate.csv");
    let mut text = std::fs::read(&path).unwrap();
    let header = String::from_utf8_lossy(&text).lines().next().unwrap().to_owned();
    let value = |column: &str| match column {
        "enrollee_id" => "9876543",
        "city" => "<script>alert(1)</script>",
        "city_development_index" => "0.5",
        "gender" => CANARY,
        "relevent_experience" => "No relevent experience",
        "training_hours" => "7",
        _ => "",
    };
    let row: Vec<&str> = header.split(',').map(value).collect();
    writeln!(text, "{}", row.join(",")).unwrap();
    std::fs::write(path, text).unwrap();
    folder
}

fn validate(file: &Path, out: &Path, report: bool) -> Ended {
    let mut command = muster();
    command
        .arg("validate")
        .arg(file)
        .args(["--contract", CONTRACT, "--format", "json"]);
    command.arg("--project").arg(project()).arg("--out").arg(out);
    if report {
        command.arg("--report");
    }
    run(command)
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// How many rows broke each rule, as a report says.
fn rules(report: &Value) -> BTreeMap<String, u64> {
    let rules = report["rules"].as_array().unwrap().iter();
    rules
        .map(|rule| (rule["id"].as_str().unwrap().to_owned(), rule["rows"].as_u64().unwrap()))
        .filter(|(_, rows)| *rows > 0)
        .collect()
}

/// What holds of every report.
fn check(report: &Value, page: &str) {
    for text in [report.to_string().as_str(), page] {
        assert!(!text.contains(CANARY), "a personal value");
        assert!(!text.contains("9876543"), "a personal number");
    }
    assert!(!page.contains("<script>alert"), "a value became a tag");
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert!(page.contains(report["status"]["line"].as_str().unwrap()));
    let of = |name: &str| report["totals"][name].as_u64().unwrap();
    assert_eq!(
        of("received"),
        of("good") + of("bad") + of("duplicate") + of("tombstone")
    );
    let over = report["timeline"]["buckets"].as_array().unwrap();
    let bad: u64 = over.iter().map(|bucket| bucket["bad"].as_u64().unwrap()).sum();
    assert_eq!(bad, of("bad"), "the timeline holds every bad row");
    for column in report["columns"].as_array().unwrap() {
        assert_eq!(column["rows"].as_u64().unwrap(), of("good"));
        let told = ["distinct", "min", "max", "mean", "median", "values"];
        if column["personal"] == true {
            assert!(told.iter().all(|what| column[*what].is_null()), "{column}");
        }
    }
    // A public value is shown as the foreign text that it is.
    let broken = report["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["id"] == "city.format");
    let found = broken.unwrap()["values"]["top"].as_array().unwrap();
    assert!(
        found.iter().any(|level| level["value"] == "<script>alert(1)</script>"),
        "{found:?}"
    );
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"));
}

#[test]
fn a_validated_files_report_counts_what_was_found_and_shows_nothing_personal() {
    let folder = generated(1_500);
    let file = folder.path().join("hr.candidate.csv");
    let out = folder.path().join("out");
    let shown = validate(&file, &out, true).with_code(1).json();
    let report = read_json(&out.join("report.json"));
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    check(&report, &page);
    assert_eq!(report["subject"]["name"], "hr.candidate.csv");
    for (name, of) in [("received", "rows"), ("good", "good"), ("bad", "bad")] {
        assert_eq!(report["totals"][name], shown[of], "{name}");
    }
    let mut due: BTreeMap<String, u64> = serde_json::from_value(shown["rules"].clone()).unwrap();
    let warned: BTreeMap<String, u64> = serde_json::from_value(shown["warnings"].clone()).unwrap();
    due.extend(warned);
    assert_eq!(rules(&report), due);

    // Without the flag there is no report, and the findings are the same.
    let plain = folder.path().join("plain");
    assert_eq!(validate(&file, &plain, false).with_code(1).json(), shown);
    assert!(!plain.join("report.html").exists() && !plain.join("report.json").exists());
}

#[test]
fn a_file_of_one_row_and_a_file_of_none_have_a_report_too() {
    let folder = generated(1);
    let text = std::fs::read_to_string(folder.path().join("hr.candidate.csv")).unwrap();
    for (lines, received) in [(1, 0), (2, 1)] {
        let file = folder.path().join(format!("{lines}.csv"));
        let kept: Vec<&str> = text.lines().take(lines).collect();
        std::fs::write(&file, kept.join("\n") + "\n").unwrap();
        let out = folder.path().join(format!("out{lines}"));
        validate(&file, &out, true);
        let report = read_json(&out.join("report.json"));
        assert_eq!(report["totals"]["received"], received);
    }
}

/// A project whose generated file went through ingest, with its ledger.
struct Reported {
    project: TempDir,
    database_url: String,
    day: String,
}

impl Reported {
    fn new() -> Self {
        let generated = generated(1_500);
        let csv = generated.path().join("hr.candidate.csv");
        let world = Self {
            project: fresh_project(&csv, &format!("it.reports.{}", std::process::id())),
            database_url: fresh_database("muster_it").unwrap(),
            day: String::new(),
        };
        std::fs::write(world.project.path().join("alerts/data-quality.yaml"), TARGET).unwrap();
        std::fs::write(world.project.path().join("secret"), SECRET).unwrap();
        world.run(&["migrate"]).with_code(0);
        world.run(&["demo", "--once"]).with_code(0);
        let day = world.ask("SELECT max((committed_at AT TIME ZONE 'UTC')::date) FROM batches");
        Self { day, ..world }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = muster();
        command.args(arguments).arg("--project").arg(self.project.path());
        command.env("DATABASE_URL", &self.database_url);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments))
    }

    fn ask(&self, statement: &str) -> String {
        let copied = format!("COPY ({statement}) TO STDOUT");
        let answer = self.run(&["psql", "-c", &copied]).with_code(0).output;
        answer.trim_end().to_owned()
    }

    /// A command that answers HTTP and needs no Kafka.
    fn serving(&self, token: Option<&Path>) -> Program {
        let mut command = self.command(&["score", "--http", "127.0.0.1:0", "--log", "info"]);
        if let Some(token) = token {
            command.env("MUSTER_HTTP_TOKEN_FILE", token);
        }
        Program::start(command)
    }
}

#[test]
fn a_ledgers_reports_say_what_the_ledger_says_wherever_they_are_asked_for() {
    let world = Reported::new();
    let served = world.serving(None);
    the_day_is_the_sum_of_its_batches(&world, &served);
    the_command_writes_what_is_served(&world, &served);
    nothing_is_kept_and_nobody_else_is_asked(&world, &served);
    others_are_turned_away(&world, &served);
    a_token_is_asked_for(&world);
    an_alert_leads_to_its_report(&world, &served);
    a_crowd_waits_or_comes_again(&world, &served);
    browser::it_is_looked_at(&world, &served);
    a_file_that_is_gone_is_told_of(&world, &served);
    let said = served.said();
    assert!(!said.contains(CANARY) && said.contains("a report was read"), "{said}");
}

fn the_day_is_the_sum_of_its_batches(world: &Reported, served: &Program) {
    let path = format!("/reports/{CONTRACT}/{}", world.day);
    let day: Value = serde_json::from_str(&served.ask(&format!("{path}.json"), &[]).body).unwrap();
    check(&day, &served.ask(&path, &[]).body);
    let reconciled = world.run(&["reconcile", "--format", "json"]).with_code(0).json();
    let sum = |name: &str| -> u64 {
        let rows = reconciled["reconcile"].as_array().unwrap();
        rows.iter().map(|row| row[name].as_u64().unwrap()).sum()
    };
    for name in ["received", "good", "bad", "duplicate", "tombstone"] {
        assert_eq!(day["totals"][name], sum(name), "{name}");
    }
    let ids = world.ask("SELECT id FROM batches ORDER BY id");
    let mut of_batches: BTreeMap<String, u64> = BTreeMap::new();
    for id in ids.lines() {
        let path = format!("/reports/{CONTRACT}/batch/{id}");
        let batch: Value = serde_json::from_str(&served.ask(&format!("{path}.json"), &[]).body).unwrap();
        assert_eq!(batch["subject"]["batch"].to_string(), id);
        for (rule, rows) in rules(&batch) {
            *of_batches.entry(rule).or_default() += rows;
        }
        // Its neighbours are there too.
        for link in batch["links"].as_array().unwrap() {
            let url = link["url"].as_str().unwrap();
            let base = format!("/reports/{CONTRACT}/batch/{url}");
            assert_eq!(served.ask(&plain(&base), &[]).code, 200, "{url}");
        }
    }
    assert_eq!(of_batches, rules(&day));
    // The same file judged without Kafka breaks the same rules.
    let file = world.project.path().join("raw-data/hr.candidate/aug_train.csv");
    let out = world.project.path().join("validated");
    validate(&file, &out, true).with_code(1);
    let of_file = read_json(&out.join("report.json"));
    let errors = |report: &Value| {
        let mut rules = rules(report);
        // One row in all partitions is another's first in its own.
        rules.remove("enrollee_id.unique");
        rules
    };
    assert_eq!(errors(&of_file), errors(&day));
    let missing = |report: &Value| -> Vec<Value> {
        let columns = report["columns"].as_array().unwrap().iter();
        columns.map(|column| column["missing"].clone()).collect()
    };
    assert_eq!(missing(&of_file), missing(&day));
}

/// A path without its `..`.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn the_command_writes_what_is_served(world: &Reported, served: &Program) {
    let path = format!("/reports/{CONTRACT}/{}.json", world.day);
    let mut due: Value = serde_json::from_str(&served.ask(&path, &[]).body).unwrap();
    let out = world.project.path().join("reports");
    let arguments = [
        "report",
        "--contract",
        CONTRACT,
        "--format",
        "json",
        "--out",
        out.to_str().unwrap(),
    ];
    // 20 % bad rows are more than the contract expects.
    let mut shown = world.run(&arguments).with_code(1).json();
    let page = out.join(format!("{CONTRACT}-{}.html", world.day));
    let mut written = read_json(&page.with_extension("json"));
    let of_batch = out.join("one.html");
    let id = world.ask("SELECT min(id) FROM batches");
    world.run(&[
        "report",
        "--contract",
        CONTRACT,
        "--batch",
        &id,
        "--out",
        of_batch.to_str().unwrap(),
    ]);
    let of_batch = std::fs::read_to_string(of_batch).unwrap();
    let command = format!("<code>muster report --contract {CONTRACT} --day {}</code>", world.day);
    assert!(
        of_batch.contains(&command),
        "a file leads to its neighbours by commands"
    );
    assert!(page.is_file());
    for report in [&mut due, &mut shown, &mut written] {
        let report = report.as_object_mut().unwrap();
        report.remove("made_at");
        report.remove("links");
    }
    assert_eq!(shown, due);
    assert_eq!(written, due);
    world
        .run(&["report", "--contract", CONTRACT, "--batch", "999999"])
        .with_code(2);
    let said = world.run(&["report", "--contract", "hr.candidat"]).with_code(2).said;
    assert!(said.contains(CONTRACT), "the nearest name is told: {said}");
}

fn nothing_is_kept_and_nobody_else_is_asked(world: &Reported, served: &Program) {
    let day = format!("/reports/{CONTRACT}/{}", world.day);
    for path in ["/reports/", &day, &format!("{day}.json"), "/reports/nobody/2026-01-01"] {
        let head = served.ask(path, &[]).head;
        for header in [
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "content-security-policy: default-src 'none'; style-src 'sha256-",
            "frame-ancestors 'none'",
        ] {
            assert!(head.contains(header), "{path}: no `{header}` in {head}");
        }
        assert!(!head.contains("-inline") && !head.contains("-eval"), "{head}");
    }
    let index = served.ask("/reports/", &[]).body;
    assert!(index.contains(&format!("href=\"{CONTRACT}/{}\"", world.day)), "{index}");
}

fn others_are_turned_away(world: &Reported, served: &Program) {
    let day = format!("/reports/{CONTRACT}/{}", world.day);
    let foreign = served.ask(&day, &["Host: evil.example"]);
    assert_eq!(foreign.code, 403);
    assert!(foreign.body.contains("localhost"), "{}", foreign.body);
    for path in [
        "/reports/nobody/2026-01-01",
        "/reports/hr.candidate/yesterday",
        "/reports/hr.candidate/batch/999999",
        "/reports/hr.candidate/batch/1%20or%201=1",
        "/reports/..%2f..%2fetc/passwd",
        "/reports/hr.candidate/../../etc/passwd",
    ] {
        assert_eq!(served.ask(path, &[]).code, 404, "{path}");
    }
    assert_eq!(
        served.ask("/metrics", &["Host: evil.example"]).code,
        200,
        "metrics hold nothing personal"
    );
}

fn a_token_is_asked_for(world: &Reported) {
    let file = world.project.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let served = world.serving(Some(&file));
    let day = format!("/reports/{CONTRACT}/{}", world.day);
    for path in ["/reports/", &day, &format!("{day}.json")] {
        let without = served.ask(path, &[]);
        assert_eq!(without.code, 401, "{path}");
        assert!(
            without.head.contains("www-authenticate: basic"),
            "a browser asks for it"
        );
        assert!(!without.body.contains(CONTRACT));
        assert_eq!(served.ask(path, &["Authorization: Bearer wrong"]).code, 401);
        let with = format!("Authorization: Bearer {TOKEN}");
        assert_eq!(served.ask(path, &[&with]).code, 200, "{path}");
        // Behind a proxy the name is another's.
        assert_eq!(served.ask(path, &[&with, "Host: muster.example"]).code, 200);
    }
    assert_eq!(served.ask("/readyz", &[]).code, 200);
    assert!(!served.said().contains(TOKEN));
    std::fs::write(&file, "short\n").unwrap();
    let mut command = world.command(&["score", "--http", "127.0.0.1:0"]);
    command.env("MUSTER_HTTP_TOKEN_FILE", &file);
    let said = run(command).with_code(2).said;
    assert!(said.contains("too short") && !said.contains("`short`"), "{said}");
}

/// Whoever asks while others wait is told to come again, and nobody is left without an answer.
fn a_crowd_waits_or_comes_again(world: &Reported, served: &Program) {
    let day = format!("/reports/{CONTRACT}/{}", world.day);
    let answers: Vec<Answer> = std::thread::scope(|threads| {
        let asking: Vec<_> = (0..16).map(|_| threads.spawn(|| served.ask(&day, &[]))).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let (served, sent_away): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.code == 200);
    assert!(served.len() >= 5, "{} of 16", served.len());
    for answer in sent_away {
        assert_eq!(answer.code, 503);
        assert!(answer.head.contains("retry-after: 5"), "{}", answer.head);
    }
}

/// The counts are the ledger's and stay; what was in the file is not there, and the report says why.
fn a_file_that_is_gone_is_told_of(world: &Reported, served: &Program) {
    let path = world.ask("SELECT path FROM files WHERE kind = 'bad' ORDER BY id LIMIT 1");
    let day = format!("/reports/{CONTRACT}/{}.json", world.day);
    let before: Value = serde_json::from_str(&served.ask(&day, &[]).body).unwrap();
    assert_eq!(before["notes"], serde_json::json!([]));
    std::fs::remove_file(world.project.path().join(&path)).unwrap();
    let after: Value = serde_json::from_str(&served.ask(&day, &[]).body).unwrap();
    assert_eq!(after["totals"], before["totals"]);
    assert_eq!(rules(&after), rules(&before));
    let notes = after["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].as_str().unwrap().contains(&path), "{notes:?}");
}

/// The message of an expectation that was missed carries the address of a report, and the report is there.
fn an_alert_leads_to_its_report(world: &Reported, served: &Program) {
    let receiver = Receiver::start();
    std::thread::sleep(Duration::from_millis(1_100));
    let mut command = world.command(&["alerts", "send", "--once"]);
    command.env("PEOPLE_URL", receiver.url());
    command.env("MUSTER_PUBLIC_URL", format!("http://{}/", served.address()));
    run(command).with_code(0);
    let mut followed = 0;
    for heard in receiver.heard() {
        for alert in heard.body["alerts"].as_array().unwrap() {
            let link = alert["generatorURL"].as_str().unwrap();
            let path = link.strip_prefix(&format!("http://{}", served.address())).unwrap();
            let report = served.ask(&format!("{path}.json"), &[]);
            let report: Value = serde_json::from_str(&report.body).unwrap();
            assert_eq!(
                report["subject"]["batch"].to_string(),
                alert["labels"]["batch"].as_str().unwrap()
            );
            let missed = report["expectations"].as_array().unwrap().iter();
            let missed = missed.filter(|expected| expected["id"] == alert["labels"]["alertname"]);
            assert_eq!(
                missed.map(|expected| expected["missed"].clone()).collect::<Vec<_>>(),
                [1]
            );
            followed += 1;
        }
    }
    assert!(followed > 0, "no alert was told");
}
