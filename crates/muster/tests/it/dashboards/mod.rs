//! The dashboards, the scrape configuration and the alert rules, held against a real PostgreSQL, a real Prometheus and a
//! real Alertmanager.

mod alerting;
mod boards;
mod ledger;
mod receiver;

use std::path::Path;
use std::time::{Duration, Instant};

use muster_sandbox::Monitor;
use muster_sandbox::monitoring::for_tests;
use muster_sandbox::postgres::fresh_database;
use serde_json::Value;

use crate::program::{Program, muster, run};
use alerting::Files;
pub use boards::repository;
use boards::{boards, expression, metric_names};
use ledger::Ledger;
use receiver::Receiver;

const LIMIT: Duration = Duration::from_mins(2);

/// What is wrong is not there after a demo: these panels are held against [`ledger::fill`].
const OF_TROUBLE: [&str; 4] = [
    "Paused sources and why",
    "Latest alerts",
    "Expectations missed",
    "Parked batches",
];

pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Each slot of the shipped schedule, and a slot each minute: a rate is a number only once a pass ends between two
/// scrapes.
const SCHEDULE: [&str; 2] = ["score: \"*/2 * * * *\"", "score: \"* * * * *\""];

/// A demo that stays up: the shipped project, scored each minute, in a folder of its own.
struct Live {
    folder: tempfile::TempDir,
    ledger: Ledger,
    demo: Program,
    address: String,
}

impl Live {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["schemas", "pipelines", "alerts", "raw-data"] {
            copy_folder(&repository(part), &folder.path().join(part));
        }
        let pipeline = folder.path().join("pipelines/job-change.yaml");
        let shipped = std::fs::read_to_string(&pipeline).unwrap();
        assert!(shipped.contains(SCHEDULE[0]), "the shipped schedule is another");
        std::fs::write(pipeline, shipped.replace(SCHEDULE[0], SCHEDULE[1])).unwrap();
        let ledger = Ledger::new(fresh_database("muster_it").unwrap());
        ledger.migrate();
        let mut command = muster();
        command
            .args(["demo", "--http", "127.0.0.1:0", "--seal-secs", "0.5", "--log", "info"])
            .arg("--project")
            .arg(folder.path())
            .env("DATABASE_URL", &ledger.url);
        let demo = Program::start(command);
        let said = demo.wait_said("answering http://", LIMIT);
        let address = said
            .split_once("http://")
            .and_then(|(_, rest)| rest.split_once('/'))
            .unwrap()
            .0;
        Self {
            address: address.to_owned(),
            folder,
            ledger,
            demo,
        }
    }

    /// Drops a file of rows into the watched folder: six hundred people whom the shipped sample does not have, two fifths
    /// of their rows bad.
    fn drop_rows(&self) {
        let made = self.folder.path().join("made");
        let mut command = muster();
        command
            .args([
                "generate",
                "hr.candidate",
                "--rows",
                "2600",
                "--faults",
                "0.4",
                "--seed",
                "9",
                "--out",
            ])
            .arg(&made);
        run(command).with_code(0);
        // Damaged text is among them: bytes.
        let made = std::fs::read(made.join("hr.candidate.csv")).unwrap();
        let lines: Vec<&[u8]> = made.split_inclusive(|byte| *byte == b'\n').collect();
        let more = [&lines[..1], &lines[2_001..]].concat().concat();
        std::fs::write(self.folder.path().join("raw-data/hr.candidate/more.csv"), more).unwrap();
    }
}

/// The value of each series that an expression gives.
fn ask(prometheus: &Monitor, expression: &str) -> Vec<f64> {
    let encoded = percent_encoding::utf8_percent_encode(expression, percent_encoding::NON_ALPHANUMERIC);
    let answer = prometheus.get(&format!("/api/v1/query?query={encoded}")).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["status"], "success", "`{expression}`: {answer}");
    let series = answer["data"]["result"].as_array().unwrap().clone();
    let value = |series: &Value| series["value"][1].as_str().unwrap().parse::<f64>().unwrap();
    series.iter().map(value).collect()
}

