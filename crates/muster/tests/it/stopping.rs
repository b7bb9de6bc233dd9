//! Stops that are asked for: the first drains, the second ends at once.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::oracle::{Producer, check};
use crate::program::{Program, muster, run};
use crate::scoring::trained;
use crate::world::{CONTRACT, World};

const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn a_stop_in_the_middle_of_a_batch_drains_within_its_limit_and_loses_nothing() {
    let Some(world) = World::new("stopped", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(3_000);
    let log = ["--http", "127.0.0.1:0", "--log", "info"];
    let ingest = world.start(&[&["ingest", "--seal-secs", "600"], &log[..]].concat());
    ingest.wait_said("took a source", Duration::from_secs(30));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(world.received(), 0, "the batch is still open");
    let begun = Instant::now();
    ingest.signal("TERM");
    ingest.wait(Duration::from_secs(20)).with_code(0);
    assert!(begun.elapsed() < Duration::from_secs(20), "the stated limit");
    assert_eq!(
        world.received(),
        producer.log.records(),
        "what was received was sealed and committed"
    );
    world.run(&["ingest", "--once"]).with_code(0);
    check(&world, &producer.log, false);
}

#[test]
fn a_second_stop_ends_at_once_and_loses_nothing() {
    let Some(world) = World::new("forced", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(1_000);
    let ingest = world.start_failing(
        &["ingest", "--seal-secs", "0.2", "--http", "127.0.0.1:0", "--log", "info"],
        "commit=sleep(60000)",
    );
    ingest.wait_said("took a source", Duration::from_secs(30));
    std::thread::sleep(Duration::from_secs(1));
    ingest.signal("TERM");
    ingest.wait_said("asked to stop, draining", Duration::from_secs(5));
    let begun = Instant::now();
    ingest.signal("TERM");
    ingest.wait(Duration::from_secs(5)).with_code(2);
    assert!(begun.elapsed() < Duration::from_secs(2), "at once");
    world.run(&["ingest", "--once"]).with_code(0);
    check(&world, &producer.log, false);
}

/// A scorer on its schedule that logs; what runs of before left open it takes at once.
const SCORE: [&str; 7] = ["score", "--lease-secs", "1", "--http", "127.0.0.1:0", "--log", "info"];

/// A world whose run was left open with all its six batches, and a scorer at work on the first for some seconds.
fn scoring(name: &str) -> Option<(World, Producer, Program)> {
    let (world, producer) = trained(name)?;
    world
        .start_failing(&["score", "--once", "--lease-secs", "1"], "claim=return(kill)")
        .wait(LIMIT)
        .killed();
    let scorer = world.start_failing(&SCORE, "score=1*sleep(5000)");
    let begun = Instant::now();
    while world.ask("SELECT count(*) FROM claims WHERE worker IS NOT NULL AND leased_until > now()") == "0" {
        assert!(begun.elapsed() < LIMIT, "it took no batch:\n{}", scorer.said());
    }
    Some((world, producer, scorer))
}

fn done(world: &World) -> u64 {
    world
        .ask("SELECT count(*) FROM claims WHERE state = 'done'")
        .parse()
        .unwrap()
}

#[test]
fn a_scorer_that_is_stopped_ends_the_batch_at_work_and_takes_no_other() {
    let Some((world, producer, scorer)) = scoring("score-stopped") else {
        return;
    };
    scorer.signal("TERM");
    scorer.wait_said("asked to stop, draining", LIMIT);
    // Who looks after the process must neither send it work nor take it for dead.
    let (ready, alive) = (scorer.get("/readyz"), scorer.get("/livez"));
    assert!(ready.0 == 503 && ready.1.contains("stopping"), "{ready:?}");
    assert_eq!(alive.0, 200, "{alive:?}");
    scorer.wait(LIMIT).with_code(0);
    assert!((1..6).contains(&done(&world)), "{} batches", done(&world));
    let left = "SELECT count(*) FROM claims WHERE state = 'open' AND leased_until > now()";
    assert_eq!(world.ask(left), "0", "it left nothing that others must wait for");
    world.run(&["score", "--once", "--wait-secs", "0"]).with_code(0);
    check(&world, &producer.log, true);
}

#[test]
fn a_scorer_that_is_stopped_twice_ends_at_once_and_its_batch_is_scored_by_the_next() {
    let Some((world, producer, scorer)) = scoring("score-forced") else {
        return;
    };
    scorer.signal("TERM");
    scorer.wait_said("asked to stop, draining", LIMIT);
    let begun = Instant::now();
    scorer.signal("TERM");
    scorer.wait(LIMIT).with_code(2);
    assert!(begun.elapsed() < Duration::from_secs(2), "at once");
    assert_eq!(done(&world), 0);
    world.run(&["score", "--once", "--lease-secs", "1"]).with_code(0);
    check(&world, &producer.log, true);
}

#[test]
fn a_stop_that_drains_too_long_is_forced_after_the_stated_time() {
    let Some((world, producer, scorer)) = scoring("score-slow") else {
        return;
    };
    drop(scorer);
    let slow = [&SCORE[..], &["--drain-secs", "1"]].concat();
    let scorer = world.start_failing(&slow, "score=sleep(60000)");
    scorer.wait_said("answering http", LIMIT);
    let begun = Instant::now();
    while world.ask("SELECT count(*) FROM claims WHERE leased_until > now()") == "0" {
        assert!(begun.elapsed() < LIMIT, "it took no batch:\n{}", scorer.said());
    }
    scorer.signal("TERM");
    let begun = Instant::now();
    let ended = scorer.wait(LIMIT).with_code(2);
    assert!(
        begun.elapsed() < Duration::from_secs(5) && ended.said.contains("too long"),
        "{}",
        ended.said
    );
    world.run(&["score", "--once", "--lease-secs", "1"]).with_code(0);
    check(&world, &producer.log, true);
}

#[test]
fn every_long_running_command_says_where_it_answers_and_ends_when_it_is_stopped() {
    let Some(world) = World::new("stopping", 2) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 2);
    producer.send(400);
    let http = ["--http", "127.0.0.1:0"];
    for command in [&["ingest", "--watch"][..], &["serve", "--watch"], &["score"], &["demo"]] {
        let running = world.start(&[command, &http].concat());
        running.wait_said("answering http://127.0.0.1:", LIMIT);
        if command == ["demo"] {
            running.wait_said("staying up", LIMIT);
        }
        let begun = Instant::now();
        while running.metric("muster_ledger_up") < 1.0 {
            assert!(begun.elapsed() < LIMIT, "{command:?} does not see its ledger");
            std::thread::sleep(Duration::from_millis(100));
        }
        running.wait_ready(LIMIT);
        let begun = Instant::now();
        running.signal("TERM");
        let ended = running.wait(LIMIT).with_code(0);
        assert!(begun.elapsed() < Duration::from_secs(20), "{command:?}: {}", ended.said);
    }
    world.run(&["ingest", "--once"]).with_code(0);
    check(&world, &producer.log, false);
}

#[test]
fn a_publisher_that_is_stopped_says_what_to_do_and_the_rest_goes_out_when_it_is_resumed() {
    let Some(world) = World::new("publish-stopped", 1) else {
        return;
    };
    let mut rows = "number,level,hours,occurred_at,target\n".to_owned();
    for number in 0..5000 {
        writeln!(rows, "{number},low,1.5,2026-03-01T00:00:00Z,").unwrap();
    }
    let path = world.path().join("rows.csv");
    std::fs::write(&path, rows).unwrap();
    let publish = ["publish", path.to_str().unwrap(), "--contract", CONTRACT];
    let running = world.start(&[&publish[..], &["--rate", "500"]].concat());
    std::thread::sleep(Duration::from_secs(3));
    let begun = Instant::now();
    running.signal("TERM");
    let ended = running.wait(LIMIT).with_code(2);
    assert!(begun.elapsed() < Duration::from_secs(30), "the stated limit");
    assert!(ended.said.contains("--resume"), "{}", ended.said);
    world.run(&["ingest", "--once"]).with_code(0);
    assert!((1..5000).contains(&world.received()), "{}", world.received());
    world.run(&[&publish[..], &["--resume"]].concat()).with_code(0);
    world.run(&["ingest", "--once"]).with_code(0);
    assert_eq!(world.received(), 5000);
}

#[test]
fn the_help_of_a_long_running_command_says_how_long_a_stop_may_take() {
    for (command, time) in [
        ("ingest", "[default: 20]"),
        ("serve", "[default: 20]"),
        ("demo", "[default: 20]"),
        ("score", "[default: 60]"),
        ("publish", "30 seconds"),
    ] {
        let mut asked = muster();
        asked.args([command, "--help"]);
        let help = run(asked).with_code(0).output;
        let drain = help.split("SIGTERM").nth(1).unwrap_or_default();
        assert!(drain.contains("second one ends at once"), "{command}: {help}");
        assert!(help.contains(time), "{command}: {help}");
    }
}
