//! What was published is in the log, once, and what was not is said.

use std::time::{Duration, Instant};

use muster_stream::{Compression, Connection, Error, Outgoing, Publisher, PublisherConfig};

use crate::world::{PATIENCE, World};

fn tombstone(topic: &str, partition: i32) -> Outgoing<'_> {
    Outgoing {
        topic,
        partition: Some(partition),
        key: Some(b"k"),
        payload: None,
        headers: &[],
        timestamp_ms: None,
    }
}

#[test]
fn a_topic_is_made_once_however_many_ask() {
    let Some(world) = World::new("made", 1) else { return };
    let name = format!("{}.more", world.topic);
    let ids: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| world.topics.ensure(&name, Some(5), PATIENCE).unwrap()))
            .collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|facts| *facts == ids[0] && facts.partitions == 5));
    let error = world.topics.ensure("no.such.topic", None, PATIENCE).unwrap_err();
    assert!(matches!(error, Error::NoTopic { .. }));
}

#[test]
fn dead_letters_are_acknowledged_before_the_call_returns() {
    let Some(world) = World::new("dead", 2) else { return };
    let mut config = PublisherConfig::new(Connection::new(&world.brokers));
    config.compression = Compression::Zstd;
    let publisher = Publisher::new(&config).unwrap();
    let letters: Vec<_> = (0..1_000).map(|number| tombstone(&world.topic, number % 2)).collect();
    publisher.publish_all(&letters, PATIENCE).unwrap();
    for partition in 0..2 {
        let (low, high) = world.topics.watermarks(&world.topic, partition, PATIENCE).unwrap();
        assert_eq!((low.0, high.0), (0, 500));
    }
}

#[test]
fn a_record_for_a_partition_that_is_not_there_fails_the_batch() {
    let Some(world) = World::new("wrong", 2) else { return };
    let mut config = PublisherConfig::new(Connection::new(&world.brokers));
    config.delivery_timeout_ms = 2_000;
    let publisher = Publisher::new(&config).unwrap();
    let letters = [tombstone(&world.topic, 0), tombstone(&world.topic, 7)];
    publisher.publish_all(&letters, PATIENCE).unwrap_err();
}

#[test]
fn a_client_with_little_room_waits_instead_of_failing() {
    let Some(world) = World::new("room", 1) else { return };
    let mut config = PublisherConfig::new(Connection::new(&world.brokers));
    config.records_max = 10;
    let publisher = Publisher::new(&config).unwrap();
    for _ in 0..200 {
        publisher.send(&tombstone(&world.topic, 0)).unwrap();
    }
    let deliveries = publisher.flush(PATIENCE).unwrap();
    assert_eq!((deliveries.sent, deliveries.acknowledged), (200, 200));
}

#[test]
fn a_rate_is_held() {
    let Some(world) = World::new("rate", 1) else { return };
    let mut config = PublisherConfig::new(Connection::new(&world.brokers));
    config.rows_per_sec = Some(200.0);
    let publisher = Publisher::new(&config).unwrap();
    let begun = Instant::now();
    for _ in 0..201 {
        publisher.send(&tombstone(&world.topic, 0)).unwrap();
    }
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(990) && took < Duration::from_secs(3),
        "{took:?}"
    );
}
