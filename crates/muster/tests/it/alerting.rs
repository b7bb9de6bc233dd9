//! Alerts from the fact to the receiver, whatever the receiver does and whoever dies.

use std::process::Command;
use std::time::{Duration, Instant};

use muster_batch::{Alert, AlertState};
use muster_sandbox::postgres::fresh_database;
use muster_store::{Ledger, Role, Settings};
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, Program, muster, run};
use crate::receiver::{Answer, Receiver, SECRET};
use crate::world::World;

const LIMIT: Duration = Duration::from_mins(1);

/// The variable that holds the receiver's address, and a target that is told at once.
const TARGET: &str = "version: 1
kind: webhook
url: { env: PEOPLE_URL }
secrets: [{ file: secret }]
allow_hosts: [127.0.0.1]
group: { wait: 1s, interval: 1s, repeat: 1s }
limits: { messages_per_minute: 600 }
";

/// A project with a target and a ledger, without Kafka.
struct Outbox {
    folder: TempDir,
    database_url: String,
    receiver: Receiver,
    runtime: tokio::runtime::Runtime,
    ledger: Ledger,
}

impl Outbox {
    fn new(target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["schemas", "alerts"] {
            std::fs::create_dir(folder.path().join(part)).unwrap();
        }
        std::fs::write(folder.path().join("alerts/people.yaml"), target).unwrap();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        let database_url = fresh_database("alerting").unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let ledger = Ledger::new(&Settings::new(&database_url), Role::Ingest).unwrap();
        let outbox = Self {
            folder,
            database_url,
            receiver: Receiver::start(),
            runtime,
            ledger,
        };
        outbox.run(&["migrate"]).with_code(0);
        outbox
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = muster();
        command.args(arguments).arg("--project").arg(self.folder.path());
        command.env("DATABASE_URL", &self.database_url);
        command.env("PEOPLE_URL", self.receiver.url());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments))
    }

    /// One pass of the sender: what was delivered, what was not.
    fn send(&self) -> (u64, u64) {
        let sent = self
            .run(&["alerts", "send", "--once", "--format", "json"])
            .with_code(0)
            .json();
        (sent["delivered"].as_u64().unwrap(), sent["failed"].as_u64().unwrap())
    }

    fn raise(&self, alerts: &[Alert]) {
        self.runtime.block_on(self.ledger.raise(alerts)).unwrap();
    }

    fn order(&self, statement: &str) {
        self.run(&["psql", "-c", statement]).with_code(0);
    }

    /// Makes everything due that only time would make due.
    fn pass_time(&self) {
        self.order(
            "UPDATE alert_messages SET next_try_at = now(), leased_until = NULL WHERE state = 'open';
             UPDATE alert_targets SET not_before = now();
             UPDATE alert_deliveries SET raised_at = raised_at - interval '1 day';
             UPDATE alert_conditions SET told_at = told_at - interval '1 day'",
        );
    }

    fn list(&self) -> Value {
        self.run(&["alerts", "list", "--format", "json"]).with_code(0).json()
    }
}

fn alert(condition: &str) -> Alert {
    Alert {
        fingerprint: format!("contract/school.visit/{condition}"),
        condition: condition.to_owned(),
        about: "school.visit".to_owned(),
        state: AlertState::Firing,
        measured: Some(0.5),
        threshold: Some(0.1),
        window: "visits partition 0 [0,10)".to_owned(),
        target: None,
    }
}

#[test]
fn whatever_a_receiver_answers_first_it_is_told_each_alert_once_under_one_id() {
    let outbox = Outbox::new(TARGET);
    let cases = [
        (Answer::Status(500), "server_error", "open"),
        (Answer::Status(404), "client_error", "open"),
        (Answer::RetryAfter(3_600), "throttled", "open"),
        (Answer::Redirect, "redirected", "open"),
        (Answer::Status(410), "gone", "parked"),
    ];
    for (at, (answer, failure, state)) in cases.into_iter().enumerate() {
        outbox.receiver.answers([answer]);
        outbox.raise(&[alert(&format!("condition_{at}"))]);
        assert_eq!(outbox.send(), (0, 0), "news waits a second for company");
        outbox.pass_time();
        assert_eq!(outbox.send(), (0, 1), "{answer:?}");
        let list = outbox.list();
        let message = &list["messages"][0];
        assert_eq!(
            (&message["failure"], &message["state"]),
            (&failure.into(), &state.into()),
            "{list}"
        );
        let told = list.to_string();
        assert!(!told.contains("/hook") && !told.contains("whsec_"), "{told}");
        if answer == Answer::RetryAfter(3_600) {
            let again = message["next_try_at"]
                .as_str()
                .unwrap()
                .parse::<chrono::DateTime<chrono::Utc>>();
            let wait = again.unwrap() - chrono::Utc::now();
            assert!((3_500..=3_600).contains(&wait.num_seconds()), "{wait}");
        }
        if state == "parked" {
            assert_eq!(list["targets"][0]["disabled_reason"], "answered 410");
            outbox.run(&["alerts", "resend", "--target", "people"]).with_code(0);
        } else {
            assert_eq!(outbox.send(), (0, 0), "{answer:?}: it is not tried again at once");
            outbox.pass_time();
        }
        assert_eq!(outbox.send(), (1, 0), "{answer:?}");
        let heard = outbox.receiver.heard();
        let [.., first, second] = &heard[..] else {
            panic!("{heard:?}")
        };
        assert_eq!(first.id, second.id, "{answer:?}");
        assert_eq!(first.body, second.body, "{answer:?}");
    }
    assert_eq!(outbox.receiver.strays(), 0, "no redirect was followed");
    let told = outbox.receiver.told();
    assert_eq!(
        told.into_iter().collect::<Vec<_>>(),
        (1..=5).map(|id| (id, 1)).collect::<Vec<_>>()
    );
}

