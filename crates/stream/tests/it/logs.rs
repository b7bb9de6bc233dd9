//! The log itself changes: records expire, transactions abort, topics are made again, partitions are added.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::AdminOptions;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::oracle::{Desk, Ledger, Process, wait_until};
use crate::world::{PATIENCE, World, wait_for};

#[test]
fn a_topic_made_again_is_a_new_source_read_from_its_start() {
    let Some(world) = World::new("recreated", 2) else {
        return;
    };
    world.publish(0, 200);
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "the first topic", || ledger.count() == 200);
    let was = world.topics.describe(&[&world.topic], PATIENCE).unwrap()[&world.topic];
    world.delete_topic();
    let now = world.topics.ensure(&world.topic, Some(2), PATIENCE).unwrap();
    assert_ne!(was.id, now.id);
    assert_eq!(now.partitions, 2);
    // More records than the old topic had: a member that went on at its old offset would skip the first of them.
    world.publish(200, 1_000);
    wait_until(40, "the new topic from its start", || ledger.count() == 1_000);
    ledger.assert_clean(1_000);
    assert_eq!(ledger.sources(&world.topic), 4);
    process.stop();
}

#[test]
fn a_topic_that_is_gone_is_told_and_taken_when_it_comes_back() {
    let Some(world) = World::new("gone", 1) else { return };
    world.publish(0, 100);
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "the first topic", || ledger.count() == 100);
    world.delete_topic();
    wait_until(20, "word of it", || {
        process.was_told("TopicGone") || process.desk.revoked.load(Ordering::SeqCst) == 1
    });
    std::thread::sleep(Duration::from_secs(1));
    world.topics.ensure(&world.topic, Some(1), PATIENCE).unwrap();
    world.publish(100, 150);
    wait_until(40, "the new topic", || ledger.count() == 150);
    ledger.assert_clean(150);
    process.stop();
}

fn delete_records(world: &World, before: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&world.topic, 0, Offset::Offset(before))
        .unwrap();
    wait_for(world.admin().delete_records(&list, &AdminOptions::new())).unwrap();
}

#[test]
fn records_that_expired_unread_are_a_gap_and_never_skipped_in_silence() {
    let Some(world) = World::new("expired", 1) else { return };
    world.publish(0, 100);
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "the first events", || ledger.count() == 100);
    process.stop();
    world.publish(100, 300);
    delete_records(&world, 250);
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(30, "the gap", || {
        process.was_told("expected: Offset(100), first: Offset(250), high_watermark: Offset(300)")
    });
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(ledger.count(), 100, "nothing is received past a gap");
    // Somebody accepts the loss in the ledger and the source is taken again.
    ledger.set_next(250);
    process.receiver.retake(process.desk.held()[0]);
    wait_until(20, "what is left", || ledger.count() == 150);
    assert_eq!(ledger.offsets(), 300);
    process.stop();
}

#[test]
fn a_source_the_ledger_does_not_know_starts_at_what_is_left() {
    let Some(world) = World::new("left", 1) else { return };
    world.publish(0, 100);
    delete_records(&world, 60);
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "what is left", || ledger.count() == 40);
    assert_eq!(ledger.offsets(), 100);
    assert!(!process.was_told("Gap"));
    process.stop();
}

#[test]
fn an_offset_past_the_end_of_the_log_is_told_too() {
    let Some(world) = World::new("cut", 1) else { return };
    world.publish(0, 100);
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "all events", || ledger.count() == 100);
    ledger.set_next(500);
    process.receiver.retake(process.desk.held()[0]);
    wait_until(30, "word of it", || {
        process.was_told("expected: Offset(500), first: Offset(0), high_watermark: Offset(100)")
    });
    process.stop();
}

#[test]
fn aborted_transactions_leave_holes_that_deltas_cover() {
    let Some(world) = World::new("aborted", 1) else { return };
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &world.brokers)
        .set("transactional.id", &world.topic)
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    let mut number = 0_u64;
    for transaction in 0..6 {
        producer.begin_transaction().unwrap();
        for _ in 0..10 {
            let aborted = transaction % 2 == 1;
            let payload = if aborted { u64::MAX } else { number }.to_le_bytes();
            producer
                .send(BaseRecord::<(), _>::to(&world.topic).partition(0).payload(&payload[..]))
                .unwrap();
            number += u64::from(!aborted);
        }
        if transaction % 2 == 1 {
            producer.flush(PATIENCE).unwrap();
            producer.abort_transaction(PATIENCE).unwrap();
        } else {
            producer.commit_transaction(PATIENCE).unwrap();
        }
    }
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "what was committed", || ledger.count() == 30);
    ledger.assert_clean(30);
    // 60 records and 6 markers; the last 10 records and 2 markers hold nothing to receive.
    wait_until(10, "the end", || process.was_told("next: Offset(66)"));
    assert_eq!(ledger.offsets(), 54);
    process.stop();
    // The tail without records is no gap, and what comes after it follows on.
    world.publish(30, 40);
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "what came after", || ledger.count() == 40);
    ledger.assert_clean(40);
    assert!(!process.was_told("Gap"));
    process.stop();
}

#[test]
fn added_partitions_are_found_and_read_from_their_start() {
    let Some(world) = World::new("grown", 3) else { return };
    world.publish(0, 3_000);
    let ledger = Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "some events", || ledger.count() > 0);
    world.add_partitions(6);
    world.publish(3_000, 9_000);
    wait_until(30, "six sources", || process.desk.held().len() == 6);
    let taken = || process.desk.assigned.load(Ordering::SeqCst);
    // Keys may lie elsewhere from now on: the caller is asked for the old three once more.
    wait_until(10, "the first three again", || taken() == 9);
    wait_until(30, "all events", || ledger.count() == 9_000);
    ledger.assert_clean(9_000);
    assert_eq!(ledger.sources(&world.topic), 6);
    process.stop();
}
