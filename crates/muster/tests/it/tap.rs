//! `muster tap`: every record with the verdict that ingest gives it, as it arrives, and nothing of anybody's own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::oracle::{Log, Outcome, Producer, check};
use crate::program::Ended;
use crate::terminal::Terminal;
use crate::world::{CONTRACT, World};

const LIMIT: Duration = Duration::from_mins(1);

/// `level` is anybody's to see, the rest is personal.
const PUBLIC: (&str, &str) = ("subject: number\n", "subject: number\npublic: [level]\n");

fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.output.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// What a told verdict says became of the record.
fn outcome(told: &Value) -> Outcome {
    let rules = || {
        let rules = told["violations"].as_array().unwrap().iter();
        rules.map(|rule| rule.as_str().unwrap().to_owned()).collect()
    };
    match told["verdict"].as_str().unwrap() {
        "good" => Outcome::Good,
        "bad" => Outcome::Bad(rules()),
        "duplicate" => Outcome::Duplicate,
        "tombstone" => Outcome::Tombstone,
        other => panic!("`{other}` is no verdict"),
    }
}

/// What was sent, by partition and offset.
fn sent(log: &Log) -> BTreeMap<(i64, i64), Outcome> {
    let mut sent = BTreeMap::new();
    for (partition, records) in log.incarnations[0].iter().enumerate() {
        for (offset, record) in records.iter().enumerate() {
            let mut outcome = record.outcome.clone();
            if let Outcome::Bad(rules) = &mut outcome {
                rules.sort();
            }
            sent.insert((partition as i64, offset as i64), outcome);
        }
    }
    sent
}

fn told(lines: &[Value]) -> BTreeMap<(i64, i64), Outcome> {
    let told = lines.iter().map(|line| {
        let mut outcome = outcome(line);
        if let Outcome::Bad(rules) = &mut outcome {
            rules.sort();
        }
        let place = (line["partition"].as_i64().unwrap(), line["offset"].as_i64().unwrap());
        (place, outcome)
    });
    told.collect()
}

#[test]
fn from_the_beginning_every_record_gets_the_verdict_that_ingest_gives_it_and_shows_what_is_public_alone() {
    let Some(world) = World::altered("tap", 3, &[PUBLIC]) else {
        return;
    };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(1_200);
    let ended = world
        .run(&["tap", "--from", "earliest", "--once", "--rate", "0", "--format", "json"])
        .with_code(0);
    let seen = lines(&ended);
    assert_eq!(seen.len() as u64, producer.log.records());
    assert_eq!(told(&seen), sent(&producer.log));
    let mut warned = 0;
    for line in &seen {
        assert_eq!(
            (&line["contract"], &line["topic"]),
            (&CONTRACT.into(), &world.topic.as_str().into())
        );
        let shown: Vec<&String> = line["fields"].as_object().unwrap().keys().collect();
        let is_refused = line["refusal"].is_string();
        let has_row = !is_refused && line["verdict"] != "tombstone";
        assert_eq!(shown.iter().any(|name| *name == "level"), has_row, "{line}");
        let personal = ["number", "hours", "occurred_at", "target"];
        for name in personal {
            assert!(line["fields"].get(name).is_none_or(Value::is_null), "{line}");
        }
        warned += usize::from(line["verdict"] == "good" && line["warnings"] == serde_json::json!(["hours.long"]));
    }
    assert!(warned > 10, "good rows that are warned of are told with the warning");
    assert!(
        ended.said.contains(&format!("{} records seen", producer.log.records())),
        "{}",
        ended.said
    );

    // Ingest judged the same, and nobody had noticed the tap.
    world.run(&["ingest", "--once"]).with_code(0);
    check(&world, &producer.log, false);
}

#[test]
fn what_arrives_is_told_within_moments_while_ingest_goes_on_unharmed() {
    let Some(world) = World::altered("tap-live", 3, &[PUBLIC]) else {
        return;
    };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(290);
    let worker = world.ingest();
    let before = sent(&producer.log).len() as u64;
    let tap = world.start(&["tap", CONTRACT, "--bad", "--limit", "8", "--format", "json"]);
    tap.wait_said("tapping", LIMIT);
    let begun = Instant::now();
    producer.send(290);
    let ended = tap.wait(Duration::from_secs(10)).with_code(0);
    let took = begun.elapsed();
    let all = sent(&producer.log);
    let seen = lines(&ended);
    assert_eq!(seen.len(), 8);
    for line in &seen {
        let place = (line["partition"].as_i64().unwrap(), line["offset"].as_i64().unwrap());
        assert_eq!(told(std::slice::from_ref(line))[&place], all[&place], "{line}");
        assert_eq!(line["verdict"], "bad");
    }
    assert!(all.len() as u64 > before);
    assert!(took < Duration::from_secs(10), "{took:?}");
    world.wait_received(producer.log.records(), LIMIT);
    worker.signal("TERM");
    worker.wait(LIMIT).with_code(0);
    check(&world, &producer.log, false);
}