#[test]
fn an_address_may_come_from_a_file_that_a_variable_names() {
    let outbox = Outbox::new(TARGET);
    outbox.raise(&[alert("bad_ratio")]);
    let file = outbox.folder.path().join("url");
    std::fs::write(&file, outbox.receiver.url() + "\n").unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let mut command = outbox.command(&["alerts", "send", "--once", "--format", "json"]);
    command.env_remove("PEOPLE_URL").env("PEOPLE_URL_FILE", &file);
    assert_eq!(run(command).with_code(0).json()["delivered"], 1);
}

#[test]
fn a_storm_of_ten_thousand_violations_is_a_few_messages_that_leave_none_out() {
    let outbox = Outbox::new(
        &TARGET
            .replace("messages_per_minute: 600", "messages_per_minute: 60")
            .replace("{ wait", "{ by: [about], wait"),
    );
    outbox.receiver.shake();
    let begun = Instant::now();
    let sender = Program::start(outbox.command(&["alerts", "send"]));
    for batch in 0..100 {
        let alerts: Vec<Alert> = (0..100)
            .map(|at| alert(&format!("rule_{}", (batch + at) % 7)))
            .collect();
        outbox.raise(&alerts);
    }
    let raised = begun.elapsed();
    loop {
        let told = outbox.receiver.told();
        if told.len() == 10_000 {
            break;
        }
        assert!(
            begun.elapsed() < LIMIT * 2,
            "{} of 10000 were told, raised in {raised:?}",
            told.len()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    sender.signal("TERM");
    sender.wait(LIMIT).with_code(0);
    assert!(outbox.receiver.told().values().all(|&times| times == 1), "each once");
    let heard = outbox.receiver.heard();
    let minutes = (begun.elapsed().as_secs_f64() / 60.0).ceil();
    assert!(
        heard.len() as f64 <= 60.0 * minutes,
        "{} requests in {minutes} minutes, raised within {raised:?}",
        heard.len()
    );
    for pair in heard.windows(2) {
        let apart = pair[1].at - pair[0].at;
        assert!(apart >= Duration::from_millis(900), "two requests {apart:?} apart");
    }
    for message in &heard {
        assert!(message.body.to_string().len() <= 20_000, "within the budget");
    }
}

#[test]
fn a_sender_killed_while_it_sends_is_followed_by_another_with_the_same_message() {
    let outbox = Outbox::new(TARGET);
    outbox.receiver.answers([Answer::Silence]);
    outbox.raise(&[alert("bad_ratio")]);
    outbox.pass_time();
    let first = Program::start(outbox.command(&["alerts", "send"]));
    // Alerts that are assigned a moment later count their seconds from when they were raised.
    let heard = outbox.receiver.wait_heard(1, LIMIT);
    first.signal("KILL");
    first.wait(LIMIT).killed();
    assert_eq!(outbox.send(), (0, 0), "its lease holds");
    outbox.pass_time();
    let senders = [
        Program::start(outbox.command(&["alerts", "send"])),
        Program::start(outbox.command(&["alerts", "send"])),
    ];
    let again = outbox.receiver.wait_heard(2, LIMIT);
    std::thread::sleep(Duration::from_secs(2));
    for sender in senders {
        sender.signal("TERM");
        sender.wait(LIMIT).with_code(0);
    }
    assert_eq!(again[1].id, heard[0].id);
    assert_eq!(outbox.receiver.heard().len(), 2, "one of the two sent it");
    assert_eq!(outbox.receiver.told().into_iter().collect::<Vec<_>>(), [(1, 1)]);
}

#[test]
fn an_address_that_is_missing_or_private_holds_alerts_back_without_a_word_to_anyone() {
    let outbox = Outbox::new(&TARGET.replace("allow_hosts: [127.0.0.1]\n", ""));
    outbox.raise(&[alert("bad_ratio")]);
    outbox.send();
    outbox.pass_time();
    assert_eq!(outbox.send(), (0, 1));
    assert_eq!(outbox.list()["messages"][0]["failure"], "refused");
    let mut command = outbox.command(&["alerts", "send", "--once"]);
    command.env_remove("PEOPLE_URL");
    outbox.pass_time();
    run(command).with_code(0);
    let list = outbox.list();
    assert_eq!(list["messages"][0]["failure"], "unconfigured");
    assert_eq!(
        list["messages"][0]["last_error"],
        "the environment variable `PEOPLE_URL` is not set"
    );
    assert_eq!(outbox.receiver.heard().len(), 0);
}

#[test]
fn a_target_is_tried_out_before_it_is_needed() {
    let outbox = Outbox::new(TARGET);
    let tested = outbox.run(&["alerts", "test", "people"]).with_code(0);
    assert!(tested.output.contains("was taken"), "{}", tested.output);
    let heard = outbox.receiver.heard();
    assert_eq!(heard[0].body["alerts"][0]["labels"]["alertname"], "test");
    outbox.receiver.answers([Answer::Status(403)]);
    let refused = outbox.run(&["alerts", "test", "people"]).with_code(1);
    assert!(refused.output.contains("answered 403"), "{}", refused.output);
    let printed = outbox
        .run(&["alerts", "test", "people", "--print", "--format", "json"])
        .with_code(0);
    assert_eq!(printed.json()["receiver"], "people");
    let unknown = outbox.run(&["alerts", "test", "peple"]).with_code(2);
    assert!(unknown.said.contains("people"), "{}", unknown.said);
}

#[test]
fn an_unknown_target_is_found_before_anything_runs() {
    let Some(world) = World::new("targets", 1) else { return };
    let contract = world.path().join("schemas/school.visit.contract.yaml");
    let yaml = std::fs::read_to_string(&contract).unwrap();
    std::fs::write(&contract, yaml.replace("max: 0.9 }", "max: 0.9, alert: people }")).unwrap();
    let found = world.run(&["check"]).with_code(1).output;
    assert!(
        found.contains("unknown alert target `people`: the project has none"),
        "{found}"
    );
    std::fs::create_dir(world.path().join("alerts")).unwrap();
    std::fs::write(world.path().join("alerts/peopel.yaml"), TARGET).unwrap();
    let found = world.run(&["check"]).with_code(1).output;
    assert!(found.contains("did you mean `peopel`"), "{found}");
    std::fs::rename(
        world.path().join("alerts/peopel.yaml"),
        world.path().join("alerts/people.yaml"),
    )
    .unwrap();
    let found = world.run(&["check"]).with_code(0).output;
    assert!(found.contains("1 alert target are in order"), "{found}");
}

#[test]
fn bad_rows_are_told_of_and_so_is_their_end() {
    let Some(world) = World::new("told", 1) else { return };
    let receiver = Receiver::start();
    let contract = world.path().join("schemas/school.visit.contract.yaml");
    let yaml = std::fs::read_to_string(&contract).unwrap();
    std::fs::write(&contract, yaml.replace("max: 0.9 }", "max: 0.2, alert: people }")).unwrap();
    std::fs::create_dir(world.path().join("alerts")).unwrap();
    std::fs::write(world.path().join("alerts/people.yaml"), TARGET).unwrap();
    std::fs::write(world.path().join("secret"), SECRET).unwrap();
    let publish = |file: &str, level: &str, first: u32| {
        let rows = (first..first + 10).map(|at| format!("{at},{level},{at},2026-01-01T00:00:00Z,0\n"));
        let text: String = std::iter::once("number,level,hours,occurred_at,target\n".to_owned())
            .chain(rows)
            .collect();
        let path = world.path().join(file);
        std::fs::write(&path, text).unwrap();
        world
            .run(&["publish", path.to_str().unwrap(), "--contract", "school.visit"])
            .with_code(0);
    };
    let mut command = world.command(&["serve", "--seal-secs", "0.2", "--http", "127.0.0.1:0", "--log", "info"]);
    command.env("PEOPLE_URL", receiver.url());
    let serve = Program::start(command);
    publish("bad.csv", "geheim", 1);
    let firing = receiver.wait_heard(1, LIMIT).remove(0).body;
    assert_eq!(firing["status"], "firing");
    assert_eq!(firing["commonLabels"]["alertname"], "bad_ratio");
    assert_eq!(firing["alerts"][0]["measured"], 1.0);
    assert!(!firing.to_string().contains("geheim"), "{firing}");
    publish("good.csv", "high", 11);
    let begun = Instant::now();
    let resolved = loop {
        let last = receiver.heard().pop().unwrap().body;
        if last["status"] == "resolved" {
            break last;
        }
        assert!(begun.elapsed() < LIMIT, "{last}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(resolved["alerts"][0]["fingerprint"], firing["alerts"][0]["fingerprint"]);
    // The receiver hears before the sender counts.
    while serve.metric("muster_alert_deliveries_total") < 2.0 {
        assert!(begun.elapsed() < LIMIT, "two deliveries are not counted");
        std::thread::sleep(Duration::from_millis(50));
    }
    serve.signal("TERM");
    serve.wait(LIMIT).with_code(0);
    assert!(receiver.told().values().all(|&times| times == 1), "each once");
}
