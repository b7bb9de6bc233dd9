//! Where ingest begins, and what it says of itself while the ledger is away.

use std::time::{Duration, Instant};

use muster_sandbox::kafka::broker_for_tests;
use muster_sandbox::postgres::Temporary;

use crate::oracle::{Producer, check};
use crate::program::Program;
use crate::world::{INGEST, World};

const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn a_source_told_to_begin_at_the_end_takes_what_comes_later_and_never_what_came_before() {
    let Some(world) = World::new("latest", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(300);
    let before: Vec<usize> = producer.log.incarnations[0].iter().map(Vec::len).collect();
    let ingest = world.start(&[&INGEST[..], &["--from", "latest"]].concat());
    let begun = Instant::now();
    while world.ask("SELECT count(*) FROM sources WHERE next_offset IS NOT NULL") != "3" {
        assert!(begun.elapsed() < LIMIT, "{}", ingest.said());
        std::thread::sleep(Duration::from_millis(100));
    }
    // It dies before it has received anything: where it began is known all the same.
    drop(ingest);
    producer.send(300);
    world.run(&["ingest", "--once"]).with_code(0);
    producer.send(300);
    world.run(&["ingest", "--once"]).with_code(0);
    for (partition, end) in before.into_iter().enumerate() {
        producer.log.lose(partition, 0, end);
    }
    check(&world, &producer.log, false);
}

/// Waits until `/readyz` answers this.
fn wait_ready(ingest: &Program, code: u16) -> String {
    let begun = Instant::now();
    loop {
        let (found, body) = ingest.get("/readyz");
        if found == code {
            return body;
        }
        assert!(begun.elapsed() < LIMIT, "{found} {body}\n{}", ingest.said());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn readyz_says_503_while_the_ledger_is_away_and_200_when_it_is_back() {
    let Some(brokers) = broker_for_tests() else { return };
    let mut postgres = Temporary::start().unwrap();
    let world = World::with(brokers, postgres.url().to_owned(), "ready", 2);
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 2);
    let ingest = world.ingest();
    producer.send(60);
    world.wait_received(producer.log.records(), LIMIT);
    wait_ready(&ingest, 200);
    // With nothing to commit, then with something.
    for events in [0, 60] {
        postgres.kill().unwrap();
        producer.send(events);
        let body = wait_ready(&ingest, 503);
        assert!(body.contains("ledger"), "{body}");
        assert_eq!(ingest.get("/livez").0, 200, "it lives all the same");
        postgres.restart().unwrap();
        wait_ready(&ingest, 200);
    }
    world.wait_received(producer.log.records(), LIMIT);
    wait_ready(&ingest, 200);
    ingest.signal("TERM");
    ingest.wait(LIMIT).with_code(0);
    check(&world, &producer.log, false);
}