#[test]
fn of_planted_bad_records_those_that_are_asked_for_are_told_with_their_rules() {
    let Some(world) = World::altered("tap-rules", 3, &[PUBLIC]) else {
        return;
    };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(580);
    let all = ["tap", "--from", "earliest", "--once", "--rate", "0"];
    let of_rule = |rules: &[&str]| -> usize {
        let asked = rules.iter().flat_map(|rule| ["--rule", rule]);
        let arguments: Vec<&str> = all.into_iter().chain(asked).collect();
        let ended = world.run(&arguments).with_code(0);
        assert!(
            ended
                .output
                .lines()
                .all(|line| rules.iter().any(|rule| line.contains(rule))),
            "{}",
            ended.output
        );
        ended.output.lines().count()
    };
    let planted = |rule: &str| {
        let outcomes = sent(&producer.log).into_values();
        outcomes
            .filter(|outcome| matches!(outcome, Outcome::Bad(rules) if rules.iter().any(|broken| broken == rule)))
            .count()
    };
    for rule in ["level.level", "hours.type", "event_id.conflict", "record.undecodable"] {
        assert!(planted(rule) > 5);
        assert_eq!(of_rule(&[rule]), planted(rule), "{rule}");
    }
    let both = of_rule(&["level.level", "hours.range"]);
    assert!(
        both < planted("level.level") + planted("hours.range"),
        "some break both and are told once"
    );

    let misspelt = world.run(&["tap", "--rule", "level.levl"]).with_code(2);
    assert!(
        misspelt.said.contains("did you mean `level.level`?"),
        "{}",
        misspelt.said
    );
    let unknown = world.run(&["tap", "nobody"]).with_code(2);
    assert!(
        unknown.said.contains("there is no contract `nobody`"),
        "{}",
        unknown.said
    );
}

#[test]
fn more_than_people_can_read_is_counted_and_no_record_is_held_up() {
    let Some(world) = World::new("tap-many", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(6_000);
    let records = producer.log.records();
    let begun = Instant::now();
    let ended = world
        .run(&["tap", "--from", "earliest", "--once", "--rate", "5", "--format", "json"])
        .with_code(0);
    let seconds = begun.elapsed().as_secs_f64().ceil() + 1.0;
    let shown = lines(&ended);
    assert!(shown.len() as f64 <= 5.0 * seconds, "{} in {seconds} s", shown.len());
    let skipped: u64 = shown.iter().map(|line| line["skipped"].as_u64().unwrap()).sum();
    assert!(skipped + shown.len() as u64 <= records);
    let said = format!("{records} records seen");
    assert!(ended.said.contains(&said), "{}", ended.said);
    assert!(
        ended.said.contains(&format!("; {} shown", shown.len())),
        "{}",
        ended.said
    );
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let Some(world) = World::new("tap-pipe", 1) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 1);
    producer.send(3_000);
    let mut command: Command = world.command(&["tap", "--from", "earliest", "--rate", "0"]);
    let mut tap = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(tap.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    assert!(first.contains(&world.topic), "{first}");
    drop(output);
    let ended = tap.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(said.lines().count(), 1, "nothing but that it taps: {said}");
}

#[test]
fn a_stop_ends_it_with_what_it_saw_and_on_a_terminal_it_is_coloured() {
    let Some(world) = World::new("tap-stop", 1) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 1);
    let mut command = world.command(&["tap"]);
    command.env_remove("NO_COLOR");
    let terminal = Terminal::start(&command, 120, 30);
    terminal.wait_shows("tapping", LIMIT);
    producer.send(29);
    terminal.wait_shows("level.level", LIMIT);
    terminal.wait_shows("and 5 masked", LIMIT);
    terminal.signal("TERM");
    let left = terminal.wait(LIMIT).given_back(0);
    assert!(
        left.screen.contains("records seen") || left.raw.contains("records seen"),
        "{}",
        left.screen
    );
    assert!(left.raw.contains("\u{1b}[1;31mbad"), "{}", left.raw);
}

#[test]
fn a_broker_that_is_not_there_is_said_so() {
    let Some(mut world) = World::new("tap-nowhere", 1) else {
        return;
    };
    world.brokers = "127.0.0.1:1".to_owned();
    let ended = world.run(&["tap"]).with_code(2);
    assert!(
        ended.said.contains("because: ") || ended.said.contains("muster: could not"),
        "{}",
        ended.said
    );
}
