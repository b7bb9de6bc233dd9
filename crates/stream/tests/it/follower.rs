//! Looking on without a group: from where one is told, in order, on through growth, and noticed by nobody.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use muster_sandbox::MockBroker;
use muster_stream::{Connection, FollowFrom, Follower};
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::world::{PATIENCE, World, publisher, send};

const WAIT: Duration = Duration::from_millis(20);

/// Numbers by partition, as they came.
type Seen = BTreeMap<i32, Vec<u64>>;

fn follow(brokers: &str, topic: &str, from: FollowFrom) -> Follower {
    Follower::start(&Connection::new(brokers), &[topic.to_owned()], from, PATIENCE).unwrap()
}

/// Takes until there are so many.
fn take(follower: &mut Follower, seen: &mut Seen, count: usize) {
    let begun = Instant::now();
    while seen.values().map(Vec::len).sum::<usize>() < count {
        assert!(begun.elapsed() < PATIENCE, "{seen:?}");
        take_once(follower, seen);
    }
}

fn take_once(follower: &mut Follower, seen: &mut Seen) {
    for batch in follower.take(WAIT).unwrap() {
        assert!(batch.offsets.is_sorted_by(|one, two| one < two));
        assert!(
            batch.offsets.len() <= 4096,
            "{} records in one batch",
            batch.offsets.len()
        );
        let numbers = seen.entry(batch.partition).or_default();
        let payloads = batch.payloads.iter().flatten();
        numbers.extend(payloads.map(|payload| u64::from_le_bytes(*payload.first_chunk::<8>().unwrap())));
    }
}

fn all(seen: &Seen) -> Vec<u64> {
    let mut all: Vec<u64> = seen.values().flatten().copied().collect();
    all.sort_unstable();
    all
}

#[test]
fn on_the_mock_everything_comes_once_from_the_beginning_and_only_news_from_the_end() {
    let broker = MockBroker::start(&[("events", 4)]).unwrap();
    let publisher = publisher(broker.brokers());
    for number in 0..9_000 {
        send(&publisher, "events", number);
    }
    publisher.flush(PATIENCE).unwrap();
    let mut seen = Seen::new();
    let mut from_first = follow(broker.brokers(), "events", FollowFrom::Earliest);
    let mut from_last = follow(broker.brokers(), "events", FollowFrom::Latest);
    assert_eq!(from_first.partitions(), 4);
    assert!(from_last.is_at_ends(), "it stands at the ends");
    let begun = Instant::now();
    while !from_first.is_at_ends() {
        assert!(begun.elapsed() < PATIENCE, "{} came", all(&seen).len());
        take_once(&mut from_first, &mut seen);
    }
    assert_eq!(all(&seen), (0..9_000).collect::<Vec<_>>());
    assert!(
        seen.values().all(|numbers| numbers.is_sorted()),
        "as they were published"
    );

    for number in 9_000..9_100 {
        send(&publisher, "events", number);
    }
    publisher.flush(PATIENCE).unwrap();
    let mut news = Seen::new();
    take(&mut from_last, &mut news, 100);
    assert_eq!(all(&news), (9_000..9_100).collect::<Vec<_>>());
    take(&mut from_first, &mut seen, 9_100);
}

#[test]
fn a_topic_that_is_not_there_yet_is_read_from_its_beginning_when_it_is() {
    let broker = MockBroker::start(&[("events", 1)]).unwrap();
    let names = ["events", "later"].map(str::to_owned);
    let connection = Connection::new(broker.brokers());
    let mut follower = Follower::start(&connection, &names, FollowFrom::Latest, PATIENCE).unwrap();
    assert_eq!(follower.missing().collect::<Vec<_>>(), ["later"]);
    assert_eq!(follower.partitions(), 1);
    broker.create_topic("later", 2).unwrap();
    let publisher = publisher(broker.brokers());
    for number in 0..40 {
        send(&publisher, "later", number);
    }
    publisher.flush(PATIENCE).unwrap();
    let mut seen = Seen::new();
    take(&mut follower, &mut seen, 40);
    assert_eq!(follower.missing().count(), 0);
}

#[test]
fn a_broker_that_does_not_answer_is_an_error_in_bounded_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = Connection::new(silent.local_addr().unwrap().to_string());
    let begun = Instant::now();
    let refused = Follower::start(
        &connection,
        &["events".to_owned()],
        FollowFrom::Latest,
        Duration::from_secs(1),
    );
    assert!(refused.is_err());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn since_a_moment_is_what_was_published_then_and_later() {
    let Some(world) = World::new("followed-since", 2) else {
        return;
    };
    world.publish(0, 200);
    // Kafka keeps milliseconds.
    std::thread::sleep(Duration::from_millis(5));
    let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    world.publish(200, 260);
    let mut seen = Seen::new();
    let mut follower = follow(&world.brokers, &world.topic, FollowFrom::Since(moment));
    take(&mut follower, &mut seen, 60);
    assert_eq!(all(&seen), (200..260).collect::<Vec<_>>());
    let mut none = follow(&world.brokers, &world.topic, FollowFrom::Since(moment + 3_600_000));
    assert!(none.is_at_ends());
    assert!(none.take(Duration::from_millis(300)).unwrap().is_empty());
}

#[test]
fn partitions_that_are_added_are_read_from_their_beginning_and_no_group_is_left_behind() {
    let Some(world) = World::new("followed-growth", 1) else {
        return;
    };
    let groups = || -> usize {
        let asking: BaseConsumer = rdkafka::ClientConfig::new()
            .set("bootstrap.servers", &world.brokers)
            .create()
            .unwrap();
        let groups = asking.fetch_group_list(None, PATIENCE).unwrap();
        groups
            .groups()
            .iter()
            .filter(|group| group.name().contains("tap"))
            .count()
    };
    world.publish(0, 50);
    let mut seen = Seen::new();
    let mut follower = follow(&world.brokers, &world.topic, FollowFrom::Latest);
    world.publish(50, 80);
    take(&mut follower, &mut seen, 30);
    world.add_partitions(4);
    world.publish(80, 280);
    take(&mut follower, &mut seen, 230);
    assert_eq!(all(&seen), (50..280).collect::<Vec<_>>());
    assert_eq!(follower.partitions(), 4);
    assert_eq!(groups(), 0);
}

#[test]
fn whoever_does_not_take_holds_up_nobody_and_ends_at_once() {
    let Some(world) = World::new("followed-idle", 2) else {
        return;
    };
    let follower = follow(&world.brokers, &world.topic, FollowFrom::Earliest);
    world.publish(0, 20_000);
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    drop(follower);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
