//! The broker goes away and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muster_sandbox::kafka::own_broker_for_tests;

use crate::oracle::{Desk, Ledger, Process, wait_until};
use crate::world::{PATIENCE, World, send};

#[test]
fn a_broker_killed_and_restarted_under_load_loses_and_doubles_nothing() {
    let Some(mut kafka) = own_broker_for_tests() else {
        return;
    };
    let world = World::on(kafka.brokers(), "killed", 3);
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    let stop = Arc::new(AtomicBool::new(false));
    let load = {
        let (publisher, topic, stop) = (world.publisher(), world.topic.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut number = 0;
            while !stop.load(Ordering::SeqCst) {
                send(&publisher, &topic, number);
                number += 1;
                std::thread::sleep(Duration::from_micros(500));
            }
            publisher.flush(Duration::from_mins(1)).unwrap();
            number
        })
    };
    for _ in 0..2 {
        let so_far = ledger.count();
        wait_until(30, "events flow", || ledger.count() > so_far + 300);
        kafka.kill().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        kafka.restart().unwrap();
    }
    let so_far = ledger.count();
    wait_until(30, "events flow again", || ledger.count() > so_far + 300);
    stop.store(true, Ordering::SeqCst);
    let events = load.join().unwrap();
    wait_until(30, "all events", || ledger.count() as u64 >= events);
    // The log holds no event twice either: what the publisher sent again, the broker knew.
    assert_eq!(ledger.offsets() as u64, events);
    ledger.assert_clean(events);
    assert!(process.was_told("Trouble"), "that the broker was away is told");
    process.stop();
}

#[test]
fn leaving_while_the_broker_is_silent_takes_bounded_time() {
    let Some(mut kafka) = own_broker_for_tests() else {
        return;
    };
    let world = World::on(kafka.brokers(), "mute", 1);
    world.publish(0, 10);
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "all events", || ledger.count() == 10);
    kafka.pause().unwrap();
    let begun = std::time::Instant::now();
    let left = process.receiver.stop(Duration::from_secs(3));
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{left:?} after {:?}",
        begun.elapsed()
    );
    assert_eq!(process.desk.held().len(), 0, "nothing is held after stop");
    kafka.resume().unwrap();
    wait_until(20, "the broker answers", || {
        world.topics.describe(&[&world.topic], PATIENCE).is_ok()
    });
}
