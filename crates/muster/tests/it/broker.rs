//! What happens to topics and brokers while they are read: killed, made again, grown, cut by retention.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muster_sandbox::kafka::{operator, own_broker_for_tests};

use crate::oracle::{Outcome, Producer, check};
use crate::program::Program;
use crate::world::World;

const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn a_broker_killed_and_restarted_under_load_loses_and_doubles_nothing() {
    let Some(mut kafka) = own_broker_for_tests() else {
        return;
    };
    let world = World::on(kafka.brokers(), "broker", 3);
    let producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    let stop = AtomicBool::new(false);
    let log = std::thread::scope(|scope| {
        let load = scope.spawn(|| producer.send_until(&stop).log);
        let mut ingest = world.ingest();
        for _ in 0..2 {
            let so_far = world.received();
            world.wait_received(so_far + 300, LIMIT);
            kafka.kill().unwrap();
            std::thread::sleep(Duration::from_millis(500));
            kafka.restart().unwrap();
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

#[test]
fn a_topic_deleted_and_made_again_is_a_new_source_that_is_read_from_its_beginning() {
    let Some(world) = World::new("again", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(600);
    let ingest = world.ingest();
    world.wait_received(producer.log.records(), LIMIT);
    operator::delete_topic(&world.brokers, &world.topic).unwrap();
    world.make_topic(3);
    producer.begin_again(&world.brokers);
    producer.send(300);
    world.wait_received(producer.log.records(), LIMIT);
    ingest.signal("TERM");
    ingest.wait(LIMIT).with_code(0);
    assert_eq!(world.ask("SELECT count(*) FROM sources"), "6");
    check(&world, &producer.log, false);
}

#[test]
fn a_topic_that_grows_from_three_to_six_partitions_is_read_whole_and_known_events_stay_known() {
    let Some(world) = World::new("grown", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(1_200);
    let ingest = world.ingest();
    world.wait_received(producer.log.records(), LIMIT);
    operator::add_partitions(&world.brokers, &world.topic, 6).unwrap();
    // Among these are events from before, delivered again to partitions that did not exist then.
    producer.grow(&world.brokers, 6);
    producer.send(1_200);
    world.wait_received(producer.log.records(), LIMIT);
    ingest.signal("TERM");
    ingest.wait(LIMIT).with_code(0);
    check(&world, &producer.log, false);
}

/// How often it has taken a source so far.
fn taken(ingest: &Program) -> usize {
    ingest
        .said()
        .lines()
        .filter(|line| line.contains("took a source"))
        .count()
}

#[test]
fn a_worker_that_never_restarts_knows_the_keys_of_all_partitions_once_the_topic_has_grown() {
    let unique = (
        "rules:\n",
        "rules:\n  - { id: number.unique, field: number, unique: { within: 7d, keys_max: 1000000 } }\n",
    );
    let Some(world) = World::altered("moved", 3, &[unique]) else {
        return;
    };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    for number in 0..300 {
        producer.send_as(number as usize % 3, number, number, Outcome::Good);
    }
    producer.flush();
    let mut ingest = world.ingest();
    world.wait_received(producer.log.records(), LIMIT);
    assert_eq!(taken(&ingest), 3);
    operator::add_partitions(&world.brokers, &world.topic, 6).unwrap();
    producer.grow(&world.brokers, 6);
    ingest.wait_said("topic has grown", LIMIT);
    let begun = std::time::Instant::now();
    // The three it held, once more, and the three that are new.
    while taken(&ingest) < 9 {
        assert!(begun.elapsed() < LIMIT, "{}", ingest.said());
        std::thread::sleep(Duration::from_millis(100));
    }
    // Each goes to another partition than before, to old ones and to new ones: first events that are known, then new
    // events with keys that are.
    for number in 0..60 {
        let to = (number as usize + 1) % 6;
        producer.send_as(to, number, number, Outcome::Duplicate);
        let unique = Outcome::Bad(vec!["number.unique".to_owned()]);
        producer.send_as(to, 1_000 + number, 60 + number, unique);
    }
    producer.flush();
    world.wait_received(producer.log.records(), LIMIT);
    assert!(ingest.runs());
    ingest.signal("TERM");
    ingest.wait(LIMIT).with_code(0);
    check(&world, &producer.log, false);
}

#[test]
fn a_gap_in_the_log_pauses_its_source_alone_until_it_is_resumed() {
    let Some(world) = World::new("gap", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(600);
    world.run(&["ingest", "--once"]).with_code(0);
    let read = producer.log.incarnations[0][1].len();
    producer.send(600);
    let end = producer.log.incarnations[0][1].len();
    let kept_from = end - 40;
    operator::delete_records(&world.brokers, &world.topic, 1, kept_from as i64).unwrap();

    world.run(&["ingest", "--once"]).with_code(3);
    world.run(&["ingest", "--once"]).with_code(3);
    let others = producer.log.incarnations[0][0].len() + producer.log.incarnations[0][2].len();
    assert_eq!(world.received(), (read + others) as u64, "the other sources went on");
    assert_eq!(
        world.ask("SELECT string_agg(partition::text, ',') FROM sources WHERE paused_reason LIKE 'gap%'"),
        "1"
    );
    assert_eq!(
        world.ask("SELECT count(*) > 0 FROM alerts WHERE condition = 'gap'"),
        "t"
    );

    world
        .run(&["resume", "--topic", &world.topic, "--partition", "1"])
        .with_code(0);
    world.run(&["ingest", "--once"]).with_code(0);
    producer.log.lose(1, read, kept_from);
    let gap = world.ask("SELECT from_offset || '-' || to_offset FROM gaps");
    assert_eq!(
        gap,
        format!("{read}-{kept_from}"),
        "what was never received is on record"
    );
    check(&world, &producer.log, false);
}
