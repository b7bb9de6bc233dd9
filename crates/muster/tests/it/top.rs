//! `muster top`: its counts are the account's, a pause is shown with its reason, and the terminal is given back however
//! it ends.

use std::time::Duration;

use muster_sandbox::kafka::broker_for_tests;
use muster_sandbox::postgres::Temporary;
use serde_json::{Value, json};

use crate::oracle::{Producer, check};
use crate::program::{Program, muster, run};
use crate::terminal::Terminal;
use crate::world::{PIPELINE, World};

const LIMIT: Duration = Duration::from_mins(1);

/// Where a program answers HTTP.
fn url(program: &Program) -> String {
    let line = program.wait_said("answering http", LIMIT);
    let port = line.split("127.0.0.1:").nth(1).unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    format!("http://127.0.0.1:{port}")
}

fn once(world: &World, more: &[&str]) -> Value {
    let arguments = [&["top", "--once", "--format", "json"], more].concat();
    world.run(&arguments).with_code(0).json()
}

/// Topic, partition and counts, as both commands name them.
fn counts(rows: &Value) -> Vec<Value> {
    let names = [
        "topic",
        "partition",
        "received",
        "good",
        "bad",
        "duplicate",
        "tombstone",
        "repaired",
    ];
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| names.iter().map(|name| row[name].clone()).collect())
        .collect()
}