/// Asks until every expression gives a number, or the time is over: what is left.
fn silent(prometheus: &Monitor, mut left: Vec<(String, String)>, limit: Duration) -> Vec<(String, String)> {
    let begun = Instant::now();
    loop {
        left.retain(|(_, expression)| ask(prometheus, expression).iter().all(|value| value.is_nan()));
        if left.is_empty() || begun.elapsed() > limit {
            return left;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn a_live_demo_answers_every_query_and_its_end_is_told_to_a_receiver() {
    let live = Live::start();
    let receiver = Receiver::start();
    let files = Files::read();
    let routes = files.routes(&receiver.url());
    let Some(alertmanager) = for_tests(Monitor::alertmanager(&routes)) else {
        return;
    };
    let config = files.scrape(&live.address, &alertmanager.address());
    let rules = [("rules/muster.yml", &*files.rules())];
    let Some(prometheus) = for_tests(Monitor::prometheus(&config, &rules)) else {
        return;
    };
    live.demo.wait_said("staying up", LIMIT);
    live.drop_rows();
    live.ledger.wait_for("drift", LIMIT);

    // The ledger's panels.
    for board in boards() {
        let chosen = live.ledger.choose(&board);
        for query in &board.statements {
            let rows = live.ledger.rows(query, &chosen, 1);
            let may_be_none = OF_TROUBLE.iter().any(|title| query.place.contains(title));
            assert!(rows > 0 || may_be_none, "`{}` shows nothing after a demo", query.place);
        }
    }

    // Prometheus' panels, and what the rules look at.
    let mut expressions = Vec::new();
    for board in boards() {
        let chosen = live.ledger.choose(&board);
        expressions.extend(
            board
                .expressions
                .into_iter()
                .map(|query| (query.place, expression(&query.text, &chosen, "2m"))),
        );
    }
    let looked_at = metric_names(&files.rules());
    expressions.extend(looked_at.into_iter().map(|name| ("the rules".to_owned(), name)));
    let left = silent(&prometheus, expressions, LIMIT);
    assert!(left.is_empty(), "no data in {LIMIT:?}: {left:#?}");
    let judged: Value = serde_json::from_str(&prometheus.get("/api/v1/rules").unwrap()).unwrap();
    for rule in judged["data"]["groups"][0]["rules"].as_array().unwrap() {
        assert_eq!(rule["health"], "ok", "{rule}");
    }

    // One that answers no more is told of, once, with the page that says what to do.
    live.demo.signal("TERM");
    live.demo.wait(LIMIT).with_code(0);
    let told = receiver.wait_for("MusterDown", Duration::from_mins(1));
    assert_eq!(told["status"], "firing");
    assert_eq!(told["commonLabels"]["job"], "muster");
    let page = told["commonAnnotations"]["runbook_url"].as_str().unwrap();
    assert!(repository(page).is_file(), "no page `{page}`");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(receiver.count("MusterDown"), 1, "told once");
}

/// With `MUSTER_LEDGER_BATCHES=10000` this is a month of a busy ledger, a million predictions; it says how long each
/// panel takes.
#[test]
fn every_panel_shows_rows_of_a_busy_ledger_with_trouble() {
    let given = std::env::var("MUSTER_LEDGER_BATCHES").ok();
    let batches = given.as_deref().map_or(1000, |batches| batches.parse().unwrap());
    let ledger = Ledger::new(fresh_database("muster_it").unwrap());
    ledger.migrate();
    ledger.fill(batches, if given.is_some() { 100 } else { 5 });
    let mut took = Vec::new();
    for board in boards() {
        let chosen = ledger.choose(&board);
        for query in &board.statements {
            let (rows, millis) = ledger.explain(query, &chosen, 31);
            assert!(rows > 0, "`{}` shows nothing", query.place);
            took.push((millis, query.place.clone()));
        }
    }
    took.sort_by(|one, other| other.0.total_cmp(&one.0));
    ledger::report(&took);
}
