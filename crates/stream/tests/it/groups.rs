//! Members come, go and stall.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muster_stream::GroupProtocol;

use crate::oracle::{Desk, Ledger, Process, wait_until};
use crate::world::{PATIENCE, World, send};

/// Publishes numbered events until told to stop; how many there were.
fn publish_under_load(world: &World, stop: &Arc<AtomicBool>, gap: Duration) -> std::thread::JoinHandle<u64> {
    let (publisher, topic, stop) = (world.publisher(), world.topic.clone(), stop.clone());
    std::thread::spawn(move || {
        let mut number = 0;
        while !stop.load(Ordering::SeqCst) {
            for _ in 0..50 {
                send(&publisher, &topic, number);
                number += 1;
            }
            std::thread::sleep(gap);
        }
        publisher.flush(PATIENCE).unwrap();
        number
    })
}

fn members_come_and_go(protocol: GroupProtocol, name: &str) {
    let Some(world) = World::new(name, 6) else { return };
    let ledger = Arc::new(Ledger::default());
    let stop = Arc::new(AtomicBool::new(false));
    let load = publish_under_load(&world, &stop, Duration::from_millis(10));
    let config = || {
        let mut config = world.config();
        config.protocol = protocol;
        config
    };
    let first = Process::start(config(), Desk::new(&ledger));
    wait_until(20, "the first member receives", || ledger.count() > 100);
    assert_eq!(first.desk.held().len(), 6);
    for _ in 0..3 {
        let second = Process::start(config(), Desk::new(&ledger));
        wait_until(30, "the partitions are shared", || {
            first.desk.held().len() == 3 && second.desk.held().len() == 3
        });
        let so_far = ledger.count();
        wait_until(20, "both receive", || {
            ledger.count() > so_far + 500 && !second.batches.lock().unwrap().is_empty()
        });
        second.stop();
        wait_until(30, "the first member has all again", || first.desk.held().len() == 6);
    }
    stop.store(true, Ordering::SeqCst);
    let events = load.join().unwrap();
    let at_the_end =
        || first.receiver.lag().iter().all(|lag| lag.offsets() == Some(0)) && ledger.offsets() as u64 == events;
    wait_until(40, "the end of the log", at_the_end);
    ledger.assert_clean(events);
    first.stop();
}

#[test]
fn members_that_come_and_go_while_receiving_lose_and_double_nothing() {
    members_come_and_go(GroupProtocol::CooperativeSticky, "rebalance");
}

#[test]
fn the_new_group_protocol_loses_and_doubles_nothing_either() {
    members_come_and_go(GroupProtocol::Consumer, "rebalance-new");
}

#[test]
fn a_full_channel_does_not_cost_the_membership() {
    let Some(world) = World::new("full", 4) else { return };
    world.publish(0, 60_000);
    let mut config = world.config_with(&["max.poll.interval.ms=3000"]);
    config.session_timeout_ms = 2_000;
    config.capacity = 1;
    config.batch_rows_max = 500;
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(config, Desk::new(&ledger));
    wait_until(20, "some events", || ledger.count() > 0);
    process.stalled.store(true, Ordering::SeqCst);
    let held = ledger.count();
    // Longer than the session and than the interval in which a member has to poll.
    std::thread::sleep(Duration::from_secs(7));
    assert!(ledger.count() <= held + 500, "a stalled committer commits nothing");
    process.stalled.store(false, Ordering::SeqCst);
    wait_until(30, "all events", || ledger.count() == 60_000);
    ledger.assert_clean(60_000);
    assert_eq!(
        process.desk.revoked.load(Ordering::SeqCst),
        0,
        "{:?}",
        process.told.lock().unwrap()
    );
    assert_eq!(process.desk.assigned.load(Ordering::SeqCst), 4);
    process.stop();
}

#[test]
fn a_silent_ledger_makes_the_member_leave_and_come_back() {
    let Some(world) = World::new("silent", 3) else { return };
    world.publish(0, 1_000);
    let ledger = Arc::new(Ledger::default());
    let desk = Desk::new(&ledger);
    desk.fail_next.store(2, Ordering::SeqCst);
    let mut config = world.config();
    config.rejoin_ms = 100;
    let process = Process::start(config, desk);
    wait_until(30, "all events", || ledger.count() == 1_000);
    assert!(
        process.was_told("the ledger is silent"),
        "{:?}",
        process.told.lock().unwrap()
    );
    ledger.assert_clean(1_000);
    process.stop();
}