/// Waits until nothing lags any more, and gives what was seen then.
fn caught_up(world: &World, url: &str) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let seen = once(world, &["--url", url]);
        if seen["total"]["lag_records"] == json!(0) && seen["total"]["lag_is_whole"] == json!(true) {
            return seen;
        }
        assert!(begun.elapsed() < LIMIT, "it goes on to lag: {seen}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn its_counts_are_those_of_the_account_its_lag_goes_to_zero_and_its_runs_are_told() {
    let Some(world) = World::new("top", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(1_200);
    world.run(&["ingest", "--once"]).with_code(0);
    let alone = once(&world, &["--url", "127.0.0.1:1"]);
    assert_eq!(alone["total"]["lag_records"], Value::Null, "nobody knows: {alone}");
    assert_eq!(alone["workers"][0]["reason"], "nobody listens there");

    let worker = world.ingest();
    producer.send(1_200);
    world.wait_received(producer.log.records(), LIMIT);
    let seen = caught_up(&world, &url(&worker));
    let account = world.run(&["reconcile", "--format", "json"]).with_code(0).json();
    assert_eq!(counts(&seen["sources"]), counts(&account["reconcile"]));
    assert_eq!(seen["total"]["received"], json!(producer.log.records()));
    for source in seen["sources"].as_array().unwrap() {
        assert_eq!(source["state"], "running");
        assert!(source["rows_per_sec"].as_f64().unwrap() > 0.0, "{source}");
        assert_eq!(source["behind_secs"], 0);
    }
    assert_eq!(seen["workers"][0]["ledger_up"], true);

    world.run(&["train", PIPELINE, "--fold-seeds", "1"]).with_code(0);
    world.run(&["score", "--once"]).with_code(0);
    let scored = once(&world, &[]);
    let last = &scored["pipelines"][0]["last_run"];
    assert_eq!(last["state"], "done", "{scored}");
    assert_eq!(last["predictions"], scored["total"]["good"]);
    assert!(scored["pipelines"][0]["next_slot"].is_string(), "{scored}");

    // Where nobody looks on, a table is printed and that is all.
    let printed = world.run(&["top", "--url", &url(&worker)]).with_code(0).output;
    assert!(printed.contains(&world.topic) && printed.contains("done"), "{printed}");
    assert!(!printed.contains('\u{1b}'), "no terminal, no escapes");
    worker.signal("TERM");
    worker.wait(LIMIT).with_code(0);
    check(&world, &producer.log, true);
}

#[test]
fn a_paused_source_is_shown_with_its_reason_until_it_is_resumed() {
    let limits = ("ratio: 0.95, rows: 10000", "ratio: 0.5, rows: 200");
    let Some(world) = World::altered("top-paused", 3, &[limits]) else {
        return;
    };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(300);
    producer.send_undecodable(1, 700);
    world.run(&["ingest", "--once"]).with_code(3);
    let seen = once(&world, &[]);
    let states: Vec<&str> = seen["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["running", "paused", "running"], "committed to a moment ago");
    let reason = seen["sources"][1]["paused_reason"].as_str().unwrap();
    assert!(reason.starts_with("stop_above: "), "{reason}");
    let firing: Vec<&Value> = seen["firing"].as_array().unwrap().iter().collect();
    assert!(
        firing.iter().any(|firing| firing["condition"] == "stop_above"),
        "{seen}"
    );

    let terminal = Terminal::start(&world.command(&["top", "--every-secs", "0.2"]), 120, 30);
    terminal.wait_shows("1/3 paused", LIMIT);
    let screen = terminal.wait_shows("needs somebody", LIMIT);
    assert!(screen.contains(reason), "{screen}");
    world.run(&["resume", "--all"]).with_code(0);
    terminal.wait_that(LIMIT, "shows no pause", |screen| !screen.contains("1/3 paused"));
    terminal.type_keys("q");
    terminal.wait(LIMIT).given_back(0);
}

#[test]
fn its_keys_do_what_they_say_and_the_terminal_is_given_back_however_it_ends() {
    let Some(world) = World::new("top-keys", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(300);
    world.run(&["ingest", "--once"]).with_code(0);
    let command = || {
        let mut command = world.command(&["top", "--every-secs", "0.2"]);
        command.env_remove("NO_COLOR");
        command
    };
    let terminal = Terminal::start(&command(), 110, 30);
    terminal.wait_shows("ledger up", LIMIT);
    let topic = format!("▸ {}", world.topic);
    terminal.wait_shows(&topic, LIMIT);
    terminal.type_keys("\r");
    terminal.wait_shows("partition 2", LIMIT);
    terminal.type_keys("?");
    terminal.wait_shows("hold the screen still", LIMIT);
    terminal.type_keys("\u{1b}");
    terminal.wait_that(LIMIT, "explains no keys", |screen| !screen.contains("hold the screen"));
    terminal.type_keys("ss");
    terminal.wait_shows("rows/s▾", LIMIT);
    terminal.type_keys("r");
    terminal.wait_shows("rows/s▴", LIMIT);
    terminal.resize(60, 12);
    terminal.wait_that(LIMIT, "has fewer columns", |screen| !screen.contains("duplicate"));
    terminal.resize(110, 30);
    terminal.wait_shows("duplicate", LIMIT);
    terminal.type_keys("p");
    terminal.wait_shows("held still", LIMIT);
    terminal.type_keys("q");
    let left = terminal.wait(LIMIT).given_back(0);
    assert!(
        left.raw.contains("\u{1b}[32m") || left.raw.contains("38;5;2"),
        "there were colours"
    );

    for end in ["\u{3}", "TERM", "INT"] {
        let terminal = Terminal::start(&command(), 80, 20);
        terminal.wait_shows("ledger up", LIMIT);
        match end {
            "\u{3}" => terminal.type_keys(end),
            signal => terminal.signal(signal),
        }
        terminal.wait(LIMIT).given_back(0);
    }

    let mut plain = command();
    plain.env("NO_COLOR", "1");
    let terminal = Terminal::start(&plain, 80, 20);
    terminal.wait_shows("ledger up", LIMIT);
    terminal.type_keys("q");
    let left = terminal.wait(LIMIT).given_back(0);
    for colour in ["[31m", "[32m", "[33m", "38;5;"] {
        assert!(!left.raw.contains(colour), "{colour} without colours");
    }
}

#[cfg(feature = "failpoints")]
#[test]
fn a_bug_while_drawing_gives_the_terminal_back_too() {
    let Some(world) = World::new("top-panics", 1) else {
        return;
    };
    let mut command = world.command(&["top"]);
    command.env("FAILPOINTS", "top.draw=3*off->panic");
    let terminal = Terminal::start(&command, 80, 20);
    let left = terminal.wait(LIMIT).given_back(101);
    assert!(left.screen.contains("a bug: a thread panicked"), "{}", left.screen);
}

#[test]
fn a_ledger_that_goes_down_is_said_with_what_is_still_shown_and_comes_back_by_itself() {
    let Some(brokers) = broker_for_tests() else { return };
    let mut postgres = Temporary::start().unwrap();
    let world = World::with(brokers, postgres.url().to_owned(), "top-down", 1);
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 1);
    producer.send(100);
    world.run(&["ingest", "--once"]).with_code(0);
    let terminal = Terminal::start(&world.command(&["top", "--every-secs", "0.2"]), 140, 20);
    terminal.wait_shows("ledger up", LIMIT);
    terminal.wait_shows(&world.topic, LIMIT);
    postgres.kill().unwrap();
    let screen = terminal.wait_shows("ledger down since", LIMIT);
    assert!(screen.contains("shown as of"), "{screen}");
    assert!(
        screen.contains(&world.topic),
        "what was known is still there:\n{screen}"
    );
    let refused = world.run(&["top", "--once"]).with_code(2);
    assert!(refused.output.is_empty(), "{}", refused.output);
    postgres.restart().unwrap();
    terminal.wait_shows("ledger up", LIMIT);
    terminal.type_keys("q");
    terminal.wait(LIMIT).given_back(0);
}

#[test]
fn an_address_that_is_none_is_refused_before_anything_is_asked() {
    let mut command = muster();
    command.args(["top", "--url", "ftp://somewhere"]);
    let refused = run(command).with_code(2);
    assert!(refused.said.contains("http://HOST:PORT"), "{}", refused.said);
}
