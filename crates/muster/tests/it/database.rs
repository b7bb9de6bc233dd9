//! The ledger's database goes away, comes back, or loses its voice at the worst moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muster_sandbox::kafka::broker_for_tests;
use muster_sandbox::postgres::Temporary;

use crate::oracle::{Producer, check};
use crate::wire::{Cut, Wire};
use crate::world::World;

const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn a_database_killed_and_restarted_under_load_is_waited_for_and_nothing_is_lost_or_doubled() {
    let Some(brokers) = broker_for_tests() else { return };
    let mut postgres = Temporary::start().unwrap();
    let world = World::with(brokers, postgres.url().to_owned(), "database", 3);
    let producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    let stop = AtomicBool::new(false);
    let log = std::thread::scope(|scope| {
        let load = scope.spawn(|| producer.send_until(&stop).log);
        let mut ingest = world.ingest();
        for _ in 0..2 {
            let so_far = world.received();
            world.wait_received(so_far + 300, LIMIT);
            postgres.kill().unwrap();
            std::thread::sleep(Duration::from_secs(1));
            postgres.restart().unwrap();
        }
        let so_far = world.received();
        world.wait_received(so_far + 300, LIMIT);
        stop.store(true, Ordering::SeqCst);
        let log = load.join().unwrap();
        world.wait_received(log.records(), LIMIT);
        assert!(ingest.runs(), "it went on by itself");
        ingest.wait_ready(LIMIT);
        ingest.signal("TERM");
        ingest.wait(LIMIT).with_code(0);
        log
    });
    check(&world, &log, false);
}

/// Ingests under load while the wire is cut at commits, several times.
fn cut_at_commits(cut: Cut, name: &str) {
    let Some(mut world) = World::new(name, 3) else { return };
    let wire = Wire::start(&world.database_url);
    let direct = std::mem::replace(&mut world.database_url, wire.url.clone());
    let producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    let stop = AtomicBool::new(false);
    let ingest = world.ingest();
    world.database_url = direct;
    let log = std::thread::scope(|scope| {
        let load = scope.spawn(|| producer.send_until(&stop).log);
        for times in 1..=3 {
            let so_far = world.received();
            world.wait_received(so_far + 300, LIMIT);
            wire.cut_next(cut);
            let begun = std::time::Instant::now();
            while wire.cuts() < times {
                assert!(begun.elapsed() < LIMIT, "no commit came by:\n{}", ingest.said());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        stop.store(true, Ordering::SeqCst);
        let log = load.join().unwrap();
        world.wait_received(log.records(), LIMIT);
        log
    });
    ingest.signal("TERM");
    ingest.wait(LIMIT).with_code(0);
    check(&world, &log, false);
    let twice =
        "SELECT count(*) FROM (SELECT 1 FROM batches GROUP BY source_id, from_offset HAVING count(*) > 1) AS twice";
    assert_eq!(world.ask(twice), "0");
}

#[test]
fn a_commit_whose_answer_is_cut_off_is_found_again_and_never_made_twice() {
    cut_at_commits(Cut::Answer, "answer");
}

#[test]
fn a_commit_that_never_reached_the_database_is_made_once() {
    cut_at_commits(Cut::Request, "request");
}
