//! Several workers on one topic: frozen ones that come back, ones that join and leave.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::oracle::{Producer, check};
use crate::world::{INGEST, SESSION, World};

const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn a_worker_that_was_frozen_in_its_commit_is_fenced_off_by_the_one_that_took_over() {
    let Some(world) = World::new("zombie", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(900);
    // It stands before its first commit for longer than it is frozen: when it wakes it still believes in its batch.
    let frozen = SESSION * 3;
    let failpoint = format!("commit=1*sleep({})", (frozen + Duration::from_secs(4)).as_millis());
    let zombie = world.start_failing(&INGEST, &failpoint);
    zombie.wait_said("took a source", LIMIT);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(world.received(), 0, "it has committed nothing yet");
    zombie.signal("STOP");
    let successor = world.ingest();
    world.wait_received(producer.log.records(), LIMIT);
    zombie.signal("CONT");
    producer.send(900);
    world.wait_received(producer.log.records(), LIMIT);
    let begun = std::time::Instant::now();
    while zombie.metric("muster_batches_fenced_total") < 1.0 {
        assert!(begun.elapsed() < LIMIT, "no batch was fenced off:\n{}", zombie.said());
        std::thread::sleep(Duration::from_millis(200));
    }
    for worker in [zombie, successor] {
        worker.signal("TERM");
        worker.wait(LIMIT).with_code(0);
    }
    check(&world, &producer.log, false);
}

#[test]
fn workers_that_join_leave_and_die_under_load_lose_and_double_nothing() {
    let Some(world) = World::new("joining", 4) else { return };
    let producer = Producer::new(&world.brokers, &world.topic, &world.contract, 4);
    let stop = AtomicBool::new(false);
    let log = std::thread::scope(|scope| {
        let load = scope.spawn(|| producer.send_until(&stop).log);
        let stayer = world.ingest();
        for turn in 0..4 {
            let guest = world.ingest();
            guest.wait_said("took a source", LIMIT);
            std::thread::sleep(Duration::from_millis(700));
            if turn % 2 == 0 {
                guest.signal("TERM");
                guest.wait(LIMIT).with_code(0);
            } else {
                drop(guest);
            }
        }
        stop.store(true, Ordering::SeqCst);
        let log = load.join().unwrap();
        world.wait_received(log.records(), LIMIT);
        stayer.signal("TERM");
        stayer.wait(LIMIT).with_code(0);
        log
    });
    check(&world, &log, false);
}

#[test]
fn batches_judged_before_a_repair_are_judged_again_after_it() {
    let Some(world) = World::new("revision", 3) else { return };
    let producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    let stop = AtomicBool::new(false);
    let ingest = world.ingest();
    let log = std::thread::scope(|scope| {
        let load = scope.spawn(|| producer.send_until(&stop).log);
        for _ in 0..4 {
            let so_far = world.received();
            world.wait_received(so_far + 200, LIMIT);
            // What a repair does to the sources whose verdicts it changed.
            world.order("UPDATE sources SET revision = revision + 1");
        }
        stop.store(true, Ordering::SeqCst);
        load.join().unwrap()
    });
    world.wait_received(log.records(), LIMIT);
    ingest.signal("TERM");
    let said = ingest.wait(LIMIT).with_code(0).said;
    assert!(said.contains("fence=\"revision\""), "no batch met a repair:\n{said}");
    check(&world, &log, false);
}

#[test]
fn workers_killed_under_the_new_group_protocol_are_succeeded_and_nothing_is_lost_or_doubled() {
    let Some(world) = World::new("protocol", 3) else { return };
    // In this protocol the broker says after how long a member is dead.
    std::fs::write(world.path().join("kafka.properties"), "").unwrap();
    let arguments = [&INGEST[..], &["--group-protocol", "consumer"]].concat();
    let producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    let stop = AtomicBool::new(false);
    let log = std::thread::scope(|scope| {
        let load = scope.spawn(|| producer.send_until(&stop).log);
        for point in ["commit=return(kill)", "committed=2*off->return(kill)"] {
            world.start_failing(&arguments, point).wait(LIMIT).killed();
        }
        stop.store(true, Ordering::SeqCst);
        load.join().unwrap()
    });
    let last = world.start(&arguments);
    world.wait_received(log.records(), LIMIT);
    last.signal("TERM");
    last.wait(LIMIT).with_code(0);
    check(&world, &log, false);
}
