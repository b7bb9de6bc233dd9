//! Stops that are asked for: the first drains, the second ends at once.

use std::time::{Duration, Instant};

use crate::oracle::{Producer, check};
use crate::world::World;

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