#[test]
fn a_fenced_member_takes_its_sources_again() {
    let Some(world) = World::new("fenced", 2) else { return };
    world.publish(0, 500);
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "the first events", || ledger.count() == 500);
    ledger.raise_all();
    world.publish(500, 1_000);
    wait_until(20, "the rest", || ledger.count() == 1_000);
    assert!(ledger.fenced.load(Ordering::SeqCst) > 0);
    ledger.assert_clean(1_000);
    process.stop();
}

#[test]
fn a_source_taken_paused_starts_at_its_offset_when_resumed() {
    for protocol in [GroupProtocol::CooperativeSticky, GroupProtocol::Consumer] {
        let Some(world) = World::new("paused", 2) else { return };
        world.publish(0, 1_000);
        let ledger = Arc::new(Ledger::default());
        let desk = Desk::new(&ledger);
        desk.start_paused.store(true, Ordering::SeqCst);
        let mut config = world.config();
        config.protocol = protocol;
        let process = Process::start(config, desk);
        wait_until(20, "two sources", || process.desk.held().len() == 2);
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(ledger.count(), 0);
        for source in process.desk.held() {
            process.receiver.resume(source);
        }
        wait_until(20, "the first events", || ledger.count() == 1_000);
        for source in process.desk.held() {
            process.receiver.pause(source);
        }
        wait_until(5, "both paused", || {
            let lag = process.receiver.lag();
            lag.len() == 2 && lag.iter().all(|lag| !lag.fetching)
        });
        world.publish(1_000, 2_000);
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(ledger.count(), 1_000, "{protocol:?}");
        for source in process.desk.held() {
            // Resumed twice, and taken again on top: each does no harm.
            process.receiver.resume(source);
            process.receiver.resume(source);
        }
        wait_until(20, "the rest", || ledger.count() == 2_000);
        ledger.assert_clean(2_000);
        assert_eq!(process.desk.revoked.load(Ordering::SeqCst), 0);
        process.stop();
    }
}

#[test]
fn a_hint_is_shown_to_kafka_and_never_read_back() {
    let Some(world) = World::new("hint", 1) else { return };
    world.publish(0, 100);
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "all events", || ledger.count() == 100);
    let source = process.desk.held()[0];
    process.receiver.commit_hint(source, muster_spec::Offset(40));
    process.receiver.commit_hint(source, muster_spec::Offset(77));
    let shown = || {
        use rdkafka::consumer::{BaseConsumer, Consumer};
        let reader: BaseConsumer = rdkafka::ClientConfig::new()
            .set("bootstrap.servers", &world.brokers)
            .set("group.id", format!("{}.group", world.topic))
            .create()
            .unwrap();
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition(&world.topic, 0);
        let committed = reader.committed_offsets(list, PATIENCE).unwrap();
        committed.elements()[0].offset()
    };
    wait_until(10, "the hint", || shown() == rdkafka::Offset::Offset(77));
    process.stop();
    // Kafka says 77, the ledger 100: the next member starts where the ledger says.
    world.publish(100, 200);
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "the rest", || ledger.count() == 200);
    ledger.assert_clean(200);
    process.stop();
}

#[test]
fn draining_hands_out_what_was_received_before_the_member_leaves() {
    let Some(world) = World::new("drain", 3) else { return };
    let ledger = Arc::new(Ledger::default());
    let stop = Arc::new(AtomicBool::new(false));
    let load = publish_under_load(&world, &stop, Duration::from_millis(1));
    let mut config = world.config();
    config.batch_open_ms = 60_000;
    let process = Process::start(config, Desk::new(&ledger));
    std::thread::sleep(Duration::from_secs(2));
    process.receiver.drain();
    wait_until(10, "drained", || process.was_told("Drained"));
    let committed = ledger.count();
    assert!(committed > 0);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(ledger.count(), committed, "nothing comes after Drained");
    let took = process.stop();
    assert!(took < Duration::from_secs(5), "leaving took {took:?}");
    stop.store(true, Ordering::SeqCst);
    let events = load.join().unwrap();
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "all events", || ledger.count() as u64 == events);
    ledger.assert_clean(events);
    process.stop();
}
